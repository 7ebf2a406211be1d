"""Character n-grams with interpolated modified Kneser-Ney smoothing.

The model is that of Chen and Goodman ("An empirical study of smoothing techniques for language modeling", 1998,
section 3): at each order, the probability of the symbol w after the context h is

    p(w | h) = max(c(h w) - D(c(h w)), 0) / c(h) + lambda(h) p(w | h without its first character)

D is a discount: one for symbols that occur once after h, one for twice, and one for more. lambda(h) is the probability
that the discounts removed. The highest order uses counts of occurrences. A lower order uses continuation counts: the
number of different characters that occur before a string. Below the unigrams all symbols are equally likely, so no
symbol is impossible.

Strings of k characters that occur are numbered in sorted order. Their sort key combines the number of the first k - 1
characters with the last symbol. So everything is sorting, counting and searching in whole arrays.
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
"""On a megabyte of English, order 7 is the best; longer strings are too rare."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[Any]
Discounts = tuple[float, float, float]

FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""The discounts if they cannot be estimated; KenLM uses the same."""


def discounts(counts: npt.NDArray[Any]) -> Discounts:
    """Return the discounts for a count of one, of two, and of three or more.

    They are estimated from the number of strings that occur once, twice, three and four times (Chen and Goodman
    1998, equation 17). If one of these numbers is 0 or a discount would not be positive, ``FALLBACK`` is returned.

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
    estimates = (1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
    return estimates if min(estimates) > 0 else FALLBACK


def numbered(ids: Ids, vocab_size: int, order: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield for each order the sorted strings, and the number of the string that ends at each position.

    Example:
        >>> for strings, numbers in numbered(np.array([0, 1, 0, 1]), vocab_size=2, order=2):
        ...     strings.tolist(), numbers.tolist()
        ([0, 1], [0, 1, 0, 1])
        ([1, 2], [0, 1, 0])
    """
    numbers, count = np.zeros(len(ids) + 1, np.int64), 1
    done = 0
    while done < order:
        # extend the strings by as many symbols at once as a number of 63 bits can hold
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
    """The counts of one order. The last entry of each array is 0, for strings that do not occur.

    Attributes:
        discounts: for counts of one, of two, and of more.
        counts: the count of each string.
        totals: for each context, the sum over the symbols that follow it.
        kinds: how many symbols follow each context once, twice, and more often; (3, contexts + 1).
    """

    def __init__(self, counts: Ints, contexts_of: Ints, contexts: int) -> None:
        def summed(what: Ints | None = None, chosen: Any = slice(None)) -> Ints:
            return np.bincount(contexts_of[chosen], what, contexts + 1).astype(np.int32)

        self.discounts = discounts(counts)
        self.counts = np.append(counts, 0).astype(np.int32)
        self.totals = summed(counts)
        kinds = (counts == 1, counts == 2, counts > 2)
        self.kinds = np.stack([summed(chosen=kind) for kind in kinds])

    def interpolate(self, counts: Ints, totals: Ints, kinds: Ints, below: Floats) -> Floats:
        """Return the probabilities of symbols from their counts and the probabilities of the order below."""
        discount = np.array([0.0, *self.discounts])
        positive = np.maximum(totals, 1)
        left = np.where(totals > 0, np.tensordot(discount[1:], kinds, 1) / positive, 1.0)
        result: Floats = (counts - discount[np.minimum(counts, 3)]) / positive + left * below
        return result


@dataclass
class Level:
    """One order: its strings, and their counts as the highest order and as a lower one."""

    strings: Ints
    occurrences: Tally
    continuations: Tally


class NGram:
    """The models of every order up to ``order`` on one text; they share all levels but the highest.

    Args:
        ids: the text that is counted, with at least one character.
        vocab_size: the number of symbols; those that do not occur share the rest of the probability.
        order: the number of characters in the longest strings; their contexts have one less.

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
        """Return the probability of each symbol from ``begin`` on, given those before it: (orders, symbols).

        The first row belongs to the unigram model, the last to ``order``.
        """
        first = max(0, begin - self.order + 1)
        return self._probabilities(ids[np.newaxis, first:])[:, 0, begin - first :]

    def distributions(self, contexts_NT: Ids) -> Floats:
        """Return the probabilities of all symbols after each context: (orders, contexts, symbols)."""
        count, length = contexts_NT.shape
        texts = np.empty((count, self.vocab_size, length + 1), np.int64)
        texts[..., :-1] = contexts_NT[:, np.newaxis]
        texts[..., -1] = np.arange(self.vocab_size)
        last = self._probabilities(texts.reshape(-1, length + 1))[..., -1]
        return last.reshape(-1, count, self.vocab_size)

    def find(self, texts_NT: Ids) -> Iterator[tuple[Level, Ints, Ints]]:
        """Yield for each order the number of the string that ends at each symbol, and of its context.

        It is -1 for a string that does not occur in the training text or begins before the text.
        """
        contexts = np.zeros(texts_NT.shape, np.int64)
        for level in self.levels:
            keys = np.where(contexts < 0, -1, contexts * self.vocab_size + texts_NT)
            places = np.searchsorted(level.strings, keys)
            occurs = level.strings[np.minimum(places, len(level.strings) - 1)] == keys
            strings = np.where(occurs, places, -1)
            yield level, strings, contexts
            progress.advance(1)
            contexts = np.pad(strings, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]

    def _probabilities(self, texts_NT: Ids) -> Floats:
        """Return the probability of every symbol of some texts for each order: (orders, texts, symbols)."""
        probabilities = np.empty((self.order, *texts_NT.shape))
        below = np.full(texts_NT.shape, 1 / self.vocab_size)
        for order, (level, strings, contexts) in enumerate(self.find(texts_NT)):
            probabilities[order], below = (
                tally.interpolate(
                    tally.counts[strings], tally.totals[contexts], tally.kinds[:, contexts], below
                )
                for tally in (level.occurrences, level.continuations)
            )
        return probabilities
