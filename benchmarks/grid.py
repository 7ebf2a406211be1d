"""The models that are measured: cells by sizes, the embedding as large as the state."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CELLS = ("rnn", "gru", "lstm")


@dataclass(frozen=True)
class Size:
    """Layers and hidden size, a batch of sequences, and the number of different characters."""

    layers: int
    hidden: int
    batch: int
    seq: int
    vocab: int

    @property
    def name(self) -> str:
        """Layers x hidden, which no two sizes share."""
        return f"{self.layers}x{self.hidden}"

    @property
    def characters(self) -> int:
        """Those that a step learns from."""
        return self.batch * self.seq


SIZES = {
    size.name: size
    for size in (
        Size(1, 50, 1, 44, 28),
        Size(1, 128, 32, 64, 65),
        Size(2, 128, 50, 50, 65),
        Size(2, 256, 64, 64, 65),
        Size(2, 512, 50, 50, 65),
        Size(3, 512, 64, 100, 65),
        Size(1, 1024, 128, 100, 205),
    )
}
FOR_LSTM_ALONE = ("1x1024",)
TOO_LARGE_FOR_DYNET = ("3x512", "1x1024")
"""DyNet computes on one core."""
SAMPLED = 5000
"""Characters of a text that is drawn."""


@dataclass(frozen=True)
class Row:
    """A model: a cell in a size."""

    cell: str
    size: Size

    @property
    def name(self) -> str:
        """As in ``lstm 2x128``."""
        return f"{self.cell} {self.size.name}"

    def job(self, **more: Any) -> dict[str, Any]:
        """Return what a contender must know."""
        return {"cell": self.cell, **asdict(self.size), **more}


NORM_LSTM = Row("norm_lstm", SIZES["1x128"])
"""Measured beside the grid."""


def rows(cells: list[str] | None = None, sizes: list[str] | None = None) -> list[Row]:
    """Return the rows of the grid, small sizes first, or those of some cells and sizes."""
    return [
        Row(cell, size)
        for name, size in SIZES.items()
        for cell in CELLS
        if (not sizes or name in sizes) and (not cells or cell in cells)
        if cell == "lstm" or name not in FOR_LSTM_ALONE
    ]
