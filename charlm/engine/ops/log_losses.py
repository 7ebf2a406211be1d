"""Negative log-likelihoods of a binary outcome and of a count."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import unsigned
from charlm.engine.types import Type
from charlm.kernels.tapes import Form

__all__ = ["binary_log_loss", "poisson_loss"]

SMALLEST = (
    1.1754943508222875e-38  # the smallest normal float32, which DyNet uses for 0 in a logarithm
)
BELOW_ONE = 0.9999999  # and this one for 1 in the denominator of a slope


class BinaryLogLoss(Op):
    """y = -sum of x2 ln x1 + (1 - x2) ln(1 - x1): probabilities x1, outcomes x2.

    A probability of 0 or 1 costs -ln(the smallest float) unless the outcome is the same number.
    dx1 = (1 - x2)/(1 - x1) - x2/x1; dx2 = ln(1 - x1) - ln x1, the logarithms bounded likewise.
    """

    batches = False

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        if x1 != x2:
            raise self.error(f"shapes must be equal, got {x1} and {x2}")
        return (1,)

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        """A term with the factor 0 counts as 0, even if its logarithm is infinite."""
        worst = -x1.dtype.type(math.log(SMALLEST))
        yes = np.where(x2 == 0, 0, x2 * np.log(x1))
        no = np.where(x2 == 1, 0, (1 - x2) * np.log1p(-x1))
        certain = (x1 == 0) | (x1 == 1)
        cost = np.where(certain, np.where(x1 == x2, 0, worst), -yes - no)
        return cost.sum(dtype=x1.dtype).reshape(1, 1)

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        return Form("binary_log_loss", (x1.size, math.log(SMALLEST)))

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        dtype = x1.dtype.type
        scale = dy.reshape(dy.shape[:1] + (1,) * (x1.ndim - 1))
        inside = np.where(x1 == 0, dtype(SMALLEST), np.where(x1 == 1, dtype(BELOW_ONE), x1))
        slope = (1 - x2) / (1 - inside) - x2 / inside
        dx1 = np.where(x1 == x2, 0, slope)
        floor = dtype(math.log(SMALLEST))
        dx2 = np.maximum(np.log1p(-x1), floor) - np.maximum(np.log(x1), floor)
        return [scale * dx1, scale * dx2]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Probabilities away from 0 and 1."""
        yield Sample(cls(), (((3,), 1), ((3,), 1)), 0.1, 0.9)
        yield Sample(cls(), (((2, 3), 1), ((2, 3), 1)), 0.1, 0.9)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1)), "shapes must be equal")
        yield BadSample(cls(), (((3,), 1), ((3, 1), 1)), "shapes must be equal")


@dataclass(eq=False)
class PoissonLoss(Op):
    """y = exp(x) + ln(count!) - count x, the cost of a count under a Poisson distribution with mean exp(x)."""

    count: int = 0
    batches = False

    def shape(self, x: Shape) -> Shape:
        if math.prod(x) != 1:
            raise self.error(f"the logarithm of the mean must be one number, got shape {x}")
        return x

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.exp(x) + x.dtype.type(math.lgamma(self.count + 1)) - self.count * x

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy * (np.exp(x) - self.count)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(0), (((1,), 1),))
        yield Sample(cls(3), (((1, 1), 1),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1),), "must be one number")


def binary_log_loss(x: Operand, y: Operand) -> Expression:
    """Return the cost of the outcomes y (0, 1, or between) under the probabilities x."""
    return apply(BinaryLogLoss(), x, y)


def poisson_loss(log_lambda: Operand, x: int) -> Expression:
    """Return the negative log-likelihood of the count x under a Poisson distribution of mean exp(log_lambda)."""
    return apply(PoissonLoss(unsigned(x, "poisson_loss")), log_lambda)
