"""An n-gram model that also counts the text that it scores.

Each symbol is scored before it is counted. So the probabilities could encode the text, and a decoder could
compute the same ones. The count of a string at each position is its count in the training text plus the number
of earlier occurrences in this text; both are computed for the whole text at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charlm.baselines.ngram import Floats, Ints, Level, NGram, Tally, numbered
from charlm.text.vocab import Ids


def adaptive_probabilities(model: NGram, ids: Ids, begin: int = 0) -> Floats:
    """Return the probability of each symbol from ``begin`` on, for every order: (orders, symbols).

    The discounts stay those of the training text.

    Args:
        model: the counts of the training text.
        ids: a text; the symbols before ``begin`` are only context.
        begin: the position of the first symbol that is scored and counted.

    Example:
        >>> model = NGram(np.array([0, 1] * 9), vocab_size=3, order=2)
        >>> adaptive_probabilities(model, np.array([2, 2, 2, 2]))[-1].round(2).tolist()
        [0.17, 0.17, 0.67, 0.67]
    """
    first = max(0, begin - model.order + 1)
    ids = ids[first:]
    scored = np.arange(len(ids)) >= begin - first
    orders = _orders(model, ids)
    counted = [order.counts(order.level.occurrences, scored & order.whole) for order in orders]
    probabilities = np.empty((model.order, len(ids)))
    below = np.full(len(ids), 1 / model.vocab_size)
    for k, order in enumerate(orders):
        probabilities[k] = order.interpolate(order.level.occurrences, counted[k], below)
        if k + 1 < len(orders):
            # the first occurrence of a string is a new continuation of the string without its first symbol
            new = counted[k + 1].events & (counted[k + 1].counts == 0)
            continued = order.counts(order.level.continuations, new)
            below = order.interpolate(order.level.continuations, continued, below)
    return probabilities[:, begin - first :]


class _Groups:
    """The positions of a text, grouped by the string that ends there."""

    def __init__(self, numbers: Ints) -> None:
        self._sorted = np.argsort(numbers, kind="stable")
        values = numbers[self._sorted]
        firsts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
        self._firsts = np.repeat(firsts, np.diff(np.append(firsts, len(values))))

    def earlier(self, values: Ints) -> Ints:
        """Return, for each position, the sum of the values at earlier positions of its group."""
        ordered = values[self._sorted].astype(np.int64)
        before = np.cumsum(ordered) - ordered
        sums = np.empty_like(before)
        sums[self._sorted] = before - before[self._firsts]
        return sums


@dataclass(frozen=True)
class _Counted:
    """The positions that an order counts, and the count of each position's string before it."""

    events: Ints
    counts: Ints


@dataclass(frozen=True)
class _Order:
    """One order's strings that end at each position, and their contexts, in the training text and in this one."""

    level: Level
    strings: Ints
    contexts: Ints
    whole: Ints
    same_string: _Groups
    same_context: _Groups

    def counts(self, tally: Tally, events: Ints) -> _Counted:
        """Return the count of each position's string before it, if the strings at ``events`` are counted."""
        return _Counted(events, tally.counts[self.strings] + self.same_string.earlier(events))

    def interpolate(self, tally: Tally, counted: _Counted, below: Floats) -> Floats:
        """Return the probability of each symbol at its position."""
        events, counts = counted.events, counted.counts
        once, twice, often = (events & (counts == before) for before in range(3))
        changes = (once * 1 - twice, twice * 1 - often, often * 1)
        kinds = tally.kinds[:, self.contexts] + [self.same_context.earlier(c) for c in changes]
        totals = tally.totals[self.contexts] + self.same_context.earlier(events)
        return tally.interpolate(counts, totals, kinds, below)


def _orders(model: NGram, ids: Ids) -> list[_Order]:
    orders = []
    same_context = _Groups(np.zeros(len(ids), np.int64))
    for (level, strings_1T, contexts_1T), (_, numbers) in zip(
        model.find(ids[np.newaxis]), numbered(ids, model.vocab_size, model.order), strict=True
    ):
        here = np.append(np.full(len(ids) - len(numbers), -1), numbers)
        same_string = _Groups(here)
        orders.append(
            _Order(level, strings_1T[0], contexts_1T[0], here >= 0, same_string, same_context)
        )
        same_context = _Groups(np.append(-1, here[:-1]))
    return orders
