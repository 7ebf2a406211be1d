"""What a text has copied from another: the longest span, and the share of its k-grams that the other does not have.

The windows of 1, 2, 4, ... characters of the texts get numbers, equal ones the same, and so do those of the source that
equal one of them: a window of 2k characters is the pair of its halves. A window of any length is the pair of the two
that cover it. So everything is exact, and the source is only searched where both halves were met.
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
    """A part of a text that is a part of another too.

    Attributes:
        length: in characters; 0 if not one is shared.
        at: where it begins in the text.
        source: where it begins in the other, at its first occurrence there.
    """

    length: int
    at: int
    source: int


class Novelty(NamedTuple):
    """How new a text is.

    Attributes:
        characters: of the text.
        longest: the longest copied span, the first of them.
        new: of each size of k-grams, the share that the other text does not have; of sizes longer than the text, none.
    """

    characters: int
    longest: Span
    new: dict[int, float]


def novelty(source: Points, texts: list[Points]) -> list[Novelty]:
    """Return how new some texts are beside a source.

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
    """Return the longest span of a text that the source has: where one of k is shared, so is one of k - 1."""
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
    """The windows of a source and of several texts, by numbers."""

    def __init__(self, source: Points, texts: list[Points]) -> None:
        self._begins = np.cumsum([0, *map(len, texts)]).tolist()
        joined = np.concatenate(texts).astype(np.int64)
        self._doubled = {1: _numbered(joined, source.astype(np.int64))}

    def copied(self, place: int, size: int) -> npt.NDArray[np.bool_]:
        """Tell of each window of a text whether the source has it; an empty array if the text is shorter."""
        texts, source = self._numbers(size)
        has = np.zeros(len(texts) + 1, bool)
        has[source[source >= 0]] = True
        return has[self._own(texts, place, size)]

    def first_in_source(self, place: int, size: int, at: int) -> int:
        """Return where the source has a window of a text first."""
        texts, source = self._numbers(size)
        return int((source == self._own(texts, place, size)[at]).argmax())

    def _own(self, texts: Numbers, place: int, size: int) -> Numbers:
        begin, end = self._begins[place : place + 2]
        return texts[begin : max(begin, end - size + 1)]

    def _numbers(self, size: int) -> tuple[Numbers, Numbers]:
        """Return the numbers of all windows of the joined texts, and of the source; -1 where no text has it."""
        if size in self._doubled:
            return self._doubled[size]
        half = 1 << ((size - 1).bit_length() - 1)
        texts, source = (_paired(n, size - half) for n in self._numbers(half))
        numbers = _numbered(texts, source)
        if size == 2 * half:
            self._doubled[size] = numbers
        return numbers


def _paired(numbers: Numbers, shift: int) -> Numbers:
    """Return a key for each pair of windows, one ``shift`` after the other; -1 where one is -1."""
    count = max(0, len(numbers) - shift)
    first, second = numbers[:count].astype(np.int64), numbers[shift:]
    return np.where((first < 0) | (second < 0), -1, (first << 32) + second)


def _numbered(texts: npt.NDArray[Any], source: npt.NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Number the keys of the texts, and give those of the source the same numbers, or -1."""
    keys, numbers = np.unique(texts, return_inverse=True)
    source_numbers = np.full(len(source), -1, np.int32)
    met = np.flatnonzero(source >= 0)
    if len(keys):
        places = np.minimum(np.searchsorted(keys, source[met]), len(keys) - 1)
        same = keys[places] == source[met]
        source_numbers[met[same]] = places[same]
    return numbers.reshape(-1).astype(np.int32), source_numbers
