"""The gated recurrent unit, as in PyTorch, cuDNN and Keras: its reset gate acts after the matrix."""

from __future__ import annotations

from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.rnn.kernel_cell import KernelCell


class GRUAfterCell(KernelCell):
    """The GRU of PyTorch, cuDNN and Keras: r resets the product Whn h, and z keeps the old state.

    a = b + Wx x and u = Wh h in three blocks r, z, n; r = logistic(ar + ur); z = logistic(az + uz);
    n = tanh(an + r * (un + bn)); h' = (1 - z) * n + z * h.
    """

    name = "gru_after"
    kernel = "gru_after"
    states = 1
    masks = 0
    roles = ("Wx", "Wh", "b", "bn")

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (3H, I), Wh (3H, H), b (3H,), bn (H,)."""
        blocks = 3 * hidden_dim
        return [(blocks, input_dim), (blocks, hidden_dim), (blocks,), (hidden_dim,)]

    def gates(self, saved: Any) -> dict[str, Array]:
        """The update gate as in the other GRU, which is 1 - z, and the reset gate."""
        r, z = saved[:2]
        return {"update": 1 - z, "reset": r}
