"""A training step of a language model without a graph: its loss and gradient, for batches of one shape.

The arithmetic is that of the same kernels in a graph, in the same order, so the numbers are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from charlm.kernels.reference.common import Array, EmbeddedInput, scatter_add
from charlm.kernels.reference.coupled_lstm import coupled_lstm_backward, coupled_lstm_forward
from charlm.kernels.reference.gru import gru_backward, gru_forward
from charlm.kernels.reference.gru_after import gru_after_backward, gru_after_forward
from charlm.kernels.reference.lstm import lstm_backward, lstm_forward
from charlm.kernels.reference.output import affine_softmax_nll_backward, affine_softmax_nll_forward
from charlm.kernels.reference.simple import rnn_backward, rnn_forward

CELLS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "coupled_lstm": (coupled_lstm_forward, coupled_lstm_backward),
    "gru": (gru_forward, gru_backward),
    "gru_after": (gru_after_forward, gru_after_backward),
    "lstm": (lstm_forward, lstm_backward),
    "rnn": (rnn_forward, rnn_backward),
}
"""The cells for which a state of zeros is the same as none; with layer norms it is not."""


class PreparedStep:
    """A lookup table, layers of one cell and an output layer, for one shape of batch.

    Args:
        kind: one of ``CELLS``.
        weights: of the table (V, I), of each layer, and of the output layer.
        gradients: the same for their gradients, which are written there; that of the table is added.
        settings: what the cell's kernels take after the states.
        states: (B, H) for each layer and state, which are read anew at each call.
        factor: the loss is multiplied by it.
        inputs_TB, targets_TB: ids, read in the same way.
        counted_TB: 1 for targets that count and 0 for others, read in the same way; None: all count.

    Attributes:
        layers: the states after the last step, (S, 1, B, H) for each layer.
    """

    def __init__(
        self,
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
        self._cell_forward, self._cell_backward = CELLS[kind]
        (self._table,), *layers, self._output = weights
        (self._dtable,), *self._gradients = gradients
        self._layers = [
            (*layer, *state, *settings) for layer, state in zip(layers, states, strict=True)
        ]
        self._ids, self._targets = inputs_TB, targets_TB.reshape(-1)
        self._counted = None if counted_TB is None else counted_TB.reshape(-1)
        self._factor = self._table.dtype.type(factor)
        # as in a graph: the table is multiplied once if it has no more rows than the batch has positions
        self._embeds = inputs_TB.size >= len(self._table)
        self._calls: list[tuple[Any, ...]] = []
        self.layers: list[Array] = []

    def forward(self) -> float:
        """Return the loss, the sum over all targets times ``factor``."""
        table, ids = self._table, self._ids
        x: Any = EmbeddedInput(table, ids) if self._embeds else table[ids]
        self._calls = []
        for layer in self._layers:
            y_STBH, saved = self._cell_forward(x, *layer)
            self._calls.append((y_STBH, saved, x, *layer))
            x = y_STBH[-1]
        arguments = (x.reshape(len(self._targets), -1), *self._output, self._targets)
        losses_N, p_NV = affine_softmax_nll_forward(*arguments)
        self._calls.append((p_NV, *arguments))
        self.layers = [y_STBH[:, -1:] for y_STBH, *_ in self._calls[:-1]]
        if self._counted is not None:
            losses_N *= self._counted
        return float(losses_N.sum() * self._factor)

    def backward(self) -> None:
        """Compute the gradients of all weights."""
        dloss_N = np.full(len(self._targets), self._factor)
        if self._counted is not None:
            dloss_N *= self._counted
        dx, *gradients = affine_softmax_nll_backward(dloss_N, *self._calls.pop())
        _write(gradients, self._gradients[-1])
        for places in self._gradients[-2::-1]:
            y_STBH, *others = self._calls.pop()
            dy_STBH = np.zeros(y_STBH.shape, y_STBH.dtype)
            dy_STBH[-1] = dx.reshape(y_STBH.shape[1:])
            dx, *gradients = self._cell_backward(dy_STBH, y_STBH, *others)
            _write(gradients[: len(places)], places)
        if self._embeds:
            self._dtable += dx
        else:
            scatter_add(self._dtable, self._ids.ravel(), dx.reshape(self._ids.size, -1))


def _write(gradients: Iterable[Any], places: Iterable[Array]) -> None:
    for gradient, place in zip(gradients, places, strict=True):
        place[...] = gradient


def prepares_step(kind: str, dtype: Any, sizes: Sequence[int], positions: int) -> bool:
    """Tell whether layers of a kind, number type and sizes can learn from a batch without a graph."""
    return kind in CELLS


def prepared_step(*args: Any) -> PreparedStep:
    """Return a ``PreparedStep``."""
    return PreparedStep(*args)
