"""The characters of a text as choices: how probable each was, and what else was likely."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import InputError
from charlm.kernels.reference.sampling import ScoreStep, State
from charlm.lm import sampling
from charlm.lm.decoding import sampling_of
from charlm.lm.filters import FilteredSampler, normalised
from charlm.lm.generator import TextGenerator
from charlm.lm.sampling import Seed
from charlm.text.prompt import Prompt
from charlm.text.vocab import Ids

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
    waiting: deque[Choice] = deque()
    with model.predictor() as predict:
        watched = _Watched(predict.step)
        filtered = FilteredSampler(predict.sample, watched.step, chosen, vocab)

        def sample(
            symbols_TB: Ids, state: State | None, uniforms_NB: Array, temperature: float, end: int
        ) -> tuple[Ids, State]:
            drawn, state = filtered(symbols_TB, state, uniforms_NB[:1], temperature, end)
            for symbol in drawn[:, 0].tolist():
                if symbol < len(vocab):
                    waiting.append(choice(normalised(watched.scores)[0], symbol))
            return drawn, state

        parts = sampling.streams(
            sample,
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
                waiting = deque(list(waiting)[:-stopping])
            while waiting and (part.complete is not None or len(waiting) >= stopping):
                yield waiting.popleft()


class _Watched:
    """A model that remembers its last scores."""

    def __init__(self, step: ScoreStep) -> None:
        self._step = step
        self.scores = np.empty((0, 0))

    def step(self, symbols_B: Ids, state: State | None) -> tuple[Array, State]:
        self.scores, state = self._step(symbols_B, state)
        return self.scores, state
