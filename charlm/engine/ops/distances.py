"""Norms of a tensor and distances between two tensors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply, of_one, of_two
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import real
from charlm.engine.ops.arithmetic import without_trailing_ones
from charlm.engine.ops.linear import steps
from charlm.engine.types import Type
from charlm.errors import EvaluationError, ShapeError
from charlm.kernels.tapes import Form

__all__ = ["huber_distance", "l1_distance", "l2_norm", "squared_distance", "squared_norm"]


def _sum(x: Array) -> Array:
    return x.reshape(len(x), -1).sum(axis=1, keepdims=True)


def _over(scalars: Array, x: Array) -> Array:
    """Reshape one number for each batch element to the rank of ``x``."""
    return scalars.reshape(len(scalars), *(1,) * (x.ndim - 1))


class SquaredNorm(Op):
    """y = sum x^2; dx = 2 x."""

    def shape(self, x: Shape) -> Shape:
        return (1,)

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return Form(type(self).name(), (x.size // x.batch,))

    def forward(self, ctx: Context, x: Array) -> Array:
        return _sum(np.square(x))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [2 * _over(dy, x) * x]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(), (((2, 3), 2),))


class L2Norm(SquaredNorm):
    """y = sqrt(sum x^2); dx = x / y, and 0 where x is 0."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.sqrt(_sum(np.square(x)))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        """At x = 0 there is a kink, and the gradient is 0."""
        return [_over(dy / np.where(y == 0, 1, y), x) * x]


class Distance(Op, abstract=True):
    """y = sum h(x1 - x2); shapes are equal up to trailing ones."""

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        if without_trailing_ones(x1) != without_trailing_ones(x2):
            raise self.error(f"shapes must be equal, got {x1} and {x2}")
        return (1,)

    @abstractmethod
    def cost(self, d: Array) -> Array:
        """Return h(d)."""

    @abstractmethod
    def slope(self, d: Array) -> Array:
        """Return h'(d)."""

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        ctx.saved = x1 - x2.reshape(len(x2), *x1.shape[1:])
        return _sum(self.cost(ctx.saved))

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        dx1 = _over(dy, x1) * self.slope(ctx.saved)
        return [dx1, -dx1.reshape(len(dx1), *x2.shape[1:])]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 1)), 0.0, 4.0)
        yield Sample(cls(), (((2, 3), 1), ((2, 3), 1)), 0.0, 4.0)
        yield Sample(cls(), (((3,), 1), ((3, 1), 1)), 0.0, 4.0)
        if cls.batches:
            yield Sample(cls(), (((2, 3), 2), ((2, 3), 1)))
            yield Sample(cls(), (((3, 1), 1), ((3,), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((1,), 1)), r"shapes must be equal, got \(3,\)")
        yield BadSample(cls(), (((3,), 1), ((1, 3), 1)), "shapes must be equal")
        if cls.batches:
            yield BadSample(cls(), (((3,), 2), ((3,), 3)), "must be equal or 1")
        else:
            alone = "not defined on minibatches"
            yield BadSample(cls(), (((3,), 2), ((3,), 2)), alone, EvaluationError)


class SquaredDistance(Distance):
    """y = sum (x1 - x2)^2."""

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        """One argument may have no batch."""
        return Form("squared_distance", steps(x1, x2))

    def cost(self, d: Array) -> Array:
        return np.square(d)

    def slope(self, d: Array) -> Array:
        return 2 * d


class L1Distance(Distance):
    """y = sum |x1 - x2|; the slope at 0 is 0."""

    batches = False

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        return Form("l1_distance", (x1.size,))

    def cost(self, d: Array) -> Array:
        return np.abs(d)

    def slope(self, d: Array) -> Array:
        return np.sign(d)


@dataclass(eq=False)
class HuberDistance(Distance):
    """y = sum h(x1 - x2), h(d) = d^2 / 2 for |d| < c, else c (|d| - c / 2) (Huber, 1964)."""

    c: float = 1.345
    batches = False

    def cost(self, d: Array) -> Array:
        size = np.abs(d)
        return np.where(size < self.c, 0.5 * np.square(d), self.c * (size - 0.5 * self.c))

    def slope(self, d: Array) -> Array:
        return np.clip(d, -self.c, self.c)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(0.6), (((4,), 1), ((4,), 1)))


SQUARED_DISTANCE = SquaredDistance()


squared_norm = of_one(
    SquaredNorm(), "squared_norm", "Return the sum of the squares of each batch element's numbers."
)
l2_norm = of_one(L2Norm(), "l2_norm", "Return the Euclidean length of each batch element.")
squared_distance = of_two(
    SQUARED_DISTANCE, "squared_distance", "Return the sum of the squared differences."
)
l1_distance = of_two(L1Distance(), "l1_distance", "Return the sum of the sizes of the differences.")


def huber_distance(x: Operand, y: Operand, c: float = 1.345) -> Expression:
    """Return the sum of the Huber loss of each difference: d^2 / 2 up to c, and linear above."""
    limit = real(c, "huber_distance")
    if limit < 0:
        raise ShapeError(f"huber_distance: the limit must be 0 or more, got {c}")
    return apply(HuberDistance(limit), x, y)
