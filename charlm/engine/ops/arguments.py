"""What DyNet's functions take as a number of rows, an axis or an index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, SupportsInt

from charlm.errors import ArgumentError, NegativeIndexError


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
    if isinstance(number, str) or not isinstance(number, SupportsInt):
        raise ArgumentError(f"{where}: a whole number is needed, got {number!r}")
    return int(number)


def unsigned_all(numbers: Iterable[Any], where: str) -> tuple[int, ...]:
    """Return whole numbers of 0 or more."""
    return tuple(unsigned(number, where) for number in numbers)
