"""The compressed file: a header of 20 bytes or a few more, and what the coder wrote.

==========  ==========================================================================
bytes       what
==========  ==========================================================================
4           the format and its version: ``CLM`` and 1
6           the model: its digest
1           the spelling of the text (see ``spelling``); 255 where the file is stored
1 or more   how many characters: 7 bits a byte, the lowest first, 128 added but to the last
4           the file as it was: the start of its SHA-256
4           CRC-32 of all other bytes
the rest    what the coder wrote, or the file as it was
==========  ==========================================================================

The CRC finds every change of up to 32 neighbouring bits before anything is decoded; the other digest finds what a
computation that went wrong would give.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from charlm.errors import StoredError

_FORMAT, _VERSION = b"CLM", 1
STORED = 255
_FIXED = 4 + 6 + 1
_CHECKS = 8


@dataclass(frozen=True)
class Container:
    """What a compressed file holds.

    Attributes:
        model: the digest of the model, 6 bytes.
        spelling: the place of the text's spelling, or ``STORED``.
        count: characters of the text; bytes of a file that is stored.
        original: the start of the digest of the file as it was.
        payload: what the coder wrote, or the file as it was.
    """

    model: bytes
    spelling: int
    count: int
    original: bytes
    payload: bytes

    def pack(self) -> bytes:
        """Return the file."""
        head = _FORMAT + bytes([_VERSION]) + self.model + bytes([self.spelling])
        head += _varint(self.count) + self.original
        return head + _crc(head + self.payload) + self.payload

    @classmethod
    def unpack(cls, data: bytes, name: str) -> Container:
        """Return what a file holds.

        Args:
            data: the file.
            name: what messages call it.

        Raises:
            StoredError: it is not such a file, it was changed or cut, or a newer charlm wrote it.
        """
        if not data.startswith(_FORMAT):
            raise StoredError(
                f"{name}: not a compressed file of charlm's; give one that `charlm compress` wrote"
            )
        if data[3:4] > bytes([_VERSION]):
            raise StoredError(
                f"{name}: a compressed file of format version {data[3]}; this charlm reads version {_VERSION}: "
                "install a newer charlm"
            )
        end = _FIXED
        while end < len(data) and data[end] >= 0x80:
            end += 1
        end += 1
        head, checks, payload = data[:end], data[end : end + _CHECKS], data[end + _CHECKS :]
        original, crc = checks[:4], checks[4:]
        if crc != _crc(head + original + payload):
            raise damaged(name)
        count = sum((byte & 0x7F) << (7 * k) for k, byte in enumerate(head[_FIXED:]))
        return cls(head[4:10], head[10], count, original, payload)


def digest_of(data: bytes) -> bytes:
    """Return the start of a file's digest."""
    return hashlib.sha256(data).digest()[:4]


def damaged(name: str) -> StoredError:
    """Return the error for a file that was changed or cut."""
    return StoredError(
        f"{name}: the compressed file is damaged: it was changed or cut; use a copy from before that"
    )


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def _varint(number: int) -> bytes:
    r"""Return a number in as few bytes as it needs.

    Example:
        >>> _varint(300)
        b'\xac\x02'
    """
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
