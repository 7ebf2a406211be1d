"""The lines or documents of a text as places in one array of ids; random orders of them; batches of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from charlm.text.batch import Batch, Flags
from charlm.text.vocab import Ids, Vocab

Places = npt.NDArray[np.int64]

AT_ONCE = 1 << 20
"""Symbols that are read at once: the memory that this takes does not grow with the text, but with a long line."""


class Lines:
    """Lines (or documents) of a text in an order, each between two ``EOS`` (or ``EOD``).

    Args:
        ids: the text, with an ``EOS`` before and after each line.
        begins: the places of the ``EOS`` before the lines.
        sizes: the predicted symbols of each line: its characters and its end.

    Example:
        >>> vocab = Vocab.from_alphabet("ab", eos=True)
        >>> lines = Lines.of(vocab, vocab.encode("ab,,b".replace(",", chr(10)), lines=True))
        >>> lines.sizes.tolist(), lines[::-1].predicted.tolist()
        ([3, 2], [1, 2, 0, 1, 2])
    """

    def __init__(self, ids: Ids, begins: Places, sizes: Places) -> None:
        self.ids, self.begins, self.sizes = ids, begins, sizes

    @classmethod
    def of(cls, vocab: Vocab, ids: Ids) -> Lines:
        """Return the lines of a text whose newlines are ``EOS``, without empty ones."""
        assert vocab.eos is not None
        framed = np.pad(ids, 1, constant_values=vocab.eos)
        ends = np.flatnonzero(framed == vocab.eos)
        sizes = np.diff(ends)
        full = sizes > 1
        return cls(framed, ends[:-1][full], sizes[full])

    def __len__(self) -> int:
        return len(self.begins)

    def __getitem__(self, which: slice | Places) -> Lines:
        return Lines(self.ids, self.begins[which], self.sizes[which])

    @property
    def symbols(self) -> int:
        """The number of predicted symbols."""
        return int(self.sizes.sum())

    @property
    def predicted(self) -> Ids:
        """The predicted symbols, line after line."""
        parts = [some.ids[ranges(some.begins, some.sizes) + 1] for some in self.parts()]
        return np.concatenate([self.ids[:0], *parts])

    def parts(self) -> Iterator[Lines]:
        """Yield all lines, some at a time, which have about ``AT_ONCE`` symbols."""
        ends = np.cumsum(self.sizes)
        begin = 0
        while begin < len(self):
            before = ends[begin] - self.sizes[begin]
            end = max(begin + 1, int(np.searchsorted(ends, before + AT_ONCE, "right")))
            yield self[begin:end]
            begin = end

    def counts(self, symbol: int) -> Places:
        """Return how often a symbol is in each line."""
        found = self.predicted == symbol
        return np.add.reduceat(found, np.cumsum(self.sizes) - self.sizes, dtype=np.int64)

    def batch(self) -> Batch:
        """Return the lines side by side; see ``side_by_side``."""
        inputs_TB, targets_TB, counted_TB = side_by_side(self.ids, self.begins, self.sizes)
        return Batch(inputs_TB, targets_TB, True, counted_TB)


def side_by_side(ids: Ids, begins: Places, sizes: Places) -> tuple[Ids, Ids, Flags | None]:
    """Return pieces of a text as columns: what is read, what is predicted, and which of it counts (None: all).

    A shorter piece is filled up with symbols that do not count.
    """
    time = np.arange(sizes.max())[:, np.newaxis]
    where = begins + np.minimum(time, sizes - 1)
    counted = time < sizes
    return ids[where], ids[where + 1], None if counted.all() else counted


def ranges(begins: Places, sizes: Places) -> Places:
    """Return the places of several ranges, one after the other.

    Example:
        >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(sizes)
    return np.repeat(begins - ends + sizes, sizes) + np.arange(ends[-1] if len(ends) else 0)


def mixed(lines: Lines, vocab: Vocab) -> Places:
    """Return a random order of lines that depends on their characters, not on their places: equal ones are neighbours.

    A line's place is that of its hash.
    """
    return np.argsort(hashes(lines, vocab), kind="stable")


def hashes(lines: Lines, vocab: Vocab) -> npt.NDArray[np.uint64]:
    """Return a number for each line, which is the same for equal lines.

    Each of its characters times a random number for its place in the line, summed modulo 2**64 (multilinear hashing:
    Carter and Wegman, 1979).
    """
    points = [ord(s) if len(s) == 1 else place for place, s in enumerate(vocab.symbols)]
    of_symbol = np.array(points, np.uint64) + np.uint64(1)
    of_symbol[vocab.eos] = 0  # its number depends on the alphabet
    of_place = random_numbers(int(lines.sizes.max()), 0)
    sums = []
    for some in lines.parts():
        places = ranges(np.zeros(len(some), np.int64), some.sizes)
        terms = of_symbol[some.predicted] * of_place[places]
        sums.append(np.add.reduceat(terms, np.cumsum(some.sizes) - some.sizes))
    return np.concatenate(sums)


def a_pass(lines: Lines, batch_size: int, *seed: int) -> list[Places]:
    """Return the lines of each batch of a pass: all lines once, in a random order, with lines of like length together.

    The last lines of the longest, which may not fill a batch, make a smaller one.
    """
    by_length = np.lexsort((random_numbers(len(lines), *seed), lines.sizes))
    batches = list(_cut(by_length, batch_size))
    return [batches[k] for k in np.argsort(random_numbers(len(batches), *seed, 1), kind="stable")]


def _cut(places: Places, size: int) -> Iterator[Places]:
    for begin in range(0, len(places), size):
        yield places[begin : begin + size]


def random_numbers(count: int, *seed: int) -> npt.NDArray[np.uint64]:
    """Return random integers. numpy promises that these never change, which it does not of permutations."""
    numbers: npt.NDArray[np.uint64] = np.random.PCG64(list(seed)).random_raw(count)
    return numbers
