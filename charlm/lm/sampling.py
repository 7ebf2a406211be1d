"""Drawing text from a model, one character at a time.

A sampler needs only a function that takes a symbol id and a state and returns log-probabilities and
the next state, so it knows nothing of graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import EvaluationError, InputError
from charlm.lm.text import Vocab

State = TypeVar("State")
Predict = Callable[[int, "State | None"], "tuple[Array, State]"]
"""(symbol id, state or None at the start) -> (log-probabilities of the next symbol, state)."""


@dataclass(frozen=True)
class SampledText:
    """A text drawn from a model; ``complete`` is False if it was cut at the length limit before ``<EOS>``."""

    text: str
    complete: bool


def draw(log_p: Array, temperature: float, rng: np.random.Generator) -> int:
    """Draw an id from log-probabilities sharpened by 1/temperature; temperature 0 takes the likeliest.

    Computed in float64 log space, so that a low temperature cannot overflow. EvaluationError if the
    probabilities are no numbers.

    Example:
        >>> draw(np.log([0.1, 0.7, 0.2]), 0.0, np.random.default_rng(0))
        1
    """
    scores = log_p.astype(np.float64)
    largest = scores.max()
    if np.isnan(largest):
        raise EvaluationError(
            "the model's probabilities are not numbers (NaN): its weights have grown out of range; "
            "go back to an earlier checkpoint and train with a smaller learning rate"
        )
    if temperature == 0:
        return int(scores.argmax())
    scores = (scores - largest) / temperature
    cumulative = np.exp(scores).cumsum()
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))


def stream(
    predict: Predict[State],
    vocab: Vocab,
    rng: np.random.Generator,
    *,
    limit: int,
    temperature: float = 1.0,
    prime: str = "",
    stop: str = "",
) -> Generator[str, None, bool]:
    """Yield the characters of one text as they are drawn, the prime not among them.

    A model with ``<EOS>`` starts after one and ends at the next; another starts after a newline if
    it knows one. With ``stop`` the text ends before the first occurrence of that string.

    Args:
        predict: the model.
        vocab: its symbols.
        rng: draws the symbols.
        limit: draw at most this many characters.
        temperature: below 1 plays safe, above 1 takes risks, 0 is the likeliest character each time.
        prime: the text to go on from.
        stop: the string to end before.

    Returns:
        (as the generator's value) whether the text ended by itself rather than at the limit; a
        model without ``<EOS>`` ends by itself at any length.

    Raises:
        InputError: a negative temperature.
        TextError: a prime character that the model does not know.
    """
    if not (temperature >= 0 and np.isfinite(temperature)):
        raise InputError(f"temperature must be 0 or more, got {temperature}")
    state: State | None = None
    log_p: Array | None = None
    for symbol in [_start(vocab), *vocab.encode(prime).tolist()]:
        log_p, state = predict(symbol, state)
    held = ""  # drawn, but perhaps the beginning of the stop string
    for _ in range(limit):
        assert log_p is not None
        symbol = draw(log_p, temperature, rng)
        if symbol == vocab.eos:
            yield from held
            return True
        held += vocab.symbols[symbol]
        if stop and held.endswith(stop):
            yield from held[: -len(stop)]
            return True
        sure = len(held) - _overlap(held, stop)
        yield from held[:sure]
        held = held[sure:]
        log_p, state = predict(symbol, state)
    yield from held
    return vocab.eos is None


def collect(
    characters: Generator[str, None, bool], show: Callable[[str], object] | None = None
) -> SampledText:
    """Run a stream to its end; ``show`` is called with each character as it comes."""
    text = ""
    while True:
        try:
            character = next(characters)
        except StopIteration as end:
            return SampledText(text, bool(end.value))
        text += character
        if show is not None:
            show(character)


def _start(vocab: Vocab) -> int:
    if vocab.eos is not None:
        return vocab.eos
    return vocab.index("\n") if "\n" in vocab else 0


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of ``text`` that is a beginning of ``stop``."""
    for n in range(min(len(stop), len(text)), 0, -1):
        if text.endswith(stop[:n]):
            return n
    return 0
