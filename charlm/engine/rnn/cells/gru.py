"""The gated recurrent unit, as in DyNet: its reset gate acts before the matrix."""

from __future__ import annotations

from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.rnn.cell import Masked, NodeIds
from charlm.engine.rnn.kernel_cell import StepCell
from charlm.kernels.tapes import Form


class GRUCell(StepCell):
    """The GRU of DyNet's GRUBuilder (Cho et al., 2014): r resets before the matrix, z admits the new value.

    z = logistic(bz + Wxz x + Whz h); r = logistic(br + Wxr x + Whr h); c = tanh(bh + Wxh x + Whh (r
    * h)); h' = (1 - z) * h + z * c.
    """

    name = "gru"
    kernel = "gru"
    states = 1
    masks = 0
    roles = ("Wxz", "Whz", "bz", "Wxr", "Whr", "br", "Wxh", "Whh", "bh")

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (H, I), Wh (H, H), b (H,) for each of z, r and the candidate."""
        return [(hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)] * 3

    def gates(self, saved: Any) -> dict[str, Array]:
        """The update and the reset gate."""
        z, r, _ = saved
        return {"update": z, "reset": r}

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Without a state the reset gate has nothing to reset: three nodes fewer."""
        return (8, (7,)) if first else (11, (10,))

    def step_form(self, input_dim: int, hidden_dim: int, columns: int) -> Form:
        """z, r, c and r h are saved; their gradients are needed in the backward pass."""
        four, sizes = 4 * hidden_dim * columns, (input_dim, hidden_dim)
        return Form("gru", sizes, saved=four, work=four, products=6 * columns)
