"""The simple (Elman) RNN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.rnn.cell import Cell, Masked, NodeIds, States
from charlm.kernels import Kernels


class SimpleRNNCell(Cell):
    """h' = tanh(b + Wx x + Wh h)  (Elman, 1990; DyNet's SimpleRNNBuilder)."""

    name = "rnn"
    states = 1
    roles = ("Wx", "Wh", "b")

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (H, I), Wh (H, H), b (H,)."""
        return [(hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)]

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """An affine node and a tanh, after the products with masks."""
        products = masked[0] + (masked[1] and not first)
        return 2 + products, (1 + products,)

    def forward(
        self,
        k: Kernels,
        x_TBI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
    ) -> tuple[Array, Any]:
        """Run over time."""
        return k.rnn_forward(x_TBI, *params, *states, *masks)

    def backward(
        self,
        k: Kernels,
        dy_STBH: Array,
        y_STBH: Array,
        saved: Any,
        x_TBI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
        **total: Array,
    ) -> list[Array | None]:
        """Back through time."""
        return k.rnn_backward(dy_STBH, y_STBH, saved, x_TBI, *params, *states, *masks, **total)
