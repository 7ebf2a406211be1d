"""The report of a comparison: its parts, whatever it is judged by and however it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from charlm.wording import CUT_MARK


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        title: what it shows.
        head: the names of the columns.
        rows: the cells.
        note: what the columns mean.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


@dataclass(frozen=True)
class Curve:
    """The scores of one training: points of what was used until then, and the score."""

    model: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Panel:
    """Curves over one quantity.

    Attributes:
        x: the quantity.
        y: the score, with its unit.
        curves: one for each training that has scores.
        levels: scores to compare with, and their names.
        log: whether the scores are on a logarithmic scale.
    """

    x: str
    y: str
    curves: tuple[Curve, ...]
    levels: tuple[tuple[str, float], ...] = ()
    log: bool = False

    @property
    def levels_in_view(self) -> list[tuple[str, float]]:
        """The levels between the lowest and the highest point; others would make the curves flat."""
        scores = [score for curve in self.curves for _, score in curve.points]
        return [(name, level) for name, level in self.levels if min(scores) <= level <= max(scores)]


@dataclass(frozen=True)
class Report:
    """All that is shown of a comparison.

    Attributes:
        title: its name.
        verdict: what is decided, and why, in paragraphs.
        tables: the numbers behind it.
        samples_title: of which weights the samples are.
        samples: a text by each model.
        notes: what else a reader has to know.
        panels: curves.
        best: the model that is judged best, shown to be so or not.
        metrics: numbers of each model, for conditions.
        rows: one for each training and baseline, for CSV; all have the same keys.
        data: everything as plain data, for JSON.
    """

    title: str
    verdict: tuple[str, ...]
    tables: tuple[Table, ...]
    samples_title: str
    samples: Mapping[str, str]
    notes: tuple[str, ...]
    panels: tuple[Panel, ...]
    best: str
    metrics: Mapping[str, Mapping[str, float]]
    rows: tuple[Mapping[str, Any], ...]
    data: Mapping[str, Any]


def shown_sample(text: str, complete: bool) -> str:
    r"""Return a sample for reading: control characters are escaped, and a mark tells if it was cut.

    Example:
        >>> print(shown_sample("one\x1b[2J\ntwo", complete=False))
        one\x1b[2J
        two [cut: no end]
    """
    readable = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
    return readable + ("" if complete else CUT_MARK)
