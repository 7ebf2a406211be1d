"""Plain and weighted sums over neighbouring rows or columns of a matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import unsigned

__all__ = ["filter1d_narrow", "fold_rows", "kmh_ngram"]


@dataclass(eq=False)
class FoldRows(Op):
    """Y = the sums of each ``count`` consecutive rows; a vector is a column, and becomes a matrix."""

    count: int = 2

    def shape(self, x: Shape) -> Shape:
        if len(x) > 2 or self.count < 1 or x[0] % self.count:
            raise self.error(
                f"the rows of a matrix must divide into groups of {self.count}, got shape {x}"
            )
        return (x[0] // self.count, *x[1:], 1)[:2]

    def forward(self, ctx: Context, x: Array) -> Array:
        columns = x.shape[1] if x.ndim == 3 else 1
        return x.reshape(len(x), columns, -1, self.count).sum(axis=3)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [np.repeat(dy, self.count, axis=2).reshape(len(dy), *x.shape[1:])]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((4, 2), 1),))
        yield Sample(cls(3), (((6, 2), 2),))
        yield Sample(cls(), (((4,), 1),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(3), (((4, 2), 1),), "groups of 3")
        yield BadSample(cls(0), (((4, 2), 1),), "groups of 0")
        yield BadSample(cls(), (((4, 2, 2), 1),), "the rows of a matrix")


@dataclass(eq=False)
class KmhNgram(Op):
    """y_j = x_j + ... + x_(j+width-1), columns of a matrix."""

    width: int = 2
    batches = False

    def shape(self, x: Shape) -> Shape:
        if len(x) != 2 or not 1 <= self.width <= x[1]:
            raise self.error(
                f"a matrix and a window of 1 to as many columns are needed, "
                f"got shape {x} and a window of {self.width}"
            )
        return x[0], x[1] - self.width + 1

    def forward(self, ctx: Context, x: Array) -> Array:
        return sliding_window_view(x, self.width, axis=1).sum(axis=3)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        """The gradient of a column is the sum over the windows that include it."""
        beyond = self.width - 1
        padded = np.pad(dy, ((0, 0), (beyond, beyond), (0, 0)))
        return [sliding_window_view(padded, self.width, axis=1).sum(axis=3)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2, 4), 1),))
        yield Sample(cls(3), (((2, 3), 1),))
        yield Sample(cls(1), (((2, 3), 1),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(1), (((3,), 1),), r"got shape \(3,\) and a window of 1")
        yield BadSample(cls(4), (((2, 3), 1),), "a window of 4")
        yield BadSample(cls(0), (((2, 3), 1),), "a window of 0")


class Filter1dNarrow(Op):
    """y_kj = sum_it f_itk x_i(j+t): each filter has as many rows as x and moves along its columns."""

    def shape(self, x: Shape, f: Shape) -> Shape:
        """(filters, places); a matrix is one filter."""
        if len(x) != 2 or len(f) not in (2, 3) or f[0] != x[0] or f[1] > x[1]:
            raise self.error(
                f"a matrix (m, n) and filters (m, w, count) with w <= n are needed, got {x} and {f}"
            )
        return (*f, 1)[2], x[1] - f[1] + 1

    def forward(self, ctx: Context, x: Array, f: Array) -> Array:
        """One matrix product: each row of the first matrix is a window."""
        return np.matmul(_windows(x, f.shape[-2]), _filters(f))

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array, f: Array) -> list[Array]:
        """dx: the flipped filters over dy; df: the windows times dy."""
        width, rows = f.shape[-2:]
        beyond = width - 1
        padded = np.pad(dy, ((0, 0), (beyond, beyond), (0, 0)))
        filters = f.reshape(len(f), -1, width, rows)
        flipped = filters[:, :, ::-1].swapaxes(1, 2)
        dx = np.matmul(_windows(padded, width), flipped.reshape(len(f), -1, rows))
        df = np.matmul(dy.swapaxes(1, 2), _windows(x, width))
        return [dx, df.reshape(len(df), *f.shape[1:])]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2, 4), 1), ((2, 2), 1)))
        yield Sample(cls(), (((3, 4), 2), ((3, 2, 2), 1)))
        yield Sample(cls(), (((2, 3), 1), ((2, 3, 2), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((3, 1), 1)), "are needed")
        yield BadSample(cls(), (((2, 4), 1), ((3, 2, 2), 1)), "are needed")
        yield BadSample(cls(), (((2, 4), 1), ((2, 5, 2), 1)), "are needed")
        yield BadSample(cls(), (((2, 4), 1), ((2, 2, 2, 2), 1)), "are needed")


def _windows(x: Array, width: int) -> Array:
    """Return (batch, places, width rows): the columns of each window, one after the other."""
    windows = sliding_window_view(x, width, axis=1).swapaxes(2, 3)
    return windows.reshape(len(x), windows.shape[1], -1)


def _filters(f: Array) -> Array:
    """Return (batch, width rows, count)."""
    return f.reshape(len(f), -1, f.shape[-2] * f.shape[-1]).swapaxes(1, 2)


def fold_rows(x: Operand, nrows: int = 2) -> Expression:
    """Return the sums of each ``nrows`` consecutive rows."""
    return apply(FoldRows(unsigned(nrows, "fold_rows")), x)


def kmh_ngram(x: Operand, v: int) -> Expression:
    """Return the sums of each v neighbouring columns."""
    return apply(KmhNgram(unsigned(v, "kmh_ngram")), x)


def filter1d_narrow(x: Operand, y: Operand) -> Expression:
    """Return the filters y (m, w, count) moved along the columns of x (m, n): a matrix (count, n - w + 1)."""
    return apply(Filter1dNarrow(), x, y)
