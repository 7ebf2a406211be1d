"""Softmax and the losses on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim, DType, Shape
from charlm.engine.expression import Expression, Node, Operand, apply, indexed, of_one
from charlm.engine.op import BadSample, Context, Indexed, Op, Sample
from charlm.engine.ops.arguments import unsigned, unsigned_all
from charlm.engine.ops.shaping import axis_of
from charlm.engine.ops.simplex import RestrictedLogSoftmax
from charlm.engine.types import Type
from charlm.errors import ArgumentError
from charlm.kernels.tapes import Form

__all__ = ["log_softmax", "pickneglogsoftmax", "pickneglogsoftmax_batch", "softmax"]


class OverAxis(Op, abstract=True):
    """A function of each column (axis 0) or row (axis 1) of a vector or matrix."""

    axis: int

    def shape(self, x: Shape) -> Shape:
        if len(x) > 2:
            raise self.error(f"at most two axes, got shape {x}")
        if self.axis >= len(x):
            raise self.error(f"axis {self.axis} does not exist in shape {x}")
        return x

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((4,), 1),), -2, 2)
        yield Sample(cls(), (((2, 3), 2),), -2, 2)
        yield Sample(cls(1), (((2, 3), 2),), -2, 2)  # type: ignore[call-arg]

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(1), (((3,), 1),), "axis 1 does not exist")  # type: ignore[call-arg]
        yield BadSample(cls(), (((2, 2, 2), 1),), "at most two axes")


@lru_cache
def _ones(size: int, dtype: DType) -> Array:
    """Return ones: for a small vector, the product with them takes a third of the time of ``sum``."""
    return np.ones(size, dtype)


@dataclass(eq=False)
class Softmax(OverAxis):
    """y = exp(x) / sum exp(x) along an axis; dx = y (dy - sum y dy)."""

    axis: int = 0

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return None if self.axis else Form("softmax", x.shape[:1])

    def forward(self, ctx: Context, x: Array) -> Array:
        """Shifted by the maximum: exp overflows above 88 in float32."""
        if len(x) == 1 and x.ndim == 2 and self.axis == 0:  # a third of the time for a small vector
            y = x - x[0, x.argmax(), ...]  # an array without axes is faster here than a number
            np.exp(y, out=y)
            y /= y.dot(_ones(y.shape[1], y.dtype))[0, ...]
            return y
        axis = axis_of(self.axis)  # ``reduce`` saves the microsecond that x.max() takes longer
        y = x - np.maximum.reduce(x, axis=axis, keepdims=True)
        np.exp(y, out=y)
        y /= np.add.reduce(y, axis=axis, keepdims=True)
        return y

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        if len(y) == 1 and y.ndim == 2 and self.axis == 0:
            dx = dy - y.dot(dy[0])[0, ...]
        else:
            dx = dy - np.add.reduce(y * dy, axis=axis_of(self.axis), keepdims=True)
        dx *= y
        return [dx]


@dataclass(eq=False)
class LogSoftmax(OverAxis):
    """y = x - ln sum exp(x) along an axis; dx = dy - exp(y) sum dy."""

    axis: int = 0

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """Along the first axis only; the probabilities are saved."""
        return None if self.axis else Form("log_softmax", x.shape[:1], saved=x.size)

    def forward(self, ctx: Context, x: Array) -> Array:
        axis = axis_of(self.axis)
        shifted = x - x.max(axis=axis, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy - np.exp(y) * dy.sum(axis=axis_of(self.axis), keepdims=True)]


class OfTargets(Op, abstract=True):
    """A loss of a vector of scores and the index of the target, one target for each batch element."""

    targets: tuple[int, ...]
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return len(self.targets), *[v for k, v in vars(self).items() if k != "targets"]

    def integers(self) -> tuple[int, ...]:
        return self.targets

    def index_limit(self, *xs: Type) -> int:
        return xs[0].shape[0]

    def check_data(self, *dims: Dim) -> None:
        bound = dims[0][0][0]
        for target in self.targets:
            if not 0 <= target < bound:
                raise self.error(f"target {target} is outside {bound} scores (0 to {bound - 1})")

    def dim(self, *dims: Dim) -> Dim:
        ((shape, batch),) = dims
        if any(n != 1 for n in shape[1:]):
            raise self.error(f"the scores must be a vector, got shape {shape}")
        if len(self.targets) != batch:
            raise self.error(
                f"{len(self.targets)} targets for a batch of {batch}; give one for each"
            )
        self.check_data(*dims)
        return (1,), batch

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls((4,)), (((4,), 1),), "target 4 is outside 4 scores")  # type: ignore[call-arg]
        yield BadSample(cls((1,)), (((4,), 2),), "1 targets for a batch of 2")  # type: ignore[call-arg]
        yield BadSample(cls((1,)), (((2, 3), 1),), "must be a vector")  # type: ignore[call-arg]


@dataclass(eq=False)
class PickNegLogSoftmax(OfTargets):
    """y = -ln softmax(x)[target], one target for each batch element."""

    targets: tuple[int, ...] = (0,)

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        return Form("pick_neg_log_softmax", (x.size // x.batch,), saved=x.size)

    def forward(self, ctx: Context, x: Array) -> Array:
        """The loss is ln sum exp(x) - x[target], shifted by the maximum."""
        scores = x.reshape(len(x), -1)
        shifted = scores - scores.max(axis=1, keepdims=True)
        rows = np.arange(len(x))
        picked = shifted[rows, self.targets]
        exps = np.exp(shifted)
        total = exps.sum(axis=1)
        ctx.saved = exps / total[:, np.newaxis]
        return (np.log(total) - picked)[:, np.newaxis]

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        dx = ctx.saved * dy
        dx[np.arange(len(x)), self.targets] -= dy[:, 0]
        return [dx.reshape(x.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((1,)), (((4,), 1),), -2, 2)
        yield Sample(cls((1, 3)), (((4,), 2),), -2, 2)


_softmax = of_one(Softmax(), "softmax", "Return the softmax of each column.")
_log_softmax = of_one(
    LogSoftmax(), "log_softmax", "Return the logarithm of the softmax of each column."
)
OF_TARGET = Indexed(lambda target: PickNegLogSoftmax((target,)))


def softmax(x: Operand, d: int = 0) -> Expression:
    """Return the softmax of each column (``d=0``) or row (``d=1``)."""
    if type(d) is int and d == 0:
        return _softmax(x)
    return apply(Softmax(unsigned(d, "softmax")), x)


def log_softmax(x: Operand, restrict: Sequence[int] | None = None) -> Expression:
    """Return the logarithm of the softmax of each column.

    ``restrict`` is a list of indices of a vector: the result is normalised over them, and -inf elsewhere.
    """
    if restrict is None:
        return _log_softmax(x)
    if not isinstance(restrict, list):
        raise ArgumentError(f"log_softmax: restrict must be a list of indices, got {restrict!r}")
    return apply(RestrictedLogSoftmax(unsigned_all(restrict, "log_softmax")), x)


def pickneglogsoftmax(x: Operand, v: int) -> Expression:
    """Return -ln softmax(x)[v]."""
    if type(v) is int and v >= 0:
        return indexed(OF_TARGET, v, x, Node)
    return pickneglogsoftmax_batch(x, [v])


def pickneglogsoftmax_batch(x: Operand, vs: Sequence[int]) -> Expression:
    """Return -ln softmax(x)[v] with one v for each batch element."""
    return apply(PickNegLogSoftmax(unsigned_all(vs, "pickneglogsoftmax")), x)
