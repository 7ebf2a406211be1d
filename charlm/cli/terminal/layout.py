"""Words as lines that fit a terminal: paragraphs, lists and tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 80
"""Columns of a terminal that lists and paragraphs fit."""


def filled(text: str, indent: str = "", then: str = "") -> str:
    """Return a paragraph as lines that fit a terminal; a word is never broken.

    Args:
        text: the words.
        indent: what the first line begins with.
        then: what the other lines begin with.

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
    """Return a name and what it has as lines that fit a terminal; no part is broken.

    Example:
        >>> print(listed("most frequent", ["' ' 44,887", "'e' 25,828", "'t' 17,852", "'o' 17,830", "'a' 14,368"]))
        most frequent: ' ' 44,887, 'e' 25,828, 't' 17,852, 'o' 17,830, 'a' 14,368
    """
    whole = ", ".join(part.replace(" ", "\0") for part in parts)
    return filled(f"{name}: {whole}", then="  ").replace("\0", " ")


def table(rows: list[tuple[str, str]]) -> str:
    """Return names and descriptions in two columns that fit a terminal.

    Example:
        >>> print(table([("gru", "gates " * 13), ("rnn", "none")]))
          gru  gates gates gates gates gates gates gates gates gates gates gates gates
               gates
          rnn  none
    """
    width = max(len(name) for name, _ in rows)
    begin = [f"  {name:<{width}}  " for name, _ in rows]
    return "\n".join(
        filled(about, first, " " * len(first))
        for first, (_, about) in zip(begin, rows, strict=True)
    )


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as lines in which each column begins at one place.

    Example:
        >>> print(columns([("model", "loss"), ("lstm", "1.2")]))
        model  loss
        lstm   1.2
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
