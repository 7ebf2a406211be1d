"""Verdicts on the scores of a run: compared with the baselines, which are computed while it trains."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from charlm.baselines.measure import Baselines, measure
from charlm.baselines.verdict import Point, verdict
from charlm.config import DataConfig
from charlm.errors import CharlmError, MissingTextError, TextError, UndecodableTextError
from charlm.lm.saved import config_of, model_state
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import corpus_of


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


def corpus_of_run(
    run: str | Path,
    checkpoint: Checkpoint,
    data: DataConfig | None = None,
    moved: str | None = None,
) -> LineCorpus | StreamCorpus:
    """Read the text of a run again, and split it as in the training.

    Args:
        run: its name in messages.
        checkpoint: a checkpoint of it.
        data: the data section of its config, if its text was moved; by default from the checkpoint.
        moved: a command that takes the new place of a moved text; by default `charlm eval`. Empty: none does.

    Raises:
        TextError: the text is missing, or it has changed.
    """
    data = config_of(checkpoint).data if data is None else data
    try:
        corpus = corpus_of(data)
    except MissingTextError as error:
        val_file = " --val-file PATH" if data.val_file else ""
        command = f"charlm eval {run} --text PATH{val_file}" if moved is None else moved
        remedy = f"give its new place: {command}" if command else "put it there again"
        raise TextError(
            f"the text of {run} cannot be read again: {error}; if it was moved, {remedy}"
        ) from error
    except UndecodableTextError as error:
        raise TextError(f"the text of {run} has changed: {error.reason}") from error
    except TextError as error:
        raise TextError(f"the text of {run} cannot be read again: {error}") from error
    was = model_state(checkpoint).text_sha256 or corpus.sha256
    if corpus.sha256 != was or corpus.vocab.to_list() != checkpoint.vocab:
        names = ", ".join(data.texts if data.val_file is None else (*data.texts, data.val_file))
        raise TextError(
            f"{names}: not the text that {run} was trained on (its SHA-256 is {corpus.sha256[:12]}..., "
            f"the run's was {was[:12]}...), so its held-out part is not known: restore the old text"
            + (", or name a text to score: charlm eval RUN TEXT" if moved is None else "")
        )
    return corpus


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
