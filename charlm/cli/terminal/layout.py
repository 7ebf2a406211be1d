"""Paragraphs, lists and tables that fit a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 80
"""Columns of a terminal."""


def filled(text: str, indent: str = "", then: str = "") -> str:
    """Return a paragraph as lines that fit a terminal. Words are not broken.

    Args:
        text: the words.
        indent: the start of the first line.
        then: the start of the other lines.

    Example:
        >>> print(filled("gates " * 14, "  ", "    "))
          gates gates gates gates gates gates gates gates gates gates gates gates gates
            gates
    """
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=then,
        break_on_hyphens=False,
        break_long_words=False,
    )


def listed(name: str, parts: Iterable[str]) -> str:
    """Return a name and its parts as lines that fit a terminal. Parts are not broken.

    Example:
        >>> print(listed("most frequent", ["' ' 44,887", "'e' 25,828", "'t' 17,852", "'o' 17,830", "'a' 14,368"]))
        most frequent: ' ' 44,887, 'e' 25,828, 't' 17,852, 'o' 17,830, 'a' 14,368
    """
    whole = ", ".join(part.replace(" ", "\0") for part in parts)
    return filled(f"{name}: {whole}", then="  ").replace("\0", " ")


def table(rows: Iterable[Sequence[str]], align: str = "", indent: str = "") -> str:
    """Return rows of cells as lines with aligned columns.

    Args:
        rows: the cells; all rows have the same number of them.
        align: a letter for each column: ``<`` or ``>``, or ``=`` for a last column of paragraphs, which are
            broken to fit a terminal; by default all are ``<``.
        indent: what each line begins with.

    Example:
        >>> print(table([("model", "loss"), ("lstm", "1.2")], "<>"))
        model  loss
        lstm    1.2
        >>> print(table([("gru", "gates " * 13), ("rnn", "none")], "<=", "  "))
          gru  gates gates gates gates gates gates gates gates gates gates gates gates
               gates
          rnn  none
    """
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        ways = zip(row, align or "<" * len(row), widths, strict=True)
        padded = [
            cell.rjust(width) if way == ">" else cell.ljust(width) for cell, way, width in ways
        ]
        if align.endswith("="):
            begin = indent + "  ".join([*padded[:-1], ""])
            lines.append(filled(row[-1], begin, " " * len(begin)))
        else:
            lines.append((indent + "  ".join(padded)).rstrip())
    return "\n".join(lines)
