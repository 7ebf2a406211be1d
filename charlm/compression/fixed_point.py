"""Arithmetic that gives the same numbers on every machine: whole numbers, held in float64.

Products and sums of whole numbers below 2**53 are exact in float64. So the result does not depend on the order of a
sum, the instructions or the number of threads. exp, tanh and the logistic function are tables. They are computed with
Python's whole numbers and not with the machine's mathematical library, whose last bits differ from system to system.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate, repeat

import numpy as np

from charlm.engine.arrays import Array

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
    """The values of a function at equal steps.

    Args:
        values: the values from the first argument to the last; arguments beyond these have the value at the end.
        zero: the index of the argument 0.

    Attributes:
        offset: ``argument * 2**bits + offset``, truncated, is the index of the nearest argument.
    """

    def __init__(self, values: Array, zero: int) -> None:
        self.values = values
        self.offset = zero + 0.5

    def look_up(self, places: Array, out: Array) -> None:
        """Write the values at some indices into ``out``."""
        self.values.take(places, out=out, mode="clip")


@cache
def logistic() -> Table:
    """Return the table of 1/(1 + exp(-x)), in fractions of 2**-16 that are above 0 and below 1."""
    # never 1 itself: a forget gate below 1 keeps an LSTM's memory below 2**16 in every text
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
    """Return the table of exp(-x), in units of 2**-24, plus 1 unit, so that every symbol is possible."""
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
