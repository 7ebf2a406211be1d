"""What DyNet's functions take as a number of rows, an axis, an index or a factor."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any, SupportsInt

from charlm.errors import ArgumentError, EmptyListError, NegativeIndexError, ShapeError


def unsigned(number: Any, where: str) -> int:
    """Return a whole number of 0 or more; a float is cut, as in DyNet.

    Raises:
        NegativeIndexError: the number is negative.
        ArgumentError: it is no number.

    Example:
        >>> unsigned(2, "pick")
        2
    """
    whole = integer(number, where)
    if whole < 0:
        raise NegativeIndexError(f"{where}: a number of 0 or more is needed, got {number}")
    return whole


def integer(number: Any, where: str) -> int:
    """Return a whole number; a float is cut, as in DyNet. ArgumentError if it is no number."""
    if type(number) is int:  # nearly always, and the check below costs as much as a small node
        return number
    if isinstance(number, str) or not isinstance(number, SupportsInt):
        raise ArgumentError(f"{where}: a whole number is needed, got {number!r}")
    return int(number)


def unsigned_all(numbers: Iterable[Any], where: str) -> tuple[int, ...]:
    """Return whole numbers of 0 or more."""
    return tuple(unsigned(number, where) for number in numbers)


def real(number: Any, where: str) -> float:
    """Return a float; ArgumentError if it is no number."""
    if not isinstance(number, Real):
        raise ArgumentError(f"{where}: a number is needed, got {number!r}")
    return float(number)


def members(xs: Any, where: str) -> list[Any]:
    """Return a list of expressions as it is.

    Raises:
        EmptyListError: the list is empty or None, or an element is None.
        ArgumentError: it is no list; DyNet takes no tuple either.
    """
    if not isinstance(xs, list) and xs is not None:
        raise ArgumentError(f"{where}: a list of expressions is needed, got {xs!r}")
    if not xs:
        raise EmptyListError(f"{where}: the list is empty, expected expressions")
    for x in xs:
        if x is None:
            raise EmptyListError(f"{where}: an element of the list is None, expected expressions")
    found: list[Any] = xs
    return found


def sizes(dim: Any, where: str) -> tuple[int, ...]:
    """Return a tensor's sizes, given as a tuple or, for a vector, as a number.

    Raises:
        ShapeError: a size is 0, there are no sizes, or more than seven.
        NegativeIndexError: a size is negative.
        ArgumentError: something else is given, a list for one.

    Example:
        >>> sizes(3, "zeros"), sizes((2, 3), "zeros")
        ((3,), (2, 3))
    """
    found = unsigned_all(dim if isinstance(dim, tuple) else (dim,), where)
    if not 1 <= len(found) <= 7 or 0 in found:
        raise ShapeError(f"{where}: one to seven sizes of 1 or more are needed, got {dim!r}")
    return found
