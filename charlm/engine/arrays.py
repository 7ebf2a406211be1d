"""The memory layout of tensors, and functions that convert to it and from it.

DyNet's shapes have the batch last and number elements column-major (first axis fastest). Read in C
order, this is an array with all axes reversed: dims ``(d0, d1)`` with batch ``b`` is an array of
shape ``(b, d1, d0)``. So a batch of vectors is ``(b, d0)``, and reshapes and flat reads are free.
DyNet's broadcasting aligns axes from the first, which is numpy's, from the last. Every value of the
engine has this layout, always with a batch axis.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from threading import local
from typing import Any, TypeAlias, TypeVar

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
DType: TypeAlias = (
    Any  # numpy's own spelling (DTypeLike) does not pass through its random functions
)
Shape: TypeAlias = tuple[int, ...]
Dim: TypeAlias = tuple[Shape, int]
"""A DyNet dimension: the shape of one batch element, and the batch size."""


def array_shape(dim: Dim) -> Shape:
    """Return the shape of the array that holds ``dim``.

    Example:
        >>> array_shape(((2, 3), 4))
        (4, 3, 2)
    """
    shape, batch = dim
    return (batch, *reversed(shape))


def from_user(data: Any, dtype: DType, *, batched: bool = False) -> Array:
    """Convert a user's array (axes in DyNet's order, batch last if ``batched``) to the engine's layout.

    Example:
        >>> from_user([[1, 2, 3], [4, 5, 6]], np.float32).shape
        (1, 3, 2)
    """
    array = np.asarray(data, dtype=dtype).T
    if not batched:
        array = array[np.newaxis]
    elif array.ndim == 1:
        array = array[:, np.newaxis]
    return np.ascontiguousarray(array)


def to_user(value: Array) -> Array:
    """Return a float64 copy in DyNet's axis order; the batch axis is last, and left out when it is 1.

    Example:
        >>> to_user(np.zeros((1, 3, 2))).shape, to_user(np.zeros((5, 3, 2))).shape
        ((2, 3), (2, 3, 5))
    """
    one = value[0] if value.shape[0] == 1 else value
    return np.array(one.T, dtype=np.float64, order="C")


def align(value: Array, rank: int) -> Array:
    """Insert size-1 axes after the batch axis, so that the value broadcasts with one of this rank."""
    missing = rank + 1 - value.ndim
    if missing <= 0:
        return value
    return value.reshape(value.shape[:1] + (1,) * missing + value.shape[1:])


def reduce_to(gradient: Array, shape: Shape) -> Array:
    """Sum a gradient over the axes along which an argument of array shape ``shape`` was broadcast.

    Example:
        >>> reduce_to(np.ones((4, 3, 2)), (1, 2))
        array([[12., 12.]])
    """
    extra = gradient.ndim - len(shape)
    if extra > 0:
        gradient = gradient.sum(axis=tuple(range(1, 1 + extra)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=axes, keepdims=True) if axes else gradient


def zeros_like(array: Array) -> Array:
    """Return zeros of an array's shape and type.

    The system provides large ones without work, while ``numpy.zeros_like`` writes every page, also those
    that are only read.
    """
    return np.zeros(array.shape, array.dtype)


def show(dim: Dim) -> str:
    """Return a dimension as text: ``(2, 3)``, with ``x 4`` for a batch of four.

    Example:
        >>> show(((2, 3), 4))
        '(2, 3) x 4'
    """
    shape, batch = dim
    return f"{shape}" if batch == 1 else f"{shape} x {batch}"


T = TypeVar("T")

_IN_CONTEXTS = not np.__version__.startswith("1.")  # numpy 2 has its warning settings there


class _Quiet(local):
    """A thread's context in which numpy does not warn."""

    def __init__(self) -> None:
        self.context = copy_context()
        if _IN_CONTEXTS:
            self.context.run(np.seterr, all="ignore")


_quiet = _Quiet()


def quietly(function: Callable[..., T], *args: Any) -> T:
    """Call a function without numpy's warnings: overflow gives inf, as in DyNet; trainers check gradients.

    ``numpy.errstate`` takes as long as a small operation; entering a context takes 0.05 us.
    """
    if _IN_CONTEXTS:
        return _quiet.context.run(function, *args)
    with np.errstate(all="ignore"):
        return function(*args)
