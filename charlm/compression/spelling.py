r"""Files as text, and back to the same bytes.

A model knows characters, and a file has bytes. A spelling is how one becomes the other: a codec and a line end. Bytes
that the codec cannot decode are lone surrogates (PEP 383). Nothing is normalised, and byte order marks are kept,
because the same bytes have to come back.
"""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass

from charlm.text.vocab import BYTES, Vocab

_BYTE_ORDERS = {
    "utf-16": ("utf-16-le", "utf-16-be"),
    "utf-32": ("utf-32-le", "utf-32-be"),
}
"""Codecs whose byte order depends on the machine or a byte order mark."""


@dataclass(frozen=True)
class Spelling:
    r"""A codec, and the line end that is read as ``\n``.

    Example:
        >>> dos = Spelling("utf-8", "\r\n")
        >>> dos.text(b"a\r\nb"), dos.text(b"a\nb")
        ('a\nb', None)
        >>> dos.data("a\nb")
        b'a\r\nb'
    """

    codec: str
    line_end: str

    def text(self, data: bytes) -> str | None:
        """Return the characters of a file; None if they would not give the same bytes again."""
        try:
            text = data.decode(self.codec, "surrogateescape").replace(self.line_end, "\n")
            return text if self.data(text) == data else None
        except UnicodeError:
            return None

    def data(self, text: str) -> bytes:
        """Return the bytes of a text."""
        return text.replace("\n", self.line_end).encode(self.codec, "surrogateescape")


class Alphabet:
    """The symbols of a model, as characters of a file.

    Args:
        vocab: the model's symbols.
        encoding: of the model's text.

    Attributes:
        size: the number of the model's symbols.
        escape: the symbol for all other characters: ``UNK``, or a new symbol, ``size``, if the model has no ``UNK``.
        can_escape: whether ``escape`` is a new symbol.
        characters: the character of each symbol.
        spellings: the spellings that are tried.
    """

    def __init__(self, vocab: Vocab, encoding: str) -> None:
        symbols = [*map(chr, range(len(BYTES)))] if vocab.is_bytes else vocab.symbols
        self._symbols = {symbol: n for n, symbol in enumerate(symbols) if len(symbol) == 1}
        self.characters = {n: character for character, n in self._symbols.items()}
        if vocab.framing == "lines":
            assert vocab.eos is not None
            self._symbols["\n"] = vocab.eos
            self.characters[vocab.eos] = "\n"
        self.size = len(vocab)
        self.escape = self.size if vocab.unknown is None else vocab.unknown
        self.can_escape = vocab.unknown is None and not vocab.is_bytes
        self.spellings = _spellings(vocab, encoding)

    def symbol(self, character: str) -> int:
        """Return a character's symbol, or the escape."""
        return self._symbols.get(character, self.escape)

    def spelled(self, data: bytes) -> tuple[int, str]:
        """Return the index of the spelling with the fewest unknown characters, and the text in it."""
        texts = ((k, spelling.text(data)) for k, spelling in enumerate(self.spellings))
        possible = ((k, text) for k, text in texts if text is not None)
        return min(possible, key=lambda pair: self._count_unknown(pair[1]))

    def _count_unknown(self, text: str) -> int:
        return sum(n for character, n in Counter(text).items() if character not in self._symbols)


def _spellings(vocab: Vocab, encoding: str) -> list[Spelling]:
    if vocab.is_bytes:
        return [Spelling("latin-1", "\n")]  # a character for each byte
    name = codecs.lookup(encoding).name
    names = dict.fromkeys(["utf-8", *_BYTE_ORDERS.get(name, (name,))])
    return [Spelling(codec, end) for end in ("\n", "\r\n", "\r") for codec in names]
