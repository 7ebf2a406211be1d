"""Sums of products over shared axes: tensors of three axes with vectors, and circular convolution."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.simplex import is_column

__all__ = [
    "circ_conv",
    "circ_corr",
    "contract3d_1d",
    "contract3d_1d_1d",
    "contract3d_1d_1d_bias",
    "contract3d_1d_bias",
]


class Contract(Op, abstract=True):
    """A tensor (i, j, k) times a vector over k, for some ops another vector over j, and an optional bias."""

    def check(self, size: int, vector: Shape, axis: str) -> None:
        """Raise ShapeError unless ``vector`` is one of this size."""
        if not is_column(vector) or vector[0] != size:
            raise self.error(f"the tensor has {size} slices along {axis}, the vector is {vector}")

    def check_tensor(self, x: Shape) -> None:
        """Raise ShapeError unless ``x`` has three axes."""
        if len(x) != 3:
            raise self.error(f"a tensor of three axes is needed, got shape {x}")

    def check_bias(self, y: Shape, bias: tuple[Shape, ...]) -> Shape:
        """Return ``y``; raise ShapeError unless the bias, if there is one, has the same shape."""
        if any(b != y for b in bias):
            raise self.error(f"the bias must have the result's shape {y}, got {bias[0]}")
        return y


def _row(vector: Array) -> Array:
    """Return a batch of row vectors (batch, 1, n)."""
    return vector.reshape(len(vector), 1, -1)


def _column(tensor: Array) -> Array:
    """Return a batch of column vectors (batch, n, 1)."""
    return tensor.reshape(len(tensor), -1, 1)


def _slices(x: Array) -> Array:
    """Return (batch, k, j i): the slices along the third axis, each as one row."""
    return x.reshape(len(x), x.shape[1], -1)


def _spread(slices: Array, vector: Array) -> Array:
    """Return the slices times each number of the vector, (batch, n, ...)."""
    return slices[:, np.newaxis] * vector.reshape(len(vector), -1, *(1,) * (slices.ndim - 1))


class Contract3d1d(Contract):
    """y_ij = sum_k x_ijk v_k (+ b_ij)."""

    def shape(self, x: Shape, v: Shape, *bias: Shape) -> Shape:
        self.check_tensor(x)
        self.check(x[2], v, "its third axis")
        return self.check_bias(x[:2], bias)

    def forward(self, ctx: Context, x: Array, v: Array, *bias: Array) -> Array:
        y = np.matmul(_row(v), _slices(x)).reshape(-1, *x.shape[2:])
        return y + bias[0] if bias else y

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        """dx_ijk = dy_ij v_k, dv_k = sum_ij dy_ij x_ijk."""
        x, v, *bias = xs
        dv = np.matmul(_slices(x), _column(dy))
        return [_spread(dy, v), dv.reshape(-1, *v.shape[1:]), *(dy for _ in bias)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2, 3, 4), 1), ((4,), 1)))
        yield Sample(cls(), (((2, 3, 4), 2), ((4, 1), 1), ((2, 3), 1)))
        yield Sample(cls(), (((2, 3, 4), 1), ((4,), 2), ((2, 3), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2, 3), 1), ((3,), 1)), "three axes is needed")
        yield BadSample(cls(), (((2, 3, 4), 1), ((3,), 1)), "4 slices along its third axis")
        yield BadSample(cls(), (((2, 3, 4), 1), ((4, 2), 1)), "4 slices along its third axis")
        yield BadSample(cls(), (((2, 3, 4), 1), ((4,), 1), ((2,), 1)), "the bias must have")


class Contract3d1d1d(Contract):
    """y_i = sum_jk x_ijk v_k w_j (+ b_i)."""

    batches = False

    def shape(self, x: Shape, v: Shape, w: Shape, *bias: Shape) -> Shape:
        self.check_tensor(x)
        self.check(x[2], v, "its third axis")
        self.check(x[1], w, "its second axis")
        return self.check_bias(x[:1], bias)

    def forward(self, ctx: Context, x: Array, v: Array, w: Array, *bias: Array) -> Array:
        """Over k first: ``ctx.saved`` is the matrix after that."""
        ctx.saved = np.matmul(_row(v), _slices(x)).reshape(-1, *x.shape[2:])
        y = np.matmul(_row(w), ctx.saved)[:, 0]
        return y + bias[0] if bias else y

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Array) -> list[Array]:
        x, v, w, *bias = xs
        dmatrix = _spread(dy, w)
        dv = np.matmul(_slices(x), _column(dmatrix))
        dw = np.matmul(ctx.saved, _column(dy))
        gradients = [_spread(dmatrix, v), dv.reshape(v.shape), dw.reshape(w.shape)]
        return [*gradients, *(dy for _ in bias)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2, 3, 4), 1), ((4,), 1), ((3,), 1)))
        yield Sample(cls(), (((2, 3, 4), 1), ((4, 1), 1), ((3, 1), 1), ((2,), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        x, v, w = ((2, 3, 4), 1), ((4,), 1), ((3,), 1)
        yield BadSample(cls(), (((2, 3), 1), v, w), "three axes is needed")
        yield BadSample(cls(), (x, w, w), "4 slices along its third axis")
        yield BadSample(cls(), (x, v, v), "3 slices along its second axis")
        yield BadSample(cls(), (x, v, w, ((2, 1), 1)), "the bias must have")


def _convolve(u: Array, v: Array) -> Array:
    """Return sum_k u_k v_(i-k), indices modulo n: a product of Fourier transforms."""
    return _from_spectrum(np.fft.rfft(u) * np.fft.rfft(v), u)


def _correlate(u: Array, v: Array) -> Array:
    """Return sum_k u_k v_(i+k), indices modulo n."""
    return _from_spectrum(np.conj(np.fft.rfft(u)) * np.fft.rfft(v), u)


def _from_spectrum(spectrum: Array, like: Array) -> Array:
    return np.fft.irfft(spectrum, n=like.shape[-1]).astype(like.dtype)


class Circular(Op, abstract=True):
    """A function of two vectors with indices modulo n."""

    batches = False

    def shape(self, u: Shape, v: Shape) -> Shape:
        if u != v or len(u) != 1:
            raise self.error(f"two vectors of one size are needed, got {u} and {v}")
        return u

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 1)))
        yield Sample(cls(), (((4,), 1), ((4,), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((3,), 1), ((2,), 1)), "two vectors of one size")
        yield BadSample(cls(), (((3, 1), 1), ((3, 1), 1)), "two vectors of one size")


class CircConv(Circular):
    """y_i = sum_k u_k v_(i-k mod n)."""

    def forward(self, ctx: Context, u: Array, v: Array) -> Array:
        """By the fast Fourier transform, in n log n steps."""
        return _convolve(u, v)

    def backward(self, ctx: Context, dy: Array, y: Array, u: Array, v: Array) -> list[Array]:
        """The gradient of each is the correlation of the other with dy."""
        return [_correlate(v, dy), _correlate(u, dy)]


class CircCorr(Circular):
    """y_i = sum_k u_k v_(i+k mod n)."""

    def forward(self, ctx: Context, u: Array, v: Array) -> Array:
        """By the fast Fourier transform, in n log n steps."""
        return _correlate(u, v)

    def backward(self, ctx: Context, dy: Array, y: Array, u: Array, v: Array) -> list[Array]:
        """du_k = sum_i dy_i v_(i+k), dv_j = sum_i dy_i u_(j-i)."""
        return [_correlate(dy, v), _convolve(dy, u)]


def contract3d_1d(x: Operand, y: Operand) -> Expression:
    """Return sum_k x_ijk y_k, a matrix."""
    return apply(Contract3d1d(), x, y)


def contract3d_1d_bias(x: Operand, y: Operand, b: Operand) -> Expression:
    """Return b_ij + sum_k x_ijk y_k, a matrix."""
    return apply(Contract3d1d(), x, y, b)


def contract3d_1d_1d(x: Operand, y: Operand, z: Operand) -> Expression:
    """Return sum_jk x_ijk y_k z_j, a vector."""
    return apply(Contract3d1d1d(), x, y, z)


def contract3d_1d_1d_bias(x: Operand, y: Operand, z: Operand, b: Operand) -> Expression:
    """Return b_i + sum_jk x_ijk y_k z_j, a vector."""
    return apply(Contract3d1d1d(), x, y, z, b)


def circ_conv(u: Operand, v: Operand) -> Expression:
    """Return the circular convolution of two vectors."""
    return apply(CircConv(), u, v)


def circ_corr(u: Operand, v: Operand) -> Expression:
    """Return the circular correlation of two vectors."""
    return apply(CircCorr(), u, v)
