"""Operations on whole matrices: inverse, determinant, trace of a product, a vector added to every column."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arithmetic import Add
from charlm.engine.ops.linear import DotProduct
from charlm.errors import EvaluationError

__all__ = ["colwise_add", "inverse", "logdet", "trace_of_product"]

# a matrix whose inverse is accurate in float32
_REGULAR = ([1.5, -0.3, 0.4, 0.2, 1.2, -0.5, -0.6, 0.1, 1.1],)


class OfSquare(Op, abstract=True):
    """A function of a square matrix, or of one number as a matrix."""

    batches = False

    def shape(self, x: Shape) -> Shape:
        if len(x) > 2 or x[0] != (*x, 1)[1]:
            raise self.error(f"a square matrix is needed, got shape {x}")
        return x

    def inverse(self, x: Array) -> Array:
        """Return the inverse of the array's last two axes, or of its one number."""
        try:
            return np.linalg.inv(x.reshape(len(x), x.shape[-1], -1)).reshape(x.shape)
        except np.linalg.LinAlgError:
            raise EvaluationError(
                f"{type(self).name()}: the matrix is singular, it has no inverse:\n{x[0].T}"
            ) from None

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3, 3), 1),), values=_REGULAR)
        yield Sample(cls(), (((1,), 1),), values=([0.7],))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        for shape in ((2, 3), (2,), (2, 2, 2)):
            yield BadSample(cls(), ((shape, 1),), "a square matrix is needed")


class Inverse(OfSquare):
    """Y = X^-1; dX = -Y^T dY Y^T. The formula also holds for arrays with reversed axes."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return self.inverse(x)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        if y.ndim == 2:
            return [-y * dy * y]
        transposed = y.swapaxes(1, 2)
        return [-(transposed @ dy @ transposed)]


class Logdet(OfSquare):
    """y = ln det X, NaN if the determinant is negative; dX = (X^-1)^T."""

    def shape(self, x: Shape) -> Shape:
        super().shape(x)
        return (1,)

    def forward(self, ctx: Context, x: Array) -> Array:
        sign, log = np.linalg.slogdet(x.reshape(len(x), x.shape[-1], -1))
        return np.where(sign < 0, np.nan, log)[:, np.newaxis].astype(x.dtype)

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        inverse = self.inverse(x)
        return [dy[0, 0] * (inverse if x.ndim == 2 else inverse.swapaxes(1, 2))]


class TraceOfProduct(DotProduct):
    """y = tr(X1 X2^T) = sum of x1_ij x2_ij."""

    batches = False

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        if len(x1) > 2:
            raise self.error(f"at most two axes, got shape {x1}")
        return super().shape(x1, x2)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1), ((3,), 1)))
        yield Sample(cls(), (((2, 3), 1), ((2, 3), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2, 3), 1), ((3, 2), 1)), "shapes must be equal")
        yield BadSample(cls(), (((2, 2, 2), 1), ((2, 2, 2), 1)), "at most two axes")


class ColwiseAdd(Add):
    """Y = X + v, the vector added to every column of the matrix."""

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        if len(x1) != 2 or x2 not in ((x1[0],), (x1[0], 1)):
            raise self.error(f"a matrix (m, n) and a vector (m,) are needed, got {x1} and {x2}")
        return x1

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2, 3), 2), ((2,), 1)))
        yield Sample(cls(), (((2, 3), 1), ((2, 1), 2)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2, 3), 1), ((3,), 1)), "are needed")
        yield BadSample(cls(), (((3,), 1), ((3,), 1)), "are needed")
        yield BadSample(cls(), (((2, 3), 1), ((1, 3), 1)), "are needed")


def inverse(x: Operand) -> Expression:
    """Return the inverse of a square matrix; RuntimeError when evaluated if it has none."""
    return apply(Inverse(), x)


def logdet(x: Operand) -> Expression:
    """Return the logarithm of a square matrix's determinant."""
    return apply(Logdet(), x)


def trace_of_product(x: Operand, y: Operand) -> Expression:
    """Return the trace of x times the transposed y."""
    return apply(TraceOfProduct(), x, y)


def colwise_add(x: Operand, y: Operand) -> Expression:
    """Return the matrix x with the vector y added to every column."""
    return apply(ColwiseAdd(), x, y)
