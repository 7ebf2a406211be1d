"""The values of a unit in a text, as colours, as a page and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charlm.engine.arrays import Array
from charlm.lm.units import Find, Unit
from charlm.reporting.coloured import LINE_END, Mark, Scale, page, signed_levels
from charlm.reporting.pictures import new_figure, write_picture
from charlm.text.symbols import written

COLUMNS, ROWS = 80, 40
"""Characters in a row of the picture, and the most rows."""


def scale_of(unit: Unit, values: Array) -> Scale:
    """Return the meaning of the colours for a unit's values."""
    largest = float(abs(values).max(initial=0))
    meanings = {
        level: f"{largest * level / 4:.2g}" if level else "near 0" for level in range(-4, 5)
    }
    return Scale(f"the value of unit {unit} after each character", meanings)


def marks_of(symbols: Sequence[str], values: Array) -> list[Mark]:
    """Return the symbols, coloured by a unit's values after them."""
    levels = signed_levels(values, float(abs(values).max(initial=0)))
    return [
        Mark(symbol, level, f"value {value:.3f}")
        for symbol, level, value in zip(symbols, levels, values.tolist(), strict=False)
    ]


def unit_page(
    title: str,
    about: Sequence[str],
    unit: Unit,
    symbols: Sequence[str],
    values: Array,
    tables: Sequence[str],
) -> str:
    """Return an HTML page of a text, coloured by a unit's values, with tables below."""
    return page(title, about, scale_of(unit, values), marks_of(symbols, values), tables=tables)


def unit_picture(
    path: Path, unit: Unit, symbols: Sequence[str], values: Array, finds: Sequence[Find]
) -> None:
    """Write a PNG file: the beginning of the text, coloured by a unit's values, and the finds below.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    grid, letters = _grid(symbols, values)
    height = 0.2 * len(grid) + 0.35 * len(finds) + 1.5
    figure = new_figure(size=(10, height))
    ratios = [0.2 * len(grid) + 0.5, 0.35 * len(finds) + 0.5]
    top, *below = np.atleast_1d(
        figure.subplots(2 if finds else 1, 1, height_ratios=ratios[: 2 if finds else 1])
    )
    largest = float(abs(values).max(initial=0)) or 1.0
    image = top.imshow(grid, cmap="PuOr_r", vmin=-largest, vmax=largest, aspect="auto")
    for row, column, letter in letters:
        ink = "white" if abs(grid[row, column]) > 0.6 * largest else "black"
        look = {"color": ink, "size": 7, "family": "monospace", "in_layout": False}
        top.text(column, row, letter, ha="center", va="center", **look)
    top.set(xticks=[], yticks=[], title=f"unit {unit} after each character")
    figure.colorbar(image, ax=top)
    for axes in below:
        names = [f"{find.label}: {find.best[0][0]}" for find in finds]
        axes.barh(names, [abs(find.best[0][1]) for find in finds], label="the best unit")
        axes.barh(names, [find.control for find in finds], height=0.3, label="shuffled labels")
        axes.set(xlabel="|r|", xlim=(0, 1))
        axes.invert_yaxis()
        axes.legend()
    write_picture(path, figure)


def _grid(symbols: Sequence[str], values: Array) -> tuple[Array, list[tuple[int, int, str]]]:
    """Return the values in rows, with NaN in empty cells, and the letters with their rows and columns."""
    grid = np.full((ROWS, COLUMNS), np.nan)
    letters = []
    row = column = 0
    for symbol, value in zip(symbols, values.tolist(), strict=False):
        if column == COLUMNS:
            row, column = row + 1, 0
        if row == ROWS:
            break
        ends = Mark(symbol, 0, "").ends_line
        shown = LINE_END if ends else written(symbol)
        grid[row, column] = value
        letters.append((row, column, "$\\cdot$" if shown == " " else shown.replace("$", r"\$")))
        row, column = (row + 1, 0) if ends else (row, column + 1)
    return grid[: row + (column > 0)], letters
