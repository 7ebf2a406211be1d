"""Two entries that compile in a moment, for the tests of what compiles and loads them."""

from __future__ import annotations


def after(number):
    """Return the next number."""
    return number + 1


def square(number):
    """Return a number times itself."""
    return number * number


ENTRIES = {"after": after, "square": square}
