"""Several models as one: the mean of their probabilities, with a weight for each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import InputError
from charlm.kernels.reference.sampling import Draws, State
from charlm.lm.filters import normalised
from charlm.lm.generator import Predicts, TextGenerator
from charlm.lm.sampling import reading, sample_stepwise
from charlm.text.vocab import Ids, Vocab, named


class Part(NamedTuple):
    """A model of a mixture.

    Attributes:
        name: what messages call it.
        model: the model.
        weight: its part of the probability.
    """

    name: str
    model: TextGenerator
    weight: float


class Mixture(TextGenerator):
    """A generator whose probability of a character is the weighted mean of several models' probabilities.

    Args:
        parts: the models. The length of a text and the preparation of a prime are those of the first model.

    Raises:
        InputError: weights are not above 0, do not sum to 1, or the models have different alphabets.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.engine.random import NumpyStream
        >>> from charlm.lm.language_model import CharLM
        >>> vocab = Vocab.from_alphabet("ab", eos=True)
        >>> a, b = (CharLM(vocab, ModelConfig(hidden_dim=4), NumpyStream(seed)) for seed in (1, 2))
        >>> Mixture([Part("a", a, 0.7), Part("b", b, 0.3)]).sample(3, seed=5, top_k=2) != ""
        True
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        first = parts[0]
        for part in parts:
            if not part.weight > 0:
                raise InputError(
                    f"the weight of {part.name} is {part.weight:g}: each weight of a mixture is above 0, and "
                    "those of the models that are mixed in sum to less than 1"
                )
            if part.model.vocab != first.model.vocab:
                raise InputError(_difference(first, part))
        total = sum(part.weight for part in parts)
        if not abs(total - 1) < 1e-9:
            raise InputError(f"the weights of a mixture sum to 1, and these sum to {total:g}")
        self.parts = parts
        self.vocab, self.normalize = first.model.vocab, first.model.normalize
        self.line_limit = first.model.line_limit

    @contextlib.contextmanager
    def predictor(self) -> Iterator[Predicts]:
        """Return the mixed probabilities."""
        with ExitStack() as stack:
            models = [stack.enter_context(part.model.predictor()) for part in self.parts]
            yield _Mixed(models, [part.weight for part in self.parts])


class _Mixed:
    """The mixed probabilities. The state joins the states of all models; ``_layers`` has the length of each."""

    def __init__(self, models: Sequence[Predicts], weights: Sequence[float]) -> None:
        self._models = models
        self._log_weights = np.log(weights)[:, np.newaxis, np.newaxis]
        self._layers: list[int] = []

    def step(self, symbols_B: Ids, state: State | None, /) -> tuple[Array, State]:
        states = self._split(state)
        results = [m.step(symbols_B, s) for m, s in zip(self._models, states, strict=True)]
        log_p = np.stack([normalised(scores) for scores, _ in results]) + self._log_weights
        mixed: Array = np.logaddexp.reduce(log_p, axis=0)
        return mixed, self._joined([after for _, after in results])

    def sample(self, symbols_TB: Ids, state: State | None, draws: Draws) -> tuple[Ids, State]:
        return sample_stepwise(self._read, self.step, symbols_TB, state, draws)

    def _read(self, symbols_TB: Ids, state: State | None) -> State:
        states = self._split(state)
        return self._joined(
            [reading(m.sample, symbols_TB, s) for m, s in zip(self._models, states, strict=True)]
        )

    def _split(self, state: State | None) -> list[State | None]:
        if state is None:
            return [None] * len(self._models)
        ends = np.cumsum(self._layers).tolist()
        return [state[end - n : end] for end, n in zip(ends, self._layers, strict=True)]

    def _joined(self, states: list[State]) -> State:
        self._layers = [len(state) for state in states]
        return [layer for state in states for layer in state]


def _difference(first: Part, other: Part) -> str:
    """Say how two alphabets differ."""
    here, there = first.model.vocab, other.model.vocab
    differences = [
        f"{a.name} has {', '.join(_names(a.model.vocab, missing))}, which {b.name} does not have"
        for a, b in ((first, other), (other, first))
        if (missing := [s for s in a.model.vocab.symbols if s not in b.model.vocab])
    ]
    if not differences:
        place = next(
            n for n, (a, b) in enumerate(zip(here.symbols, there.symbols, strict=True)) if a != b
        )
        differences = [
            f"they number them differently: at place {place}, {first.name} has {named(here.symbols[place])} and "
            f"{other.name} {named(there.symbols[place])}"
        ]
    return (
        f"{first.name} and {other.name} cannot be mixed, because their symbols differ: {'; '.join(differences)}. "
        "Mix models of one alphabet: train both on one text, or with the same data.alphabet and data.framing"
    )


def _names(vocab: Vocab, symbols: list[str]) -> list[str]:
    if vocab.is_bytes and len(symbols) >= 256:
        return ["the values of bytes"]
    return [named(symbol) if len(symbol) == 1 else symbol for symbol in symbols]
