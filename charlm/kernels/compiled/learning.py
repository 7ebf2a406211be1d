"""The loss of a language model of known parts and its gradient, prepared once for batches of one shape.

The kernels are called one after the other on arrays that stay, so a step works out no sizes, makes no arrays
and copies little. The numbers are those that the same kernels make in a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from charlm.kernels.compiled import gru, lstm, output_layer, simple
from charlm.kernels.compiled.sequence import FEW, Call
from charlm.kernels.compiled.tables import scatter_add
from charlm.kernels.memory import FLOAT32
from charlm.kernels.reference.common import Array, EmbeddedInput
from charlm.kernels.team import Team

CELLS = {"rnn": simple.RNN, "gru": gru.GRU, "lstm": lstm.LSTM}
MOST = 1 << 20
"""Units times positions. A larger step takes so long that nothing is saved, and its arrays are better freed."""


class PreparedStep:
    """A lookup table, layers of one cell and an output layer, for one shape of batch.

    Its arguments are a team and those of ``reference.learning.PreparedStep``, in float32 and int64.

    Attributes:
        layers: the states of every step, (S, T, B, H) for each layer.
    """

    def __init__(
        self,
        team: Team,
        kind: str,
        weights: Sequence[Sequence[Array]],
        gradients: Sequence[Sequence[Array]],
        settings: Sequence[float],
        states: Sequence[Sequence[Array]],
        factor: float,
        inputs_TB: Array,
        targets_TB: Array,
        counted_TB: Array | None = None,
    ) -> None:
        cell = CELLS[kind]
        (table,), *layers, (W, b) = weights
        (self._dtable,), *of_layers, of_output = gradients
        self._team, self._table, self._ids = team, table, inputs_TB
        self._factor = FLOAT32.type(factor)
        self._forward: list[Call] = []
        self._backward: list[Call] = []
        self.layers: list[Array] = []
        # as in a graph: with as many positions as rows the first layer multiplies the table
        looks = inputs_TB.size >= len(table)
        self._x = None if looks else np.empty((*inputs_TB.shape, table.shape[1]), FLOAT32)
        x: Any = EmbeddedInput(table, inputs_TB) if self._x is None else self._x
        below: Array | None = None
        for k, layer in enumerate(layers):
            arguments = (x, *layer, *states[k], *settings)
            call, (y, saved) = cell.prepare_forward(team, *arguments)
            self._forward.append(call)
            dy = np.zeros_like(y)
            call, (dx, *_) = cell.prepare_backward(
                team, dy, y, saved, *arguments, into=of_layers[k]
            )
            if below is None:
                self._dx = dx
            else:
                self._backward.append(partial(np.copyto, below, dx))
            self._backward.append(call)
            self.layers.append(y)
            x, below = y[-1], dy[-1]
        assert below is not None
        targets = targets_TB.ravel()
        h = x.reshape(len(targets), -1)
        call, (self._losses, p) = output_layer.prepare_forward(team, h, W, b, targets)
        self._forward.append(call)
        self._counted = None if counted_TB is None else counted_TB.ravel()
        self._dloss = np.full(len(targets), self._factor)
        call, (dh, *_) = output_layer.prepare_backward(
            team, self._dloss, p, h, W, b, targets, into=of_output
        )
        self._backward += [partial(np.copyto, below, dh.reshape(below.shape)), call]
        self._backward.reverse()  # it goes from the top down

    def forward(self) -> float:
        """Return the loss, the sum over all targets times ``factor``."""
        if self._x is not None:
            self._x[...] = self._table[self._ids]
        for call in self._forward:
            call()
        if self._counted is not None:
            self._losses *= self._counted
            np.multiply(self._counted, self._factor, out=self._dloss)
        return float(self._losses.sum() * self._factor)

    def backward(self) -> None:
        """Make the gradients of all weights."""
        for call in self._backward:
            call()
        if self._x is None:
            self._dtable += self._dx
        else:
            scatter_add(
                self._team, self._dtable, self._ids.ravel(), self._dx.reshape(-1, self._x.shape[-1])
            )


def prepares_step(team: Team, kind: str, dtype: Any, sizes: Sequence[int], positions: int) -> bool:
    """Tell whether layers of a kind, number type and sizes should learn from a batch in this way."""
    supported = kind in CELLS and dtype == FLOAT32
    return supported and positions >= FEW and positions * sum(sizes) <= MOST


def prepared_step(team: Team, *args: Any) -> PreparedStep:
    """Return a ``PreparedStep``."""
    return PreparedStep(team, *args)
