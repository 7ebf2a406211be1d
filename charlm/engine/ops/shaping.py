"""Other shapes and other orders of axes for the same numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops import arguments
from charlm.engine.ops.arguments import sizes, unsigned_all
from charlm.engine.types import Type
from charlm.errors import ArgumentError
from charlm.kernels.tapes import Form

__all__ = ["reshape", "transpose"]


def axis_of(dim: int) -> int:
    """Return the array axis of DyNet axis ``dim`` (arrays have their axes reversed)."""
    return -1 - dim


def with_rank(x: Array, rank: int) -> Array:
    """Add or drop trailing size-1 DyNet axes, which are the array's first after the batch."""
    if x.ndim - 1 == rank:
        return x
    if x.ndim - 1 < rank:
        return x.reshape(len(x), *(1,) * (rank - x.ndim + 1), *x.shape[1:])
    return x.reshape(len(x), *x.shape[x.ndim - rank :])


@dataclass(eq=False)
class Reshape(Op):
    """y = the same numbers, in column-major order, under another shape."""

    size: Shape
    batch: int = 1

    def dim(self, *dims: Dim) -> Dim:
        """If ``batch`` is 1 and ``size`` is that of one element, the argument's batch size stays."""
        ((shape, batch),) = dims
        if math.prod(shape) * batch == math.prod(self.size) * self.batch:
            return self.size, self.batch
        if math.prod(shape) == math.prod(self.size) and self.batch == 1:
            return self.size, batch
        raise self.error(
            f"{show(dims[0])} does not hold the numbers of {show((self.size, self.batch))}"
        )

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return Form("part", (0, 0, y.size))

    def forward(self, ctx: Context, x: Array) -> Array:
        """This does not move numbers."""
        return x.reshape(-1, *self.size[::-1])

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy.reshape(x.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((3, 2)), (((2, 3), 2),))
        yield Sample(cls((2,), 3), (((2, 3), 1),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls((2, 3)), (((4, 2), 1),), "does not hold the numbers")


@dataclass(eq=False)
class Transpose(Op):
    """y = x with its axes in another order; axis i of y is axis ``order[i]`` of x."""

    order: Shape = (1, 0)

    def shape(self, x: Shape) -> Shape:
        """The sizes in the new order; a vector counts as a column."""
        sizes = x + (1,) * (len(self.order) - len(x))
        if sorted(self.order) != list(range(len(sizes))):
            raise self.error(f"axes {self.order} are not an order of the axes of {x}")
        return tuple(sizes[i] for i in self.order)

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """Two neighbouring groups of axes change places; other orders run in Python."""
        order, rank = list(self.order), len(self.order)
        kept = next((i for i, axis in enumerate(order) if axis != i), rank)
        if kept == rank:
            return Form("part", (0, 0, y.size))
        first, count = order[kept], order.index(kept) - kept
        groups = (
            range(kept),
            range(first, first + count),
            range(kept, first),
            range(first + count, rank),
        )
        if order != list(chain(*groups)):
            return None
        sizes = [math.prod(y.shape[order.index(i)] for i in group) for group in groups]
        return Form("transpose", (sizes[1], sizes[2], sizes[0]))

    def forward(self, ctx: Context, x: Array) -> Array:
        rank = len(self.order)
        axes = [rank - i for i in reversed(self.order)]  # DyNet axis i is array axis rank - i
        return np.ascontiguousarray(with_rank(x, rank).transpose(0, *axes))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        rank = len(self.order)
        inverse = np.argsort([rank - i for i in reversed(self.order)]) + 1
        return [dy.transpose(0, *inverse.tolist()).reshape(x.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2, 3), 2),))
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls((2, 0, 1)), (((2, 3, 4), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2, 3, 4), 1),), "are not an order of the axes")


def reshape(x: Operand, d: Shape, batch_size: int = 1) -> Expression:
    """Return the same numbers, column-major, under shape ``d``."""
    if not isinstance(d, tuple):
        raise ArgumentError(f"reshape: the shape must be a tuple, got {d!r}")
    return apply(Reshape(sizes(d, "reshape"), arguments.batch_size(batch_size, "reshape")), x)


def transpose(x: Operand, dims: Sequence[int] = (1, 0)) -> Expression:
    """Return x with its axes in the order ``dims``."""
    return apply(Transpose(unsigned_all(dims, "transpose")), x)
