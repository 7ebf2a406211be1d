"""The model as what learns: a step's loss and gradients, what computes them made once and used for every batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.rnn.cell import KernelCell
from charlm.errors import BadGradientError
from charlm.lm.sampling import State

if TYPE_CHECKING:
    from charlm.lm.model import CharLM

KEPT = 4
"""Programs, at the least: of a first batch and a later one, and of another length."""
ROOM = 1 << 18
"""Units times positions of more programs: those for lines of many lengths."""


class Gradient:
    """Adds the gradient of a batch's loss to the model's parameters.

    Batches of a shape share a program, which is given new numbers; the last ones are kept. A program is prepared calls
    of compiled kernels if the model has known parts and its parameters no gradients yet, else a graph. Both make
    the same numbers. Between two calls graphs hold no values and read no parameters.
    """

    def __init__(self, model: CharLM) -> None:
        self.model = model
        self._programs: dict[tuple[Any, ...], _OfCalls | _OfGraph] = {}

    def __call__(
        self, inputs_TB: Array, targets_TB: Array, state: State | None, factor: float = 1.0
    ) -> tuple[float, State]:
        """Return ``factor`` times the summed nll, whose gradient is added, and the state after the last step.

        Raises:
            BadGradientError: the loss is not finite, so that nothing was added.
        """
        numbers = [inputs_TB, targets_TB, *(part for layer in state or () for part in layer)]
        adds = any(p.has_gradient for p in self.model.collection.parameters)
        key = inputs_TB.shape, state is None, factor, self.model.kernels, adds
        program = self._programs.get(key)
        if program is None or not program.is_valid():
            program = self._programs[key] = self._made(numbers, factor, adds)
        return program.run(numbers)

    def _made(self, numbers: list[Array], factor: float, adds: bool) -> _OfCalls | _OfGraph:
        """Return a new program, after dropping the oldest of too many."""
        units = sum(self.model.config.hidden_dims)
        positions = [key[0][0] * key[0][1] for key in self._programs]
        while len(self._programs) >= KEPT and units * sum(positions) > ROOM:
            del self._programs[next(iter(self._programs))], positions[0]
        cell = None if adds else _known_cell(self.model)
        if cell and self.model.kernels.learns(
            cell.kernel, self.model.config.hidden_dims, numbers[0].size
        ):
            return _OfCalls(self.model, cell, numbers, factor)
        return _OfGraph(self.model, numbers, factor)


class _OfGraph:
    """A graph and the arrays that it reads."""

    def __init__(self, model: CharLM, numbers: list[Array], factor: float) -> None:
        self.model = model
        self.graph = graph = model.graph()
        self.inputs = inputs_TB, targets_TB, *parts = [np.array(array) for array in numbers]
        total, self.layers = model.loss(
            graph, inputs_TB, targets_TB, _by_layer(model, parts) or None, train=True
        )
        self.loss = (total if factor == 1 else total * factor).index

    def is_valid(self) -> bool:
        """Whether it reads what is there now, as it always does."""
        return True

    def run(self, numbers: list[Array]) -> tuple[float, State]:
        for place, given in zip(self.inputs, numbers, strict=True):
            np.copyto(place, given)
        graph = self.graph
        try:
            value = _finite(float(graph.forward(self.loss).item()))
            graph.backward(self.loss, keep=False)
            return value, self.model.carried(self.layers)
        finally:
            graph.invalidate()
            graph.context.saved = None
            self.model.collection.storage.forget(graph)


class _OfCalls:
    """Calls of compiled kernels (``charlm/kernels/compiled/learning.py``), on the parameters where they lie."""

    def __init__(
        self, model: CharLM, cell: KernelCell, numbers: list[Array], factor: float
    ) -> None:
        inputs_TB, targets_TB, *parts = numbers
        self.ids = [np.array(ids, np.int64) for ids in (inputs_TB, targets_TB)]
        self.states = [np.array(part) for part in parts]
        self.table = model.embedding
        self.storage = model.collection.storage
        self.values, self.gradients = self.storage.values.base, self.storage.gradients.base
        self.parameters = model.collection.parameters
        assert model.softmax_w is not None
        groups = [*model.rnn.layers, (model.softmax_w, model.softmax_b)]
        self.learner = model.kernels.learner(
            cell.kernel,
            [[self.table.value], *([p.value for p in group] for group in groups)],
            [[self.table.gradient], *([p.gradient for p in group] for group in groups)],
            cell.settings(),
            *self.ids,
            _by_layer(model, self.states),
            factor,
        )

    def is_valid(self) -> bool:
        """Whether the parameters still lie where they did."""
        storage = self.storage
        return storage.values.base is self.values and storage.gradients.base is self.gradients

    def run(self, numbers: list[Array]) -> tuple[float, State]:
        for place, given in zip((*self.ids, *self.states), numbers, strict=True):
            place[...] = given
        learner = self.learner
        value = _finite(learner.forward())
        self.table.touched[self.ids[0]] = True
        for parameter in self.parameters:
            parameter.has_gradient = True
        learner.backward()
        return value, [tuple([part[-1].copy() for part in layer]) for layer in learner.layers]


def _known_cell(model: CharLM) -> KernelCell | None:
    """Return the cell of a model without other parts, on kernels that learn; else None."""
    cell, config = model.rnn.cell, model.config
    dropped = config.recurrent_dropout or any(config.dropout_rates)
    if dropped or config.tied or config.layer_norm or model.collection.dtype != np.float32:
        return None
    return cell if isinstance(cell, KernelCell) and hasattr(model.kernels, "learns") else None


def _finite(loss: float) -> float:
    if not math.isfinite(loss):
        raise BadGradientError(f"the loss is {loss}")
    return loss


def _by_layer(model: CharLM, parts: Sequence[Array]) -> State:
    """Return states of all layers, one after the other, by layer."""
    states = model.rnn.cell.states
    return [tuple(parts[i : i + states]) for i in range(0, len(parts), states)]
