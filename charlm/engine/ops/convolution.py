"""Two-dimensional convolution and pooling.

DyNet's feature maps are (rows, columns, channels), its filters (rows, columns, channels, outputs);
as arrays, with reversed axes, ``(batch, channels, columns, rows)`` and ``(batch, outputs, channels,
columns, rows)``. A window visits every ``stride``-th place: those where it lies inside the map
("valid"), or as many as there are strides in the map, which is padded for it ("same"; the smaller
half of an odd padding comes first).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import unsigned_all
from charlm.errors import ShapeError

__all__ = ["conv2d", "conv2d_bias", "maxpooling2d"]


@dataclass(eq=False)
class Windowed(Op, abstract=True):
    """An operation on a window at each place in feature maps."""

    stride: Shape = (1, 1)
    valid: bool = True

    def places(self, maps: Shape, window: Shape) -> Shape:
        """Return the numbers of places along the rows and the columns."""
        if not self.valid:
            return tuple(math.ceil(n / s) for n, s in zip(maps[:2], self.stride, strict=True))
        if any(k > n for k, n in zip(window, maps[:2], strict=True)):
            raise self.error(
                f"the window {window} is larger than the maps {maps[:2]}; is_valid=False pads them"
            )
        sizes = zip(maps[:2], window, self.stride, strict=True)
        return tuple((n - k) // s + 1 for n, k, s in sizes)

    def paddings(self, maps: Shape, window: Shape) -> list[tuple[int, int]]:
        """Return the padding before and after the array's columns and rows."""
        if self.valid:
            return [(0, 0), (0, 0)]
        sizes = zip(maps[:2], window, self.stride, self.places(maps, window), strict=True)
        totals = [max(0, (count - 1) * s + k - n) for n, k, s, count in sizes]
        return [(total // 2, total - total // 2) for total in reversed(totals)]

    def visit(self, maps: Array, window: Shape, fill: float) -> Array:
        """Return the windows, (batch, channels, place column, place row, column, row)."""
        padded = _pad(maps, self.paddings(_size(maps), window), fill)
        windows = sliding_window_view(padded, window[::-1], axis=(2, 3))
        down, across = self.stride
        return windows[:, :, ::across, ::down]


def _size(maps: Array) -> Shape:
    """Return the number of rows and columns of (batch, channels, columns, rows)."""
    return maps.shape[3], maps.shape[2]


def _pad(maps: Array, paddings: list[tuple[int, int]], fill: float) -> Array:
    if not any(map(any, paddings)):
        return maps
    return np.pad(maps, [(0, 0), (0, 0), *paddings], constant_values=fill)


def _crop(maps: Array, paddings: list[tuple[int, int]]) -> Array:
    columns, rows = (slice(a, n - b) for (a, b), n in zip(paddings, maps.shape[2:], strict=True))
    return maps[:, :, columns, rows]


def _with_channels(x: Array) -> Array:
    """Return maps without a channel axis as one channel."""
    return x[:, np.newaxis] if x.ndim == 3 else x


class Conv2d(Windowed):
    """y_pqo = sum_ijc x_(sp+i)(sq+j)c f_ijco (+ b_o): cross-correlation with stride s."""

    def shape(self, x: Shape, f: Shape, *bias: Shape) -> Shape:
        """(place rows, place columns, outputs)."""
        if len(x) not in (2, 3) or len(f) != 4 or f[2] != (*x, 1)[2]:
            raise self.error(
                "maps (rows, columns, channels) and filters (rows, columns, channels, outputs) "
                f"with as many channels are needed, got {x} and {f}"
            )
        if any(b != f[3:] for b in bias):
            raise self.error(f"the bias must have shape {f[3:]}, got {bias[0]}")
        return (*self.places(x, f[:2]), f[3])

    def forward(self, ctx: Context, x: Array, f: Array, *bias: Array) -> Array:
        """One matrix product: each row of the first matrix is a window."""
        y = _correlate(self.visit(_with_channels(x), _size(f[0]), 0), f)
        return y + bias[0][..., np.newaxis, np.newaxis] if bias else y

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array | None]:
        """dx: the flipped filters over dy with zeros between its places; df: the windows times dy."""
        x, f, *bias = xs
        maps, window = _with_channels(x), _size(f[0])
        dx = df = None
        if ctx.needs[0]:
            dx = self._maps_gradient(dy, f, maps).reshape(-1, *x.shape[1:])
        if ctx.needs[1]:
            rows = _as_rows(self.visit(maps, window, 0))
            df = np.matmul(dy.reshape(*dy.shape[:2], -1), rows).reshape(-1, *f.shape[1:])
        return [dx, df, *(dy.sum(axis=(2, 3)) for _ in bias)]

    def _maps_gradient(self, dy: Array, f: Array, maps: Array) -> Array:
        window = _size(f[0])
        paddings = self.paddings(_size(maps), window)
        high, wide = window
        rows, columns = (n + sum(p) for n, p in zip(_size(maps), reversed(paddings), strict=True))
        canvas = np.zeros((*dy.shape[:2], columns + wide - 1, rows + high - 1), dy.dtype)
        down, across = self.stride
        canvas[:, :, wide - 1 : columns : across, high - 1 : rows : down] = dy
        flipped = f[..., ::-1, ::-1].swapaxes(1, 2)
        views = sliding_window_view(canvas, window[::-1], axis=(2, 3))
        return _crop(_correlate(views, flipped), paddings)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3, 4, 1), 1), ((2, 3, 1, 2), 1)))
        yield Sample(cls((2, 1), False), (((3, 4, 2), 2), ((2, 3, 2, 2), 1), ((2,), 1)))
        yield Sample(cls((2, 3)), (((4, 4), 1), ((1, 2, 1, 2), 1), ((2,), 1)))
        yield Sample(cls((1, 2), False), (((2, 3, 1), 2), ((3, 2, 1, 1), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3, 3, 2), 1), ((2, 2, 1, 1), 1)), "as many channels")
        yield BadSample(cls(), (((3, 3, 1), 1), ((2, 2, 1), 1)), "as many channels")
        yield BadSample(cls(), (((3,), 1), ((2, 2, 1, 1), 1)), "as many channels")
        filters = ((2, 2, 1, 2), 1)
        yield BadSample(cls(), (((3, 3, 1), 1), filters, ((2, 1), 1)), r"must have shape \(2,\)")
        yield BadSample(cls(), (((3, 3, 1), 1), ((4, 2, 1, 1), 1)), "is larger than the maps")


def _as_rows(windows: Array) -> Array:
    """Return (batch, places, channels columns rows)."""
    batch, channels, across, down, wide, high = windows.shape
    moved = windows.transpose(0, 2, 3, 1, 4, 5)
    return moved.reshape(batch, across * down, channels * wide * high)


def _correlate(windows: Array, f: Array) -> Array:
    """Return (batch, outputs, place column, place row)."""
    filters = f.reshape(*f.shape[:2], -1).swapaxes(1, 2)
    y = np.matmul(_as_rows(windows), filters)
    return y.swapaxes(1, 2).reshape(len(y), -1, *windows.shape[2:4])


@dataclass(eq=False)
class Maxpooling2d(Windowed):
    """y_pqc = the maximum of x_ijc over the window at place p, q; the gradient goes to the first maximum."""

    window: Shape = (2, 2)

    def shape(self, x: Shape) -> Shape:
        """(place rows, place columns[, channels])."""
        if len(x) not in (2, 3):
            raise self.error(f"maps (rows, columns[, channels]) are needed, got shape {x}")
        return (*self.places(x, self.window), *x[2:])

    def forward(self, ctx: Context, x: Array) -> Array:
        """Padding is smaller than any number; the first maximum is that of the first row."""
        windows = self.visit(_with_channels(x), self.window, -np.inf).swapaxes(4, 5)
        flat = windows.reshape(*windows.shape[:4], -1)
        ctx.saved = flat.argmax(axis=4)
        y = np.take_along_axis(flat, ctx.saved[..., np.newaxis], axis=4)[..., 0]
        return y.reshape(len(x), *x.shape[1:-2], *y.shape[2:])

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        maps = _with_channels(x)
        paddings = self.paddings(_size(maps), self.window)
        batch, channels, across, down = ctx.saved.shape
        row, column = np.divmod(ctx.saved, self.window[1])
        column += np.arange(across)[:, np.newaxis] * self.stride[1]
        row += np.arange(down) * self.stride[0]
        sizes = [n + sum(p) for n, p in zip(maps.shape[2:], paddings, strict=True)]
        dx = np.zeros((batch, channels, *sizes), dy.dtype)
        item = np.arange(batch)[:, np.newaxis, np.newaxis, np.newaxis]
        channel = np.arange(channels)[:, np.newaxis, np.newaxis]
        np.add.at(dx, (item, channel, column, row), dy.reshape(ctx.saved.shape))
        return [_crop(dx, paddings).reshape(x.shape)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((2, 2)), (((4, 4, 1), 1),))
        yield Sample(cls((1, 2), False, (2, 3)), (((3, 4, 2), 2),))
        yield Sample(cls((1, 1)), (((3, 3), 2),))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1),), "are needed")
        yield BadSample(cls(), (((3, 3, 1, 1), 1),), "are needed")
        yield BadSample(cls((1, 1), True, (4, 2)), (((3, 3, 1), 1),), "is larger than the maps")


def conv2d(x: Operand, f: Operand, stride: Sequence[int], is_valid: bool = True) -> Expression:
    """Return the maps x (rows, columns, channels) correlated with filters f (rows, columns, channels, outputs)."""
    return apply(Conv2d(_pair(stride, "conv2d: stride"), bool(is_valid)), x, f)


def conv2d_bias(
    x: Operand, f: Operand, b: Operand, stride: Sequence[int], is_valid: bool = True
) -> Expression:
    """Return ``conv2d`` plus a bias for each output."""
    return apply(Conv2d(_pair(stride, "conv2d_bias: stride"), bool(is_valid)), x, f, b)


def maxpooling2d(
    x: Operand, ksize: Sequence[int], stride: Sequence[int], is_valid: bool = True
) -> Expression:
    """Return the maxima of x under a window of ``ksize`` rows and columns that moves by ``stride``."""
    where = "maxpooling2d"
    step, window = _pair(stride, f"{where}: stride"), _pair(ksize, f"{where}: ksize")
    return apply(Maxpooling2d(step, bool(is_valid), window), x)


def _pair(numbers: Sequence[int], where: str) -> Shape:
    pair = unsigned_all(numbers, where)
    if len(pair) != 2 or 0 in pair:
        raise ShapeError(f"{where}: two positive numbers are needed, got {list(numbers)}")
    return pair
