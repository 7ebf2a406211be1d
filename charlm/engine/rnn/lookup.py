"""A first layer on a lookup table: W x is computed once for each row of the table, not at each position.

This saves most of the input's arithmetic, forward and backward, if there are many more positions than rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim, show
from charlm.engine.expression import Expression, start
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.parameters import LookupParameter, ParameterCollection
from charlm.engine.rnn.cell import CELLS, Cell
from charlm.engine.rnn.recurrence import RecurrentSequence
from charlm.kernels.reference import EmbeddedInput, Input


@dataclass(frozen=True)
class Symbols:
    """The input of a layer: a node (I, rows) of a table, and the row at each position."""

    table: Expression
    ids_TB: Array


@dataclass(eq=False)
class LookupTable(Op):
    """y = all rows of a table; only those in ``ids_TB`` count as used."""

    table: LookupParameter
    ids_TB: Array
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return self.table.dims, self.table.rows

    def dim(self, *dims: Dim) -> Dim:
        self.check_data()
        return (*self.table.dims, self.table.rows), 1

    def check_data(self, *dims: Dim) -> None:
        self.table.check(self.ids_TB)

    def forward(self, ctx: Context) -> Array:
        """This is a copy: a later update does not change it."""
        return self.table.value[np.newaxis].astype(ctx.dtype)

    def leaf(self) -> LookupParameter:
        return self.table

    def receive(self, ctx: Context, dy: Array) -> None:
        """The gradient of an unused row is zero."""
        self.table.gradient += dy[0]

    def touch(self) -> None:
        self.table.touched[self.ids_TB] = True

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for rows, ids_TB in ((3, np.array([[0, 2], [1, 1]])), (4, np.array([[1]]))):
            table = ParameterCollection().add_lookup_parameters(rows, (2,))
            yield Sample(cls(table, ids_TB))


@dataclass(eq=False)
class LookupRecurrence(RecurrentSequence):
    """states[t] = cell(table[ids[t]], states[t-1]): a recurrent sequence whose x is a table (I, rows) and ids."""

    ids_TB: Array = None  # type: ignore[assignment]
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return self.cell, self.given, self.ids_TB.shape

    def dim(self, *dims: Dim) -> Dim:
        shape, batch = dims[0]
        T, B = self.ids_TB.shape
        if len(shape) != 2 or batch != 1:
            raise self.error(f"{self.cell.name}: a table is needed, got {show(dims[0])}")
        return super().dim(((shape[0], B, T), 1), *dims[1:])

    def input(self, x: Array) -> Input:
        return EmbeddedInput(x[0], self.ids_TB)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Three steps with states, four of one text without."""
        several, alone = np.array([[0, 1], [3, 3], [1, 0]]), np.array([[2], [0], [2], [1]])
        for cell in _readers():
            none, every = (False,) * cell.states, (True,) * cell.states
            for given, ids_TB in ((every, several), (none, alone)):
                dims = cls._dims(cell, ((2, 4), 1), ids_TB.shape[1], given)
                yield Sample(cls(cell, given, ids_TB=ids_TB), dims)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        for cell in _readers():
            every = (True,) * cell.states
            dims = cls._dims(cell, ((2, 2, 4), 1), 2, every)
            yield BadSample(
                cls(cell, every, ids_TB=np.zeros((4, 2), int)), dims, "a table is needed"
            )


def _readers() -> list[Cell]:
    return [cell for cell in (kind() for kind in CELLS.values()) if cell.reads_tables]


def symbols(graph: ComputationGraph, table: LookupParameter, ids_TB: Array) -> Symbols:
    """Return the input of a layer for a (T, B) matrix of ids."""
    return Symbols(start(graph, LookupTable(table, ids_TB)), ids_TB)
