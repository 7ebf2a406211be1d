"""A text that a person and a model write together: typed characters, suggestions, and undoing both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from charlm.errors import EvaluationError
from charlm.kernels.reference.sampling import Draws, State
from charlm.lm.decoding import Sampling
from charlm.lm.generator import Predicts, TextGenerator, sampler_of
from charlm.lm.sampling import NOT_NUMBERS, after_prime, generator, reading
from charlm.text.prompt import prompt_of
from charlm.text.vocab import Ids

LONGEST = 40
"""The most characters of a suggestion, which ends after one word."""


class Suggestion(NamedTuple):
    """The text that the model suggests next.

    Attributes:
        text: up to the end of a word.
        symbols: the ids of its symbols.
        ends: whether the text ends after it.
    """

    text: str
    symbols: list[int]
    ends: bool


class _Place(NamedTuple):
    """A step of the text: its length, the last symbol, which the model has not read yet, and the state before it."""

    length: int
    last_B: Ids
    state: State | None


class Writing:
    """The text so far and the model's state after each step that can be undone.

    Args:
        model: the model that suggests.
        predict: its probabilities.
        how: the settings for sampling suggestions.
        prime: the beginning of the text, prepared.
        seed: of the suggestions.

    Example:
        >>> from charlm.lm.counting import NGramGenerator
        >>> from charlm.text.vocab import Vocab
        >>> vocab = Vocab.from_text("the cat sat. " * 30, eos=False)
        >>> model = NGramGenerator(vocab, vocab.encode("the cat sat. " * 30), order=5)
        >>> with model.predictor() as predict:
        ...     writing = Writing(model, predict, Sampling(greedy=True), prime="the", seed=1)
        ...     writing.type(" ")
        ...     writing.take()
        ...     before = writing.text
        ...     done = writing.undo()
        >>> before, writing.text
        ('the cat ', 'the ')
    """

    def __init__(
        self, model: TextGenerator, predict: Predicts, how: Sampling, prime: str, seed: int
    ) -> None:
        self.model = model
        self.prime = prime
        self._symbols: list[int] = []
        self._how = how
        self._sample = sampler_of(predict, how, model.vocab)
        self._rng = generator(seed)
        self._places = [_Place(0, *after_prime(self._sample, model.vocab, prime))]
        self.suggestion = self._suggested()

    @property
    def text(self) -> str:
        """The text so far, the prime included."""
        return self.prime + self.model.vocab.decode(self._symbols)

    def type(self, characters: str) -> None:
        """Append typed characters.

        Raises:
            TextError: the model does not know a character.
        """
        vocab = self.model.vocab
        prompt = prompt_of(characters, "", vocab, self.model.normalize, "error")
        self._append(vocab.encode(prompt.prime).tolist())

    def take(self, most: int | None = None) -> None:
        """Append the suggestion, or ``most`` symbols of it."""
        self._append(self.suggestion.symbols[:most])

    def suggest(self) -> None:
        """Sample another suggestion."""
        self.suggestion = self._suggested()

    def undo(self) -> bool:
        """Undo the last step; return whether there was one."""
        if len(self._places) == 1:
            return False
        self._places.pop()
        del self._symbols[self._places[-1].length :]
        self.suggestion = self._suggested()
        return True

    def _append(self, symbols: list[int]) -> None:
        if not symbols:
            return
        _, last_B, state = self._places[-1]
        read_TB = np.array([*last_B, *symbols[:-1]])[:, np.newaxis]
        self._symbols += symbols
        after = reading(self._sample, read_TB, state)
        self._places.append(_Place(len(self._symbols), np.array(symbols[-1:]), after))
        self.suggestion = self._suggested()

    def shown_end(self) -> str:
        """Return the symbol of the end, such as ``<EOS>``, if the text would end after the suggestion, else nothing."""
        return self.model.vocab.symbols[-1] if self.suggestion.ends else ""

    def _suggested(self) -> Suggestion:
        """Sample up to the end of a word, and leave out an incomplete character."""
        vocab = self.model.vocab
        end = -1 if vocab.eos is None else vocab.eos
        _, last_B, state = self._places[-1]
        symbols_TB = last_B[np.newaxis]
        spell = vocab.speller()
        symbols: list[int] = []
        whole = 0
        ends = False
        while len(symbols) < LONGEST:
            draws = Draws(self._rng.random((1, 1)), self._how.sharpness, end)
            symbols_TB, state = self._sample(symbols_TB, state, draws)
            symbol = int(symbols_TB[0, 0])
            if symbol == len(vocab):
                raise EvaluationError(NOT_NUMBERS)
            ends = symbol == vocab.eos
            if ends:
                break
            symbols.append(symbol)
            spelled = spell(symbol)
            if spelled:
                whole = len(symbols)
            if spelled.isspace():
                break
        return Suggestion(vocab.decode(symbols[:whole]), symbols[:whole], ends)
