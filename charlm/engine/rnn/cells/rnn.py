"""The simple (Elman) RNN: tanh of one matrix product, without gates; a step takes the least time."""

from __future__ import annotations

from charlm.engine.arrays import Shape
from charlm.engine.rnn.cell import Masked, NodeIds
from charlm.engine.rnn.kernel_cell import StepCell
from charlm.kernels.tapes import Form


class SimpleRNNCell(StepCell):
    """h' = tanh(b + Wx x + Wh h)  (Elman, 1990; DyNet's SimpleRNNBuilder)."""

    name = "rnn"
    kernel = "rnn"
    states = 1
    roles = ("Wx", "Wh", "b")

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (H, I), Wh (H, H), b (H,)."""
        return [(hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)]

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """An affine node and a tanh, after the products with masks."""
        products = masked[0] + (masked[1] and not first)
        return 2 + products, (1 + products,)

    def step_form(self, input_dim: int, hidden_dim: int, columns: int) -> Form:
        """The gradient before tanh is needed in the backward pass."""
        return Form("rnn", (input_dim, hidden_dim), work=hidden_dim * columns, products=2 * columns)
