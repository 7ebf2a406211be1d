"""Arithmetic that gives the same numbers on every machine: whole numbers, held in float64.

A product or a sum of whole numbers below 2**53 is exact in float64. So the order of a sum does not matter, nor
which instructions compute it, nor how many threads. The functions that are no sums (exp, tanh, the logistic
function) are tables. Python's whole numbers make them, not the machine's mathematical library, whose last bits
differ from one system to the next.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate, repeat
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

STATE_BITS = 16
"""A state h or c is a whole number of 2**-16."""
WEIGHT_BITS = 14
"""A weight is rounded to a whole number of 2**-14."""
TABLE_BITS = 10
"""The tables of tanh and of the logistic function have 2**10 entries for each 1 of their argument."""
SCORE_BITS = 10
"""The table of exp has 2**10 entries for each 1 of its argument."""
FREQUENCY_BITS = 24
"""The likeliest symbol has the frequency 2**24."""

ONE = 1 << STATE_BITS
_PRECISION = 96
_UNIT = 1 << _PRECISION


class Table:
    """A function at equal steps.

    Args:
        values: of the function, from its first argument to its last; what is beyond has the value at the end.
        zero: the place of the argument 0 in them.

    Attributes:
        offset: ``argument * 2**bits + offset``, cut to a whole number, is the place of the argument, rounded.
    """

    def __init__(self, values: Array, zero: int) -> None:
        self.values = values
        self.offset = zero + 0.5

    def look_up(self, places: Array, out: Array) -> None:
        """Write the values at some places into ``out``."""
        self.values.take(places, out=out, mode="clip")


@cache
def logistic() -> Table:
    """Return the table of 1/(1 + exp(-x)), in fractions of 2**-16 that are above 0 and below 1."""
    # 1 itself is left out: a memory that forgets a little at each step stays below 2**16 for ever
    half = [
        min(_divided(ONE << _PRECISION, _UNIT + e), ONE - 1)
        for e in _exponentials(TABLE_BITS, 12 << TABLE_BITS)
    ]
    below = [ONE - value for value in half[:0:-1]]
    return Table(np.array(below + half) / ONE, len(below))


@cache
def tanh() -> Table:
    """Return the table of the hyperbolic tangent, in units of 2**-16."""
    half = [
        _divided((_UNIT - e) << STATE_BITS, _UNIT + e)
        for e in _exponentials(TABLE_BITS - 1, 7 << TABLE_BITS)
    ]
    below = [-value for value in half[:0:-1]]
    return Table(np.array(below + half, np.float64), len(below))


@cache
def frequencies() -> Table:
    """Return the table of exp(-x), in units of 2**-24, with 1 unit more, so that nothing is impossible."""
    values = _exponentials(SCORE_BITS, 18 << SCORE_BITS)
    return Table(np.array([1 + (e >> (_PRECISION - FREQUENCY_BITS)) for e in values]), 0)


def rounded(numbers: Array, bits: int) -> Array:
    """Return numbers, rounded to whole numbers of 2**-bits.

    Example:
        >>> rounded(np.array([0.3, -0.7], np.float32), 2)
        array([ 0.25, -0.75])
    """
    exact: Array = np.rint(np.asarray(numbers, np.float64) * 2.0**bits) * 2.0**-bits
    return exact


def _exponentials(bits: int, count: int) -> list[int]:
    """Return exp(-n * 2**-bits), n from 0, in units of 2**-96."""
    ratio, term, k = 0, _UNIT, 0
    while term:  # the series of exp at 0
        ratio += -term if k % 2 else term
        k += 1
        term = (term >> bits) // k
    return list(
        accumulate(repeat(ratio, count - 1), lambda e, r: e * r >> _PRECISION, initial=_UNIT)
    )


def _divided(numerator: int, denominator: int) -> int:
    """Return the nearest whole number."""
    return (2 * numerator + denominator) // (2 * denominator)
