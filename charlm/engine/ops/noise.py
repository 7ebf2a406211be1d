"""Ops that add random numbers or multiply by them; the graph's stream draws them at the evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import real, unsigned
from charlm.engine.ops.extrema import check_axis
from charlm.engine.ops.shaping import axis_of
from charlm.errors import ShapeError

__all__ = ["block_dropout", "dropout", "dropout_batch", "dropout_dim", "noise"]


def draw_mask(ctx: Context, p: float, shape: Shape) -> Array:
    """Return 0 with probability p, else 1 / (1 - p); NaN for p = 1.

    In float32, as DyNet computes it, so that the same seed gives the same mask to the last bit.
    """
    one = np.float32(1)
    kept = one - np.float32(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        mask = ctx.stream.bernoulli(float(kept), 1.0, shape, ctx.dtype)
        mask *= float(one / kept)
        return mask


@dataclass(eq=False)
class Dropout(Op):
    """y = x m / (1 - p), m_i = 0 with probability p, else 1 (inverted dropout; Srivastava et al., 2014)."""

    p: float = 0.5

    def shape(self, x: Shape) -> Shape:
        return x

    def mask_shape(self, x: Array) -> Shape:
        """Return the array shape of the mask."""
        return x.shape

    def forward(self, ctx: Context, x: Array) -> Array:
        ctx.saved = draw_mask(ctx, self.p, self.mask_shape(x))
        return x * ctx.saved

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy * ctx.saved]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(0.3), (((8,), 1),))
        yield Sample(cls(0.5), (((2, 3), 2),))


class DropoutBatch(Dropout):
    """y = x m / (1 - p), with one m of 0 or 1 for each batch element."""

    def mask_shape(self, x: Array) -> Shape:
        return (len(x), *(1,) * (x.ndim - 1))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Batches in which some elements are kept."""
        yield Sample(cls(0.3), (((3,), 5),))
        yield Sample(cls(0.5), (((2, 3), 6),))


@dataclass(eq=False)
class DropoutDim(Dropout):
    """y = x m / (1 - p), with one m of 0 or 1 for all numbers along an axis."""

    axis: int = 0

    def shape(self, x: Shape) -> Shape:
        check_axis(self, x, self.axis)
        return x

    def mask_shape(self, x: Array) -> Shape:
        axis = x.ndim + axis_of(self.axis)
        return (*x.shape[:axis], 1, *x.shape[axis + 1 :])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(0.3, 0), (((2, 4), 2),))
        yield Sample(cls(0.5, 1), (((4, 2), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(0.3, 1), (((3,), 1),), "axis 1 does not exist")


class BlockDropout(Dropout):
    """y = 0 with probability p, else x / (1 - p): one draw for all numbers."""

    batches = False

    def forward(self, ctx: Context, x: Array) -> Array:
        """For p = 1 the result is 0 and nothing is drawn, as in DyNet."""
        if self.p == 1:
            ctx.saved = np.zeros((1,) * x.ndim, x.dtype)
        else:
            ctx.saved = draw_mask(ctx, self.p, (1,) * x.ndim)
        return x * ctx.saved

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(0.01), (((3,), 1),))
        yield Sample(cls(0.01), (((2, 3), 1),))
        yield Sample(cls(0.99), (((2, 3), 1),), differentiable=(False,))


@dataclass(eq=False)
class Noise(Op):
    """y = x + n, n_i drawn from N(0, std^2)."""

    std: float = 0.5

    def shape(self, x: Shape) -> Shape:
        return x

    def forward(self, ctx: Context, x: Array) -> Array:
        return x + ctx.stream.normal(0.0, self.std, x.shape, x.dtype)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(2.0), (((2, 3), 2),))


def dropout(x: Operand, p: float) -> Expression:
    """Return x with each number dropped with probability p and the others scaled by 1 / (1 - p)."""
    return apply(Dropout(real(p, "dropout")), x)


def dropout_batch(x: Operand, p: float) -> Expression:
    """Return x with whole batch elements dropped with probability p and the others scaled by 1 / (1 - p)."""
    return apply(DropoutBatch(real(p, "dropout_batch")), x)


def dropout_dim(x: Operand, d: int, p: float) -> Expression:
    """Return x with all numbers along axis ``d`` dropped with probability p, or scaled by 1 / (1 - p)."""
    return apply(DropoutDim(real(p, "dropout_dim"), unsigned(d, "dropout_dim")), x)


def block_dropout(x: Operand, p: float) -> Expression:
    """Return x dropped as a whole with probability p, or scaled by 1 / (1 - p)."""
    rate = real(p, "block_dropout")
    if not 0 <= rate <= 1:
        raise ShapeError(f"block_dropout: a probability is from 0 to 1, got {p}")
    return apply(BlockDropout(rate), x)


def noise(x: Operand, stddev: float) -> Expression:
    """Return x plus noise from a normal distribution of this standard deviation."""
    return apply(Noise(real(stddev, "noise")), x)
