"""Losses with a margin: hinge losses and the pairwise rank loss. Their slope at the kink is 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import real, unsigned, unsigned_all
from charlm.engine.ops.losses import OfTargets
from charlm.engine.types import Type
from charlm.errors import ShapeError
from charlm.kernels.tapes import Form

__all__ = ["hinge", "hinge_batch", "hinge_dim", "pairwise_rank_loss"]


def _violations(scores: Array, targets: Array, margin: float) -> Array:
    """Return max(0, margin - the target's score + each other score) along the last axis, 0 for the target."""
    target_scores = np.take_along_axis(scores, targets, axis=-1)
    losses = np.maximum(scores.dtype.type(margin) - target_scores + scores, 0)
    np.put_along_axis(losses, targets, 0, axis=-1)
    return losses


def _score_gradient(violated: Array, targets: Array, dy: Array) -> Array:
    """Return dy for each score within the margin, and minus their sum for the target."""
    dscores = violated * dy
    np.put_along_axis(dscores, targets, -dscores.sum(axis=-1, keepdims=True), axis=-1)
    return dscores


@dataclass(eq=False)
class Hinge(OfTargets):
    """y = sum over i != v of max(0, m - x_v + x_i), one target v for each batch element."""

    targets: tuple[int, ...] = (0,)
    margin: float = 1.0

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return Form("hinge", (x.size // x.batch, float(self.margin)))

    def _places(self) -> Array:
        return np.asarray(self.targets)[:, np.newaxis]

    def forward(self, ctx: Context, x: Array) -> Array:
        losses = _violations(x.reshape(len(x), -1), self._places(), self.margin)
        ctx.saved = losses > 0
        return losses.sum(axis=1, keepdims=True)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [_score_gradient(ctx.saved, self._places(), dy).reshape(x.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """One target and a batch; none, some and all of the scores violate the margin."""
        yield Sample(cls((1,), 0.5), (((4,), 1),), values=([0.3, 0.4, -0.9, 0.7],))
        yield Sample(cls((0, 2)), (((3,), 2),), values=([[0.9, -0.3, 0.2], [0.1, 0.4, -0.8]],))
        yield Sample(cls((2,), 9.0), (((3, 1), 1),))


@dataclass(eq=False)
class HingeDim(Op):
    """y = the hinge loss of each column (axis 0) or row (axis 1) of a matrix, each with a target.

    The elements of a batch share the targets, as in DyNet.
    """

    targets: tuple[int, ...] = (0,)
    axis: int = 0
    margin: float = 1.0

    def shape(self, x: Shape) -> Shape:
        if len(x) != 2:
            raise self.error(f"a matrix is needed, got shape {x}")
        if self.axis not in (0, 1):
            raise self.error(f"axis {self.axis} does not exist in shape {x}")
        size, count = x[self.axis], x[1 - self.axis]
        if len(self.targets) != count:
            kind = ("column", "row")[self.axis]
            raise self.error(
                f"{len(self.targets)} targets for {count} {kind}s; give one for each {kind}"
            )
        if max(self.targets) >= size:
            raise self.error(
                f"target {max(self.targets)} is outside axis {self.axis} of size {size}"
            )
        return (count,)

    def _scores_last(self, x: Array) -> tuple[Array, Array]:
        scores = x if self.axis == 0 else x.swapaxes(1, 2)
        targets = np.asarray(self.targets)[:, np.newaxis]
        return scores, np.broadcast_to(targets, (len(x), *targets.shape))

    def forward(self, ctx: Context, x: Array) -> Array:
        losses = _violations(*self._scores_last(x), self.margin)
        ctx.saved = losses > 0
        return losses.sum(axis=2)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        _, targets = self._scores_last(x)
        dscores = _score_gradient(ctx.saved, targets, dy[..., np.newaxis])
        return [dscores if self.axis == 0 else dscores.swapaxes(1, 2)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 1, 0), 0, 5.0), (((2, 3), 1),))
        yield Sample(cls((2, 0), 1, 5.0), (((2, 3), 2),))
        yield Sample(cls((1, 0), 0, 0.5), (((2, 2), 1),), values=([[0.2, 0.9], [0.1, 0.3]],))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1),), "a matrix is needed")
        yield BadSample(cls((0, 0), 2), (((2, 3), 1),), "axis 2 does not exist")
        yield BadSample(cls((0, 0)), (((2, 3), 1),), "2 targets for 3 columns")
        yield BadSample(cls((0, 2, 0)), (((2, 3), 1),), "target 2 is outside axis 0 of size 2")


@dataclass(eq=False)
class PairwiseRankLoss(Op):
    """y = max(0, m - x1 + x2) for scalars, or number by number for two rows."""

    margin: float = 1.0

    def dim(self, *dims: Dim) -> Dim:
        (shape, _), second = dims
        if dims[0] != second or shape[0] != 1 or len(shape) > 2:
            sizes = " and ".join(map(show, dims))
            raise self.error(f"two equal shapes (1,) or (1, n) are needed, got {sizes}")
        return second

    def compiled(self, y: Type, x1: Type, x2: Type) -> Form | None:  # type: ignore[override]
        return Form("pairwise_rank_loss", (float(self.margin),))

    def forward(self, ctx: Context, x1: Array, x2: Array) -> Array:
        return np.maximum(x1.dtype.type(self.margin) - x1 + x2, 0)

    def backward(self, ctx: Context, dy: Array, y: Array, x1: Array, x2: Array) -> list[Array]:
        dx2 = dy * (y > 0)
        return [-dx2, dx2]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(2.5), (((1,), 2), ((1,), 2)))
        yield Sample(
            cls(0.5), (((1, 3), 1), ((1, 3), 1)), values=([0.3, 0.9, -0.2], [0.1, -0.4, 0.6])
        )

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((3,), 1)), "two equal shapes")
        yield BadSample(cls(), (((1, 2, 2), 1), ((1, 2, 2), 1)), "two equal shapes")
        yield BadSample(cls(), (((1,), 1), ((1,), 3)), r"got \(1,\) and \(1,\) x 3")


def hinge(x: Operand, v: int, m: float = 1.0) -> Expression:
    """Return the sum of max(0, m - x[v] + x[i]) over all i other than v."""
    return hinge_batch(x, [v], m)


def hinge_batch(x: Operand, vs: Sequence[int], m: float = 1.0) -> Expression:
    """Return the hinge losses of a batch of score vectors, with one target for each."""
    return apply(Hinge(unsigned_all(vs, "hinge"), _margin(m, "hinge")), x)


def hinge_dim(x: Operand, v: Sequence[int], d: int = 0, m: float = 1.0) -> Expression:
    """Return the hinge loss of each column (``d=0``) or row (``d=1``) of a matrix, with one target for each."""
    where = "hinge_dim"
    return apply(HingeDim(unsigned_all(v, where), unsigned(d, where), _margin(m, where)), x)


def pairwise_rank_loss(x: Operand, y: Operand, m: float = 1.0) -> Expression:
    """Return max(0, m - x + y): no loss if x is larger than y by m or more."""
    return apply(PairwiseRankLoss(real(m, "pairwise_rank_loss")), x, y)


def _margin(m: float, where: str) -> float:
    margin = real(m, where)
    if margin < 0:
        raise ShapeError(f"{where}: the margin must be 0 or more, got {m}")
    return margin
