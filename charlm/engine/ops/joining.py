"""Joining expressions, along an axis or into one batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.expression import Expression, Operand, apply, of_several
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import members, unsigned
from charlm.engine.ops.shaping import axis_of, with_rank
from charlm.engine.types import Type
from charlm.kernels.tapes import MOST_ARGUMENTS, TOTAL, Form

__all__ = ["concatenate", "concatenate_cols", "concatenate_to_batch"]


@dataclass(eq=False)
class Concatenate(Op):
    """y = the arguments joined along axis ``axis``; the other sizes are equal, batches broadcast."""

    axis: int = 0

    def shape(self, *xs: Shape) -> Shape:
        """The rank is the first argument's, or ``axis`` + 1 if that is larger."""
        rank = max(len(xs[0]), self.axis + 1)
        padded = [x + (1,) * (rank - len(x)) for x in xs]
        for x, p in zip(xs, padded, strict=True):
            # an axis beyond the first argument's rank must be a trailing 1
            if any(n != 1 for n in p[rank:]) or any(
                n != m for i, (n, m) in enumerate(zip(p, padded[0], strict=False)) if i != self.axis
            ):
                raise self.error(
                    f"sizes on axes other than {self.axis} must be equal, got {xs[0]} and {x}"
                )
        first = padded[0]
        joined = sum(p[self.axis] for p in padded)
        return (*first[: self.axis], joined, *first[self.axis + 1 :])

    def compiled(self, y: Type, *xs: Type) -> Form | None:
        """All arguments have one batch size, or there are few."""
        size = math.prod(y.shape[: self.axis + 1])
        repeated = sum(1 << j for j, x in enumerate(xs) if x.batch != y.batch)
        if not repeated:
            return Form("concatenate", (size,), rule=TOTAL)
        few = len(xs) <= MOST_ARGUMENTS
        return Form("concatenate", (size, repeated, y.size // size // y.batch)) if few else None

    def forward(self, ctx: Context, *xs: Array) -> Array:
        rank = max(xs[0].ndim - 1, self.axis + 1)
        parts = [with_rank(x, rank) for x in xs]
        batch = max(len(p) for p in parts)
        if any(len(p) != batch for p in parts):
            parts = [np.broadcast_to(p, (batch, *p.shape[1:])) for p in parts]
        return np.concatenate(parts, axis=axis_of(self.axis))

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        rank = dy.ndim - 1
        axis = axis_of(self.axis)
        ends = np.cumsum([with_rank(x, rank).shape[axis] for x in xs])
        parts = np.split(dy, ends[:-1], axis=axis)
        return [p.reshape(len(p), *x.shape[1:]) for p, x in zip(parts, xs, strict=True)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2,), 1), ((3,), 1)))
        yield Sample(cls(), (((2,), 1), ((3,), 2), ((1,), 1)))
        yield Sample(cls(1), (((2, 3), 1), ((2, 1), 2)))
        yield Sample(cls(0), (((2, 3), 1), ((1, 3), 2)))
        yield Sample(cls(1), (((2,), 1), ((2,), 1)))
        yield Sample(cls(0), (((2, 1), 1), ((3,), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2, 3), 1), ((2, 2), 1)), "must be equal")


class ConcatenateToBatch(Op):
    """y = the arguments' batches one after the other."""

    def dim(self, *dims: Dim) -> Dim:
        shape = dims[0][0]
        if any(d[0] != shape for d in dims):
            raise self.error(f"shapes must be equal, got {', '.join(map(show, dims))}")
        return shape, sum(d[1] for d in dims)

    def compiled(self, y: Type, *xs: Type) -> Form | None:
        return Form("concatenate", (y.size,), rule=TOTAL)

    def forward(self, ctx: Context, *xs: Array) -> Array:
        return np.concatenate(xs)

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        return np.split(dy, np.cumsum([len(x) for x in xs])[:-1])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1)), "shapes must be equal")


ALONG_SECOND, TO_BATCH = Concatenate(1), ConcatenateToBatch()


def _first_joined(op: Op, xs: Any) -> Expression:
    return apply(op, *members(xs, "concatenate"))


_along_first = of_several(
    Concatenate(0), "concatenate", "Return them joined along axis 0.", _first_joined
)


def concatenate(xs: Sequence[Operand], d: int = 0) -> Expression:
    """Return the expressions joined along axis ``d``."""
    if type(d) is int and d == 0:
        return _along_first(xs)
    return apply(Concatenate(unsigned(d, "concatenate")), *members(xs, "concatenate"))


def concatenate_cols(xs: Sequence[Operand]) -> Expression:
    """Return the columns of the expressions in one matrix; a vector is a column."""
    return apply(ALONG_SECOND, *members(xs, "concatenate_cols"))


def concatenate_to_batch(xs: Sequence[Operand]) -> Expression:
    """Return one batch of the batch elements of all expressions."""
    return apply(TO_BATCH, *members(xs, "concatenate_to_batch"))
