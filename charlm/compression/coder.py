"""An arithmetic coder: symbols to bytes and back, each at the cost of its probability.

It is the range coder of Martin (1979), with carries. A symbol is a part of a whole number: ``size`` of ``total``,
from ``start`` on; the decoder has to be given the same parts in the same order.
"""

from __future__ import annotations

_BITS = 64
_LIMIT = 1 << _BITS
_SPARE = _BITS // 8
_LEAST = 1 << (_BITS - 8)
"""The range is kept at this or above, so that a total of 2**50 still leaves 6 bits for each part."""


class Encoder:
    """Takes symbols.

    Example:
        >>> encoder = Encoder()
        >>> encoder.encode(6, 3, 10)  # three of ten, from 6 on
        >>> decoder = Decoder(encoder.finish())
        >>> 6 <= decoder.find(10) < 9
        True
    """

    def __init__(self) -> None:
        self._low = 0
        self._range = _LIMIT - 1
        self._bytes = bytearray()

    def __len__(self) -> int:
        """Return the number of bytes so far."""
        return len(self._bytes)

    def encode(self, start: int, size: int, total: int) -> None:
        """Append a symbol."""
        part = self._range // total
        low = self._low + part * start
        width = part * size
        if low >= _LIMIT:
            low -= _LIMIT
            self._carry()
        while width < _LEAST:
            self._bytes.append(low >> (_BITS - 8))
            low = (low << 8) & (_LIMIT - 1)
            width <<= 8
        self._low, self._range = low, width

    def finish(self) -> bytes:
        """Return the bytes: as few as tell the last symbol, because the decoder adds zeros."""
        for bits in range(0, _BITS, 8):  # the shortest number in the range
            unit = _LIMIT >> bits
            value = -(-self._low // unit) * unit
            if value < self._low + self._range:
                break
        if value >= _LIMIT:
            value -= _LIMIT
            self._carry()
        return bytes(self._bytes) + value.to_bytes(_SPARE, "big").rstrip(b"\0")

    def _carry(self) -> None:
        """Add one to the number that the bytes are."""
        place = len(self._bytes) - 1
        while self._bytes[place] == 0xFF:
            self._bytes[place] = 0
            place -= 1
        self._bytes[place] += 1


class Decoder:
    """Gives the symbols back.

    Args:
        data: what ``Encoder.finish`` returned.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data + bytes(_SPARE)
        self._place = _SPARE
        self._code = int.from_bytes(self._data[:_SPARE], "big")
        self._range = _LIMIT - 1
        self._part = 0

    def find(self, total: int) -> int:
        """Return a number that is in the part of the next symbol, and below ``total``."""
        self._part = self._range // total
        return min(self._code // self._part, total - 1)

    def take(self, start: int, size: int) -> None:
        """Go on after the symbol that was found.

        Raises:
            EOFError: there are more symbols than were encoded.
        """
        code = self._code - self._part * start
        width = self._part * size
        while width < _LEAST:
            if self._place == len(self._data):
                raise EOFError
            code = code << 8 | self._data[self._place]
            self._place += 1
            width <<= 8
        self._code, self._range = code, width
