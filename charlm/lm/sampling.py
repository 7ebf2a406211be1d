"""Sampling texts, one character at a time, several texts at once.

Sampling needs only a function from symbols and a state to the next symbols and the state after them. So it knows
nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from charlm.errors import ArgumentError, EvaluationError, InputError
from charlm.kernels.reference.sampling import Draws, ScoreStep, read_and_sample
from charlm.kernels.reference.sampling import State as State
from charlm.text.vocab import Ids, Vocab

SampleFunction: TypeAlias = "Callable[[Ids, State | None, Draws], tuple[Ids, State]]"
"""``kernels.reference.sampling.read_and_sample`` without ``step``; it may sample fewer symbols than are asked for."""

Read: TypeAlias = "Callable[[Ids, State | None], State]"
"""Reads symbols (T, B) and returns the state after them."""

Seed: TypeAlias = "int | Sequence[int] | None"


@dataclass(frozen=True)
class SampledText:
    """A sample of a model; ``complete`` is False if the length limit cut it before ``<EOS>``."""

    text: str
    complete: bool


class TextPart(NamedTuple):
    """What a step adds to one of several texts.

    Attributes:
        text: the number of the text.
        characters: those that are certain to belong to it.
        complete: None before the end of the text; at its end, False if the length limit ended it.
            A text of a model without ``<EOS>`` is complete at any length.
    """

    text: int
    characters: str
    complete: bool | None


STREAM_LENGTH = 500
"""Characters in a text of a model that has no ``<EOS>`` to end it."""
SIDE_BY_SIDE = 64
"""A good number of texts to sample at once: a product with a matrix takes little longer than with a vector."""
AHEAD = 32
"""Characters that are sampled before the first of them is shown; nobody notices so short a wait."""
PIECE = 4096
"""Characters of a prime that are read at once: it may have megabytes."""
NOT_NUMBERS = (
    "the model's probabilities are not numbers (NaN): its weights have grown out of range; "
    "go back to an earlier checkpoint and train with a smaller learning rate"
)


def generator(seed: Seed) -> np.random.Generator:
    """Return a generator of random numbers.

    Raises:
        ArgumentError: the seed has a wrong type.
        InputError: it is negative.
    """
    try:
        return np.random.default_rng(seed)
    except TypeError as error:
        raise ArgumentError(
            f"seed: expected a whole number, several of them, or None, got {seed!r}"
        ) from error
    except ValueError as error:
        raise InputError(f"seed: expected numbers of 0 or more, got {seed!r}") from error


def streams(
    sample: SampleFunction,
    vocab: Vocab,
    rngs: Sequence[np.random.Generator],
    *,
    limit: int,
    temperature: float = 1.0,
    prime: str = "",
    stop: str = "",
) -> Iterator[TextPart]:
    """Sample a text with each of the ``rngs``, all at once, and yield its characters without the prime.

    A model with ``<EOS>`` starts after one and ends at the next; another starts after a newline if
    it knows one. With ``stop`` a text ends before the first occurrence of that string.

    Args:
        sample: the model.
        vocab: its symbols.
        rngs: random numbers, one generator for each text: a number for each symbol, ``AHEAD`` at a time.
        limit: sample at most this many characters.
        temperature: below 1 plays safe, above 1 takes risks, 0 is the likeliest character each time.
        prime: the text to continue.
        stop: the string to end before.

    Raises:
        TextError: a prime character that the model does not know.
        EvaluationError: the model's probabilities are not numbers.
    """
    end = -1 if vocab.eos is None else vocab.eos
    alive = [_Text(index, rng, vocab, stop) for index, rng in enumerate(rngs)]
    first = [0] * len(alive)  # all of them continue the same prime
    last_B, state = after_prime(sample, vocab, prime)
    symbols_TB = last_B[np.newaxis, first]
    if state is not None:
        state = chosen_rows(state, first)
    uniforms_NB = np.empty((0, len(alive)))
    left = limit
    while alive and left > 0:
        if not len(uniforms_NB):
            count = min(left, AHEAD)
            uniforms_NB = np.stack([text.rng.random(count) for text in alive], axis=1)
        symbols_TB, state = sample(symbols_TB, state, Draws(uniforms_NB, temperature, end))
        left -= len(symbols_TB)
        columns = symbols_TB.T.tolist()
        parts = [text.take(symbols) for text, symbols in zip(alive, columns, strict=True)]
        yield from parts
        uniforms_NB, symbols_TB = uniforms_NB[len(symbols_TB) :], symbols_TB[-1:]
        going = [i for i, part in enumerate(parts) if part.complete is None]
        if len(going) < len(alive):
            alive = [alive[i] for i in going]
            symbols_TB, uniforms_NB = symbols_TB[:, going], uniforms_NB[:, going]
            assert state is not None
            state = chosen_rows(state, going)
    for text in alive:
        yield TextPart(text.index, text.held + text.spell.end(), vocab.eos is None)


class _Text:
    """One text as it grows. ``held`` is sampled, but may be the beginning of the stop string."""

    def __init__(self, index: int, rng: np.random.Generator, vocab: Vocab, stop: str) -> None:
        self.index = index
        self.rng = rng
        self.held = ""
        self.spell = vocab.speller()
        self._vocab = vocab
        self._stop = stop

    def take(self, symbols: list[int]) -> TextPart:
        """Add some symbols, or those up to the end of the text."""
        vocab, held, stop = self._vocab, self.held, self._stop
        for symbol in symbols:
            if symbol == len(vocab.symbols):
                raise EvaluationError(NOT_NUMBERS)
            if symbol == vocab.eos:
                return TextPart(self.index, held + self.spell.end(), True)
            held += self.spell(symbol)
            if stop and held.endswith(stop):
                return TextPart(self.index, held[: -len(stop)], True)
        sure = len(held) - _overlap(held, stop)
        self.held = held[sure:]
        return TextPart(self.index, held[:sure], None)


def after_prime(sample: SampleFunction, vocab: Vocab, prime: str) -> tuple[Ids, State | None]:
    """Read the prime except its last symbol; return that symbol, (1,), and the state before it, None at the start."""
    ids = vocab.encode(prime)
    state: State | None = None
    last_B = np.array([vocab.start])
    for begin in range(0, len(ids), PIECE):
        piece = ids[begin : begin + PIECE].astype(int)
        read_TB = np.append(last_B, piece[:-1])[:, np.newaxis]
        state = reading(sample, read_TB, state)
        last_B = piece[-1:]
    return last_B, state


def sample_stepwise(
    read: Read, step: ScoreStep, symbols_TB: Ids, state: State | None, draws: Draws
) -> tuple[Ids, State]:
    """Sample as ``read_and_sample`` does, but read all symbols except the last in one call, without their scores."""
    count = len(symbols_TB) - bool(len(draws.uniforms_NB))
    if count:
        state = read(symbols_TB[:count], state)
    if not len(draws.uniforms_NB):
        assert state is not None
        return symbols_TB[:0], state
    return read_and_sample(step, symbols_TB[count:], state, draws)


def reading(sample: SampleFunction, symbols_TB: Ids, state: State | None) -> State:
    """Return the state after some symbols."""
    return sample(symbols_TB, state, Draws(np.empty((0, symbols_TB.shape[1])), 0.0, -1))[1]


def chosen_rows(state: State, rows: list[int]) -> State:
    """Return the state of some of the texts, in that order."""
    return [tuple(part[rows] for part in layer) for layer in state]


def characters(parts: Iterable[TextPart]) -> Generator[str, None, bool]:
    """Yield the characters of a single text of ``streams``, and return whether it is complete."""
    complete = False
    for part in parts:
        yield from part.characters
        complete = bool(part.complete)
    return complete


def in_turn(parts: Iterable[TextPart]) -> Iterator[TextPart]:
    """Put texts that are sampled at once in order; each is shown as soon as the texts before it have ended.

    Example:
        >>> parts = [TextPart(0, "a", None), TextPart(1, "b", True), TextPart(0, "c", True)]
        >>> [part.characters for part in in_turn(parts)]
        ['a', 'c', 'b']
    """
    waiting: dict[int, TextPart] = {}
    turn = 0
    for part in parts:
        before = waiting.get(part.text)
        so_far = "" if before is None else before.characters
        waiting[part.text] = part._replace(characters=so_far + part.characters)
        while turn in waiting:
            shown = waiting.pop(turn)
            yield shown
            if shown.complete is None:
                break
            turn += 1


def collect(
    characters: Generator[str, None, bool], show: Callable[[str], object] | None = None
) -> SampledText:
    """Run a stream to its end; ``show`` is called with each character."""
    text = ""
    while True:
        try:
            character = next(characters)
        except StopIteration as end:
            return SampledText(text, bool(end.value))
        text += character
        if show is not None:
            show(character)


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of ``text`` that is a beginning of ``stop``."""
    for n in range(min(len(stop), len(text)), 0, -1):
        if text.endswith(stop[:n]):
            return n
    return 0
