"""The model as what learns: a step's loss and gradients, its graph built once and evaluated for every batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import BadGradientError
from charlm.lm.sampling import State

if TYPE_CHECKING:
    from charlm.lm.model import CharLM

KEPT = 4
"""Graphs: of a first batch and a later one, and of another length."""


class Gradient:
    """Adds the gradient of a batch's loss to the model's parameters.

    Batches of a shape share a graph, which is given new numbers; the last few shapes' graphs are kept. With
    one layer of 50 a step so takes 0.1 ms less. Between two calls graphs hold no values and read no parameters.
    """

    def __init__(self, model: CharLM) -> None:
        self.model = model
        self._programs: dict[object, _Program] = {}

    def __call__(
        self, inputs_TB: Array, targets_TB: Array, state: State | None, factor: float = 1.0
    ) -> tuple[float, State]:
        """Return ``factor`` times the summed nll, whose gradient is added, and the state after the last step.

        Raises:
            BadGradientError: the loss is not finite, so that nothing was added.
        """
        numbers = [inputs_TB, targets_TB, *(part for layer in state or () for part in layer)]
        key = inputs_TB.shape, state is None, factor, self.model.kernels
        program = self._programs.get(key)
        if program is None:
            if len(self._programs) == KEPT:
                del self._programs[next(iter(self._programs))]
            program = self._programs[key] = _Program(self.model, numbers, factor)
        return program.run(numbers)


class _Program:
    """A graph and the arrays that it reads."""

    def __init__(self, model: CharLM, numbers: list[Array], factor: float) -> None:
        self.model = model
        self.graph = graph = model.graph()
        self.inputs = inputs_TB, targets_TB, *parts = [np.array(array) for array in numbers]
        states = model.rnn.cell.states
        state = [tuple(parts[i : i + states]) for i in range(0, len(parts), states)] or None
        total, self.layers = model.loss(graph, inputs_TB, targets_TB, state, train=True)
        self.loss = (total if factor == 1 else total * factor).index

    def run(self, numbers: list[Array]) -> tuple[float, State]:
        for place, given in zip(self.inputs, numbers, strict=True):
            np.copyto(place, given)
        graph = self.graph
        try:
            value = float(graph.forward(self.loss).item())
            if not math.isfinite(value):
                raise BadGradientError(f"the loss is {value}")
            graph.backward(self.loss, keep=False)
            return value, self.model.carried(self.layers)
        finally:
            graph.invalidate()
            graph.context.saved = None
            self.model.collection.storage.forget(graph)
