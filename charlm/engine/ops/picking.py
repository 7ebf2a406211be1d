"""A part of an expression: one slice, a range, some elements of a batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape
from charlm.engine.expression import Expression, Operand, apply, indexed
from charlm.engine.op import BadSample, Context, Indexed, Op, Sample
from charlm.engine.ops.arguments import batch_of, unsigned, unsigned_all
from charlm.engine.types import Type
from charlm.kernels.tapes import Form

__all__ = ["pick", "pick_batch", "pick_batch_elem", "pick_batch_elems", "pick_range", "pickrange"]


class PickExpression(Expression):
    """A slice of an expression whose index can be replaced."""

    __slots__ = ()

    def set_index(self, index: int | Sequence[int]) -> None:
        """Replace the index (or, for a batch, the indices)."""
        graph = self.home()
        op = graph.op(self.index)
        assert isinstance(op, Pick)
        where = "set_index"
        single = isinstance(op.index, int)
        fresh = unsigned(index, where) if single else unsigned_all(index, where)  # type: ignore[arg-type]
        (argument,) = graph.args(self.index)
        dim = Pick(fresh, op.axis).dim(graph.type(argument).dim)
        if dim != self.dim():
            raise op.error(f"set_index: {self.dim()[1]} indices are needed, got {index!r}")
        graph.set_data(self.index, Pick(fresh, op.axis))


@dataclass(eq=False)
class Pick(Op):
    """y = x[index] along axis ``axis``, which is removed; a list of indices picks one for each batch element."""

    index: int | Sequence[int] = 0
    axis: int = 0
    is_view = True
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return self.axis, 0 if isinstance(self.index, int) else len(self.index)

    def integers(self) -> tuple[int, ...]:
        return (self.index,) if isinstance(self.index, int) else tuple(self.index)

    def index_limit(self, *xs: Type) -> int:
        return xs[0].shape[self.axis]

    def check_data(self, *dims: Dim) -> None:
        index, bound = self.index, dims[0][0][self.axis]
        if type(index) is int and 0 <= index < bound:
            return
        for i in (index,) if isinstance(index, int) else index:
            if not 0 <= i < bound:
                raise self.error(
                    f"index {i} is outside axis {self.axis} of size {bound} (0 to {bound - 1})"
                )

    def dim(self, *dims: Dim) -> Dim:
        """The other axes; a vector gives (1,)."""
        ((shape, batch),) = dims
        if not 0 <= self.axis < len(shape):
            raise self.error(f"axis {self.axis} does not exist in shape {shape}")
        if not isinstance(self.index, int):
            if batch == 1:
                batch = len(self.index)
            elif len(self.index) != batch:
                raise self.error(
                    f"{len(self.index)} indices for a batch of {batch}; give one for each"
                )
        self.check_data(*dims)
        return shape[: self.axis] + shape[self.axis + 1 :] or (1,), batch

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """Consecutive numbers of each part of the later axes; the tape has the indices."""
        inner = math.prod(x.shape[: self.axis])
        whole = inner * x.shape[self.axis]
        return Form("pick", (whole, inner, x.size // whole))

    def _place(self, batch: int) -> tuple[Any, ...]:
        later = (slice(None),) * self.axis
        if isinstance(self.index, int):
            return (..., self.index, *later)
        rows = np.arange(len(self.index)) if batch > 1 else np.zeros(len(self.index), dtype=int)
        # numpy puts the axis of the two index arrays before all others
        return (rows, ..., np.asarray(self.index), *later)

    def forward(self, ctx: Context, x: Array) -> Array:
        if x.ndim == 2 and isinstance(self.index, int):
            return x[:, self.index : self.index + 1]
        picked = x[self._place(len(x))]
        return picked.reshape(len(picked), -1) if picked.ndim == 1 else picked

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        if dx.ndim == 2 and isinstance(self.index, int):
            if len(dx) == 1:  # one number: the usual case
                dx[0, self.index] += dy[0, 0]
            else:
                dx[:, self.index] += dy[:, 0]
            return
        place = self._place(len(dx))
        if isinstance(self.index, int):
            target = dx[place]
            target += dy.reshape(target.shape)
        elif len(dx) > 1:  # one place in each batch element: none is repeated
            target = dx[place]
            target += dy.reshape(target.shape)
            dx[place] = target
        else:
            np.add.at(dx, place, dy.reshape(dx[place].shape))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(2), (((3,), 1),))
        yield Sample(cls(1, 0), (((2, 3), 2),))
        yield Sample(cls(2, 1), (((2, 3), 2),))
        yield Sample(cls([2, 0]), (((3,), 2),))
        yield Sample(cls([2, 0, 2]), (((3,), 1),))
        yield Sample(cls([1, 0], 0), (((2, 3), 2),))
        yield Sample(cls([1, 2], 1), (((2, 3), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(3), (((3,), 1),), "index 3 is outside axis 0 of size 3")
        yield BadSample(cls(0, 1), (((3,), 1),), "axis 1 does not exist")
        yield BadSample(cls([0, 1]), (((3,), 3),), "2 indices for a batch of 3")


@dataclass(eq=False)
class PickRange(Op):
    """y = x[start:stop] along axis ``axis``, which is kept."""

    start: int = 0
    stop: int = 1
    axis: int = 0
    is_view = True

    def shape(self, x: Shape) -> Shape:
        if not 0 <= self.axis < len(x):
            raise self.error(f"axis {self.axis} does not exist in shape {x}")
        size = x[self.axis]
        if not 0 <= self.start < self.stop <= size:
            raise self.error(
                f"{self.start}:{self.stop} is not a range of axis {self.axis} of size {size}: "
                "0 <= start < stop <= size is needed"
            )
        return (*x[: self.axis], self.stop - self.start, *x[self.axis + 1 :])

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """Consecutive numbers of each part of the later axes."""
        inner = math.prod(x.shape[: self.axis])
        whole, part = inner * x.shape[self.axis], inner * (self.stop - self.start)
        return Form("part", (inner * self.start, whole, part))

    def _place(self) -> tuple[Any, ...]:
        return (..., slice(self.start, self.stop), *(slice(None),) * self.axis)

    def forward(self, ctx: Context, x: Array) -> Array:
        return x[self._place()]

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        target = dx[self._place()]
        target += dy

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1, 3), (((4,), 1),))
        yield Sample(cls(0, 2, 1), (((2, 3), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(1, 4), (((3,), 1),), "1:4 is not a range")
        yield BadSample(cls(1, 1), (((3,), 1),), "1:1 is not a range")
        yield BadSample(cls(0, 1, 1), (((3,), 1),), "axis 1 does not exist")


@dataclass(eq=False)
class PickBatchElements(Op):
    """y = the batch elements ``indices`` of x, in that order."""

    indices: tuple[int, ...] = (0,)
    is_view = True

    def dim(self, *dims: Dim) -> Dim:
        ((shape, batch),) = dims
        for index in self.indices:
            if not 0 <= index < batch:
                raise self.error(f"element {index} does not exist in a batch of {batch}")
        return shape, len(self.indices)

    def integers(self) -> tuple[int, ...]:
        return self.indices

    def index_limit(self, *xs: Type) -> int:
        return xs[0].batch

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """Copies; the tape has the indices."""
        return Form("pick", (0, x.size // x.batch, 1))

    def forward(self, ctx: Context, x: Array) -> Array:
        return x[list(self.indices)]

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        """An index may be repeated."""
        np.add.at(dx, list(self.indices), dy)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((1,)), (((3,), 2),))
        yield Sample(cls((1, 0, 1)), (((2, 2), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls((2,)), (((3,), 2),), "element 2 does not exist in a batch of 2")


ROWS = Indexed(Pick)


def pick(e: Operand, index: int = 0, dim: int = 0) -> PickExpression:
    """Return slice ``index`` along axis ``dim``; the axis is removed. ``.set_index`` picks another."""
    if type(index) is int and dim == 0 and index >= 0:
        return indexed(ROWS, index, e, PickExpression)
    return apply(Pick(unsigned(index, "pick"), unsigned(dim, "pick")), e, kind=PickExpression)


def pick_batch(e: Operand, indices: Sequence[int], dim: int = 0) -> PickExpression:
    """Return one slice for each batch element; an unbatched one is used for all of them."""
    op = Pick(batch_of(indices, "pick_batch"), unsigned(dim, "pick_batch"))
    return apply(op, e, kind=PickExpression)


def pick_range(x: Operand, s: int, e: int, d: int = 0) -> Expression:
    """Return the slices from ``s`` to before ``e`` along axis ``d``."""
    where = "pick_range"
    return apply(PickRange(unsigned(s, where), unsigned(e, where), unsigned(d, where)), x)


def pickrange(x: Operand, s: int, e: int) -> Expression:
    """Return the slices from ``s`` to before ``e`` along the first axis: an older name of ``pick_range``."""
    return pick_range(x, s, e)


def pick_batch_elem(x: Operand, v: int) -> Expression:
    """Return one element of a batch."""
    return apply(PickBatchElements((unsigned(v, "pick_batch_elem"),)), x)


def pick_batch_elems(x: Operand, vs: Sequence[int]) -> Expression:
    """Return a batch of these elements of a batch."""
    return apply(PickBatchElements(batch_of(vs, "pick_batch_elems")), x)
