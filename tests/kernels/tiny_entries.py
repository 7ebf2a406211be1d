"""Two entries that compile in a moment, for the tests of what compiles and loads them."""

from __future__ import annotations

from charlm.kernels.compiled.entries import integers_at


def add(state):
    """Put the sum of the first two numbers into the third; return it."""
    numbers = integers_at(state, (3,))
    numbers[2] = numbers[0] + numbers[1]
    return numbers[2]


def multiply(state):
    """Return the product of the first two numbers."""
    numbers = integers_at(state, (3,))
    return numbers[0] * numbers[1]


ENTRIES = {"add": add, "multiply": multiply}
