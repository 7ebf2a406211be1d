"""What every trainer does; the rules themselves are in ``rules.py``.

A trainer reads a collection's accumulated gradients, clips them by their norm, applies its rule and
clears them. Of a lookup table only the rows used since the last update are touched
(``sparse_updates``).
"""

from __future__ import annotations

import math
from typing import ClassVar, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, quietly
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.engine.trainers.one_call import OneCall
from charlm.errors import BadGradientError
from charlm.kernels import NUMPY, Kernels

Rows: TypeAlias = Array | slice

SMALL = 8192
"""Numbers of a table that take less time than it takes numpy to copy rows and put them back."""


class Trainer:
    """Clipping, sparse updates and bookkeeping; a subclass gives the rule: as a kernel, or in ``apply``.

    Class variables:
        kernel: the name of the kernel that makes the step.
        moments: names of the running averages that the rule keeps for each number.
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
        self.sparse_updates = True
        self.updates = 0
        self.clips = 0
        self.kernels = kernels
        self._flat: dict[str, Array] = {}
        self._tables: dict[str, dict[str, Array]] = {}
        self._seen: list[object] = []
        self._spans: list[tuple[int, int]] = []
        self._updated_spans: list[tuple[int, int]] = []
        self._one_call: OneCall | None = None

    def settings(self) -> tuple[float, ...]:
        """Return what ``kernel`` takes behind the arrays."""
        return ()

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        """Change values and moments in place by the clipped gradient ``g``, which may be overwritten."""
        getattr(self.kernels, self.kernel)(values, g, *moments, *self.settings())

    def decay(self) -> None:
        """Change the parameters before the rule does, whatever their gradients; most trainers do not."""
        return

    def gradient_norm(self) -> float:
        """Return the Euclidean norm of all accumulated gradients of the collection."""
        self._look()
        # a norm that overflows is reported by update()
        return quietly(self._norm, self._table_gradients())

    def update(self) -> float:
        """Apply the rule to every updated parameter, clear their gradients and return the norm before clipping.

        Raises:
            BadGradientError: the norm is NaN or infinite (with clipping on); nothing is changed.
        """
        return quietly(self._update)

    def _update(self) -> float:
        self._look()
        of_tables = self._table_gradients()
        norm = self._norm(of_tables)
        scale = self._clipping(norm)
        self.updates += 1
        storage = self.collection.storage
        values = storage.writable()
        self.decay()
        if self._one_call:
            self._one_call.step(storage.place, self.settings(), scale)
        else:
            self._step(values, of_tables, scale)
        for parameter in self.collection.parameters:
            if parameter.updated:
                parameter.has_gradient = False
        return norm

    def _look(self) -> None:
        """Find out anew what there is to update, if that is not what it was."""
        collection, kernels, storage = self.collection, self.kernels, self.collection.storage
        parameters, lookups = collection.parameters, collection.lookups
        seen: list[object] = [p.updated for p in parameters]
        seen += kernels, storage.size, *[t.updated for t in lookups]
        if seen == self._seen:
            return
        self._seen = seen
        self._spans = _joined(parameters)
        self._updated_spans = _joined([p for p in parameters if p.updated])
        self._one_call = None
        if type(self).apply is Trainer.apply:
            self._one_call = OneCall.of(
                kernels,
                self.kernel,
                storage,
                (self._spans, self._updated_spans),
                self._flat_moments(),
                [(table, self._table_moments(table)) for table in lookups],
            )

    def _norm(self, of_tables: list[tuple[LookupParameter, Rows, Array]]) -> float:
        if self._one_call:
            return self._one_call.norm(self.sparse_updates)
        gradients, total = self.collection.storage.gradients, 0.0
        for start, stop in self._spans:
            total += self.kernels.squared_norm(gradients[start:stop])
        for _, _, g in of_tables:
            total += self.kernels.squared_norm(g.ravel())
        return float(np.sqrt(self.collection.dtype.type(total)))

    def _step(
        self, values: Array, of_tables: list[tuple[LookupParameter, Rows, Array]], scale: float
    ) -> None:
        gradients, moments = self.collection.storage.gradients, self._flat_moments()
        for start, stop in self._updated_spans:
            g = gradients[start:stop]
            if scale != 1.0:
                g *= g.dtype.type(scale)
            self.apply(values[start:stop], g, *[m[start:stop] for m in moments])
            g.fill(0)
        for table, rows, g in of_tables:
            if table.updated:
                self._update_table(table, rows, g, scale)

    def restart(self, learning_rate: float | None = None) -> None:
        """Set all running averages to zero; the count of updates stays."""
        for moment in self._flat.values():
            moment[...] = 0
        for table in self._tables.values():
            for moment in table.values():
                moment[...] = 0
        if learning_rate is not None:
            self.learning_rate = learning_rate

    def state(self) -> dict[str, Array]:
        """Return the running averages by name, for a checkpoint: ``m`` (flat) and ``m/<table>``."""
        flat = dict(zip(self.moments, self._flat_moments(), strict=True))
        for table in self.collection.lookups:
            for name, moment in zip(self.moments, self._table_moments(table), strict=True):
                flat[f"{name}{table.name}"] = moment
        return flat

    def restore(self, state: dict[str, Array], updates: int) -> None:
        """Continue from what ``state()`` returned."""
        for name, moment in self.state().items():
            moment[...] = state[name]
        self.updates = updates

    def _clipping(self, norm: float) -> float:
        if self.clip_threshold <= 0:
            return 1.0
        if not math.isfinite(norm):
            raise BadGradientError(
                f"the norm of the gradient is {norm}; parameters and gradients are unchanged "
                "(a smaller learning rate or a lower clipping threshold may help)"
            )
        if norm <= self.clip_threshold:
            return 1.0
        self.clips += 1
        return self.clip_threshold / norm

    def _update_table(self, table: LookupParameter, rows: Rows, g: Array, scale: float) -> None:
        if scale != 1.0:
            g = g * g.dtype.type(scale)
        changed = [table.value, *self._table_moments(table)]
        parts = [_taken(whole, rows) for whole in changed]
        values, *moments = [part.ravel() for part in parts]
        self.apply(values, g.ravel(), *moments)
        if not isinstance(rows, slice):  # otherwise the parts are the tables themselves
            for whole, part in zip(changed, parts, strict=True):
                whole[rows] = part
        table.gradient[rows] = 0
        table.touched.fill(False)

    def _table_gradients(self) -> list[tuple[LookupParameter, Rows, Array]]:
        """Return each table that has gradients, the rows to update and their gradients; compiled code finds its own."""
        if self._one_call:
            return []
        found = [(table, self._rows(table)) for table in self.collection.lookups]
        return [(t, rows, _taken(t.gradient, rows)) for t, rows in found if rows is not None]

    def _rows(self, table: LookupParameter) -> Rows | None:
        """Return the rows to update, None if there are none.

        Where a rule keeps no moments, rows without a gradient stay as they are: all rows are quicker than half of them,
        or than some of a small table.
        """
        (touched,) = table.touched.nonzero()
        enough: float = table.rows
        if not self.moments:
            enough = table.rows / 2 if table.size > SMALL else 1
        if not self.sparse_updates or len(touched) >= enough:
            return slice(None)
        return touched if len(touched) else None

    def _flat_moments(self) -> list[Array]:
        storage = self.collection.storage
        for name in self.moments:
            moment = self._flat.get(name)
            if (
                moment is None or moment.size != storage.size
            ):  # parameters were added: they start at zero
                grown = np.zeros(storage.size, storage.dtype)
                if moment is not None:
                    grown[: moment.size] = moment
                self._flat[name] = grown
        return [self._flat[name] for name in self.moments]

    def _table_moments(self, table: LookupParameter) -> list[Array]:
        if table.name not in self._tables:
            self._tables[table.name] = {name: np.zeros_like(table.value) for name in self.moments}
        return list(self._tables[table.name].values())


def _joined(parameters: list[Parameter]) -> list[tuple[int, int]]:
    """Return where parameters begin and end in the flat buffer, neighbours joined."""
    found: list[tuple[int, int]] = []
    for parameter in parameters:
        start, stop = parameter.offset, parameter.offset + parameter.size
        if found and found[-1][1] == start:
            start, _ = found.pop()
        if stop > start:
            found.append((start, stop))
    return found


def _taken(table: Array, rows: Rows) -> Array:
    """Return all rows as they are, or a copy of some."""
    return table[rows] if isinstance(rows, slice) else table.take(rows, 0)
