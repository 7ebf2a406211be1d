"""Verdicts on the scores of a run: compared with the baselines, which are computed while it trains."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from charlm.baselines.measure import Baselines, measure
from charlm.baselines.verdict import Point, verdict
from charlm.errors import CharlmError
from charlm.runs.directory import RunDirectory
from charlm.text.corpus import LineCorpus, StreamCorpus


class History:
    """The losses and held-out scores of a run so far, in the order of steps.

    Attributes:
        losses: on the training text.
        held_out: nlls on the held-out text.
    """

    def __init__(self) -> None:
        self.losses: list[Point] = []
        self.held_out: list[Point] = []

    @classmethod
    def read(cls, directory: RunDirectory) -> History:
        """Read a run's metrics; damaged lines are left out."""
        return cls.of(directory.read_metrics()[0])

    @classmethod
    def of(cls, rows: Iterable[dict[str, Any]]) -> History:
        """Return the history that the rows of a run's metrics tell."""
        history = cls()
        for row in rows:
            for key, points in (("loss", history.losses), ("held_out_nll", history.held_out)):
                if row.get(key) is not None:
                    points.append(Point(row["step"], float(row[key])))
        return history

    def cut_back(self, step: int) -> None:
        """Remove points at a step and later: a resumed run makes them again."""
        for points in (self.losses, self.held_out):
            points[:] = [point for point in points if point.step < step]


class Verdicts:
    """The verdicts on the scores of a run while it trains.

    The baselines take some seconds for a megabyte of text. A thread computes them from the start. The first
    verdict waits for it, so verdicts do not depend on timing. If memory or disk space is too small, there are no
    verdicts, and the run continues.

    Args:
        corpus: the run's text, with a held-out part.
        folder: the run's directory, where the baselines are saved; None saves nothing.
        history: the earlier part of a resumed run.
    """

    def __init__(
        self, corpus: LineCorpus | StreamCorpus, folder: Path | None, history: History | None = None
    ) -> None:
        self.history = history or History()
        self._corpus = corpus
        self._folder = folder
        self._baselines: Baselines | None = None
        self._thread = threading.Thread(target=self._work_out, daemon=True)
        self._thread.start()

    def logged(self, step: int, loss: float) -> None:
        """Add a training loss."""
        self.history.losses.append(Point(step, loss))

    def evaluated(self, step: int, nll: float) -> str | None:
        """Add a held-out score and return its verdict."""
        self.history.cut_back(step)
        self.history.held_out.append(Point(step, nll))
        self._thread.join()
        if self._baselines is None:
            return None
        return verdict(self.history.held_out, self.history.losses, self._baselines)

    def _work_out(self) -> None:
        with contextlib.suppress(CharlmError, MemoryError):
            self._baselines = baselines_of(self._corpus, self._folder)


def baselines_of(corpus: LineCorpus | StreamCorpus, run: Path | None) -> Baselines:
    """Return the baselines of a run's text, from its folder if they are saved there; else compute and save them.

    They are not saved where the run is a checkpoint file alone, or None.

    Raises:
        TextError: nothing is held out.
        OutputError: they cannot be written.
    """
    train, held_out = corpus.train_ids, corpus.held_out_ids
    folder = run if run is not None and run.is_dir() else None
    saved = None if folder is None else Baselines.load(folder)
    if saved is not None and saved.is_of(len(train), len(held_out)):
        return saved
    baselines = measure(corpus.vocab, train, held_out)
    if folder is not None:
        baselines.save(folder)
    return baselines
