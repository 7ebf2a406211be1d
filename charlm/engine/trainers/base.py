"""What every trainer does; the rules themselves are in ``rules.py``.

A trainer reads a collection's accumulated gradients, clips them by their norm, applies its rule and
clears them. Of a lookup table only the rows used since the last update change (``sparse_updates``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, quietly
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.engine.trainers.one_call import OneCall
from charlm.errors import BadGradientError
from charlm.kernels import NUMPY, Kernels

Rows: TypeAlias = "Array | slice"
TableGradient: TypeAlias = tuple[LookupParameter, Rows, Array]
"""A table, the rows to update, and their gradients as one vector."""

SMALL = 8192
"""For a table of at most this many numbers, an update of all rows is faster than a copy of some."""

_is_updated = attrgetter("updated")


class Trainer:
    """Clipping, sparse updates and bookkeeping; a subclass gives the rule: as a kernel, or in ``apply``.

    Class variables:
        kernel: the name of the kernel that applies the rule.
        moments: names of the running averages that the rule keeps for each number.

    Attributes:
        apart: parameters that ``before_rule`` updates, and not the rule.
    """

    kernel: ClassVar[str]
    moments: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        collection: ParameterCollection,
        learning_rate: float,
        clip_threshold: float = 5.0,
        kernels: Kernels = NUMPY,
    ) -> None:
        self.collection = collection
        self.learning_rate = learning_rate
        self.clip_threshold = clip_threshold
        self.apart: tuple[Parameter, ...] = ()
        self.sparse_updates = True
        self.updates = 0
        self.clips = 0
        self.kernels = kernels
        # what ``_prepare`` computes
        self._prepared_for: list[object] = []
        self._averages: list[Array] = []  # of the flat parameters
        self._table_averages: dict[LookupParameter, list[Array]] = {}
        self._spans: list[tuple[int, int]] = []
        self._updated_spans: list[tuple[int, int]] = []
        self._one_call: OneCall | None = None

    def settings(self) -> tuple[float, ...]:
        """Return the numbers that ``kernel`` takes after the arrays."""
        return ()

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        """Change values and moments in place by the clipped gradient ``g``, which may be overwritten."""
        getattr(self.kernels, self.kernel)(values, g, *moments, *self.settings())

    def before_rule(self, scale: float) -> None:
        """Change parameters before the rule does, and update those that are ``apart``; most trainers do neither.

        Args:
            scale: a factor for the gradients, from clipping.
        """
        return

    def gradient_norm(self) -> float:
        """Return the Euclidean norm of all accumulated gradients of the collection."""
        self._prepare()
        # a norm that overflows is reported by update()
        return quietly(self._norm, [] if self._one_call else self.table_gradients())

    def update(self) -> float:
        """Apply the rule to every updated parameter, clear their gradients and return the norm before clipping.

        Raises:
            BadGradientError: the norm is NaN or infinite (with clipping on); nothing is changed.
        """
        return quietly(self._update)

    def _update(self) -> float:
        self._prepare()
        tables = [] if self._one_call else self.table_gradients()
        norm, scale = self._norm(tables), 1.0
        if self.clip_threshold > 0 and not norm <= self.clip_threshold:
            if not math.isfinite(norm):
                raise BadGradientError(
                    f"the norm of the gradient is {norm}; parameters and gradients are unchanged "
                    "(a smaller learning rate or a lower clipping threshold may help)"
                )
            self.clips += 1
            scale = self.clip_threshold / norm
        self.updates += 1
        values = self.collection.storage.writable()
        self.before_rule(scale)
        if self._one_call:
            self._one_call.step(self.collection.storage.place, self.settings(), scale)
        else:
            self._step(values, tables, scale)
        for parameter in self.collection.parameters:
            if parameter.updated:
                parameter.has_gradient = False
        return norm

    def _prepare(self) -> None:
        """Find out what there is to update, if that has changed since the last call."""
        collection, kernels, storage = self.collection, self.kernels, self.collection.storage
        parameters, lookups = collection.parameters, collection.lookups
        facts: list[object] = [kernels, storage.size, *map(_is_updated, parameters)]
        facts += map(_is_updated, lookups)
        if facts == self._prepared_for:
            return
        self._prepared_for = facts
        self._spans = _joined(parameters)
        self._updated_spans = _joined([p for p in parameters if p.updated and p not in self.apart])
        kept = self._averages or [np.zeros(0, storage.dtype)] * len(self.moments)
        self._averages = [_padded(average, storage.size) for average in kept]
        for table in lookups:
            if table not in self._table_averages:
                self._table_averages[table] = [np.zeros_like(table.value) for _ in self.moments]
        self._one_call = None
        if type(self).apply is Trainer.apply:
            self._one_call = OneCall.of(
                kernels,
                self.kernel,
                storage,
                (self._spans, self._updated_spans),
                self._averages,
                [(table, self._table_averages[table]) for table in lookups],
            )

    def table_gradients(self) -> list[TableGradient]:
        """Return the tables that have gradients.

        Where a rule keeps no moments, rows without a gradient do not change: then an update of all rows is faster
        than one of half of them, or than one of some rows of a small table.
        """
        used: list[TableGradient] = []
        for table in self.collection.lookups:
            (touched,) = table.touched.nonzero()
            enough: float = table.rows
            if not self.moments:
                enough = table.rows / 2 if table.size > SMALL else 1
            if not self.sparse_updates or len(touched) >= enough:
                used.append((table, slice(None), table.gradient.ravel()))
            elif len(touched):
                used.append((table, touched, table.gradient.take(touched, 0).ravel()))
        return used

    def _norm(self, tables: Sequence[TableGradient]) -> float:
        if self._one_call:
            return self._one_call.norm(self.sparse_updates)
        gradients, total = self.collection.storage.gradients, 0.0
        for start, stop in self._spans:
            total += self.kernels.squared_norm(gradients[start:stop])
        for _, _, g in tables:
            total += self.kernels.squared_norm(g)
        return float(np.sqrt(self.collection.storage.dtype.type(total)))

    def _step(self, values: Array, tables: Sequence[TableGradient], scale: float) -> None:
        gradients, moments = self.collection.storage.gradients, self._averages
        for start, stop in self._updated_spans:
            span = slice(start, stop)
            g = gradients[span]
            if scale != 1.0:
                g *= g.dtype.type(scale)
            self.apply(values[span], g, *[m[span] for m in moments])
            g.fill(0)
        for table, rows, g in tables:
            if not table.updated:
                continue
            if scale != 1.0:
                g = g * g.dtype.type(scale)
            wholes = [table.value, *self._table_averages[table]]
            if isinstance(rows, slice):
                self.apply(wholes[0].ravel(), g, *[m.ravel() for m in wholes[1:]])
            else:
                parts = [whole.take(rows, 0) for whole in wholes]
                self.apply(parts[0].ravel(), g, *[m.ravel() for m in parts[1:]])
                for whole, part in zip(wholes, parts, strict=True):
                    whole[rows] = part
            table.gradient[rows] = 0
            table.touched.fill(False)

    def restart(self, learning_rate: float | None = None) -> None:
        """Set all running averages to zero; the count of updates stays."""
        for moment in self.state().values():
            moment[...] = 0
        if learning_rate is not None:
            self.learning_rate = learning_rate

    def state(self) -> dict[str, Array]:
        """Return the running averages by name, for a checkpoint: ``m`` (flat) and ``m/<table>``."""
        self._prepare()
        averages = dict(zip(self.moments, self._averages, strict=True))
        for table in self.collection.lookups:
            for name, moment in zip(self.moments, self._table_averages[table], strict=True):
                averages[f"{name}{table.name}"] = moment
        return averages

    def restore(self, state: dict[str, Array], updates: int) -> None:
        """Continue from what ``state()`` returned."""
        for name, moment in self.state().items():
            moment[...] = state[name]
        self.updates = updates


def _joined(parameters: Sequence[Parameter]) -> list[tuple[int, int]]:
    """Return where parameters begin and end in the flat buffer, neighbours joined."""
    spans: list[tuple[int, int]] = []
    for parameter in parameters:
        start, stop = parameter.offset, parameter.offset + parameter.size
        if spans and spans[-1][1] == start:
            start, _ = spans.pop()
        if stop > start:
            spans.append((start, stop))
    return spans


def _padded(average: Array, size: int) -> Array:
    """Return an average with zeros for the parameters that were added."""
    if average.size == size:
        return average
    grown = np.zeros(size, average.dtype)
    grown[: average.size] = average
    return grown
