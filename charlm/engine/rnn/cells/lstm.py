"""The long short-term memory: a memory with an input, a forget and an output gate."""

from __future__ import annotations

from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.rnn.cell import Masked, NodeIds
from charlm.engine.rnn.kernel_cell import StepCell
from charlm.kernels.reference.common import quarters
from charlm.kernels.tapes import Form


class LSTMCell(StepCell):
    """The LSTM of DyNet's VanillaLSTMBuilder (Hochreiter and Schmidhuber, 1997; forget gate of Gers et al., 2000).

    a = b + Wx x + Wh h in four blocks i, f, o, g;
    c' = logistic(f + forget_bias) * c + logistic(i) * tanh(g); h' = logistic(o) * tanh(c').
    """

    name = "lstm"
    kernel = "lstm"
    states = 2
    roles = ("Wx", "Wh", "b")

    def __init__(self, forget_bias: float = 1.0) -> None:
        self.forget_bias = forget_bias

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (4H, I), Wh (4H, H), b (4H,)."""
        return [(4 * hidden_dim, input_dim), (4 * hidden_dim, hidden_dim), (4 * hidden_dim,)]

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Without a state nothing is forgotten: two nodes fewer. The products with masks come first."""
        products = masked[0] + (masked[1] and not first)
        count = (13 if first else 15) + products
        return count, (count - 3, count - 1)

    def step_form(self, input_dim: int, hidden_dim: int, columns: int) -> Form:
        """The gates and tanh(c') are saved; the gates' gradients are needed in the backward pass."""
        sizes = (input_dim, hidden_dim, self.forget_bias)
        size = hidden_dim * columns
        return Form("lstm", sizes, saved=5 * size, work=4 * size, products=2 * columns)

    def gates(self, saved: Any) -> dict[str, Array]:
        """The input, forget and output gates."""
        i, f, o, _ = quarters(saved)
        return {"input": i, "forget": f, "output": o}

    def settings(self) -> tuple[float, ...]:
        return (self.forget_bias,)


class CompactLSTMCell(LSTMCell):
    """The LSTM of DyNet's CompactVanillaLSTMBuilder: the same numbers with 1 as the forget bias, fewer node ids."""

    name = "compact_lstm"

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Gates, memory and output, which include the masks; without a state there is a node of zeros first."""
        return 3 + first, (1 + first, 2 + first)
