"""Sampling from a model with its present weights: without a graph if its parts are known, else with one."""

from __future__ import annotations

from functools import partial

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.expression import apply
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import affine_transform, log_softmax
from charlm.engine.ops.sequences import StatePart
from charlm.engine.rnn.kernel_cell import KernelCell
from charlm.kernels import reference
from charlm.kernels.reference.sampling import LAYERS, Draws, ScoreStep, read_and_sample
from charlm.lm.compute import operations_per_character
from charlm.lm.model import Model
from charlm.lm.sampling import SampleFunction, State
from charlm.text.vocab import Ids

AT_ONCE = 2e8
"""Operations until the next characters are shown: about ten milliseconds."""


class Predictor:
    """Samples from a model with its present weights. The end of the ``with`` block frees its memory.

    Attributes:
        step: reads a symbol of each of B texts: from symbols (B,) and the state, None at the start, to the scores
            (B, V) of the next symbols and the state. Scores are log-probabilities plus a constant for each text.
    """

    def __init__(self, model: Model) -> None:
        self._graph: StepGraph | None = None
        self._at_once = AT_ONCE / operations_per_character(model.config, len(model.vocab))
        sampler = _sampler(model)
        if sampler is not None:
            self.step: ScoreStep = sampler.step
            self._sample: SampleFunction = sampler.sample
        else:
            self._graph = StepGraph(model)
            self.step = self._graph.step
            self._sample = partial(read_and_sample, self.step)

    def sample(self, symbols_TB: Ids, state: State | None, draws: Draws) -> tuple[Ids, State]:
        """Read symbols, and sample the next ones: as many as take about ten milliseconds."""
        most = max(1, int(self._at_once / symbols_TB.shape[1]))
        return self._sample(symbols_TB, state, draws.first(most))

    def __enter__(self) -> Predictor:
        return self

    def __exit__(self, *_: object) -> None:
        if self._graph is not None:
            self._graph.release()


def _sampler(model: Model) -> reference.Sampler | None:
    """Return a sampler without a graph; None if the model has parts that it does not know."""
    cell = _known_cell(model)
    if cell is None or model.softmax_w is None:
        return None
    sampler: reference.Sampler = model.kernels.sampler(
        cell.kernel,
        model.embedding.value,
        [[*(p.value for p in layer), *cell.settings()] for layer in model.rnn.layers],
        model.softmax_w.value,
        model.softmax_b.value + _unknown_excluded(model),
    )
    return sampler


def has_sampler(model: Model) -> bool:
    """Tell whether the samplers of the kernels know all parts of a model."""
    return _known_cell(model) is not None


def _known_cell(model: Model) -> KernelCell | None:
    """Return the cell of a model if samplers know it and all other parts, else None."""
    cell, config = model.rnn.cell, model.config
    if not (isinstance(cell, KernelCell) and cell.kernel in LAYERS):
        return None
    return None if config.tied or config.layer_norm else cell


def _unknown_excluded(model: Model) -> Array:
    """Return what is added to the scores: the symbol of unknown characters has no text and is never sampled."""
    scores_V = np.zeros(len(model.vocab), model.collection.dtype)
    if model.vocab.unknown is not None:
        scores_V[model.vocab.unknown] = -np.inf
    return scores_V


class StepGraph:
    """The graph of a step, built once for a number of texts, and evaluated with new inputs for every character.

    With two layers of 128 a character then takes 0.15 ms and not 0.32.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._added = _unknown_excluded(model)
        self._graph: ComputationGraph | None = None
        self._built_for: tuple[int, bool] | None = None

    def step(self, symbols_B: Ids, state: State | None) -> tuple[Array, State]:
        """Read a symbol of each text; without a state it is the first one."""
        kind = (len(symbols_B), state is None)  # a cell may compute its first step in another way
        if kind != self._built_for:
            self._build(*kind)
        self._symbols_TB[0] = symbols_B
        if state is not None:
            for k, layer in enumerate(self._state):
                for i, part in enumerate(layer):
                    part[...] = state[k][i]
        assert self._graph is not None
        self._graph.invalidate(self._first)
        return self._log_p.array() + self._added, self.model.carried(self._layers)

    def release(self) -> None:
        """Free the graph."""
        if self._graph is not None:
            self._graph.release()
            self._graph = None

    def _build(self, texts: int, first: bool) -> None:
        self.release()
        self._built_for = texts, first
        model = self.model
        graph = self._graph = model.graph()
        model.rnn.start(graph)  # the parameters' nodes are read once
        w, b = model.output_layer(graph)
        b.forward()
        self._first = len(graph)
        self._symbols_TB = np.zeros((1, texts), int)
        self._state: State = [
            tuple(
                np.zeros((texts, size), graph.context.dtype) for _ in range(model.rnn.cell.states)
            )
            for size in model.config.hidden_dims
        ]
        initial = None if first else self._state
        h, self._layers = model.hidden(graph, self._symbols_TB, initial)
        self._log_p = log_softmax(affine_transform([b, w, apply(StatePart(0, 0), h)]))
