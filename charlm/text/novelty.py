"""What a text has copied from another (the source): the longest span, and the share of k-grams that are new.

Each window of 1, 2, 4, ... characters gets a number, and equal windows get the same number. A window of 2k characters
is the pair of its halves, and a window of any other length is a pair of overlapping windows. So the result is exact,
and a window of the source only gets a number if both of its parts occur in the texts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charlm import progress
from charlm.text.vocab import Points

SIZES = (3, 5, 8, 12, 20, 50)
"""The lengths of the k-grams that are counted."""

Numbers = npt.NDArray[Any]


class Span(NamedTuple):
    """A part of a text that the source has too.

    Attributes:
        length: in characters; 0 if not one is shared.
        at: where it begins in the text.
        source: where it begins in the source, at its first occurrence.
    """

    length: int
    at: int
    source: int


class Novelty(NamedTuple):
    """How new a text is.

    Attributes:
        characters: of the text.
        longest: the longest copied span, the first of them.
        new: for each k that is not longer than the text, the share of k-grams that the source does not have.
    """

    characters: int
    longest: Span
    new: dict[int, float]


def novelty(source: Points, texts: list[Points]) -> list[Novelty]:
    """Return how new some texts are, compared with a source.

    Example:
        >>> points = [np.frombuffer(t, np.uint8) for t in (b"the cat sat on the mat", b"a cat on the hat", b"xyz")]
        >>> cat, other = novelty(points[0], points[1:])
        >>> cat.longest, round(cat.new[3], 2)
        (Span(length=10, at=3, source=9), 0.29)
        >>> other.longest.length, other.new
        (0, {3: 1.0})
    """
    windows = _Windows(source, texts)
    with progress.task("comparing", None):
        return [
            Novelty(
                len(text),
                _longest(windows, place),
                {
                    size: float(1 - windows.copied(place, size).mean())
                    for size in SIZES
                    if size <= len(text)
                },
            )
            for place, text in enumerate(texts)
        ]


def _longest(windows: _Windows, place: int) -> Span:
    """Return the longest shared span, by bisection: if one of k characters is shared, so is one of k - 1."""
    shortest, longest = 0, 1
    while windows.copied(place, longest).any():
        shortest, longest = longest, 2 * longest
    while longest - shortest > 1:
        middle = (shortest + longest) // 2
        if windows.copied(place, middle).any():
            shortest = middle
        else:
            longest = middle
    if not shortest:
        return Span(0, 0, 0)
    at = int(windows.copied(place, shortest).argmax())
    return Span(shortest, at, windows.first_in_source(place, shortest, at))


class _Windows:
    """The numbers of the windows of a source and of several texts."""

    def __init__(self, source: Points, texts: list[Points]) -> None:
        self._begins = np.cumsum([0, *map(len, texts)]).tolist()
        joined = np.concatenate(texts).astype(np.int64)
        self._doubled = {1: _numbered(joined, source.astype(np.int64))}

    def copied(self, place: int, size: int) -> npt.NDArray[np.bool_]:
        """Return for each window of a text whether the source has it; an empty array if the text is shorter."""
        texts, source = self._numbers(size)
        has = np.zeros(len(texts) + 1, bool)
        has[source[source >= 0]] = True
        return has[self._own(texts, place, size)]

    def first_in_source(self, place: int, size: int, at: int) -> int:
        """Return where a window of a text first occurs in the source."""
        texts, source = self._numbers(size)
        return int((source == self._own(texts, place, size)[at]).argmax())

    def _own(self, texts: Numbers, place: int, size: int) -> Numbers:
        begin, end = self._begins[place : place + 2]
        return texts[begin : max(begin, end - size + 1)]

    def _numbers(self, size: int) -> tuple[Numbers, Numbers]:
        """Return the numbers of all windows of the joined texts, and of the source; -1 if no text has it."""
        if size in self._doubled:
            return self._doubled[size]
        half = 1 << ((size - 1).bit_length() - 1)
        texts, source = (_paired(n, size - half) for n in self._numbers(half))
        numbers = _numbered(texts, source)
        if size == 2 * half:
            self._doubled[size] = numbers
        return numbers


def _paired(numbers: Numbers, shift: int) -> Numbers:
    """Return a key for each pair of windows at a distance of ``shift``; -1 if one of them is -1."""
    count = max(0, len(numbers) - shift)
    first, second = numbers[:count].astype(np.int64), numbers[shift:]
    return np.where((first < 0) | (second < 0), -1, (first << 32) + second)


def _numbered(texts: npt.NDArray[Any], source: npt.NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Number the keys of the texts; equal keys of the source get the same numbers, others -1."""
    keys, numbers = np.unique(texts, return_inverse=True)
    source_numbers = np.full(len(source), -1, np.int32)
    candidates = np.flatnonzero(source >= 0)
    if len(keys):
        places = np.minimum(np.searchsorted(keys, source[candidates]), len(keys) - 1)
        same = keys[places] == source[candidates]
        source_numbers[candidates[same]] = places[same]
    return numbers.reshape(-1).astype(np.int32), source_numbers
