"""DyNet's holders of numbers, whose contents can be replaced."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from charlm.engine.ops.arguments import real, unsigned
from charlm.errors import ArgumentError

__all__ = ["FloatValue", "FloatVectorValue", "UnsignedValue", "UnsignedVectorValue"]


class FloatValue:
    """A float32 number.

    Example:
        >>> held = FloatValue(0.5)
        >>> held.set(2)
        >>> held.get()
        2.0
    """

    def __init__(self, val: float = 0.0) -> None:
        self.set(val)

    def get(self) -> float:
        """Return the number."""
        return self._held

    def set(self, val: float) -> None:
        """Replace the number; TypeError if it is not a number."""
        self._held = _float(val)


class UnsignedValue:
    """A whole number of 0 or more; OverflowError for other numbers, TypeError for other objects."""

    def __init__(self, val: int = 0) -> None:
        self.set(val)

    def get(self) -> int:
        """Return the number."""
        return self._held

    def set(self, val: int) -> None:
        """Replace the number."""
        self._held = unsigned(val, "UnsignedValue")


class FloatVectorValue:
    """Several float32 numbers.

    Example:
        >>> held = FloatVectorValue([1, 2])
        >>> held.set([0.5])
        >>> held.get(), held.size()
        ([0.5], 1)
    """

    def __init__(self, vals: Iterable[float]) -> None:
        self.set(vals)

    def get(self) -> list[float]:
        """Return the numbers."""
        return list(self._held)

    def set(self, newval: Iterable[float]) -> None:
        """Replace the numbers; there may be more or fewer."""
        self._held = [_float(value) for value in _several(newval)]

    def size(self) -> int:
        """Return how many numbers there are."""
        return len(self._held)


class UnsignedVectorValue:
    """Several whole numbers of 0 or more."""

    def __init__(self, vals: Iterable[int]) -> None:
        self.set(vals)

    def get(self) -> list[int]:
        """Return the numbers."""
        return list(self._held)

    def set(self, newval: Iterable[int]) -> None:
        """Replace the numbers; there may be more or fewer."""
        self._held = [unsigned(value, "UnsignedVectorValue") for value in _several(newval)]

    def size(self) -> int:
        """Return how many numbers there are."""
        return len(self._held)


def _float(number: float) -> float:
    return float(np.float32(real(number, "a float")))


def _several(numbers: Iterable[float]) -> Iterable[float]:
    if not isinstance(numbers, Iterable):
        raise ArgumentError(f"several numbers are needed, got {numbers!r}")
    return numbers
