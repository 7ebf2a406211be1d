"""Sums, products and powers of expressions.

``+``, ``-`` and ``cmult`` align axes from the first, as DyNet does. Each pair of sizes must be equal or
contain a 1; missing trailing axes count as 1. So a vector is added to every column of a matrix.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from charlm.engine.arrays import Array, Shape, align
from charlm.engine.expression import Expression, apply, of_several, of_two
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import members
from charlm.engine.types import Type
from charlm.kernels.tapes import ALL_LIKE_FIRST, MOST_ARGUMENTS, Form

__all__ = ["cdiv", "cmult", "esum", "pow"]


def broadcast_shape(op: Op, x1: Shape, x2: Shape) -> Shape:
    """Return the shape of ``x1 + x2``; raise the op's error if two sizes differ and neither is 1."""
    if x1 == x2:
        return x1
    rank = max(len(x1), len(x2))
    xs, ys = x1 + (1,) * (rank - len(x1)), x2 + (1,) * (rank - len(x2))
    if any(a != b and a != 1 and b != 1 for a, b in zip(xs, ys, strict=True)):
        raise op.error(f"sizes must be equal or 1 along each axis, got {x1} and {x2}")
    return tuple([b if a == 1 else a for a, b in zip(xs, ys, strict=True)])


def repetition(x: Type, y: Type) -> tuple[int, int] | None:
    """Return ``(times, numbers)`` if broadcasting x to y repeats each part of this many numbers this many times.

    None if broadcasting is not as simple.

    Example:
        >>> repetition(Type.of(((2,), 5), False), Type.of(((2, 3), 5), False))
        (3, 2)
    """
    inner = times = outer = 1
    sizes = (*x.shape, *[1] * (len(y.shape) - len(x.shape)), x.batch)
    for n, size in zip(sizes, (*y.shape, y.batch), strict=False):
        if n != size:
            if outer > 1:
                return None
            times *= size
        elif times > 1:
            outer *= n
        else:
            inner *= n
    return times, inner


def form_of_pair(code: str, y: Type, x1: Type, x2: Type) -> Form | None:
    """Return the form of a function of two numbers, applied to each pair."""
    repeats = repetition(x1, y), repetition(x2, y)
    return Form(code, (*repeats[0], *repeats[1])) if repeats[0] and repeats[1] else None


class Broadcasting(Op, abstract=True):
    """An operation on two tensors; either may be broadcast.

    Class variables:
        code: the name of its compiled form.
    """

    code: ClassVar[str]

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        return broadcast_shape(self, x1, x2)

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        return form_of_pair(self.code, y, x1, x2)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        low, high = (0.5, 2.0)
        yield Sample(cls(), (((3,), 1), ((3,), 1)), low, high)
        yield Sample(cls(), (((2, 3), 1), ((2,), 2)), low, high)
        yield Sample(cls(), (((2,), 2), ((1, 3), 1)), low, high)
        yield Sample(cls(), (((2, 3), 2), ((2,), 2)), low, high)
        yield Sample(cls(), (((2, 3, 2), 1), ((1, 3), 2)), low, high)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1)), r"got \(3,\) and \(2,\)")
        yield BadSample(cls(), (((3,), 2), ((3,), 3)), "batch sizes must be equal or 1")


def _aligned(x1: Array, x2: Array) -> tuple[Array, Array]:
    if x1.ndim == x2.ndim:
        return x1, x2
    rank = max(x1.ndim, x2.ndim) - 1
    return align(x1, rank), align(x2, rank)


class Add(Broadcasting):
    """y = x1 + x2."""

    code = "add"

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        if x1.ndim != x2.ndim:
            x1, x2 = _aligned(x1, x2)
        return x1 + x2

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        return [dy, dy]


class CMult(Broadcasting):
    """y = x1 x2, element-wise."""

    code = "c_mult"

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        x1, x2 = _aligned(x1, x2)
        return x1 * x2

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        x1, x2 = _aligned(x1, x2)
        return [dy * x2, dy * x1]


class CDiv(Op):
    """y = x1 / x2, element-wise; only x2 may be broadcast."""

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        padded = x2 + (1,) * (len(x1) - len(x2))
        if len(x2) > len(x1) or any(b not in (a, 1) for a, b in zip(x1, padded, strict=True)):
            raise self.error(f"the divisor's sizes must equal the dividend's or 1, got {x1} / {x2}")
        return x1

    def dim(self, *dims: tuple[Shape, int]) -> tuple[Shape, int]:
        """A batch of divisors for one dividend is an error, as in DyNet."""
        (_, x_batch), (_, y_batch) = dims
        if y_batch not in (x_batch, 1):
            raise self.error(f"the divisor's batch size must be {x_batch} or 1, got {y_batch}")
        return super().dim(*dims)

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        return form_of_pair("c_div", y, x1, x2)

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        return x1 / align(x2, x1.ndim - 1)

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        x2 = align(x2, x1.ndim - 1)
        return [dy / x2, -dy * y / x2]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Away from division by zero."""
        yield Sample(cls(), (((3,), 1), ((3,), 1)), 0.5, 2.0)
        yield Sample(cls(), (((2, 3), 2), ((2,), 1)), 0.5, 2.0)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((1,), 1), ((3,), 1)), r"got \(1,\) / \(3,\)")
        yield BadSample(cls(), (((3,), 1), ((3,), 2)), "batch size must be 1")


class Pow(Op):
    """y = x1^x2 for one exponent x2; dy/dx2 = y ln x1, summed, and 0 where y is 0."""

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        """The base's shape without trailing ones, as in DyNet."""
        if int(np.prod(x2)) != 1:
            raise self.error(f"the exponent must be one number, got shape {x2}")
        return without_trailing_ones(x1)

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        y = np.power(x1, x2.reshape(len(x2), *(1,) * (x1.ndim - 1)))
        return y.reshape(len(y), *reversed(without_trailing_ones(x1.shape[:0:-1])))

    def backward(
        self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array
    ) -> list[Array | None]:
        exponent = x2.reshape(len(x2), *(1,) * (x1.ndim - 1))
        dy, y = (a.reshape(len(a), *x1.shape[1:]) for a in (dy, y))
        # at x1 = 0 these would be 0 times infinity
        dx = dy * np.where(exponent == 0, 0, exponent * np.power(x1, exponent - 1))
        if not ctx.needs[1]:
            return [dx, None]
        per_item = (dy * np.where(y == 0, 0, y * np.log(x1))).reshape(len(y), -1).sum(axis=1)
        return [dx, per_item.reshape(len(y), *(1,) * (x2.ndim - 1))]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((1,), 1)), 0.5, 2.0)
        yield Sample(cls(), (((2, 1, 1), 2), ((1,), 2)), 0.5, 2.0)
        yield Sample(cls(), (((2, 3), 2), ((1,), 1)), 0.5, 2.0)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((3,), 1)), "must be one number")


class Sum(Op):
    """y = x1 + x2 + ...; shapes are equal up to trailing ones, batches broadcast."""

    def shape(self, *xs: Shape) -> Shape:
        first = xs[0]
        for x in xs:
            if x != first and without_trailing_ones(x) != without_trailing_ones(first):
                raise self.error(f"shapes must be equal, got {', '.join(map(str, xs))}")
        return first

    def forward(self, ctx: Context, *xs: Array) -> Array:
        shape, *others = [x.shape for x in xs]
        if others.count(shape) == len(others):
            return np.add.reduce(np.concatenate(xs).reshape(len(xs), *shape))
        rest = xs[0].shape[1:]
        total = xs[0]
        for x in xs[1:]:
            total = total + (x if x.shape[1:] == rest else x.reshape(len(x), *rest))
        return total

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        return [dy if x.ndim == dy.ndim else dy.reshape(len(dy), *x.shape[1:]) for x in xs]

    def compiled(self, y: Type, *xs: Type) -> Form | None:
        return form_of_sum(1.0, y, *xs)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(), (((3,), 1), ((3,), 2), ((3, 1), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2,), 1), ((1,), 1)), "shapes must be equal")


def form_of_sum(scale: float, y: Type, *xs: Type) -> Form | None:
    """Return the form of a sum times a number, None for many tensors of different sizes."""
    if all(x.size == y.size for x in xs):
        return Form("sum", (scale,), rule=ALL_LIKE_FIRST)
    return Form("sum", (scale,)) if len(xs) <= MOST_ARGUMENTS else None


ADD = Add()
CMULT = CMult()


def without_trailing_ones(shape: Shape) -> Shape:
    """Return the shape without the axes of size 1 at its end; at least one axis is left.

    Example:
        >>> without_trailing_ones((3, 1, 2, 1, 1))
        (3, 1, 2)
    """
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


cmult = of_two(CMULT, "cmult", "Return the element-wise product; x and y may be broadcast.")
cdiv = of_two(CDiv(), "cdiv", "Return the element-wise quotient; y may be broadcast.")
pow = of_two(Pow(), "pow", "Return x to the power y, y one number.")


def _first_sum(op: Op, xs: Any) -> Expression:
    return apply(op, *members(xs, "esum"))


esum = of_several(Sum(), "esum", "Return the sum of a list of expressions.", _first_sum)
