"""How much is measured, and how rows are made from the measurements."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.grid import Row, rows
from benchmarks.running import Timed

Rows: TypeAlias = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """How much is measured: on which rows of the grid, and for how long each."""

    threads: int
    seconds: float = 30.0
    repeats: int = 10
    cells: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()

    def rows(self) -> list[Row]:
        """Return the rows of the grid that were asked for."""
        return rows(list(self.cells), list(self.sizes))


def timed_row(name: str, times: dict[str, Timed], **more: Any) -> dict[str, Any]:
    """Return a row: the medians by contender, their spread, and the median of each turn."""
    return {
        "name": name,
        "seconds": {system: timed.median for system, timed in times.items()},
        "mad": {system: timed.mad for system, timed in times.items()},
        "turns": {system: timed.each for system, timed in times.items()},
        **more,
    }


def say(text: str) -> None:
    """Report progress."""
    print(text, file=sys.stderr, flush=True)
