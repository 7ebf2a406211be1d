"""Character n-grams with interpolated modified Kneser-Ney smoothing.

The model is that of Chen and Goodman ("An empirical study of smoothing techniques for language modeling", 1998,
section 3): at each order a context h gives the symbol w

    p(w | h) = max(c(h w) - D(c(h w)), 0) / c(h) + lambda(h) p(w | h without its first character)

with one discount D for symbols seen once, one for twice and one for more often, and with lambda(h) the part that the
discounts took away. The highest order counts occurrences; the lower ones count in how many different
characters' company a string was seen, its continuation count. Below the unigrams all symbols are
equally likely, so none is impossible.

Strings are numbered order by order: one of k characters is the number of its first k - 1 and its last symbol, in a
sorted array of those that occur. So everything is sorting, counting and searching in whole arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charlm import progress
from charlm.text.vocab import Ids

MAX_ORDER = 8
"""On a megabyte of English 7 is the best: longer strings are too rare to help."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[Any]
Discounts = tuple[float, float, float]

FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""The discounts where a text does not tell them, those that KenLM falls back on."""


def discounts(counts: npt.NDArray[Any]) -> Discounts:
    """Return what is taken off a count of one, of two, and of three or more.

    They are estimated from how many strings occur once to four times (Chen and Goodman 1998, equation 17).
    A small alphabet or a short text may have none of these, or such that a discount would be negative;
    then all three are ``FALLBACK``.

    Example:
        >>> discounts(np.array([1, 1, 1, 1, 2, 2, 3, 4]))
        (0.5, 1.25, 1.0)
        >>> discounts(np.array([40, 50]))
        (0.5, 1.0, 1.5)
    """
    n1, n2, n3, n4 = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (n1 and n2 and n3 and n4):
        return FALLBACK
    share = n1 / (n1 + 2 * n2)
    found = (1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
    return found if min(found) > 0 else FALLBACK


def numbered(ids: Ids, vocab_size: int, order: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield for each order the sorted strings, and the numbers of those that end at each place, from the first.

    Example:
        >>> for strings, numbers in numbered(np.array([0, 1, 0, 1]), vocab_size=2, order=2):
        ...     strings.tolist(), numbers.tolist()
        ([0, 1], [0, 1, 0, 1])
        ([1, 2], [0, 1, 0])
    """
    numbers, count = np.zeros(len(ids) + 1, np.int64), 1
    done = 0
    while done < order:
        # as many more symbols as a number of 63 bits has room for are sorted at once
        more = 1
        while done + more < order and count * vocab_size ** (more + 1) < 2**63:
            more += 1
        keys = numbers[:-1].copy()
        for ahead in range(done, done + more):
            keys *= vocab_size
            keys[: len(ids[ahead:])] += ids[ahead:]
        places = np.argsort(keys)
        keys = keys[places]
        for length in range(done + 1, done + more + 1):
            whole = places <= len(ids) - length
            places, keys = places[whole], keys[whole]
            begun = keys // vocab_size ** (done + more - length)
            new = np.ones(len(begun), bool)
            new[1:] = begun[1:] != begun[:-1]
            firsts = places[new]
            strings = numbers[firsts] * vocab_size + ids[firsts + length - 1]
            numbers = np.empty(len(places), np.int64)
            numbers[places] = np.cumsum(new) - 1
            yield strings, numbers
        done, count = done + more, max(1, len(strings))


class Tally:
    """What was counted at one order. The last entry of each array is that of what was not seen: 0.

    Attributes:
        taken: the discounts.
        counts: of each string.
        totals: of each context, over the symbols that follow it.
        kinds: how many symbols follow each context once, twice, and more often; (3, contexts + 1).
    """

    def __init__(self, counts: Ints, contexts_of: Ints, contexts: int) -> None:
        def summed(what: Ints | None = None, chosen: Any = slice(None)) -> Ints:
            return np.bincount(contexts_of[chosen], what, contexts + 1).astype(np.int32)

        self.taken = discounts(counts)
        self.counts = np.append(counts, 0).astype(np.int32)
        self.totals = summed(counts)
        kinds = (counts == 1, counts == 2, counts > 2)
        self.kinds = np.stack([summed(chosen=kind) for kind in kinds])

    def interpolate(self, counts: Ints, totals: Ints, kinds: Ints, below: Floats) -> Floats:
        """Return the probabilities of symbols from their counts, and from the order below."""
        discount = np.array([0.0, *self.taken])
        known = np.maximum(totals, 1)
        left = np.where(totals > 0, np.tensordot(discount[1:], kinds, 1) / known, 1.0)
        found: Floats = (counts - discount[np.minimum(counts, 3)]) / known + left * below
        return found


@dataclass
class Level:
    """One order: its strings, and what they tell as the highest level and below others."""

    strings: Ints
    occurrences: Tally
    continuations: Tally


class NGram:
    """The models of every order up to ``order`` on one text, which share all but their highest levels.

    Args:
        ids: the text that is counted, of one character at least.
        vocab_size: the number of symbols; those that do not occur share what the unigrams leave.
        order: the highest; its strings have as many characters, its contexts one less.

    Example:
        >>> model = NGram(np.array([0, 1, 0, 1, 0, 2, 0, 1]), vocab_size=4, order=3)
        >>> model.distributions(np.array([[0]]))[-1].round(3).tolist()
        [[0.188, 0.458, 0.292, 0.062]]
    """

    def __init__(self, ids: Ids, vocab_size: int, order: int = MAX_ORDER) -> None:
        self.vocab_size = vocab_size
        self.order = max(1, min(order, len(ids)))
        self.levels: list[Level] = []
        contexts = 1
        strings, numbers = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for longer, ends in numbered(ids, vocab_size, self.order):
            if self.levels:
                place = np.empty(len(longer), np.int64)
                place[ends] = np.arange(len(ends))
                continued = np.bincount(numbers[1:][place], minlength=len(strings))
                self.levels[-1].continuations = Tally(continued, strings // vocab_size, contexts)
                contexts = len(strings)
            strings, numbers = longer, ends
            counted = Tally(np.bincount(numbers), strings // vocab_size, contexts)
            self.levels.append(Level(strings, counted, counted))
            progress.advance(1)

    def probabilities(self, ids: Ids, begin: int = 0) -> Floats:
        """Return the probability of each symbol from ``begin`` on after those before it: (orders, symbols).

        The first row is the unigram model's, the last that of ``order``.
        """
        first = max(0, begin - self.order + 1)
        return self._probabilities(ids[np.newaxis, first:])[:, 0, begin - first :]

    def distributions(self, contexts_NT: Ids) -> Floats:
        """Return the probabilities of all symbols after each of some contexts: (orders, contexts, symbols)."""
        count, length = contexts_NT.shape
        texts = np.empty((count, self.vocab_size, length + 1), np.int64)
        texts[..., :-1] = contexts_NT[:, np.newaxis]
        texts[..., -1] = np.arange(self.vocab_size)
        found = self._probabilities(texts.reshape(-1, length + 1))[..., -1]
        return found.reshape(-1, count, self.vocab_size)

    def find(self, texts_NT: Ids) -> Iterator[tuple[Level, Ints, Ints]]:
        """Yield for each order the numbers of the strings that end at each symbol, and of their contexts.

        One that was not seen, or begins before the text, is -1.
        """
        contexts = np.zeros(texts_NT.shape, np.int64)
        for level in self.levels:
            keys = np.where(contexts < 0, -1, contexts * self.vocab_size + texts_NT)
            places = np.searchsorted(level.strings, keys)
            known = level.strings[np.minimum(places, len(level.strings) - 1)] == keys
            strings = np.where(known, places, -1)
            yield level, strings, contexts
            progress.advance(1)
            contexts = np.pad(strings, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]

    def _probabilities(self, texts_NT: Ids) -> Floats:
        """Return the probability of every symbol of some texts by each order: (orders, texts, symbols)."""
        found = np.empty((self.order, *texts_NT.shape))
        below = np.full(texts_NT.shape, 1 / self.vocab_size)
        for order, (level, strings, contexts) in enumerate(self.find(texts_NT)):
            found[order], below = (
                tally.interpolate(
                    tally.counts[strings], tally.totals[contexts], tally.kinds[:, contexts], below
                )
                for tally in (level.occurrences, level.continuations)
            )
        return found
