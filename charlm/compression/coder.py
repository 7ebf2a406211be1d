"""An arithmetic coder: a symbol of probability p takes about -log2 p bits.

It is the range coder of Martin (1979), with carries. A symbol is given as an interval of ``size`` numbers from
``start`` on, out of ``total``. The decoder needs the same intervals in the same order.
"""

from __future__ import annotations

_BITS = 64
_LIMIT = 1 << _BITS
_SPARE = _BITS // 8
_LEAST = 1 << (_BITS - 8)
"""The least range: with a total of 2**50 it still leaves 6 bits for each interval."""


class Encoder:
    """Encodes symbols.

    Example:
        >>> encoder = Encoder()
        >>> encoder.encode(6, 3, 10)  # the interval 6, 7, 8 of 0 to 9
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
        """Return all bytes, as few as possible: the decoder appends zeros."""
        for bits in range(0, _BITS, 8):  # the number in the range with the fewest bytes
            unit = _LIMIT >> bits
            value = -(-self._low // unit) * unit
            if value < self._low + self._range:
                break
        if value >= _LIMIT:
            value -= _LIMIT
            self._carry()
        return bytes(self._bytes) + value.to_bytes(_SPARE, "big").rstrip(b"\0")

    def _carry(self) -> None:
        """Add one to the bytes, as one large number."""
        place = len(self._bytes) - 1
        while self._bytes[place] == 0xFF:
            self._bytes[place] = 0
            place -= 1
        self._bytes[place] += 1


class Decoder:
    """Decodes symbols.

    Args:
        data: the result of ``Encoder.finish``.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data + bytes(_SPARE)
        self._place = _SPARE
        self._code = int.from_bytes(self._data[:_SPARE], "big")
        self._range = _LIMIT - 1
        self._part = 0

    def find(self, total: int) -> int:
        """Return a number below ``total`` that is in the interval of the next symbol."""
        self._part = self._range // total
        return min(self._code // self._part, total - 1)

    def take(self, start: int, size: int) -> None:
        """Remove the interval of the symbol that was found.

        Raises:
            EOFError: more symbols are read than were encoded.
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
