"""Sums, means, moments and deviations over chosen axes and the batch, and cumulative sums.

``axes`` are DyNet's, counted from the first; None means all of them. Reduced axes are removed; a result
without axes is a scalar of shape (1,).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, align
from charlm.engine.expression import Expression, Operand, apply, of_one
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import unsigned, unsigned_all
from charlm.engine.ops.shaping import axis_of
from charlm.engine.types import Type
from charlm.errors import ArgumentError, ShapeError
from charlm.kernels.tapes import Form

__all__ = [
    "cumsum",
    "mean_batches",
    "mean_dim",
    "mean_elems",
    "moment_batches",
    "moment_dim",
    "moment_elems",
    "std_batches",
    "std_dim",
    "std_elems",
    "sum_batches",
    "sum_dim",
    "sum_elems",
]


@dataclass(eq=False)
class Reduction(Op, abstract=True):
    """A statistic over some axes of each batch element, and over the batch if ``over_batch``."""

    axes: Shape | None = None
    over_batch: bool = False

    def dim(self, *dims: Dim) -> Dim:
        ((shape, batch),) = dims
        axes = range(len(shape)) if self.axes is None else self.axes
        for axis in axes:
            if axis >= len(shape):
                raise self.error(f"axis {axis} does not exist in shape {shape}")
        if len(set(axes)) < len(axes):
            raise self.error(f"an axis is named twice in {list(axes)}")
        if not axes and not self.over_batch:
            raise self.error("no axis is named; give one, or reduce the batch")
        left = tuple(n for i, n in enumerate(shape) if i not in axes)
        return left or (1,), 1 if self.over_batch else batch

    def places(self, x: Array) -> tuple[int, ...]:
        """Return the array axes that are removed."""
        axes = range(x.ndim - 1) if self.axes is None else self.axes
        return (0,) * self.over_batch + tuple(x.ndim - 1 - axis for axis in axes)

    def count(self, x: Array) -> int:
        """Return how many numbers each result is computed from."""
        return math.prod(x.shape[place] for place in self.places(x))

    def rows(self, x: Type) -> tuple[int, int] | None:
        """Return how many numbers each result is computed from, and the distance between two of them.

        None if a kept axis is between removed ones.
        """
        axes = range(len(x.shape)) if self.axes is None else self.axes
        count = inner = outer = 1
        for axis, n in enumerate((*x.shape, x.batch)):
            if axis in axes or (axis == len(x.shape) and self.over_batch):
                if outer > 1 and n > 1:
                    return None
                count *= n
            elif count > 1:
                outer *= n
            else:
                inner *= n
        return count, inner

    def total(self, x: Array) -> Array:
        """Return the sums, in the shape of the result."""
        places = self.places(x)
        sums = x.sum(axis=places, keepdims=True)
        left = [n for i, n in enumerate(x.shape) if i not in (0, *places)]
        return sums.reshape(len(sums), *(left or (1,)))

    def spread(self, y: Array, x: Array) -> Array:
        """Return the results, or their gradients, with axes of size 1 in place of the removed ones."""
        places = self.places(x)
        return y.reshape([1 if i in places else n for i, n in enumerate(x.shape)])

    @abstractmethod
    def slope(self, x: Array, y: Array) -> Array | float:
        """Return dy/dx; ``y`` has the rank of ``x``."""

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        dx = self.spread(dy, x) * self.slope(x, self.spread(y, x))
        return [np.broadcast_to(dx, x.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((4,), 1),))
        yield Sample(cls(), (((2, 3), 2),))
        yield Sample(cls((), True), (((2, 3), 3),))
        yield Sample(cls((0,)), (((2, 3), 2),))
        yield Sample(cls((1,)), (((2, 3), 2),))
        yield Sample(cls((2, 0)), (((2, 3, 2), 1),))
        yield Sample(cls((0,), True), (((2, 3), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls((1,)), (((3,), 1),), r"axis 1 does not exist in shape \(3,\)")
        yield BadSample(cls((0, 0)), (((2, 3), 1),), "named twice")
        yield BadSample(cls(()), (((2, 3), 1),), "no axis is named")


class SumOver(Reduction):
    """y = sum x."""

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        rows = self.rows(x)
        return Form("sum_over", rows) if rows else None

    def forward(self, ctx: Context, x: Array) -> Array:
        return self.total(x)

    def slope(self, x: Array, y: Array) -> float:
        return 1.0


@dataclass(eq=False)
class Moment(Reduction):
    """y = sum x^r / n, n the count of the numbers if not given; dx = r x^(r-1) / n. The mean for r = 1."""

    order: int = 1
    divisor: int = 0

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        rows = self.rows(x)
        return Form("moment", (*rows, self.order, 1 / (self.divisor or rows[0]))) if rows else None

    def forward(self, ctx: Context, x: Array) -> Array:
        return self.total(x**self.order) / (self.divisor or self.count(x))

    def slope(self, x: Array, y: Array) -> Array:
        return self.order / (self.divisor or self.count(x)) * x ** (self.order - 1)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls((0,), order=2), (((2, 3), 2),))
        yield Sample(cls((), True, order=3), (((2, 3), 3),))
        yield Sample(cls((0,), order=2, divisor=7), (((2, 3), 2),))


class StandardDeviation(Reduction):
    """y = sqrt(mean (x - mean x)^2); dx = (x - mean x) / (n y), and 0 where all x are equal."""

    def _centred(self, x: Array) -> Array:
        return x - self.spread(self.total(x), x) / self.count(x)

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.sqrt(self.total(np.square(self._centred(x))) / self.count(x))

    def slope(self, x: Array, y: Array) -> Array:
        """At y = 0 there is a kink, and the gradient is 0."""
        return self._centred(x) / (self.count(x) * np.where(y == 0, 1, y))


@dataclass(eq=False)
class CumulativeSum(Op):
    """y_i = x_1 + ... + x_i along an axis; dx_i = dy_i + dy_(i+1) + ..."""

    axis: int = 0

    def shape(self, x: Shape) -> Shape:
        """The axis may be one after the last, as in DyNet: then x does not change."""
        if self.axis > len(x):
            raise self.error(f"axis {self.axis} does not exist in shape {x}")
        return x

    def _along(self, x: Array) -> Array:
        return align(x, self.axis + 1)

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.cumsum(self._along(x), axis=axis_of(self.axis)).reshape(x.shape)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        place = axis_of(self.axis)
        backwards = np.flip(self._along(dy), place)
        return [np.flip(np.cumsum(backwards, axis=place), place).reshape(x.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(0), (((2, 3), 2),))
        yield Sample(cls(1), (((2, 3), 2),))
        yield Sample(cls(1), (((3,), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(2), (((3,), 1),), "axis 2 does not exist")


sum_elems = of_one(SumOver(), "sum_elems", "Return the sum of each batch element's numbers.")
mean_elems = of_one(Moment(), "mean_elems", "Return the mean of each batch element's numbers.")
sum_batches = of_one(SumOver((), True), "sum_batches", "Return the sum over the batch.")
mean_batches = of_one(Moment((), True), "mean_batches", "Return the mean over the batch.")


def moment_elems(x: Operand, r: int) -> Expression:
    """Return the mean of the r-th powers of each batch element's numbers."""
    return apply(Moment(order=_order(r, "moment_elems")), x)


def std_elems(x: Operand) -> Expression:
    """Return the standard deviation of each batch element's numbers, which divides by their count."""
    return apply(StandardDeviation(), x)


def moment_batches(x: Operand, r: int) -> Expression:
    """Return the mean of the r-th powers over the batch."""
    return apply(Moment((), True, _order(r, "moment_batches")), x)


def std_batches(x: Operand) -> Expression:
    """Return the standard deviation over the batch."""
    return apply(StandardDeviation((), True), x)


def sum_dim(x: Operand, d: Sequence[int], b: bool = False, n: int = 0) -> Expression:
    """Return the sum over the list ``d`` of axes, and over the batch if ``b``; DyNet ignores ``n``."""
    unsigned(n, "sum_dim")
    return apply(SumOver(_axes(d, "sum_dim"), bool(b)), x)


def mean_dim(x: Operand, d: Sequence[int], b: bool, n: int = 0) -> Expression:
    """Return the mean over the list ``d`` of axes, and over the batch if ``b``; ``n`` replaces the divisor."""
    return apply(Moment(_axes(d, "mean_dim"), bool(b), 1, unsigned(n, "mean_dim")), x)


def moment_dim(x: Operand, d: Sequence[int], r: int, b: bool, n: int = 0) -> Expression:
    """Return the mean of the r-th powers over the list ``d`` of axes, and over the batch if ``b``.

    ``n`` replaces the divisor.
    """
    where = "moment_dim"
    return apply(Moment(_axes(d, where), bool(b), _order(r, where), unsigned(n, where)), x)


def std_dim(x: Operand, d: Sequence[int], b: bool, n: int = 0) -> Expression:
    """Return the standard deviation over the list ``d`` of axes, and over the batch if ``b``; DyNet ignores ``n``."""
    unsigned(n, "std_dim")
    return apply(StandardDeviation(_axes(d, "std_dim"), bool(b)), x)


def cumsum(x: Operand, d: int = 0) -> Expression:
    """Return the sums up to each number along axis ``d``."""
    return apply(CumulativeSum(unsigned(d, "cumsum")), x)


def _axes(d: Sequence[int], where: str) -> Shape:
    if not isinstance(d, list):
        raise ArgumentError(f"{where}: a list of axes is needed, got {d!r}")
    return unsigned_all(d, where)


def _order(r: int, where: str) -> int:
    order = unsigned(r, where)
    if order == 0:
        raise ShapeError(f"{where}: a moment's order is 1 or more, got {r}")
    return order
