"""The coding of a text: the symbols that a model knows, and an escape for every other character.

The probabilities of symbols are the model's. The probability of an escape comes from the number of escapes so far.
After an escape come the character's UTF-8 bytes, whose probabilities come from counts of earlier ones. The encoder and
the decoder keep the same counts, so both have the same probabilities at each place.
"""

from __future__ import annotations

import math

from charlm.compression.coder import Decoder, Encoder
from charlm.compression.spelling import Alphabet
from charlm.engine.arrays import Array

_STEP = 16
"""The amount that each character adds to the count of escapes or of other characters."""
_MOST_ESCAPES = 1 << 8
"""An escape is at most this many times as probable as all symbols together."""
_ENOUGH = 1 << 16
"""All counts of bytes are halved when one is larger than this."""
_SURROGATES = "surrogatepass"
"""Lone surrogates, which stand for bytes that a codec cannot decode, are encoded too."""


class ByteCounts:
    """Counts of bytes; the latest bytes count most."""

    def __init__(self) -> None:
        self._counts = [1] * 256

    def encode(self, encoder: Encoder, value: int) -> None:
        """Append a byte."""
        encoder.encode(sum(self._counts[:value]), self._counts[value], sum(self._counts))
        self._count(value)

    def decode(self, decoder: Decoder) -> int:
        """Return the next byte."""
        rest = decoder.find(sum(self._counts))
        value = start = 0
        while rest >= start + self._counts[value]:
            start += self._counts[value]
            value += 1
        decoder.take(start, self._counts[value])
        self._count(value)
        return value

    def _count(self, value: int) -> None:
        self._counts[value] += 2 * _STEP
        if self._counts[value] > _ENOUGH:
            self._counts = [(count + 1) // 2 for count in self._counts]


class SymbolCoder:
    """Codes a text character by character.

    Args:
        alphabet: the symbols of the model.

    Attributes:
        bits: the model's score of the encoded symbols, in bits.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.bits = 0.0
        self._alphabet = alphabet
        # for the first byte of an unknown character, for the second, ...
        self._bytes = [ByteCounts() for _ in range(4)]
        # numbers of escapes and of others: after a symbol, where escapes are rare at first, and after an escape
        self._counts = [[1, 256 * _STEP], [1, 1]]
        self._escaped = False

    def encode(self, encoder: Encoder, character: str, symbol: int, sums_V: Array) -> None:
        """Append a character.

        Args:
            encoder: the encoder.
            character: any character.
            symbol: its symbol, or the escape.
            sums_V: the model's cumulative frequencies.
        """
        escape, total = self._sizes(sums_V)
        start, size = _part(symbol, sums_V, escape)
        encoder.encode(start, size, total)
        if symbol < self._alphabet.size:
            self.bits += math.log2((total - escape) / size)
        self._count(symbol)
        if symbol == self._alphabet.escape:
            spelled = character.encode("utf-8", _SURROGATES)
            for counts, value in zip(self._bytes, spelled, strict=False):
                counts.encode(encoder, value)

    def decode(self, decoder: Decoder, sums_V: Array) -> tuple[int, str]:
        """Return the next symbol and its character.

        Raises:
            UnicodeError: the bytes are not a character.
        """
        escape, total = self._sizes(sums_V)
        symbol = int(sums_V.searchsorted(decoder.find(total), side="right"))
        decoder.take(*_part(symbol, sums_V, escape))
        self._count(symbol)
        if symbol != self._alphabet.escape:
            return symbol, self._alphabet.characters[symbol]
        spelled = bytearray([self._bytes[0].decode(decoder)])
        length = 1 + sum(spelled[0] >= least for least in (0xC0, 0xE0, 0xF0))
        for counts in self._bytes[1:length]:
            spelled.append(counts.decode(decoder))
        return symbol, spelled.decode("utf-8", _SURROGATES)

    def _sizes(self, sums_V: Array) -> tuple[int, int]:
        """Return the frequency of the escape, and the total."""
        symbols = int(sums_V[-1])
        if not self._alphabet.can_escape:
            return 0, symbols
        escapes, others = self._counts[self._escaped]
        escape = 1 + min(symbols * escapes // others, symbols * _MOST_ESCAPES)
        return escape, symbols + escape

    def _count(self, symbol: int) -> None:
        escaped = symbol == self._alphabet.size
        self._counts[self._escaped][not escaped] += _STEP
        self._escaped = escaped


def _part(symbol: int, sums_V: Array, escape: int) -> tuple[int, int]:
    """Return the interval of a symbol, start and size; the escape is after all others."""
    start = int(sums_V[symbol - 1]) if symbol else 0
    return start, int(sums_V[symbol]) - start if symbol < len(sums_V) else escape
