"""Layer and weight normalisation."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from charlm.engine.arrays import Array, Shape, align, reduce_to
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arithmetic import broadcast_shape

__all__ = ["layer_norm", "weight_norm"]

EPSILON = 1e-8  # as in DyNet; it keeps the quotient of a constant x finite


class LayerNorm(Op):
    """y = g (x - m) / (s + 1e-8) + b, with m and s the mean and the deviation of x (Ba et al., 2016).

    m and s are over all numbers of a batch element; s divides by their count. The gain and the
    offset broadcast. With z = (x - m)/(s + 1e-8), d = g dy and means over the element's numbers:
    dx = (d - mean d)/(s + 1e-8) - z mean(d z)/s, without the last term where s = 0.
    """

    id_count = 8

    def shape(self, x: Shape, g: Shape, b: Shape) -> Shape:
        return broadcast_shape(self, broadcast_shape(self, x, g), b)

    def forward(self, ctx: Context, x: Array, g: Array, b: Array) -> Array:
        """``ctx.saved`` is the normalised x and the standard deviation."""
        axes = tuple(range(1, x.ndim))
        centred = x - x.mean(axis=axes, keepdims=True)
        deviation = np.sqrt(np.square(centred).mean(axis=axes, keepdims=True))
        z = centred / (deviation + x.dtype.type(EPSILON))
        ctx.saved = z, deviation
        rank = max(x.ndim, g.ndim, b.ndim) - 1
        return align(g, rank) * align(z, rank) + align(b, rank)

    def backward(
        self, ctx: Context, dy: Array, y: Array, x: Array, g: Array, b: Array
    ) -> list[Array]:
        """The statistics are those of x, so d is summed over the axes along which x was broadcast."""
        z, deviation = ctx.saved
        rank = dy.ndim - 1
        d = reduce_to(dy * align(g, rank), (len(dy), *x.shape[1:]))
        axes = tuple(range(1, x.ndim))
        dx = (d - d.mean(axis=axes, keepdims=True)) / (deviation + x.dtype.type(EPSILON))
        along = (d * z).mean(axis=axes, keepdims=True)
        dx = dx - z * along / np.where(deviation > 0, deviation, 1)
        return [dx, dy * align(z, rank), dy]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 1), ((3,), 1)))
        yield Sample(cls(), (((4,), 2), ((4,), 1), ((4,), 1)))
        yield Sample(cls(), (((3, 2), 2), ((3,), 1), ((1, 2), 1)))
        yield Sample(cls(), (((4,), 1), ((4, 2), 2), ((1,), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1), ((3,), 1)), "layer_norm: sizes must be equal")
        yield BadSample(cls(), (((3,), 1), ((3,), 1), ((2,), 1)), "layer_norm: sizes must be equal")


class WeightNorm(Op):
    """y = g w / |w|, g one number (Salimans and Kingma, 2016).

    With u = w/|w|: dw = g/|w| (dy - u sum(u dy)), dg = sum(u dy).
    """

    batches = False

    def shape(self, w: Shape, g: Shape) -> Shape:
        if math.prod(g) != 1:
            raise self.error(f"the gain must be one number, got shape {g}")
        return w

    def forward(self, ctx: Context, w: Array, g: Array) -> Array:
        """NaN if all weights are zero."""
        return g.reshape(()) * w / np.sqrt(np.square(w).sum())

    def backward(self, ctx: Context, dy: Array, y: Array, w: Array, g: Array) -> list[Array]:
        """The first gradient is orthogonal to w, the second one along it."""
        norm = np.sqrt(np.square(w).sum())
        unit = w / norm
        along = (unit * dy).sum()
        return [g.reshape(()) / norm * (dy - unit * along), along.reshape(g.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((1,), 1)), 0.3, 1.0)
        yield Sample(cls(), (((2, 3), 1), ((1, 1), 1)), 0.3, 1.0)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1)), "the gain must be one number")


def layer_norm(x: Operand, g: Operand, b: Operand) -> Expression:
    """Return x, normalised to mean 0 and standard deviation 1, times the gain g plus the offset b."""
    return apply(LayerNorm(), x, g, b)


def weight_norm(w: Operand, g: Operand) -> Expression:
    """Return w scaled to the length g."""
    return apply(WeightNorm(), w, g)
