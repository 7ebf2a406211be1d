"""Alternatives to the softmax: probabilities that may be zero or bounded.

They take one vector, ``(n,)`` or ``(n, 1)``, and no batch. Arrays have the scores on their last
axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample

__all__ = ["constrained_softmax", "sparsemax"]


def is_column(shape: Shape) -> bool:
    """Return whether this is a vector, or a matrix of one column.

    Example:
        >>> is_column((3,)), is_column((3, 1)), is_column((3, 2))
        (True, True, False)
    """
    return len(shape) <= 2 and shape[1:] in ((), (1,))


def check_scores(op: Op, x: Shape) -> Shape:
    """Return ``x``; raise the op's error if it is not a vector."""
    if not is_column(x):
        raise op.error(f"the scores must be a vector, got shape {x}")
    return x


@dataclass(eq=False)
class RestrictedLogSoftmax(Op):
    """y = x - ln sum exp(x) over the indices ``allowed``, -inf elsewhere; the gradient reaches those only."""

    allowed: tuple[int, ...] = (0,)
    batches = False

    def shape(self, x: Shape) -> Shape:
        if not self.allowed:
            raise self.error("the list of allowed indices is empty; give at least one")
        if max(self.allowed) >= x[0]:
            raise self.error(f"index {max(self.allowed)} is outside {x[0]} scores")
        return check_scores(self, x)

    def forward(self, ctx: Context, x: Array) -> Array:
        """Shifted by the maximum; a repeated index counts once."""
        scores = np.full_like(x, -np.inf)
        scores[..., self.allowed] = x[..., self.allowed]
        shifted = scores - scores.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        """The gradient is dy - exp(y) sum dy over the allowed indices."""
        inside = np.where(np.isneginf(y), 0, dy)
        return [inside - np.exp(y) * inside.sum(axis=-1, keepdims=True)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """All indices: a difference of two -inf has no derivative to check."""
        yield Sample(cls((2, 0, 1)), (((3,), 1),), -2, 2)
        yield Sample(cls((0, 1, 1)), (((2, 1), 1),), -2, 2)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(()), (((3,), 1),), "is empty")
        yield BadSample(cls((0, 3)), (((3,), 1),), "index 3 is outside 3 scores")
        yield BadSample(cls(), (((3, 2), 1),), "must be a vector")


class Sparsemax(Op):
    """y = the probability vector closest to x (Martins and Astudillo, 2016).

    y = max(0, x - t), with t such that y sums to 1; dx = dy - mean of dy over the support, and 0
    off it.
    """

    batches = False

    def shape(self, x: Shape) -> Shape:
        return check_scores(self, x)

    def forward(self, ctx: Context, x: Array) -> Array:
        """The support is the longest run of largest numbers with k z_k > (their sum) - 1."""
        falling = -np.sort(-x, axis=-1)
        excess = np.cumsum(falling, axis=-1) - 1
        counts = np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
        size = (counts * falling > excess).sum(axis=-1, keepdims=True)
        threshold = np.take_along_axis(excess, size - 1, axis=-1) / size.astype(x.dtype)
        return np.maximum(x - threshold, 0)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        support = (y > 0).astype(x.dtype)
        mean = (support * dy).sum(axis=-1, keepdims=True) / support.sum(axis=-1, keepdims=True)
        return [support * (dy - mean)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),), -0.2, 0.2)
        yield Sample(cls(), (((4, 1), 1),), values=([0.1, -3.0, 0.4, 0.2],))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3, 2), 1),), "must be a vector")


class ConstrainedSoftmax(Op):
    """y = the softmax of x with y_i <= u_i (Martins and Kreutzer, 2017).

    Bounded entries are u_i; the others share the remaining mass s like a softmax. With m = the
    mean of dy over the free entries, weighted by y: dx_i = y_i (dy_i - m) on the free ones,
    du_i = dy_i - m on the bounded ones.
    """

    batches = False

    def shape(self, x: Shape, u: Shape) -> Shape:
        if not is_column(u) or u[0] != x[0]:
            raise self.error(f"one upper bound for each score is needed, got {x} and {u}")
        return check_scores(self, x)

    def forward(self, ctx: Context, x: Array, u: Array) -> Array:
        """Bound the entries in the order in which a growing softmax would reach their bounds.

        In logarithms, because the weight of a low score may round to 0.
        """
        scores, bounds = x.ravel(), u.ravel()
        order = np.argsort(np.log(bounds) - scores, kind="stable")
        score, bound = scores[order], bounds[order]
        # the probability that the entries before this one leave; the log weight of this entry and the later ones
        mass = 1 - (np.cumsum(bound) - bound)
        total = np.logaddexp.accumulate(score[::-1])[::-1]
        free = np.logical_or.accumulate(score + np.log(mass) <= np.log(bound) + total)
        y = np.empty_like(scores)
        y[order] = bound
        if free.any():
            first = int(np.argmax(free))
            y[order[first:]] = mass[first] * np.exp(score[first:] - total[first])
        ctx.saved = np.empty(x.shape, bool)
        ctx.saved.ravel()[order] = free
        return y.reshape(x.shape)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array, u: Array) -> list[Array]:
        """The free entries lose what a bounded entry gains."""
        free = ctx.saved
        share = np.where(free, y, 0)
        total = share.sum()
        from_mean = dy - (share * dy).sum() / total if total > 0 else dy
        return [share * from_mean, np.where(free, 0, from_mean).reshape(u.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 1)), values=([0.3, -0.2, 0.6], [0.9, 0.8, 0.3]))
        yield Sample(cls(), (((4,), 1), ((4, 1), 1)), values=([1, 0, 0.5, 2], [0.2, 1, 1, 0.3]))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1)), "one upper bound for each score")
        yield BadSample(cls(), (((3, 2), 1), ((3,), 1)), "must be a vector")


def sparsemax(x: Operand) -> Expression:
    """Return the probability vector closest to x; many of its numbers are 0."""
    return apply(Sparsemax(), x)


def constrained_softmax(x: Operand, y: Operand) -> Expression:
    """Return the softmax of x in which no number is larger than its bound in y."""
    return apply(ConstrainedSoftmax(), x, y)
