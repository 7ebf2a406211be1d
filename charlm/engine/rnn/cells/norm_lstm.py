"""The LSTM with layer normalisation inside the cell."""

from __future__ import annotations

from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.rnn.cell import Masked, NodeIds
from charlm.engine.rnn.kernel_cell import KernelCell
from charlm.kernels.reference.common import quarters


class NormLSTMCell(KernelCell):
    """The LSTM of DyNet's builders with ``ln_lstm``: normalised products and memory (Ba et al., 2016).

    With N the layer norm without gain and offset: a = b + gx * N(Wx x) + bx + gh * N(Wh h) + bh, the last two
    terms only where there is a state; c' as in the LSTM; h' = logistic(o) * tanh(gc * N(c') + bc).
    """

    name = "norm_lstm"
    kernel = "norm_lstm"
    states = 2
    roles = ("Wx", "Wh", "b", "gh", "bh", "gx", "bx", "gc", "bc")
    gains = ("gh", "gx", "gc")

    def __init__(self, forget_bias: float = 1.0) -> None:
        self.forget_bias = forget_bias

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (4H, I), Wh (4H, H), b, gh, bh, gx, bx (4H,), gc, bc (H,)."""
        gates = 4 * hidden_dim
        return [(gates, input_dim), (gates, hidden_dim), *[(gates,)] * 5, *[(hidden_dim,)] * 2]

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Without a state there is no Wh h to normalise, and nothing is forgotten: twelve nodes fewer."""
        products = masked[0] + (masked[1] and not first)
        count = (30 if first else 42) + products
        return count, (count - 11, count - 1)

    def gates(self, saved: Any) -> dict[str, Array]:
        """The input, forget and output gates."""
        i, f, o, _ = quarters(saved[0])
        return {"input": i, "forget": f, "output": o}

    def settings(self) -> tuple[float, ...]:
        return (self.forget_bias,)
