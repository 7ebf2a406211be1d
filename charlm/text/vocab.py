"""A vocabulary: the symbols of a model, and their ids.

``Vocab.encode`` turns a string into an array of ids. ``corpus.py`` makes training batches of them.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from charlm.errors import TextError
from charlm.wording import counted

Framing = Literal["lines", "documents", "stream"]
"""What a text is: many lines or documents, each read on its own, or one text."""

EOS = "<EOS>"
"""The symbol at the end and the beginning of a line: one symbol, although its name has five characters."""

EOD = "<EOD>"
"""The symbol at the end and the beginning of a document, in which a newline is a character like others."""

ENDS: dict[str, Framing] = {EOS: "lines", EOD: "documents"}
"""The symbols that end a text, and the framing of texts that end with them."""

END = 0xD800
"""The end of a document among code points: half of a surrogate pair, which no file decodes to."""

UNK = "<UNK>"
"""The symbol for all characters without a symbol of their own. A model reads it and never generates it."""

NAMED = 100
"""Characters without a symbol that an error names; a text in another script has more."""

BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
"""The symbols of a model of bytes: their values, in order."""

Ids: TypeAlias = npt.NDArray[Any]
"""Ids, of the smallest unsigned integer type that fits the vocabulary."""

Points: TypeAlias = npt.NDArray[Any]
"""Code points as uint32, or as uint8 if all are below 256; or the values of bytes."""


@dataclass(frozen=True)
class Position:
    """A position in a text, or in one of its documents; lines, columns and documents are counted from 1.

    Example:
        >>> Position().after(code_points("ab;c".replace(";", chr(10))))
        Position(offset=4, line=2, column=2)
    """

    offset: int = 0
    line: int = 1
    column: int = 1
    document: int = field(default=1, repr=False)

    def after(self, points: Points) -> Position:
        """Return the position after some more characters; ``END`` begins a document."""
        if len(documents := np.flatnonzero(points == END)):
            begun = Position(document=self.document + len(documents))
            return begun.after(points[documents[-1] + 1 :])
        ends = np.flatnonzero(points == ord("\n"))
        column = self.column + len(points) if len(ends) == 0 else len(points) - int(ends[-1])
        return Position(self.offset + len(points), self.line + len(ends), column, self.document)

    def in_words(self, framing: Framing) -> str:
        """Return the position as messages say it."""
        within = f"line {self.line}, column {self.column}"
        if framing == "documents":  # its place in the file is not known: separators are left out
            return f"document {self.document:,}, {within}"
        return f"{within} of the text (offset {self.offset})"


@dataclass(frozen=True)
class Vocab:
    """The symbols of a model, numbered from 0.

    Args:
        symbols: distinct single characters, or ``BYTES``. After characters, ``UNK`` may follow; ``EOS`` or ``EOD``
            may be the last.

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
        characters = self._spelled
        if characters == BYTES:
            return
        if not characters:
            raise TextError("the alphabet is empty: it needs at least one character")
        first: dict[str, int] = {}
        for place, symbol in enumerate(characters):
            if not isinstance(symbol, str) or len(symbol) != 1:
                raise TextError(
                    f"the alphabet has {symbol!r} at place {place}: each symbol is a single "
                    f"character, but for {UNK}, {EOS} and {EOD}, which may only be the last"
                )
            if symbol in first:
                raise TextError(
                    f"the alphabet has {named(symbol)} at place {first[symbol]} and again at "
                    f"place {place}: leave one out, each character is numbered once"
                )
            first[symbol] = place

    @classmethod
    def from_alphabet(
        cls, alphabet: str, eos: bool, unknown: bool = False, end: str = EOS
    ) -> Vocab:
        """Return a vocabulary of these characters in order; ``unknown`` appends ``UNK``, ``eos`` appends ``end``."""
        return cls((*alphabet, *[UNK] * unknown, *[end] * eos))

    @classmethod
    def from_text(cls, text: str, eos: bool) -> Vocab:
        """Return a vocabulary of a text's characters, sorted; ``eos`` replaces the newline by ``EOS``."""
        characters = set(text) - {"\n"} if eos else set(text)
        return cls.from_alphabet("".join(sorted(characters)), eos)

    @classmethod
    def of_bytes(cls, eos: bool, end: str = EOS) -> Vocab:
        """Return a vocabulary of the values of a byte; ``eos`` appends ``end``."""
        return cls((*BYTES, *[end] * eos))

    @classmethod
    def from_list(cls, symbols: object) -> Vocab:
        """Return the vocabulary from the result of ``to_list``.

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
        """The id of the symbol that ends a text, ``EOS`` or ``EOD``, or None if the vocabulary has none."""
        return len(self.symbols) - 1 if self.symbols[-1] in ENDS else None

    @property
    def framing(self) -> Framing:
        """What the texts with these symbols are."""
        return ENDS.get(self.symbols[-1], "stream")

    @property
    def text(self) -> str:
        """What a text is called in sentences: line, document or text."""
        return {"lines": "line", "documents": "document", "stream": "text"}[self.framing]

    def index(self, symbol: str) -> int:
        """Return a symbol's id.

        Raises:
            TextError: the vocabulary does not have it.
        """
        if symbol not in self._numbers:
            raise TextError(f"{named(symbol)} is not in the vocabulary: {self.remedy()}")
        return self._numbers[symbol]

    @property
    def unknown(self) -> int | None:
        """The id of ``UNK``, or None if the vocabulary has none."""
        return self._numbers.get(UNK)

    @property
    def is_bytes(self) -> bool:
        """Whether the symbols are the values of a byte."""
        return self._spelled == BYTES

    @property
    def unit(self) -> str:
        """The unit of scores: char or byte."""
        return "byte" if self.is_bytes else "char"

    @property
    def symbol(self) -> str:
        """What a symbol is called in sentences: character or byte."""
        return "byte" if self.is_bytes else "character"

    @property
    def start(self) -> int:
        """The id before the first character of a text: that of its end, or else a newline, or else the first symbol."""
        newline = BYTES[ord("\n")] if self.is_bytes else "\n"
        return self._numbers.get(newline, 0) if self.eos is None else self.eos

    def encode(self, text: str, *, lines: bool = False) -> Ids:
        """Return the ids of a text's characters, or of its bytes in UTF-8.

        The text "<EOS>" is five characters, not the symbol ``EOS``, and likewise for ``EOD`` and ``UNK``.

        Args:
            text: any string.
            lines: encode each newline as ``EOS``.

        Raises:
            TextError: characters are not in a vocabulary without ``UNK`` (all are named, the first with
                its place), or ``lines`` is asked of a vocabulary without ``EOS``.
        """
        points = byte_values(text) if self.is_bytes else code_points(text)
        return self.encode_points(points, lines=lines)

    def encode_points(
        self, points: Points, *, lines: bool = False, before: Position = Position()
    ) -> Ids:
        """Return the ids of code points or byte values; ``before`` is their position in the text.

        The code point ``END`` becomes ``EOD`` if the vocabulary has it.

        Raises:
            TextError: as of ``encode``.
        """
        if lines and self.framing != "lines":
            raise TextError(f"the vocabulary has no {EOS} to end a line with: make one with it")
        table = self._line_table if lines else self._table
        ids = table.take(points, mode="clip")
        if self.eos is not None and self.framing == "documents":
            ids[points == END] = self.eos
        unknown = np.flatnonzero(ids < 0)
        if len(unknown):
            raise self._unknown_error(points[unknown], before.after(points[: unknown[0]]))
        return ids.astype(np.min_scalar_type(len(self) - 1))

    def _unknown_error(self, points: Points, place: Position) -> TextError:
        """Return the error that names all characters without a symbol; the first of them is at ``place``."""
        first, *others = [named(chr(point)) for point in dict.fromkeys(points.tolist())]
        where = f"{first} at {place.in_words(self.framing)}"
        if not others:
            return TextError(f"{where} is not in the vocabulary: {self.remedy()}")
        listed = ", ".join(others[:NAMED]) + (", ..." if len(others) > NAMED else "")
        return TextError(
            f"{where} and {counted(len(others), 'more character')}, {listed}, are not in the vocabulary: "
            f"{self.remedy('them')}"
        )

    def decode(self, ids: Ids | Sequence[int]) -> str:
        """Return the text of some ids: the inverse of ``encode``.

        The end of a text cannot be decoded: cut the ids before it. ``UNK`` becomes U+FFFD. ``symbols`` has
        a name for every id. Bytes that are not UTF-8 become lone surrogates, which ``encode`` turns into the same
        bytes again.

        Raises:
            TextError: an id is that of ``EOS`` or ``EOD``, or of no symbol.
        """
        ids = np.asarray(ids, dtype=np.int64)
        characters = len(self) if self.eos is None else self.eos
        if wrong := np.flatnonzero((ids < 0) | (ids >= characters))[:1].tolist():
            (place,) = wrong
            what = (
                f"{self.symbols[-1]}, which has no text"
                if ids[place] == self.eos
                else "no symbol's"
            )
            raise TextError(
                f"id {ids[place]} at place {place} is {what}: characters have ids from 0 to "
                f"{characters - 1}"
            )
        if self.is_bytes:
            return ids.astype(np.uint8).tobytes().decode("utf-8", "surrogateescape")
        unknown = "" if self.unknown is None else "\ufffd"
        points = code_points("".join(self._spelled) + unknown)
        return points[ids].astype("<u4").tobytes().decode(*_UTF_32)

    def speller(self) -> Speller:
        """Return an object that turns ids into text one by one."""
        return Speller(self)

    @property
    def _spelled(self) -> tuple[str, ...]:
        end = len(self.symbols) - (self.symbols[-1:] in [(symbol,) for symbol in ENDS])
        return self.symbols[: end - (self.symbols[:end][-1:] == (UNK,))]

    def remedy(self, it: str = "it") -> str:
        """Return advice about a character without a symbol; ``it`` is "them" for several."""
        characters = counted(len(self._spelled), "character")
        return (
            f"leave {it} out, or train with another vocabulary: add {it} to data.alphabet (this one has {characters}), "
            f"or set data.alphabet to null (all characters of the text), and data.min_count to 2 or more if that "
            f"text may lack {it} too (all other characters become {UNK})"
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    @cached_property
    def _table(self) -> npt.NDArray[np.int32]:
        """The id of each code point, -1 for none; the last entry is for all higher code points."""
        if self.is_bytes:
            return np.arange(256, dtype=np.int32)
        points = code_points("".join(self._spelled))
        others = -1 if self.unknown is None else self.unknown
        table = np.full(max(int(points.max()), ord("\n")) + 2, others, dtype=np.int32)
        table[points] = np.arange(len(points))
        return table

    @cached_property
    def _line_table(self) -> npt.NDArray[np.int32]:
        assert self.eos is not None
        table = self._table.copy()
        table[ord("\n")] = self.eos
        return table


_UTF_32 = ("utf-32-le", "surrogatepass")
"""Lone surrogates are allowed, because command line arguments that are not UTF-8 contain them."""


def code_points(text: str) -> Points:
    """Return a text's code points, as uint8 if all are below 256."""
    try:
        return np.frombuffer(text.encode("latin-1"), dtype=np.uint8)
    except UnicodeEncodeError:
        return np.frombuffer(text.encode(*_UTF_32), dtype="<u4")


def byte_values(text: str) -> Points:
    """Return the bytes of a text in UTF-8; lone surrogates become the bytes that they encode (PEP 383)."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that encodes no byte
        data = text.encode("utf-8", "surrogatepass")
    return np.frombuffer(data, dtype=np.uint8)


def named(symbol: str) -> str:
    r"""Return a symbol's name in messages; invisible and combining characters are escaped.

    Example:
        >>> named("é"), named("\u0301"), named("\u200f")
        ("'é' (U+00E9)", "'\\u0301' (U+0301)", "'\\u200f' (U+200F)")
    """
    if len(symbol) != 1:
        return repr(symbol)
    joins = unicodedata.category(symbol).startswith("M")
    return f"{ascii(symbol) if joins else repr(symbol)} (U+{ord(symbol):04X})"


class Speller:
    r"""Turns the ids of one text into characters, one id at a time.

    Bytes that are not UTF-8 become lone surrogates (Python's ``surrogateescape``, PEP 383).

    Example:
        >>> spell = Vocab.of_bytes(eos=False).speller()
        >>> [spell(0xC3), spell(0xA9), spell(0xC3), spell.end()]
        ['', 'é', '', '\udcc3']
    """

    def __init__(self, vocab: Vocab) -> None:
        self._symbols = vocab.symbols
        self._unknown = vocab.unknown
        self._decoder = (
            codecs.getincrementaldecoder("utf-8")("surrogateescape") if vocab.is_bytes else None
        )

    def __call__(self, symbol: int) -> str:
        """Return the characters that the next symbol completes."""
        if self._decoder is not None:
            return self._decoder.decode(bytes([symbol]))
        return "\ufffd" if symbol == self._unknown else self._symbols[symbol]

    def end(self) -> str:
        """Return the rest of a character that was not completed."""
        return "" if self._decoder is None else self._decoder.decode(b"", final=True)
