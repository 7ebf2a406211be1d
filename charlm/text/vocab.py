"""A vocabulary: the symbols of a model, and their numbers.

A text is a Python string before ``Vocab.encode`` and an array of ids after it. How ids become training
sequences and minibatches is in ``corpus.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from charlm.errors import TextError

EOS = "<EOS>"
"""The symbol that ends, and begins, a line: one symbol whose name has five characters."""

Ids: TypeAlias = npt.NDArray[Any]
"""Symbol numbers, of the smallest unsigned integer type that holds a vocabulary's."""


@dataclass(frozen=True)
class Vocab:
    """The symbols of a model, numbered from 0.

    Args:
        symbols: distinct single characters; ``EOS`` may follow them as the last.

    Raises:
        TextError: the symbols are not such a sequence.

    Example:
        >>> vocab = Vocab.from_alphabet("abc ", eos=True)
        >>> len(vocab), vocab.index("b"), vocab.eos
        (5, 1, 4)
        >>> vocab.encode("a cab")
        array([0, 3, 2, 0, 1], dtype=uint8)
        >>> vocab.decode([2, 0, 1])
        'cab'
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        characters = self.symbols[:-1] if self.symbols[-1:] == (EOS,) else self.symbols
        if not characters:
            raise TextError("the alphabet is empty: it needs at least one character")
        first: dict[str, int] = {}
        for place, symbol in enumerate(characters):
            if not isinstance(symbol, str) or len(symbol) != 1:
                raise TextError(
                    f"the alphabet has {symbol!r} at place {place}: each symbol is a single "
                    f"character, but for {EOS}, which may only be the last"
                )
            if symbol in first:
                raise TextError(
                    f"the alphabet has {_named(symbol)} at place {first[symbol]} and again at "
                    f"place {place}: leave one out, each character is numbered once"
                )
            first[symbol] = place

    @classmethod
    def from_alphabet(cls, alphabet: str, eos: bool) -> Vocab:
        """Number the characters in the order given; ``eos`` puts ``EOS`` after them."""
        return cls((*alphabet, EOS) if eos else tuple(alphabet))

    @classmethod
    def from_text(cls, text: str, eos: bool) -> Vocab:
        """Number a text's characters by code point; ``eos`` puts ``EOS`` in place of the newline."""
        characters = set(text) - {"\n"} if eos else set(text)
        return cls.from_alphabet("".join(sorted(characters)), eos)

    @classmethod
    def from_list(cls, symbols: object) -> Vocab:
        """Return the vocabulary that ``to_list`` wrote.

        Raises:
            TextError: not a list, or not the list of a vocabulary.
        """
        if not isinstance(symbols, list):
            kind = type(symbols).__name__
            raise TextError(f"a vocabulary is stored as a list of its symbols, not as {kind}")
        return cls(tuple(symbols))

    def to_list(self) -> list[str]:
        """Return the symbols in order, as plain data."""
        return list(self.symbols)

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._numbers

    @property
    def eos(self) -> int | None:
        """The id of ``EOS``, or None where the vocabulary has none."""
        return len(self.symbols) - 1 if self.symbols[-1] == EOS else None

    def index(self, symbol: str) -> int:
        """Return a symbol's id.

        Raises:
            TextError: the vocabulary does not have it.
        """
        if symbol not in self._numbers:
            raise TextError(f"{_named(symbol)} is not in the vocabulary: {self._remedy}")
        return self._numbers[symbol]

    def encode(self, text: str, *, lines: bool = False) -> Ids:
        """Return the ids of a text's characters, one for each.

        ``EOS`` has no spelling in a text: the five characters <EOS> are encoded as five characters.

        Args:
            text: any string.
            lines: encode each newline as ``EOS``.

        Raises:
            TextError: a character is not in the vocabulary (the first such is named, with its
                place), or ``lines`` is asked of a vocabulary without ``EOS``.
        """
        points = _code_points(text)
        ids = self._table[np.minimum(points, len(self._table) - 1)]
        if lines:
            if self.eos is None:
                raise TextError(f"the vocabulary has no {EOS} to end a line with: make one with it")
            ids[points == ord("\n")] = self.eos
        if unknown := np.flatnonzero(ids < 0)[:1].tolist():
            (offset,) = unknown
            line = text.count("\n", 0, offset) + 1
            column = offset - text.rfind("\n", 0, offset)
            raise TextError(
                f"{_named(text[offset])} at line {line}, column {column} of the text (offset "
                f"{offset}) is not in the vocabulary: {self._remedy}"
            )
        return ids.astype(np.min_scalar_type(len(self) - 1))

    def decode(self, ids: Ids | Sequence[int]) -> str:
        """Return the text of some ids: the inverse of ``encode``.

        ``EOS`` is no text, so it cannot be decoded: cut the ids before it. The symbols themselves,
        for showing an ``EOS`` too, are in ``symbols``.

        Raises:
            TextError: an id is ``EOS`` or no symbol's.
        """
        ids = np.asarray(ids, dtype=np.int64)
        characters = len(self) if self.eos is None else self.eos
        if wrong := np.flatnonzero((ids < 0) | (ids >= characters))[:1].tolist():
            (place,) = wrong
            what = f"{EOS}, which has no text" if ids[place] == self.eos else "no symbol's"
            raise TextError(
                f"id {ids[place]} at place {place} is {what}: characters have ids from 0 to "
                f"{characters - 1}"
            )
        points = _code_points("".join(self.symbols[:characters]))
        return points[ids].tobytes().decode(*_UTF_32)

    @property
    def _remedy(self) -> str:
        count = sum(symbol != EOS for symbol in self.symbols)
        characters = "1 character" if count == 1 else f"{count} characters"
        return f"leave it out, or train with an alphabet that has it (this one has {characters})"

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    @cached_property
    def _table(self) -> npt.NDArray[np.int32]:
        """The id of each code point, -1 for none; the last entry stands for all points beyond."""
        points = _code_points("".join(self.symbols[: self.eos]))
        table = np.full(int(points.max()) + 2, -1, dtype=np.int32)
        table[points] = np.arange(len(points))
        return table


_UTF_32 = ("utf-32-le", "surrogatepass")
"""Lone surrogates pass: command line arguments that are not UTF-8 have them."""


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode(*_UTF_32), dtype="<u4")


def _named(symbol: str) -> str:
    return f"{symbol!r} (U+{ord(symbol):04X})" if len(symbol) == 1 else repr(symbol)
