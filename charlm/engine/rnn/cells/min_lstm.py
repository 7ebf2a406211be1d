"""The minimal LSTM."""

from __future__ import annotations

from typing import Any

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.rnn.minimal_cell import MinimalCell
from charlm.kernels.reference.common import logistic
from charlm.kernels.reference.minimal import softplus


class MinLSTMCell(MinimalCell):
    """The minLSTM of Feng et al. (2024): gates that do not see the state and add up to 1, and no output gate.

    f = logistic(bf + Wf x); i = logistic(bi + Wi x); c = g(bc + Wc x); h' = (f * h + i * c) / (f + i), with g(x) =
    x + 1/2 from 0 on and logistic(x) below, as in their version in log space. The blocks of the parameters are f, i, c.
    """

    name = "min_lstm"
    blocks = 3

    def kept(self, gates_TBG: Array) -> Array:
        """F / (f + i) is kept, which is logistic(ln f - ln i): that cannot become 0 / 0."""
        f, i = np.split(gates_TBG, 2, axis=-1)
        return softplus(-i) - softplus(-f)

    def kept_backward(self, dd_TBH: Array, gates_TBG: Array) -> list[Array]:
        f, i = np.split(gates_TBG, 2, axis=-1)
        return [dd_TBH * logistic(-f), -dd_TBH * logistic(-i)]

    def gates(self, saved: Any) -> dict[str, Array]:
        """The parts of the forget and of the input gate in their sum."""
        kept = saved[0]
        return {"forget": kept, "input": 1 - kept}
