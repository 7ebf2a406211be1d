"""A batch: parallel pieces of text, one in each column."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from charlm.text.vocab import Ids

Flags = npt.NDArray[np.bool_]


class Batch(NamedTuple):
    """Parallel pieces of text. A column continues the same column of the batch before, unless ``fresh``.

    Attributes:
        inputs_TB: the ids that are read.
        targets_TB: the ids that follow them.
        fresh: whether the state starts from zeros in all columns.
        counted_TB: which targets count; the others fill up columns that are shorter than the longest. None: all count.
        starts_B: the columns whose state starts from zeros, if these are some of them.

    Example:
        >>> ids = np.array([[0, 1], [2, 0]])
        >>> Batch(ids, ids, True, np.array([[True, True], [True, False]])).characters
        3
    """

    inputs_TB: Ids
    targets_TB: Ids
    fresh: bool
    counted_TB: Flags | None = None
    starts_B: Flags | None = None

    @property
    def characters(self) -> int:
        """The number of targets that count."""
        return int(self.targets_TB.size if self.counted_TB is None else self.counted_TB.sum())

    def columns(self, which: slice) -> Batch:
        """Return some of the columns."""
        counted_TB = None if self.counted_TB is None else self.counted_TB[:, which]
        starts_B = None if self.starts_B is None else self.starts_B[which]
        inputs_TB, targets_TB = self.inputs_TB[:, which], self.targets_TB[:, which]
        return Batch(inputs_TB, targets_TB, self.fresh, counted_TB, starts_B)
