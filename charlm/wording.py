"""Numbers as messages say them: with the noun's number, and a zero without a sign."""

from __future__ import annotations


def counted(count: float, noun: str) -> str:
    """Return a number of things; ``noun`` is one whose plural ends in s.

    Example:
        >>> counted(1, "step"), counted(1000, "step"), counted(0, "byte"), counted(0.5, "epoch")
        ('1 step', '1,000 steps', '0 bytes', '0.5 epochs')
    """
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{number} {noun}" if count == 1 else f"{number} {noun}s"


def fixed(number: float, digits: int = 4) -> str:
    """Return a number with so many decimal places; rounding leaves no minus before a zero.

    Example:
        >>> fixed(-0.00001), fixed(-0.5, 1), fixed(float("inf"))
        ('0.0000', '-0.5', 'inf')
    """
    return f"{round(number, digits) + 0.0:.{digits}f}"


def short(number: float, digits: int = 4) -> str:
    """Return a number with so many significant digits, a zero without a minus.

    Example:
        >>> short(-0.0), short(-12345.678), short(0.00012345678, 3)
        ('0', '-1.235e+04', '0.000123')
    """
    return f"{number + 0.0:.{digits}g}"
