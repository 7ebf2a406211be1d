"""A published table that a command repeats: its rows, their figures and ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """What a measurement is asked for.

    Attributes:
        text: a text of the user; None generates one.
        size: ``quick`` takes seconds and shows the pattern, ``default`` takes minutes, ``full`` has the published
            sizes.
        threads: the number of threads.
        seed: of weights and generated data.
    """

    text: str | None = None
    size: str = "default"
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: what was trained.
        ours: our figure.
        theirs: the published figure; empty if there is none for this row.
        known: figures that are known exactly, such as an optimum.
        more: what else was counted, such as parameters.
        seconds: the time of the training.
    """

    name: str
    ours: float
    theirs: str = ""
    known: Mapping[str, float] = field(default_factory=dict)
    more: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class Table:
    """A published table.

    Attributes:
        name: of the command.
        title: what it shows.
        source: where it was published.
        unit: of the figures.
        differs: what is different here, one sentence each.
        measure: yields our rows.
        takes_text: whether a text of the user can be measured.
    """

    name: str
    title: str
    source: str
    unit: str
    differs: tuple[str, ...]
    measure: Callable[[Asked], Iterator[Row]]
    takes_text: bool = False


def markdown(table: Table, rows: list[Row]) -> str:
    """Return a table with what differs below it.

    Example:
        >>> nothing = lambda asked: iter(())
        >>> table = Table("adding", "The adding problem", "A paper", "squared error", ("It is short.",), nothing)
        >>> print(markdown(table, [Row("lstm", 0.001, "0.002", {"baseline": 0.167})]))
        ## The adding problem
        <BLANKLINE>
        A paper. The figures are squared error.
        <BLANKLINE>
        | | published | charlm | baseline | seconds |
        |---|---:|---:|---:|---:|
        | lstm | 0.002 | 0.0010 | 0.1670 | 0 |
        <BLANKLINE>
        What differs:
        <BLANKLINE>
        * It is short.
    """
    known = list(dict.fromkeys(name for row in rows for name in row.known))
    more = list(dict.fromkeys(name for row in rows for name in row.more))
    head = ["", "published", "charlm", *known, *more, "seconds"]
    lines = [_line(head), "|---" + "|---:" * (len(head) - 1) + "|"]
    for row in rows:
        figures = [f"{row.known[name]:.4f}" if name in row.known else "" for name in known]
        counts = [_count(row.more[name]) if name in row.more else "" for name in more]
        cells = [row.name, row.theirs, f"{row.ours:.4f}", *figures, *counts, f"{row.seconds:.0f}"]
        lines.append(_line(cells))
    differs = "\n".join(f"* {sentence}" for sentence in table.differs)
    rows_of_table = "\n".join(lines)
    about = f"{table.source}. The figures are {table.unit}."
    return f"## {table.title}\n\n{about}\n\n{rows_of_table}\n\nWhat differs:\n\n{differs}"


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.3f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")
