"""Maxima and minima: of two tensors, along an axis, and the k largest along an axis."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, array_shape, show
from charlm.engine.expression import Expression, Operand, apply, of_two
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import unsigned
from charlm.engine.ops.shaping import axis_of
from charlm.engine.types import Type
from charlm.kernels.tapes import Form

__all__ = ["bmax", "bmin", "kmax_pooling", "max_dim", "min_dim"]


def check_axis(op: Op, x: Shape, axis: int) -> None:
    """Raise the op's error if a shape has no such axis."""
    if axis >= len(x):
        raise op.error(f"axis {axis} does not exist in shape {x}")


def along(x: Type, axis: int) -> tuple[int, int]:
    """Return how many numbers there are along an axis, and the distance between two of them."""
    return x.shape[axis], math.prod(x.shape[:axis])


class OfPair(Op, abstract=True):
    """One of two numbers at each place; nothing is broadcast."""

    def dim(self, *dims: Dim) -> Dim:
        if dims[0] != dims[1]:
            raise self.error(f"equal shapes are needed, got {' and '.join(map(show, dims))}")
        return dims[0]

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        return Form(type(self).name())

    @abstractmethod
    def takes_first(self, x1: Array, x2: Array) -> Array:
        """Return True where the result is the first argument."""

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        return np.where(self.takes_first(x1, x2), x1, x2)

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        """The larger gets the gradient, the second if both are equal."""
        first = self.takes_first(x1, x2)
        return [dy * first, dy * ~first]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 1)))
        yield Sample(cls(), (((2, 3), 2), ((2, 3), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((1,), 1)), r"got \(3,\) and \(1,\)")
        yield BadSample(cls(), (((3,), 1), ((3, 1), 1)), "equal shapes are needed")
        yield BadSample(cls(), (((3,), 2), ((3,), 1)), r"got \(3,\) x 2 and \(3,\)")


class Max(OfPair):
    """y = max(x1, x2), element-wise."""

    def takes_first(self, x1: Array, x2: Array) -> Array:
        return x1 > x2


class Min(OfPair):
    """y = min(x1, x2), element-wise."""

    def takes_first(self, x1: Array, x2: Array) -> Array:
        return x1 < x2


class RemovesAxis(Op, abstract=True):
    """One number for all numbers along an axis."""

    axis: int

    def shape(self, x: Shape) -> Shape:
        check_axis(self, x, self.axis)
        return x[: self.axis] + x[self.axis + 1 :] or (1,)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((4,), 1),))
        for axis in (0, 1):
            yield Sample(cls(axis), (((2, 3), 2),))  # type: ignore[call-arg]
        yield Sample(cls(1), (((2, 3, 2), 1),))  # type: ignore[call-arg]

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        problem = r"axis 1 does not exist in shape \(3,\)"
        yield BadSample(cls(1), (((3,), 1),), problem)  # type: ignore[call-arg]


class Selection(Op, abstract=True):
    """Some of the numbers along an axis; only they get a gradient."""

    axis: int

    @abstractmethod
    def places(self, x: Array) -> Array:
        """Return the indices of these numbers along the axis; the axis is kept."""

    def forward(self, ctx: Context, x: Array) -> Array:
        ctx.saved = self.places(x)
        extrema = np.take_along_axis(x, ctx.saved, axis_of(self.axis))
        return extrema.reshape(array_shape(self.dim((x.shape[:0:-1], len(x)))))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        dx = np.zeros_like(x)
        np.put_along_axis(dx, ctx.saved, dy.reshape(ctx.saved.shape), axis_of(self.axis))
        return [dx]


@dataclass(eq=False)
class MaxDim(RemovesAxis, Selection):
    """y = the largest number along an axis, which is removed; of equal ones the first gets the gradient."""

    axis: int = 0

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return Form(type(self).name(), along(x, self.axis))

    def places(self, x: Array) -> Array:
        return x.argmax(axis=axis_of(self.axis), keepdims=True)


class MinDim(MaxDim):
    """y = the smallest number along an axis, which is removed; of equal ones the first gets the gradient."""

    def places(self, x: Array) -> Array:
        return x.argmin(axis=axis_of(self.axis), keepdims=True)


@dataclass(eq=False)
class KMaxPooling(Selection):
    """y = the k largest numbers along an axis, in their order in x; of equal ones the first."""

    k: int = 1
    axis: int = 1

    def shape(self, x: Shape) -> Shape:
        check_axis(self, x, self.axis)
        if not 1 <= self.k <= x[self.axis]:
            size = x[self.axis]
            raise self.error(f"k is 1 to {size}, the size of axis {self.axis}, got {self.k}")
        return (*x[: self.axis], self.k, *x[self.axis + 1 :])

    def places(self, x: Array) -> Array:
        """A stable sort keeps the first of equals."""
        axis = axis_of(self.axis)
        falling = np.argsort(-x, axis=axis, kind="stable")
        return np.sort(np.take(falling, range(self.k), axis=axis), axis=axis)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(2, 0), (((4,), 1),))
        yield Sample(cls(2, 0), (((3, 2), 2),))
        yield Sample(cls(1, 1), (((2, 3), 2),))
        yield Sample(cls(3, 1), (((2, 3), 1),))
        yield Sample(cls(2, 1), (((2, 3, 2), 1),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(1, 1), (((3,), 1),), "axis 1 does not exist")
        yield BadSample(cls(4, 0), (((3,), 1),), "k is 1 to 3, the size of axis 0, got 4")
        yield BadSample(cls(0, 0), (((3,), 1),), "got 0")


bmax = of_two(Max(), "bmax", "Return the larger of two numbers at each place.")
bmin = of_two(Min(), "bmin", "Return the smaller of two numbers at each place.")


def max_dim(x: Operand, d: int = 0) -> Expression:
    """Return the largest number along axis ``d``, which is removed."""
    return apply(MaxDim(unsigned(d, "max_dim")), x)


def min_dim(x: Operand, d: int = 0) -> Expression:
    """Return the smallest number along axis ``d``, which is removed."""
    return apply(MinDim(unsigned(d, "min_dim")), x)


def kmax_pooling(x: Operand, k: int, d: int = 1) -> Expression:
    """Return the k largest numbers along axis ``d``, in their order in x."""
    return apply(KMaxPooling(unsigned(k, "kmax_pooling"), unsigned(d, "kmax_pooling")), x)
