"""Slices of an expression along several axes at once, chosen rows and columns, and ``x[...]``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import each, integer, unsigned_all
from charlm.engine.ops.picking import Pick, PickExpression
from charlm.engine.types import Type
from charlm.errors import MisuseError, OutOfRangeError
from charlm.kernels.tapes import Form

__all__ = ["select_cols", "select_rows", "strided_select"]

Range: TypeAlias = "tuple[int, int | None, int]"
"""Start, stop (None: the end) and step along one axis."""

EVERYTHING: Range = (0, None, 1)


def sizes_of(x: Type) -> Shape:
    """Return the sizes of all axes, the batch last."""
    return (*x.shape, x.batch)


@dataclass(eq=False)
class StridedSelect(Op):
    """y = x[start:stop:step, ...], a range for each axis; the range after the last axis is for the batch."""

    ranges: tuple[Range, ...] = ()
    is_view = True

    def dim(self, *dims: Dim) -> Dim:
        ((shape, batch),) = dims
        if len(self.ranges) > len(shape) + 1:
            raise self.error(f"{len(self.ranges)} slices for {show(dims[0])}, batch included")
        missing = len(shape) + 1 - len(self.ranges)
        sizes = (*shape, batch)
        lengths = [
            self._length(axis, size, *asked)
            for axis, (size, asked) in enumerate(
                zip(sizes, self.ranges + (EVERYTHING,) * missing, strict=True)
            )
        ]
        if lengths[-1] == 0:
            raise self.error("a batch cannot be empty")
        return tuple(lengths[:-1]), lengths[-1]

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """Consecutive numbers on one axis, which may be the batch."""
        cut = [i for i, (a, b) in enumerate(zip(sizes_of(x), sizes_of(y), strict=True)) if a != b]
        if not cut:
            return Form("part", (0, 0, y.size))
        start, _, step = self.ranges[cut[0]]
        if len(cut) > 1 or step > 1:
            return None
        inner = math.prod(x.shape[: cut[0]])
        whole, part = inner * sizes_of(x)[cut[0]], inner * sizes_of(y)[cut[0]]
        return Form("part", (inner * start, whole, part))

    def _length(self, axis: int, size: int, start: int, stop: int | None, step: int) -> int:
        stop = size if stop is None else stop
        if not (0 <= start < size and 0 < stop <= size and start != stop and step > 0):
            raise self.error(
                f"{start}:{stop}:{step} is not a slice of axis {axis} of size {size}: "
                "0 <= start < size, 0 < stop <= size, start != stop and a step of 1 or more are "
                "needed"
            )
        return len(range(start, stop, step))

    def _place(self, x: Array) -> tuple[slice, ...]:
        missing = x.ndim - len(self.ranges)
        *axes, batch = [slice(*r) for r in self.ranges + (EVERYTHING,) * missing]
        return (batch, *reversed(axes))

    def forward(self, ctx: Context, x: Array) -> Array:
        return x[self._place(x)]

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        target = dx[self._place(dx)]
        target += dy

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(((1, 3, 1),)), (((4,), 1),))
        yield Sample(cls(((0, None, 2),)), (((4, 2), 2),))
        yield Sample(cls(((1, 2, 1), (0, 3, 2))), (((2, 3), 2),))
        yield Sample(cls((EVERYTHING, EVERYTHING, (0, None, 2))), (((2, 3), 3),))
        yield Sample(cls(), (((2, 3), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        for asked in ((-1, None, 1), (3, None, 1), (0, 4, 1), (0, -1, 1), (1, 1, 1), (0, 3, 0)):
            yield BadSample(cls((asked,)), (((3,), 1),), "is not a slice of axis 0 of size 3")
        yield BadSample(cls((EVERYTHING, (0, 2, 1))), (((3,), 1),), "axis 1 of size 1")
        yield BadSample(cls((EVERYTHING,) * 3), (((3,), 1),), "3 slices")
        yield BadSample(cls((EVERYTHING, (1, 1, 1))), (((3,), 3),), "is not a slice of axis 1")
        yield BadSample(cls((EVERYTHING, (2, 1, 1))), (((3,), 3),), "a batch cannot be empty")


class Select(Op, abstract=True):
    """y = the slices ``indices`` along one axis, in that order; an index may be repeated."""

    indices: tuple[int, ...]
    axis: int
    is_view = True

    def shape(self, x: Shape) -> Shape:
        size = x[self.axis]
        for index in self.indices:
            if not 0 <= index < size:
                raise self.error(
                    f"index {index} is outside axis {self.axis} of size {size} (0 to {size - 1})"
                )
        return (*x[: self.axis], len(self.indices), *x[self.axis + 1 :])

    def integers(self) -> tuple[int, ...]:
        return self.indices

    def index_limit(self, *xs: Type) -> int:
        return xs[0].shape[self.axis]

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """All numbers of an index, in each part of the later axes; the tape has the indices."""
        inner = math.prod(x.shape[: self.axis])
        return Form("select", (inner * x.shape[self.axis], inner))

    def _place(self) -> tuple[Any, ...]:
        return (..., np.asarray(self.indices, int), *(slice(None),) * self.axis)

    def forward(self, ctx: Context, x: Array) -> Array:
        return x[self._place()]

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        """An index may be repeated."""
        np.add.at(dx, self._place(), dy)


@dataclass(eq=False)
class SelectRows(Select):
    """y = the rows ``indices`` of x, in that order; a row may be repeated."""

    indices: tuple[int, ...] = (0,)
    axis = 0

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((2, 0)), (((3,), 1),))
        yield Sample(cls((1, 0, 1)), (((2, 3), 2),))
        yield Sample(cls((1,)), (((2, 3, 2), 1),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls((0, 2)), (((2, 3), 1),), "index 2 is outside axis 0 of size 2")


@dataclass(eq=False)
class SelectCols(Select):
    """y = the columns ``indices`` of a matrix, in that order; a column may be repeated."""

    indices: tuple[int, ...] = (0,)
    axis = 1

    def shape(self, x: Shape) -> Shape:
        if len(x) != 2:
            raise self.error(f"a matrix is needed, got shape {x}")
        return super().shape(x)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((2, 0, 2)), (((2, 3), 1),))
        yield Sample(cls((1,)), (((2, 3), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls((3,)), (((2, 3), 1),), "index 3 is outside axis 1 of size 3")
        yield BadSample(cls((0,)), (((3,), 1),), "a matrix is needed")


def strided_select(
    x: Operand, strides: Sequence[int], range_from: Sequence[int], range_to: Sequence[int]
) -> Expression:
    """Return ``x[from:to:stride]`` for each axis, the batch last; axes without an entry stay whole."""
    starts, ends, steps = (
        [integer(n, "strided_select") for n in each(numbers, "strided_select", "whole numbers")]
        for numbers in (range_from, range_to, strides)
    )
    ranges = (
        (0 if start is None else start, end, 1 if step is None else step)
        for start, end, step in zip_longest(starts, ends, steps)
    )
    return apply(StridedSelect(tuple(ranges)), x)


def select_rows(x: Operand, rs: Sequence[int]) -> Expression:
    """Return the rows ``rs``, in that order."""
    return apply(SelectRows(unsigned_all(rs, "select_rows")), x)


def select_cols(x: Operand, cs: Sequence[int]) -> Expression:
    """Return the columns ``cs`` of a matrix, in that order."""
    return apply(SelectCols(unsigned_all(cs, "select_cols")), x)


def getitem(x: Operand, key: Any) -> Expression:
    """Return ``x[key]``: an int picks along the first axis; slices select a range of each axis.

    Only an int may be negative, to count from the end, as in DyNet. In a tuple, the slice after the last
    axis is for the batch.
    """
    if isinstance(key, int):
        x = x.node(x.home())
        size = x.dim()[0][0]
        if not -size <= key < size:
            raise OutOfRangeError(
                f"index {key} is outside axis 0 of size {size} ({-size} to {size - 1})"
            )
        return apply(Pick(key % size), x, kind=PickExpression)
    keys = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(k, slice) for k in keys):
        raise MisuseError(
            f"an expression is indexed by an int, a slice or a tuple of slices, got {key!r}"
        )
    ranges = tuple(_range(k) for k in keys)
    if isinstance(key, tuple) and any(step <= 0 for _, _, step in ranges):
        raise OutOfRangeError(f"the steps of slices must be 1 or more, got {key!r}")
    return apply(StridedSelect(ranges), x)


def _range(key: slice) -> Range:
    where = "x[start:stop:step]"
    return (
        0 if key.start is None else integer(key.start, where),
        None if key.stop is None else integer(key.stop, where),
        1 if key.step is None else integer(key.step, where),
    )
