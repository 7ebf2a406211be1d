"""The characters of a text as choices: how probable each was, and what else was likely."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import InputError
from charlm.kernels.reference.sampling import Draws, State
from charlm.lm import sampling
from charlm.lm.decoding import Sampling, sampling_of
from charlm.lm.filters import FilteredSampler, normalised
from charlm.lm.generator import Predicts, TextGenerator
from charlm.lm.sampling import Seed
from charlm.text.prompt import Prompt
from charlm.text.vocab import Ids, Vocab

NEXT_BEST = 3
"""The number of alternatives that are shown for each character."""


class Choice(NamedTuple):
    """A sampled symbol.

    Attributes:
        symbol: its id.
        probability: the model's own, before filters and temperature.
        rank: its place among all symbols by probability, 1 for the likeliest.
        others: the likeliest other symbols and their probabilities.
    """

    symbol: int
    probability: float
    rank: int
    others: list[tuple[int, float]]


def choice(log_p_V: Array, symbol: int, others: int = NEXT_BEST) -> Choice:
    """Return the probability and the rank of a symbol, and the likeliest other symbols.

    Example:
        >>> choice(np.log([0.2, 0.5, 0.3]), 2, others=1)
        Choice(symbol=2, probability=0.3, rank=2, others=[(1, 0.5)])
    """
    order = np.argsort(-log_p_V, kind="stable").tolist()
    p = np.exp(log_p_V)
    likely = [other for other in order[: others + 1] if other != symbol and p[other] > 0]
    best = [(other, float(p[other])) for other in likely[:others]]
    return Choice(symbol, float(p[symbol]), 1 + order.index(symbol), best)


def choices(
    model: TextGenerator, seed: Seed, limit: int, prompt: Prompt, **how: Any
) -> Iterator[Choice]:
    """Sample the same text as ``streams``, and yield its symbols, ``<EOS>`` too, with their probabilities.

    Args:
        model: the generator of the text.
        seed: of the text.
        limit: characters at most.
        prompt: the prepared prime and stop text. Symbols that may belong to the stop text are held back.
        how: settings of ``charlm.lm.decoding.Sampling``.

    Raises:
        InputError: the settings ask for a beam search, which samples nothing.
    """
    chosen, vocab = sampling_of(how), model.vocab
    if chosen.beam is not None:
        raise InputError(
            "beam: a beam search samples nothing, so its characters have no probabilities to show; leave out beam"
        )
    stopping = len(vocab.encode(prompt.stop))
    with model.predictor() as predict:
        sampler = _WatchedSampler(predict, chosen, vocab)
        waiting = sampler.choices
        parts = sampling.streams(
            sampler,
            vocab,
            [sampling.generator(seed)],
            limit=limit,
            temperature=chosen.sharpness,
            prime=prompt.prime,
            stop=prompt.stop,
        )
        for count, part in enumerate(parts, 1):
            # at the limit the text ends without another symbol
            if part.complete and count <= limit and waiting[-1].symbol != vocab.eos:
                for _ in range(stopping):
                    waiting.pop()
            while waiting and (part.complete is not None or len(waiting) >= stopping):
                yield waiting.popleft()


class _WatchedSampler:
    """Samples one symbol of a text at a time, and appends it with its probabilities to ``choices``."""

    def __init__(self, predict: Predicts, how: Sampling, vocab: Vocab) -> None:
        self.choices: deque[Choice] = deque()
        self._step = predict.step
        self._sample = FilteredSampler(predict.sample, self._watched_step, how, vocab)
        self._size = len(vocab)
        self._scores_BV = np.empty((0, 0))

    def __call__(self, symbols_TB: Ids, state: State | None, draws: Draws) -> tuple[Ids, State]:
        sampled, state = self._sample(symbols_TB, state, draws.first(1))
        for symbol in sampled[:, 0].tolist():
            if symbol < self._size:
                self.choices.append(choice(normalised(self._scores_BV)[0], symbol))
        return sampled, state

    def _watched_step(self, symbols_B: Ids, state: State | None) -> tuple[Array, State]:
        self._scores_BV, state = self._step(symbols_B, state)
        return self._scores_BV, state
