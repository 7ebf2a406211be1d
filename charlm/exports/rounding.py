"""Weights rounded to 8 bits: each row of a matrix is whole numbers from -127 to 127, times a scale of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from charlm import progress
from charlm.engine.arrays import Array
from charlm.lm.evaluation import read
from charlm.lm.model import Model
from charlm.lm.run_text import corpus_of_run
from charlm.runs.checkpoint import Checkpoint

LARGEST = 127
SCORED = 10_000
"""The most symbols that are scored to measure what the rounding costs."""


class Rounded(NamedTuple):
    """A matrix (R, C) of whole numbers, as int8, and the scale (R,) of each row, as float32."""

    whole_RC: Array
    scale_R: Array

    def values(self) -> Array:
        """Return the matrix that they stand for."""
        values_RC: Array = self.whole_RC * self.scale_R[:, np.newaxis]
        return values_RC


def rounded(matrix_RC: Array) -> Rounded:
    """Round a matrix; no number changes by more than half a scale.

    Example:
        >>> whole, scale = rounded(np.array([[0.5, -1.27], [0.0, 0.0]], np.float32))
        >>> whole.tolist(), scale.round(4).tolist()
        ([[50, -127], [0, 0]], [0.009999999776482582, 0.0])
    """
    scale_R = (np.abs(matrix_RC).max(axis=1) / LARGEST).astype(np.float32)
    divisor_R = np.where(scale_R > 0, scale_R, 1)
    whole_RC = np.rint(matrix_RC / divisor_R[:, np.newaxis]).clip(-LARGEST, LARGEST)
    return Rounded(whole_RC.astype(np.int8), scale_R)


@dataclass(frozen=True)
class RoundingLoss:
    """What the rounding of a model's matrices costs on a text.

    Attributes:
        part: the scored text: ``held-out``, or ``training`` where nothing is held out.
        symbols: the number of scored symbols.
        nll: the score of the model, in nats per symbol.
        rounded_nll: the score of the model with rounded matrices.
    """

    part: str
    symbols: int
    nll: float
    rounded_nll: float


def rounding_loss(model: Model, run: str, checkpoint: Checkpoint) -> RoundingLoss:
    """Measure it on the text of a run; the model's weights are unchanged at the end.

    Raises:
        TextError: the text cannot be read again, or it has changed.
    """
    corpus = corpus_of_run(run, checkpoint, moved="")
    part, before, ids = "held-out", corpus.train_ids[-1], corpus.held_out_ids
    if not corpus.has_held_out:
        part, before, ids = "training", model.vocab.start, corpus.train_ids
    ids = np.append(before, ids[:SCORED])
    arrays = model.arrays()
    with progress.task("scoring", 2 * (len(ids) - 1)):
        nll = float(read(model, ids, 1).mean())
        try:
            model.load_arrays(
                {name: rounded(a).values() if a.ndim == 2 else a for name, a in arrays.items()}
            )
            rounded_nll = float(read(model, ids, 1).mean())
        finally:
            model.load_arrays(arrays)
    return RoundingLoss(part, len(ids) - 1, nll, rounded_nll)
