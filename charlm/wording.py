"""How messages write numbers, times, counts with a noun, long texts and the keys of settings."""

from __future__ import annotations

from collections.abc import Iterable

CUT_MARK = " [cut: no end]"
"""After a sample that the length limit cut."""


def counted(count: float, noun: str) -> str:
    """Return a count with its noun, in the plural if need be; ``noun`` has a plural in s.

    Example:
        >>> counted(1, "step"), counted(1000, "step"), counted(0, "byte"), counted(0.5, "epoch")
        ('1 step', '1,000 steps', '0 bytes', '0.5 epochs')
    """
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{number} {noun}" if count == 1 else f"{number} {noun}s"


def fixed(number: float, digits: int = 4) -> str:
    """Return a number with ``digits`` decimal places; a number that is rounded to zero has no minus.

    Example:
        >>> fixed(-0.00001), fixed(-0.5, 1), fixed(float("inf"))
        ('0.0000', '-0.5', 'inf')
    """
    return f"{round(number, digits) + 0.0:.{digits}f}"


def cut(text: str, most: int = 60) -> str:
    """Return a text of ``most`` characters at most, with dots where a longer one ends.

    Example:
        >>> cut("ABCDEFGH", 6)
        'ABC...'
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."


def short(number: float, digits: int = 4) -> str:
    """Return a number with ``digits`` significant digits, a zero without a minus.

    Example:
        >>> short(-0.0), short(-12345.678), short(0.00012345678, 3)
        ('0', '-1.235e+04', '0.000123')
    """
    return f"{number + 0.0:.{digits}g}"


def duration(seconds: float) -> str:
    """Return a time in readable units.

    Example:
        >>> duration(7.25), duration(200), duration(9000)
        ('7.2 s', '3 min 20 s', '2 h 30 min')
        >>> duration(59.96), duration(119.7), duration(3599.8)  # rounded before the units are chosen
        ('1 min 0 s', '2 min 0 s', '1 h 0 min')
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def dotted(path: Iterable[str | int]) -> str:
    """Write a path as a user would.

    >>> dotted(("models", 1, "train", "steps"))
    'models[1].train.steps'
    """
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
