"""Filters: functions from log-probabilities to log-probabilities. Removed characters have -inf.

All are arrays (B, V) in float64, a row for each text. The order is that of llama.cpp: repeat penalty, top-k,
typical, top-p, min-p; the temperature comes last. Of characters with equal probability, the first in the alphabet
counts as the likeliest, as in ``argmax``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np

from charlm.engine.arrays import Array
from charlm.kernels.reference.sampling import Draws, ScoreStep, State
from charlm.lm.decoding import Sampling
from charlm.lm.sampling import SampleFunction, reading, sample_stepwise
from charlm.text.vocab import Ids, Vocab

SLACK = 1e-12
"""Sums and limits that differ by less than this are equal, so that rounding does not matter: 0.6 + 0.3 is 0.9."""


def normalised(scores_BV: Array) -> Array:
    """Return log-probabilities from scores, which differ from them by a constant in each row (log-softmax).

    Example:
        >>> np.exp(normalised(np.array([[1000.0, 1000.0, -np.inf]]))).tolist()
        [[0.5, 0.5, 0.0]]
    """
    shifted_BV = scores_BV.astype(np.float64)
    # scores that are not numbers are an error later, where they are sampled from
    with np.errstate(invalid="ignore"):
        shifted_BV -= shifted_BV.max(axis=1, keepdims=True)
    log_p_BV: Array = shifted_BV - np.log(np.exp(shifted_BV).sum(axis=1, keepdims=True))
    return log_p_BV


def repeat_penalty(log_p_BV: Array, recent_BW: Ids, penalty: float) -> Array:
    """Multiply the log-probabilities of the last characters, so that a probability p becomes p^penalty.

    llama.cpp does so with scores whose zero is arbitrary, and divides the positive ones.

    Args:
        log_p_BV: the log-probabilities.
        recent_BW: the last symbols of each text; -1 is none.
        penalty: above 1 makes them less likely.

    Example:
        >>> log_p = np.log([[0.5, 0.25, 0.25]])
        >>> np.exp(repeat_penalty(log_p, np.array([[0, 0]]), 2)).round(3).tolist()
        [[0.333, 0.333, 0.333]]
    """
    penalised_BV = log_p_BV.copy()
    for row, recent in zip(penalised_BV, recent_BW, strict=True):
        row[np.unique(recent[recent >= 0])] *= penalty
    return normalised(penalised_BV)


def top_k(log_p_BV: Array, k: int) -> Array:
    """Keep the k likeliest characters.

    Example:
        >>> np.exp(top_k(np.log([[0.1, 0.6, 0.3]]), 2)).round(3).tolist()
        [[0.0, 0.667, 0.333]]
    """
    return _first(log_p_BV, -log_p_BV, lambda p_BV: np.arange(p_BV.shape[1]) < k)


def top_p(log_p_BV: Array, p: float) -> Array:
    """Keep the likeliest characters, the fewest that have at least ``p`` of the probability.

    Example:
        >>> np.exp(top_p(np.log([[0.1, 0.6, 0.3]]), 0.7)).round(3).tolist()
        [[0.0, 0.667, 0.333]]
    """
    return _first(log_p_BV, -log_p_BV, lambda p_BV: _before(p_BV) < p - SLACK)


def typical(log_p_BV: Array, mass: float) -> Array:
    """Keep the characters whose surprisal is nearest to the entropy, the fewest that have at least ``mass``.

    Example:
        >>> np.exp(typical(np.log([[0.9, 0.06, 0.04]]), 0.05)).round(3).tolist()
        [[1.0, 0.0, 0.0]]
        >>> np.exp(typical(np.log([[0.5, 0.3, 0.2]]), 0.25)).round(3).tolist()
        [[0.0, 1.0, 0.0]]
    """
    with np.errstate(invalid="ignore"):  # 0 log 0 is 0
        terms = np.where(np.isneginf(log_p_BV), 0.0, -np.exp(log_p_BV) * log_p_BV)
    far = np.abs(-log_p_BV - terms.sum(axis=1, keepdims=True))
    return _first(log_p_BV, far, lambda p_BV: _before(p_BV) < mass - SLACK)


def min_p(log_p_BV: Array, p: float) -> Array:
    """Keep what is at least ``p`` times as likely as the likeliest character.

    Example:
        >>> np.exp(min_p(np.log([[0.1, 0.6, 0.3]]), 0.5)).round(3).tolist()
        [[0.0, 0.667, 0.333]]
    """
    least = log_p_BV.max(axis=1, keepdims=True) + np.log(p) - SLACK
    return normalised(np.where(log_p_BV >= least, log_p_BV, -np.inf))


def _first(log_p_BV: Array, keys_BV: Array, kept: Callable[[Array], Array]) -> Array:
    """Sort the characters by their keys, and keep those for whose sorted probabilities ``kept`` is true."""
    order = np.argsort(keys_BV, axis=1, kind="stable")
    keep = np.broadcast_to(kept(np.exp(np.take_along_axis(log_p_BV, order, 1))), order.shape)
    chosen = np.zeros(order.shape, bool)
    np.put_along_axis(chosen, order, keep, 1)
    return normalised(np.where(chosen, log_p_BV, -np.inf))


def _before(p_BV: Array) -> Array:
    """Return for each character the sum of the probabilities before it."""
    sums_BV: Array = np.cumsum(p_BV, axis=1) - p_BV
    return sums_BV


def filtered(log_p_BV: Array, recent_BW: Ids, how: Sampling) -> Array:
    """Apply the filters in their order, before the temperature."""
    if how.repeat_penalty != 1:
        log_p_BV = repeat_penalty(log_p_BV, recent_BW, how.repeat_penalty)
    if how.top_k is not None:
        log_p_BV = top_k(log_p_BV, how.top_k)
    if how.typical is not None and how.typical < 1:
        log_p_BV = typical(log_p_BV, how.typical)
    if how.top_p is not None and how.top_p < 1:
        log_p_BV = top_p(log_p_BV, how.top_p)
    if how.min_p:
        log_p_BV = min_p(log_p_BV, how.min_p)
    return log_p_BV


class FilteredSampler:
    """Samples from a model after filters. The last part of its state is the last symbols of each text.

    Args:
        sample: the model's sampling function, which reads many symbols at once.
        step: the model's function from one symbol of each text to scores.
        how: the filters.
        vocab: the model's symbols.
    """

    def __init__(
        self, sample: SampleFunction, step: ScoreStep, how: Sampling, vocab: Vocab
    ) -> None:
        self._sample = sample
        self._step = step
        self._how = how
        self._window = how.repeat_window if how.repeat_penalty != 1 else 0
        self._in_words = np.array([_is_in_words(s, vocab) for s in vocab.symbols])

    def __call__(self, symbols_TB: Ids, state: State | None, draws: Draws) -> tuple[Ids, State]:
        """Read symbols, and sample the next ones (see ``read_and_sample``)."""
        return sample_stepwise(self._read, self.step, symbols_TB, state, draws)

    def step(self, symbols_B: Ids, state: State | None) -> tuple[Array, State]:
        """Read a symbol of each text; return the filtered log-probabilities of the next one, and the state."""
        inner, recent = (None, None) if state is None else (state[:-1], state[-1][0])
        scores_BV, inner = self._step(symbols_B, inner)
        recent = self._last(recent, symbols_B[np.newaxis])
        log_p_BV = filtered(normalised(scores_BV), recent, self._how)
        if self._how.by_word and state is not None:
            inside_B = self._in_words[symbols_B][:, np.newaxis]
            log_p_BV = np.where(inside_B, top_k(log_p_BV, 1), log_p_BV)
        return log_p_BV, [*inner, (recent,)]

    def _read(self, symbols_TB: Ids, state: State | None) -> State:
        inner, recent = (None, None) if state is None else (state[:-1], state[-1][0])
        return [*reading(self._sample, symbols_TB, inner), (self._last(recent, symbols_TB),)]

    def _last(self, recent_BW: Ids | None, symbols_TB: Ids) -> Ids:
        """Return the last symbols of each text, without the start symbol."""
        if recent_BW is None:
            recent_BW = np.empty((symbols_TB.shape[1], 0), int)
            symbols_TB = symbols_TB[1:]
        texts_BT = np.concatenate([recent_BW, symbols_TB.T], axis=1)
        return texts_BT[:, max(0, texts_BT.shape[1] - self._window) :]


def _is_in_words(symbol: str, vocab: Vocab) -> bool:
    """Whether a symbol is inside a word: a letter, a digit, a mark, or a byte of a character beyond ASCII."""
    if vocab.is_bytes:
        value = vocab.index(symbol)
        return value >= 0x80 or chr(value).isalnum()
    return len(symbol) == 1 and (symbol.isalnum() or unicodedata.category(symbol)[0] == "M")
