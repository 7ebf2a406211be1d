"""Cluster files: a line for each word, with the names of its clusters and the word, separated by blanks or tabs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from charlm.engine.ops.arguments import unsigned
from charlm.errors import ArgumentError, ClusterFileError, ShapeError
from charlm.files import path_of, read_whole, why_unreadable

MOST = 1 << 30
"""The largest cluster file in bytes."""


def word_ids(dic: Any, where: str) -> dict[str, int]:
    """Return a program's dictionary after checking that its words have the numbers 0 to n-1, each once."""
    if not isinstance(dic, Mapping):
        raise ArgumentError(f"{where}: dic maps words to numbers, got {dic!r}")
    numbers = {word: unsigned(number, where) for word, number in dic.items()}
    if sorted(numbers.values()) != list(range(len(numbers))):
        raise ShapeError(
            f"{where}: the words of dic have the numbers 0 to {len(numbers) - 1}, each once"
        )
    return numbers


def read(path: str | Path, ids: Mapping[str, int], word_at: int) -> Iterator[tuple[list[str], int]]:
    """Yield for each line the clusters' names, the outermost first, and the word's number.

    Args:
        path: the file.
        ids: the words' numbers.
        word_at: the word's column: 1 (later columns are ignored), or -1, the last one.

    Raises:
        ClusterFileError: the file cannot be read, a line has too few columns, or its word is unknown or repeated.
    """
    lines: dict[int, int] = {}
    for line, text in _lines(path_of(path, "clusters")):
        fields = re.findall(r"[^ \t\r\n]+", text)
        if len(fields) < 2:
            raise ClusterFileError(
                f"{path}:{line}: a cluster and a word are needed, got {text.strip()!r}"
            )
        word = fields[word_at]
        if word not in ids:
            raise ClusterFileError(f"{path}:{line}: the word {word!r} is not in the dictionary")
        if (first := lines.setdefault(ids[word], line)) != line:
            raise ClusterFileError(f"{path}:{line}: the word {word!r} was in line {first} already")
        yield fields[:word_at], ids[word]
    if not lines:
        raise ClusterFileError(f"{path}: the file is empty; a line for each word is needed")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = read_whole(path, MOST).split(b"\n")
    except OSError as error:
        raise ClusterFileError(f"{path}: {why_unreadable(error)}") from error
    if not lines[-1]:
        del lines[-1]
    for line, content in enumerate(lines, 1):
        try:
            yield line, content.decode()
        except UnicodeDecodeError as error:
            raise ClusterFileError(
                f"{path}:{line}: byte {error.start} of the line is not UTF-8 text"
            ) from error
