"""Leaves: parameters, and lookup tables, whole or by rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim
from charlm.engine.expression import Expression, start
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import BadSample, Context, Leaf, Op, Sample
from charlm.engine.ops.arguments import batch_of, one_or_all
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.engine.types import Type
from charlm.errors import ShapeError
from charlm.kernels.tapes import Form, place


@dataclass(eq=False)
class ParameterLeaf(Leaf):
    """y = the parameter's value at the first evaluation."""

    parameter: Parameter

    def identity(self) -> tuple[Any, ...]:
        return self.parameter.dims, self.trains, self.parameter.storage.dtype

    def source(self) -> Parameter:
        return self.parameter

    def dim(self, *dims: Dim) -> Dim:
        return self.parameter.dims, 1

    def forward(self, ctx: Context) -> Array:
        """A later update does not change the result."""
        return self.parameter.read(ctx.reader)[np.newaxis].astype(ctx.dtype, copy=False)

    def leaf(self) -> Parameter | None:
        return self.parameter if self.trains else None

    def compiled(self, y: Type) -> Form | None:  # type: ignore[override]
        """Compiled code reads the numbers where they are."""
        return Form("given") if self.parameter.storage.dtype == np.float32 else None

    def receive(self, ctx: Context, dy: Array) -> None:
        self.parameter.add_gradient(dy[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(ParameterCollection().add_parameters((3, 2))))
        yield Sample(cls(ParameterCollection().add_parameters((3,)), trains=False))


@dataclass(eq=False)
class LookupLeaf(Leaf):
    """y = a whole lookup table, its rows along the last axis."""

    table: LookupParameter

    def identity(self) -> tuple[Any, ...]:
        return self.table.dims, self.table.rows, self.trains

    def source(self) -> LookupParameter:
        return self.table

    def dim(self, *dims: Dim) -> Dim:
        return (*self.table.dims, self.table.rows), 1

    def forward(self, ctx: Context) -> Array:
        """Return a copy: tables are updated in place."""
        return self.table.value[np.newaxis].astype(ctx.dtype)

    def leaf(self) -> LookupParameter | None:
        return self.table if self.trains else None

    def receive(self, ctx: Context, dy: Array) -> None:
        self.table.gradient += dy[0]

    def touch(self) -> None:
        if self.trains:
            self.table.touched[:] = True

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(ParameterCollection().add_lookup_parameters(3, (2,))))
        yield Sample(cls(ParameterCollection().add_lookup_parameters(3, (2, 4)), trains=False))


class LookupExpression(Expression):
    """Rows of a table whose ids can be replaced."""

    __slots__ = ()

    def set(self, index: int | Sequence[int]) -> None:
        """Replace the id (or, for a batch, the ids)."""
        graph = self.home()
        op = graph.op(self.index)
        assert isinstance(op, Lookup)
        ids = _ids(index)
        if len(ids) != len(op.ids):
            raise ShapeError(f"set: this lookup needs {len(op.ids)} ids, got {len(ids)}")
        op.table.check(np.array(ids))
        graph.set_data(self.index, Lookup(op.table, ids, op.update))


@dataclass(eq=False)
class Lookup(Op):
    """y = the rows ``ids`` of a table; several ids make a batch."""

    table: LookupParameter
    ids: tuple[int, ...]
    update: bool = True
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return self.table.serial, len(self.ids), self.update

    def integers(self) -> tuple[int, ...]:
        return self.ids

    def index_limit(self, *xs: Type) -> int:
        return self.table.rows

    def check_data(self, *dims: Dim) -> None:
        if max(self.ids, default=0) >= self.table.rows:
            self.table.check(np.array(self.ids))

    def dim(self, *dims: Dim) -> Dim:
        self.check_data()
        return self.table.dims, len(self.ids)

    def forward(self, ctx: Context) -> Array:
        if len(self.ids) == 1:
            (i,) = self.ids
            return self.table.value[i : i + 1].astype(ctx.dtype)
        return self.table.value[np.array(self.ids)].astype(ctx.dtype, copy=False)

    def leaf(self) -> LookupParameter | None:
        return self.table if self.update else None

    def receive(self, ctx: Context, dy: Array) -> None:
        if len(self.ids) == 1:
            (i,) = self.ids
            row = self.table.gradient[i : i + 1]
            row += dy
            return
        ids = np.array(self.ids)
        rows = self.table.gradient.reshape(self.table.rows, -1)
        ctx.kernels.scatter_add(rows, ids, dy.reshape(len(ids), -1))

    def touch(self) -> None:
        if self.update:
            for i in self.ids:
                self.table.touched[i] = True

    def compiled(self, y: Type) -> Form | None:  # type: ignore[override]
        value, gradient, touched = self.table.value, self.table.gradient, self.table.touched
        if value.dtype != np.float32:
            return None
        marks: int = touched.__array_interface__["data"][0]
        return Form("lookup", (place(value), y.size // y.batch, place(gradient), marks))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        table = ParameterCollection().add_lookup_parameters(3, (2,))
        yield Sample(cls(table, (1,)))
        yield Sample(cls(table, (1, 0, 1)))
        matrices = ParameterCollection().add_lookup_parameters(4, (2, 3))
        yield Sample(cls(matrices, (3, 3), update=False))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        table = ParameterCollection().add_lookup_parameters(3, (2,))
        yield BadSample(cls(table, (3,)), (), "row 3 of /_0 does not exist")
        yield BadSample(cls(table, (0, 4)), (), "row 4 of /_0 does not exist")


def lookup(
    graph: ComputationGraph, table: LookupParameter, index: int | Sequence[int], update: bool = True
) -> LookupExpression:
    """Return row ``index`` of a table, or a batch of rows for a sequence of ids."""
    return start(graph, Lookup(table, _ids(index), update), LookupExpression)


def _ids(index: int | Sequence[int]) -> tuple[int, ...]:
    if type(index) is int and index >= 0:
        return (index,)
    return batch_of(index if type(index) is list else one_or_all(index, "lookup"), "lookup")
