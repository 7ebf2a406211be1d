"""Whether a text is a list, such as names or words: its lines are read apart, and not as one text."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from charlm.files import regular

HEAD = 1 << 16
"""Bytes at the beginning of each file that are examined."""
FEWEST = 20
"""The minimum number of lines; fewer are no list, but an example that may look like anything."""
WORDS, BYTES = 4, 40
"""Most entries of a list have at most this many words and bytes: a verse or a line of code has more."""
MOST = 0.95
"""The minimum share of such lines, which also begin with no space."""
DISTINCT = 0.5
"""The minimum share of lines that differ from all before: entries of a list are hardly repeated."""


def is_list(files: Sequence[Path]) -> bool:
    """Tell whether all files are lists: short lines without indentation, no empty ones among them, most of them once.

    >>> is_list([])
    False
    """
    return bool(files) and all(map(_is_list, files))


def _is_list(file: Path) -> bool:
    head = b""
    with contextlib.suppress(OSError), open(file, "rb", opener=regular) as stream:
        head = stream.read(HEAD)
    lines = head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    if len(head) == HEAD:
        del lines[-1]  # it may be cut
    if len(lines) < FEWEST or b"" in lines or b"\0" in head:
        return False
    short = sum(_is_entry(line) for line in lines)
    return short >= MOST * len(lines) and len(set(lines)) >= DISTINCT * len(lines)


def _is_entry(line: bytes) -> bool:
    return not line[:1].isspace() and len(line) <= BYTES and len(line.split()) <= WORDS
