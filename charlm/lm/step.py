"""The loss and the gradient of a batch. Their computation is prepared once for each batch shape."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from threading import get_ident
from typing import TypeAlias

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.rnn.kernel_cell import KernelCell
from charlm.errors import BadGradientError
from charlm.kernels import Kernels
from charlm.lm.model import Model
from charlm.lm.sampling import State
from charlm.text.batch import Batch

GRAPHS = 64
"""This many graphs are kept: for a first batch and later ones, or for lines of as many lengths. They hold no values."""
ROOM = 1 << 20
"""Units times positions of the prepared steps that are kept: for a batch of text, or lines of many lengths."""

Key: TypeAlias = tuple[tuple[int, ...], bool, float, Kernels, int]
"""The shape of a batch, whether all its targets count, the factor of its loss, kernels, and the thread: compiled
kernels use memory of its own."""


def state_before(batch: Batch, carried: State | None) -> State | None:
    """Return the state at the beginning of a batch, after that of the batch before it; None is zeros."""
    if batch.fresh or carried is None or batch.starts_B is None:
        return None if batch.fresh else carried
    starts_B1 = batch.starts_B[:, np.newaxis]
    return [tuple(np.where(starts_B1, 0, part) for part in layer) for layer in carried]


class Gradient:
    """Adds the gradient of a batch's loss to the model's parameters.

    A prepared step of the kernels computes it, if it knows all parts of the model and the parameters have no
    gradients yet. Otherwise a graph does. Both compute the same numbers. Between two batches graphs hold no values
    and read no parameters.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._steps: dict[object, _Prepared] = {}
        self._graphs: dict[object, _Graph] = {}

    def __call__(
        self,
        inputs_TB: Array,
        targets_TB: Array,
        state: State | None,
        factor: float = 1.0,
        counted_TB: Array | None = None,
    ) -> tuple[float, State]:
        """Add the gradient of ``factor`` times the summed nll; return that loss, and the state after the last step.

        Only targets with True in ``counted_TB`` count, if it is given.

        Raises:
            BadGradientError: the loss is not finite; nothing was added.
        """
        key = inputs_TB.shape, counted_TB is None, factor, self.model.kernels, get_ident()
        given = [inputs_TB, targets_TB, *([] if counted_TB is None else [counted_TB])]
        step = self._prepared(key) or self._graph(key, given, state)
        return step.run(given, state)

    def _prepared(self, key: Key) -> _Prepared | None:
        """Return the prepared step for a shape, a factor and kernels; None if there is none."""
        if any(p.has_gradient for p in self.model.collection.parameters):
            return None  # the step would overwrite it
        step = self._steps.get(key)
        if step is None or not step.is_valid():
            (T, B), all_count, factor, kernels, _ = key
            cell, sizes = _known_cell(self.model), self.model.config.hidden_dims
            dtype = self.model.collection.dtype
            if cell is None or not kernels.prepares_step(cell.kernel, dtype, sizes, T * B):
                return None
            self._steps.pop(key, None)
            room = ROOM - T * B * sum(sizes)
            while self._steps and sum(kept.size for kept in self._steps.values()) > room:
                del self._steps[next(iter(self._steps))]
            step = self._steps[key] = _Prepared(self.model, cell, (T, B), all_count, factor)
        return step

    def _graph(self, key: Key, given: Sequence[Array], state: State | None) -> _Graph:
        """Return the graph for a shape, a factor and kernels, for a first or a later batch."""
        graph_key = *key, state is None
        graph = self._graphs.get(graph_key)
        if graph is None:
            if len(self._graphs) == GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            graph = _Graph(self.model, given, state, factor=key[2])
            self._graphs[graph_key] = graph
        return graph


class _Graph:
    """A graph and the arrays that it reads."""

    def __init__(
        self, model: Model, given: Sequence[Array], state: State | None, factor: float
    ) -> None:
        self.model = model
        self.graph = model.graph()
        self.given = [np.array(array) for array in given]
        self.state = None if state is None else [tuple(map(np.array, layer)) for layer in state]
        inputs_TB, targets_TB, *counted = self.given
        counted_TB = counted[0] if counted else None
        total, self.layers = model.loss(
            self.graph, inputs_TB, targets_TB, self.state, counted_TB=counted_TB, train=True
        )
        self.loss = (total if factor == 1 else total * factor).index

    def run(self, given: Sequence[Array], state: State | None) -> tuple[float, State]:
        """Add the gradient of a batch's loss; return the loss and the state after it."""
        _give(given, self.given)
        for new, layer in zip(state or (), self.state or (), strict=True):
            _give(new, layer)
        graph = self.graph
        try:
            value = _finite(float(graph.forward(self.loss).item()))
            graph.backward(self.loss, keep=False)
            return value, self.model.carried(self.layers)
        finally:
            graph.invalidate()
            graph.context.saved = None
            self.model.collection.storage.forget(graph)


class _Prepared:
    """A training step without a graph: kernel calls that read and write the arrays of the parameters."""

    def __init__(
        self,
        model: Model,
        cell: KernelCell,
        shape: tuple[int, int],
        all_count: bool,
        factor: float,
    ) -> None:
        assert model.softmax_w is not None
        T, B = shape
        sizes = model.config.hidden_dims
        self.size = T * B * sum(sizes)  # units times positions
        dtype = model.collection.dtype
        self.given: list[Array] = [np.zeros(shape, np.int64), np.zeros(shape, np.int64)]
        if not all_count:
            self.given.append(np.zeros(shape, dtype))
        self.states = [[np.zeros((B, size), dtype) for _ in range(cell.states)] for size in sizes]
        self.table, self.parameters = model.embedding, model.collection.parameters
        self.storage = storage = model.collection.storage
        self.places = storage.values.base, storage.gradients.base
        groups = [*model.rnn.layers, (model.softmax_w, model.softmax_b)]
        self.step = model.kernels.prepared_step(
            cell.kernel,
            [[self.table.value], *([p.value for p in group] for group in groups)],
            [[self.table.gradient], *([p.gradient for p in group] for group in groups)],
            cell.settings(),
            self.states,
            factor,
            *self.given,
        )

    def is_valid(self) -> bool:
        """Whether the parameters are still in the same memory."""
        values, gradients = self.places
        return self.storage.values.base is values and self.storage.gradients.base is gradients

    def run(self, given: Sequence[Array], state: State | None) -> tuple[float, State]:
        """Compute the gradient of a batch's loss; return the loss and the state after it."""
        _give(given, self.given)
        for k, layer in enumerate(self.states):
            _give([0] * len(layer) if state is None else state[k], layer)
        value = _finite(self.step.forward())
        self.table.touched[self.given[0]] = True
        for parameter in self.parameters:
            parameter.has_gradient = True
        self.step.backward()
        return value, [tuple([part[-1].copy() for part in y]) for y in self.step.layers]


def _known_cell(model: Model) -> KernelCell | None:
    """Return the cell of a model if prepared steps know all its other parts, else None."""
    cell, config = model.rnn.cell, model.config
    dropped = config.recurrent_dropout or any(config.dropout_rates)
    if dropped or config.tied or config.layer_norm:
        return None
    # a cell that changes what its kernels take, such as fast_lstm, needs a graph
    if isinstance(cell, KernelCell) and type(cell).arguments is KernelCell.arguments:
        return cell
    return None


def _give(numbers: Iterable[Array | int], places: Iterable[Array]) -> None:
    for number, place in zip(numbers, places, strict=True):
        place[...] = number


def _finite(loss: float) -> float:
    if not math.isfinite(loss):
        raise BadGradientError(f"the loss is {loss}")
    return loss
