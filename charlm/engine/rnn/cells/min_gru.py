"""The minimal GRU."""

from __future__ import annotations

from typing import Any

from charlm.engine.arrays import Array
from charlm.engine.rnn.minimal_cell import MinimalCell


class MinGRUCell(MinimalCell):
    """The minGRU of Feng et al. (2024): a GRU without a reset gate, whose update gate does not see the state.

    z = logistic(bz + Wz x); c = g(bc + Wc x); h' = (1 - z) * h + z * c, with g(x) = x + 1/2 from 0 on and
    logistic(x) below, as in their version in log space. The blocks of the parameters are z, c.
    """

    name = "min_gru"
    blocks = 2

    def kept(self, gates_TBG: Array) -> Array:
        """1 - z is kept, which is logistic(-a)."""
        return -gates_TBG

    def kept_backward(self, dd_TBH: Array, gates_TBG: Array) -> list[Array]:
        return [-dd_TBH]

    def gates(self, saved: Any) -> dict[str, Array]:
        """The update gate."""
        return {"update": 1 - saved[0]}
