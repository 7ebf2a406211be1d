"""Sampling from a language model: one character at a time, without a graph and with nothing kept for backward.

The state of a model is, for each layer, the arrays (B, H) that its cell carries on; None at the start of a
text. A symbol is sampled by its cumulative probability (inverse-CDF sampling): a uniform number in [0, 1),
times the sum of all probabilities, falls into one symbol's part of that sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from charlm.kernels.reference.common import Array, SamplingLayer
from charlm.kernels.reference.gru import GruLayer
from charlm.kernels.reference.gru_after import GruAfterLayer
from charlm.kernels.reference.lstm import LstmLayer
from charlm.kernels.reference.simple import RnnLayer

State: TypeAlias = "list[tuple[Array, ...]]"
ScoreStep: TypeAlias = "Callable[[Array, State | None], tuple[Array, State]]"
"""Reads a symbol of each text; returns the scores of the next symbol and the state."""
COLDEST = 1e-200
"""A lower temperature is taken as this one, so that no quotient overflows."""


class Draws(NamedTuple):
    """How many symbols are sampled, and how.

    Attributes:
        uniforms_NB: a row of uniform numbers for each symbol to sample.
        temperature: see ``sample_symbols``.
        end: sampling stops for all texts once one text has this symbol; -1 is none.
    """

    uniforms_NB: Array
    temperature: float
    end: int

    def first(self, count: int) -> Draws:
        """Return the same for at most this many symbols."""
        return Draws(self.uniforms_NB[:count], self.temperature, self.end)


def sample_symbols(scores_BV: Array, temperature: float, uniforms_B: Array) -> Array:
    """Return a symbol for each row of scores: log-probabilities, up to a constant for each row.

    Scores are divided by the temperature; temperature 0 takes the most likely symbol. The computation is in
    float64 log space, so no temperature overflows. Where scores are NaN, the result is V, which is
    no symbol.

    Example:
        >>> sample_symbols(np.log([[0.1, 0.7, 0.2]]), 1.0, np.array([0.05])).tolist()
        [0]
    """
    scores = scores_BV.astype(np.float64)
    largest = np.maximum.reduce(scores, axis=1, keepdims=True)
    if temperature == 0:
        return np.where(np.isfinite(largest[:, 0]), scores.argmax(axis=1), scores.shape[1])
    scores -= largest
    scores /= max(temperature, COLDEST)
    cumulative = np.add.accumulate(np.exp(scores, out=scores), axis=1)
    above = cumulative > uniforms_B[:, np.newaxis] * cumulative[:, -1:]
    symbols_B: Array = scores.shape[1] - np.add.reduce(above, axis=1, dtype=np.intp)
    return symbols_B


def read_and_sample(
    step: ScoreStep, symbols_TB: Array, state: State | None, draws: Draws
) -> tuple[Array, State]:
    """Read symbols, and sample the symbols that follow.

    Args:
        step: the model.
        symbols_TB: the symbols to read, at least one for each text.
        state: the state before them.
        draws: how many symbols are sampled, and how. Sampling also stops where scores are NaN.

    Returns:
        The sampled symbols (n, B), at least one if there are uniforms, and the state before the last of them.
    """
    for symbols_B in symbols_TB:
        scores_BV, state = step(symbols_B, state)
    sampled: list[Array] = []
    for uniforms_B in draws.uniforms_NB:
        if sampled:
            scores_BV, state = step(sampled[-1], state)
        sampled.append(sample_symbols(scores_BV, draws.temperature, uniforms_B))
        symbols = sampled[-1].tolist()
        if draws.end in symbols or scores_BV.shape[1] in symbols:
            break
    assert state is not None
    return np.array(sampled, int).reshape(-1, symbols_TB.shape[1]), state


LAYERS: dict[str, type[SamplingLayer]] = {
    "gru": GruLayer,
    "gru_after": GruAfterLayer,
    "lstm": LstmLayer,
    "rnn": RnnLayer,
}
"""By the name of the cell's kernels."""


class Sampler:
    """Softmax(b + W h) on top of the layers of one cell.

    Args:
        cell: the name of its kernels.
        embedding_VE: a vector for each symbol.
        layers: for each layer, from the lowest up, the arguments of its kernel without the input and the states.
        W_HV: the output layer's weights.
        b_V: its biases.
    """

    def __init__(
        self,
        cell: str,
        embedding_VE: Array,
        layers: Sequence[Sequence[Any]],
        W_HV: Array,
        b_V: Array,
    ) -> None:
        self.embedding_VE = embedding_VE
        self.layers = [LAYERS[cell](*arguments) for arguments in layers]
        self.W_HV, self.b_V = W_HV.copy(), b_V.copy()
        # b + Wx x of the lowest layer for each symbol, computed when the symbol is first read
        self.table_VG = np.empty((len(embedding_VE), len(self.layers[0].b_G)), b_V.dtype)
        self.unread = set(range(len(embedding_VE)))

    def sample(self, symbols_TB: Array, state: State | None, draws: Draws) -> tuple[Array, State]:
        """Read symbols, and sample the symbols that follow (see ``read_and_sample``)."""
        return read_and_sample(self.step, symbols_TB, state, draws)

    def step(self, symbols_B: Array, state: State | None) -> tuple[Array, State]:
        """Read a symbol of each text; return the scores (B, V) of the next symbol, and the state."""
        if state is None:
            state = self._start(len(symbols_B))
        after: State = []
        h = self._first(symbols_B)
        for layer, states in zip(self.layers, state, strict=True):
            a = layer.project(h) if after else h
            after.append(layer.step(a, *states))
            h = after[-1][-1]
        scores = h @ self.W_HV
        scores += self.b_V
        return scores, after

    def _start(self, texts: int) -> State:
        dtype = self.b_V.dtype
        return [
            tuple(np.zeros((texts, layer.hidden), dtype) for _ in range(layer.states))
            for layer in self.layers
        ]

    def _first(self, symbols_B: Array) -> Array:
        """Return b + Wx x of the lowest layer."""
        for symbol in self.unread.intersection(symbols_B.tolist()):
            self.table_VG[symbol] = self.layers[0].project(self.embedding_VE[symbol : symbol + 1])
            self.unread.remove(symbol)
        return self.table_VG[symbols_B]


def sampler(
    cell: str,
    embedding_VE: Array,
    layers: Sequence[Sequence[Any]],
    W_HV: Array,
    b_V: Array,
) -> Sampler:
    """Return a ``Sampler``."""
    return Sampler(cell, embedding_VE, layers, W_HV, b_V)
