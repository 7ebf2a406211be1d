"""Initial values of parameters (DyNet's initialisers, with DyNet's constants).

An initialiser is called with a parameter's DyNet dims, a random stream and the number type.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from charlm.engine.arrays import Array, DType, Shape
from charlm.engine.random import RandomStream
from charlm.errors import EvaluationError, ShapeError


class Initializer(Protocol):
    """Returns the first value of a parameter."""

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        """Return the value for DyNet dims ``dims``, in the engine's layout (axes reversed, no batch axis)."""
        ...


@dataclass(frozen=True)
class Uniform:
    """U(-scale, scale)."""

    scale: float

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        return stream.uniform(-self.scale, self.scale, dims[::-1], dtype)


@dataclass(frozen=True)
class Normal:
    """N(mean, variance)."""

    mean: float = 0.0
    variance: float = 1.0

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        return stream.normal(self.mean, math.sqrt(self.variance), dims[::-1], dtype)


@dataclass(frozen=True)
class Constant:
    """The same number everywhere."""

    value: float

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        return np.full(dims[::-1], self.value, dtype)


@dataclass(frozen=True)
class Identity:
    """The identity matrix."""

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        """Return the matrix; RuntimeError unless it is square."""
        if len(dims) != 2 or dims[0] != dims[1]:
            raise EvaluationError(
                f"the identity initialiser needs a square matrix, got shape {dims}"
            )
        return np.eye(dims[0], dtype=dtype)


@dataclass(frozen=True)
class Glorot:
    """Uniform within the bound of Glorot and Bengio (2010), as DyNet computes it.

    For r dims n1..nr the bound is ``gain * sqrt(3 r / sum(n))``; for the four dims (H, W, In, Out)
    of a convolution ``gain * sqrt(6 / (H W (In + Out)))``. With ``is_lookup`` the last axis, the
    number of rows, is left out.
    """

    is_lookup: bool = False
    gain: float = 1.0

    def bound(self, dims: Shape) -> float:
        """Return the bound for DyNet dims ``dims``.

        Example:
            >>> round(Glorot().bound((4, 2)), 6)
            1.0
        """
        sizes = dims[:-1] if self.is_lookup else dims
        if not math.prod(dims):
            return 0.0  # for a parameter without numbers
        if len(sizes) == 4:
            height, width, into, out = sizes
            return self.gain * math.sqrt(6 / (height * width * (into + out)))
        return self.gain * math.sqrt(3 * len(sizes) / sum(sizes))

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        bound = self.bound(dims)
        return stream.uniform(-bound, bound, dims[::-1], dtype)


@dataclass(frozen=True)
class Saxe:
    """A random orthogonal matrix times ``gain`` (Saxe et al., 2014): the left singular vectors of a uniform one."""

    gain: float = 1.0

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        """Draw the matrix; RuntimeError unless it is square."""
        if len(dims) != 2 or dims[0] != dims[1]:
            raise EvaluationError(f"the Saxe initialiser needs a square matrix, got shape {dims}")
        drawn = stream.uniform(-1.0, 1.0, dims[::-1], np.float64).T
        orthogonal = np.linalg.svd(drawn)[0] * self.gain
        return np.ascontiguousarray(orthogonal.T).astype(dtype)


@dataclass(frozen=True)
class FromArray:
    """The values of an array whose axes are in DyNet's order."""

    array: Any

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        """Return a copy; ShapeError if the number of elements differs from that of ``dims``."""
        array = np.asarray(self.array, dtype=dtype)
        if array.size != math.prod(dims):
            raise ShapeError(
                f"an array of shape {array.shape} cannot fill a parameter of shape {dims}"
            )
        return np.array(array.T, order="C").reshape(dims[::-1])
