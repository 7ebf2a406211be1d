"""An n-gram model that goes on counting while it reads.

Each symbol is scored before it is counted, so the score is as honest as one without counting: it could be
used to encode the text, and a decoder could follow. What the counts were at each place is found for
the whole text at once: those of the training text, and how often the same string stands earlier in
this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charlm.baselines.ngram import Floats, Ints, Level, NGram, Tally, numbered
from charlm.text.vocab import Ids


def adaptive_probabilities(model: NGram, ids: Ids, begin: int = 0) -> Floats:
    """Return the probability of each symbol from ``begin`` on, by every order: (orders, symbols).

    The discounts stay those of the training text.

    Args:
        model: what was counted before ``begin``.
        ids: a text; what stands before ``begin`` is context only.
        begin: the place of the first symbol that is scored, and then counted.

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
    found = np.empty((model.order, len(ids)))
    below = np.full(len(ids), 1 / model.vocab_size)
    for k, order in enumerate(orders):
        found[k] = order.interpolate(order.level.occurrences, counted[k], below)
        if k + 1 < len(orders):
            # what follows this string's first place is one more continuation of the string without it
            new = counted[k + 1].events & (counted[k + 1].counts == 0)
            continued = order.counts(order.level.continuations, new)
            below = order.interpolate(order.level.continuations, continued, below)
    return found[:, begin - first :]


class _Places:
    """The places of a text by what stands there."""

    def __init__(self, numbers: Ints) -> None:
        self._sorted = np.argsort(numbers, kind="stable")
        values = numbers[self._sorted]
        firsts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
        self._firsts = np.repeat(firsts, np.diff(np.append(firsts, len(values))))

    def earlier(self, values: Ints) -> Ints:
        """Return, for each place, the sum of the values at earlier places where the same stands."""
        ordered = values[self._sorted].astype(np.int64)
        before = np.cumsum(ordered) - ordered
        found = np.empty_like(before)
        found[self._sorted] = before - before[self._firsts]
        return found


@dataclass(frozen=True)
class _Counted:
    """Where an order counted something, and how often each place's string had been counted before."""

    events: Ints
    counts: Ints


@dataclass(frozen=True)
class _Order:
    """One order's strings that end at each place, and their contexts: in the training text, and in this one."""

    level: Level
    strings: Ints
    contexts: Ints
    whole: Ints
    same_string: _Places
    same_context: _Places

    def counts(self, tally: Tally, events: Ints) -> _Counted:
        """Return how often each place's string had been counted, if it was at the places of the events."""
        return _Counted(events, tally.counts[self.strings] + self.same_string.earlier(events))

    def interpolate(self, tally: Tally, counted: _Counted, below: Floats) -> Floats:
        """Return the probabilities of the symbols as they were at their places."""
        events, counts = counted.events, counted.counts
        once, twice, often = (events & (counts == before) for before in range(3))
        changes = (once * 1 - twice, twice * 1 - often, often * 1)
        kinds = tally.kinds[:, self.contexts] + [self.same_context.earlier(c) for c in changes]
        totals = tally.totals[self.contexts] + self.same_context.earlier(events)
        return tally.interpolate(counts, totals, kinds, below)


def _orders(model: NGram, ids: Ids) -> list[_Order]:
    found = []
    same_context = _Places(np.zeros(len(ids), np.int64))
    for (level, strings_1T, contexts_1T), (_, numbers) in zip(
        model.find(ids[np.newaxis]), numbered(ids, model.vocab_size, model.order), strict=True
    ):
        here = np.append(np.full(len(ids) - len(numbers), -1), numbers)
        same_string = _Places(here)
        found.append(
            _Order(level, strings_1T[0], contexts_1T[0], here >= 0, same_string, same_context)
        )
        same_context = _Places(np.append(-1, here[:-1]))
    return found
