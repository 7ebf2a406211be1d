"""Checks of arguments that are numbers: data, sizes, axes, indices and factors.

Every number of a user's program passes through here. Without these checks numpy would make NaN, or a number, of
None and of text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import Any, SupportsFloat, SupportsInt, TypeVar

import numpy as np

from charlm.engine.arrays import Array, Dim, array_shape
from charlm.errors import ArgumentError, EmptyListError, NegativeIndexError, ShapeError

_Thing = TypeVar("_Thing")


def unsigned(number: Any, where: str) -> int:
    """Return a whole number of 0 or more; a float loses its fraction, as in DyNet.

    Raises:
        NegativeIndexError: the number is negative, or has more than 32 bits.
        ArgumentError: it is not a number.

    Example:
        >>> unsigned(2, "pick")
        2
    """
    whole = integer(number, where)
    if not 0 <= whole < 2**32:
        rule = "0 or more" if whole < 0 else "less than 2**32"
        raise NegativeIndexError(f"{where}: a number of {rule} is needed, got {number}")
    return whole


def integer(number: Any, where: str) -> int:
    """Return a whole number; a float loses its fraction, as in DyNet. ArgumentError if it is not a number."""
    if type(number) is int:  # the usual case; the check below takes as long as a small node
        return number
    if _is_number(number) and isinstance(number, SupportsInt):
        try:
            return int(number)
        except (TypeError, ValueError, OverflowError):  # NaN, inf, an array of several numbers
            pass
    raise ArgumentError(f"{where}: a whole number is needed, got {number!r}")


def unsigned_all(numbers: Iterable[Any], where: str) -> tuple[int, ...]:
    """Return whole numbers of 0 or more."""
    if isinstance(numbers, (list, tuple)) and {*map(type, numbers)} == {int}:  # the usual case
        values = tuple(numbers)
        if min(values) >= 0 and max(values) < 2**32:
            return values
    return tuple(unsigned(number, where) for number in each(numbers, where, "whole numbers"))


def batch_of(numbers: Iterable[Any], where: str) -> tuple[int, ...]:
    """Return whole numbers of 0 or more, one for each batch element; ShapeError if there are none."""
    values = unsigned_all(numbers, where)
    if not values:
        raise ShapeError(f"{where}: a batch has one element or more, got an empty list")
    return values


def each(things: Iterable[_Thing], where: str, what: str) -> Iterator[_Thing]:
    """Iterate over a list or another iterable; ArgumentError if it is not iterable, such as one number."""
    try:
        return iter(things)
    except TypeError:
        raise ArgumentError(f"{where}: a list of {what} is needed, got {things!r}") from None


def one_or_all(numbers: Any, where: str) -> tuple[int, ...]:
    """Return whole numbers of 0 or more, given as a list or as one number."""
    alone = isinstance(numbers, (str, bytes)) or getattr(numbers, "ndim", 1) == 0
    if alone or not isinstance(numbers, Iterable):
        return (unsigned(numbers, where),)
    return unsigned_all(numbers, where)


def real(number: Any, where: str) -> float:
    """Return a float, from anything but text that Python converts; ArgumentError if it is not a number."""
    if isinstance(number, Real) or (_is_number(number) and isinstance(number, SupportsFloat)):
        try:
            return float(number)
        except (TypeError, ValueError, OverflowError):  # a date, a number of 400 digits
            pass
    raise ArgumentError(f"{where}: a number is needed, got {number!r}")


def _is_number(thing: Any) -> bool:
    """Return whether an object that converts to a float is one number: not text, not a complex number."""
    if np.ma.is_masked(thing):
        return False
    if isinstance(thing, np.ndarray):
        return thing.ndim == 0 and thing.dtype.kind in _NUMBERS
    return not isinstance(thing, (str, bytes, bytearray, np.complexfloating))


_NUMBERS = "biuf"  # numpy's kinds of types: bool, signed and unsigned integer, float


def reals(data: Any, where: str, uneven: type[ArgumentError | ShapeError] = ArgumentError) -> Array:
    """Return a float64 copy of numbers in an array, in nested lists, or in another iterable.

    Args:
        data: the numbers.
        where: the function that needs them, for the message.
        uneven: the class of the error for rows of different lengths.

    Raises:
        ArgumentError: an element is not a number: None, text, a complex number, a date, another object.

    Example:
        >>> reals([[1, 2.5], [True, 0]], "inputTensor")
        array([[1. , 2.5],
               [1. , 0. ]])
    """
    if isinstance(data, Iterable) and not isinstance(data, (list, tuple, str, bytes, np.ndarray)):
        data = list(data)  # numpy would make one object of a range, a set or a generator
    if np.ma.is_masked(data):  # numpy would use the masked numbers
        raise ArgumentError(
            f"{where}: numbers without a mask are needed, got some that are masked: {data!r}"
        )
    try:
        array = np.asarray(data)
    except ValueError:
        raise uneven(f"{where}: rows of one length are needed, got {data!r}") from None
    if array.dtype.kind in _NUMBERS:
        return array.astype(np.float64)
    if array.dtype.kind != "O":
        raise ArgumentError(f"{where}: numbers are needed, got {data!r}")
    # integers of any length, fractions
    return np.array([real(number, where) for number in array.flat]).reshape(array.shape)


def laid_out(data: Any, dim: Dim, where: str) -> Array:
    """Return the numbers of a tensor in the engine's layout, from an array of its shape or a flat list.

    A flat list is in column-major order. A longer one is cut, as in DyNet.

    Raises:
        ArgumentError: an element is not a number, or the array has another shape, such as the transposed one.
        ShapeError: a flat list is too short; DyNet would leave zeros or old numbers at the end.

    Example:
        >>> laid_out([[1, 2, 3], [4, 5, 6]], ((2, 3), 1), "set").ravel()
        array([1., 4., 2., 5., 3., 6.])
    """
    (shape, batch), numbers = dim, reals(data, where)
    axes = shape if batch == 1 else (*shape, batch)
    size = math.prod(axes)
    if numbers.ndim == 0 and size == 1:
        numbers = numbers[np.newaxis]
    if numbers.ndim == 1:
        if numbers.size < size:
            raise ShapeError(f"{where}: {size} numbers are needed, got {numbers.size}")
        return numbers[:size].reshape(array_shape(dim))
    if numbers.shape != axes:
        raise ArgumentError(
            f"{where}: an array of shape {axes} is needed, or a flat list of {size} numbers in "
            f"column-major order, got an array of shape {numbers.shape}"
        )
    return np.ascontiguousarray(numbers.T).reshape(array_shape(dim))


def members(xs: Any, where: str) -> list[Any]:
    """Return a list of expressions after checking it.

    Raises:
        EmptyListError: the list is empty or None, or an element is None.
        ArgumentError: it is not a list; DyNet does not take a tuple either.
    """
    if not isinstance(xs, list) and xs is not None:
        raise ArgumentError(f"{where}: a list of expressions is needed, got {xs!r}")
    if not xs:
        raise EmptyListError(f"{where}: the list is empty, expected expressions")
    for x in xs:
        if x is None:
            raise EmptyListError(f"{where}: an element of the list is None, expected expressions")
    items: list[Any] = xs
    return items


def sizes(dim: Any, where: str) -> tuple[int, ...]:
    """Return a tensor's sizes, given as a tuple or, for a vector, as a number.

    Raises:
        ShapeError: there are no sizes, or more than seven.
        NegativeIndexError: a size is negative.
        ArgumentError: something else is given, such as a list.

    Example:
        >>> sizes(3, "zeros"), sizes((2, 3), "zeros")
        ((3,), (2, 3))
    """
    shape = unsigned_all(dim if isinstance(dim, tuple) else (dim,), where)
    if not 1 <= len(shape) <= 7:
        raise ShapeError(f"{where}: one to seven sizes are needed, got {dim!r}")
    return shape


def batch_size(number: Any, where: str) -> int:
    """Return a batch size: ``unsigned``, and ShapeError for 0."""
    size = unsigned(number, f"{where}: batch_size")
    if not size:
        raise ShapeError(f"{where}: batch_size: 1 or more is needed, got {number!r}")
    return size
