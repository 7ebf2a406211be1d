"""The format of a compressed file: a header of 20 bytes or a few more, and the coded text.

==========  ==========================================================================
bytes       content
==========  ==========================================================================
4           the format and its version: ``CLM`` and 1
6           the model: its digest
1           the spelling of the text (see ``spelling``); 255 if the file is stored
1 or more   the number of characters, 7 bits a byte, lowest first; all bytes but the last have 128 added
4           the start of the SHA-256 of the original file
4           CRC-32 of all other bytes
the rest    the coded text, or the original file
==========  ==========================================================================

The CRC finds every change of up to 32 neighbouring bits before anything is decoded. The SHA-256 finds errors of
the decoding itself.
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
    """The fields of a compressed file.

    Attributes:
        model: the digest of the model, 6 bytes.
        spelling: the index of the text's spelling, or ``STORED``.
        count: the number of characters of the text, or of bytes of a stored file.
        original: the start of the digest of the original file.
        payload: the coded text, or the original file.
    """

    model: bytes
    spelling: int
    count: int
    original: bytes
    payload: bytes

    def pack(self) -> bytes:
        """Return the bytes of the file."""
        head = _FORMAT + bytes([_VERSION]) + self.model + bytes([self.spelling])
        head += _varint(self.count) + self.original
        return head + _crc(head + self.payload) + self.payload

    @classmethod
    def unpack(cls, data: bytes, name: str) -> Container:
        """Return the fields of a file.

        Args:
            data: the bytes of the file.
            name: its name in messages.

        Raises:
            StoredError: it is not a compressed file, it was changed or cut, or a newer charlm wrote it.
        """
        if not data.startswith(_FORMAT):
            raise StoredError(
                f"{name}: not a compressed file; give one that `charlm compress` wrote"
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
    r"""Return a number in as few bytes as possible.

    Example:
        >>> _varint(300)
        b'\xac\x02'
    """
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
