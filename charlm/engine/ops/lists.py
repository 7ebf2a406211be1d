"""Average, maximum and log-sum-exp of a list of expressions; log-sum-exp along an axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from charlm.engine.arrays import Array, Shape, array_shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import members, unsigned
from charlm.engine.ops.arithmetic import form_of_sum, without_trailing_ones
from charlm.engine.ops.extrema import RemovesAxis, along, bmax
from charlm.engine.ops.shaping import axis_of
from charlm.engine.types import Type
from charlm.kernels.tapes import ALL_LIKE_FIRST, Form

__all__ = ["average", "emax", "logsumexp", "logsumexp_dim"]


def _sum(xs: Iterable[Array]) -> Array:
    return reduce(np.add, xs)


def _finite(x: Array) -> Array:
    """Return x with 0 for infinities: -inf minus -inf would be NaN."""
    return np.where(np.isfinite(x), x, x.dtype.type(0))


class Average(Op):
    """y = (x1 + ... + xn) / n; shapes are equal, batches broadcast."""

    def shape(self, *xs: Shape) -> Shape:
        if any(x != xs[0] for x in xs):
            raise self.error(f"shapes must be equal, got {', '.join(map(str, xs))}")
        return xs[0]

    def forward(self, ctx: Context, *xs: Array) -> Array:
        return _sum(xs) / len(xs)

    def compiled(self, y: Type, *xs: Type) -> Form | None:
        return form_of_sum(1 / len(xs), y, *xs)

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        return [dy / len(xs)] * len(xs)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(), (((2, 3), 1), ((2, 3), 2), ((2, 3), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((1,), 1)), "shapes must be equal")
        yield BadSample(cls(), (((3,), 1), ((3, 1), 1)), "shapes must be equal")
        yield BadSample(cls(), (((3,), 2), ((3,), 3)), "batch sizes must be equal or 1")


class LogSumExp(Op):
    """y = ln(exp x1 + ... + exp xn), element-wise; dx_i = exp(x_i - y)."""

    def shape(self, *xs: Shape) -> Shape:
        """The arguments are equal up to trailing ones, and the result has none."""
        y = without_trailing_ones(xs[0])
        if any(without_trailing_ones(x) != y for x in xs):
            raise self.error(f"shapes must be equal, got {', '.join(map(str, xs))}")
        return y

    def forward(self, ctx: Context, *xs: Array) -> Array:
        """Shifted by the largest: exp overflows above 88 in float32."""
        rest = array_shape((self.shape(*(x.shape[:0:-1] for x in xs)), 1))[1:]
        like = [x.reshape(len(x), *rest) for x in xs]
        largest = _finite(reduce(np.maximum, like))
        return largest + np.log(_sum(np.exp(x - largest) for x in like))

    def compiled(self, y: Type, *xs: Type) -> Form | None:
        alike = all(x.size == y.size for x in xs)
        return Form("log_sum_exp", rule=ALL_LIKE_FIRST) if alike else None

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        shift = _finite(y)
        gradients = []
        for x in xs:
            dx = dy * np.exp(x.reshape(len(x), *y.shape[1:]) - shift)
            gradients.append(dx.reshape(len(dx), *x.shape[1:]))
        return gradients

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3, 1), 1),))
        yield Sample(cls(), (((2, 3), 1), ((2, 3), 2), ((2, 3), 1)))
        yield Sample(cls(), (((3,), 1), ((3, 1), 2)))
        yield Sample(cls(), (((2, 3), 2), ((2, 3), 2), ((2, 3), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((1,), 1)), "shapes must be equal")
        yield BadSample(cls(), (((3,), 2), ((3,), 3)), "batch sizes must be equal or 1")


@dataclass(eq=False)
class LogSumExpDim(RemovesAxis):
    """y = ln sum exp(x) along an axis, which is removed; dx = exp(x - y)."""

    axis: int = 0

    def forward(self, ctx: Context, x: Array) -> Array:
        axis = axis_of(self.axis)
        largest = _finite(x.max(axis=axis, keepdims=True))
        ctx.saved = largest + np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))
        return ctx.saved.reshape(array_shape(self.dim((x.shape[:0:-1], len(x)))))

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return Form("log_sum_exp_dim", along(x, self.axis))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy.reshape(ctx.saved.shape) * np.exp(x - _finite(ctx.saved))]


def average(xs: Sequence[Operand]) -> Expression:
    """Return the mean of a list of expressions, element-wise."""
    return apply(Average(), *members(xs, "average"))


def emax(xs: Sequence[Operand]) -> Expression:
    """Return the element-wise maximum of a list of expressions; of equal numbers the earlier gets the gradient.

    As in DyNet the first is compared with itself too, so there are as many nodes as expressions.
    """
    first, *others = members(xs, "emax")
    largest = bmax(first, first)
    for x in others:
        largest = bmax(x, largest)
    return largest


def logsumexp(xs: Sequence[Operand]) -> Expression:
    """Return the logarithm of the sum of the exponentials of a list of expressions, element-wise."""
    return apply(LogSumExp(), *members(xs, "logsumexp"))


def logsumexp_dim(x: Operand, d: int = 0) -> Expression:
    """Return the logarithm of the sum of the exponentials along axis ``d``, which is removed."""
    return apply(LogSumExpDim(unsigned(d, "logsumexp_dim")), x)
