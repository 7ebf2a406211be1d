"""Where a run stands: its losses beside the baselines, which are worked out while it trains."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

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
    """The losses and held-out scores of a run so far, in order of their steps.

    Attributes:
        losses: of the training text.
        held_out: the nlls of the held-out one.
    """

    def __init__(self) -> None:
        self.losses: list[Point] = []
        self.held_out: list[Point] = []

    @classmethod
    def read(cls, directory: RunDirectory) -> History:
        """Return what a run's metrics tell; lines that are damaged are left out."""
        history = cls()
        rows, _ = directory.read_metrics()
        for row in rows:
            for key, points in (("loss", history.losses), ("held_out_nll", history.held_out)):
                if row.get(key) is not None:
                    points.append(Point(row["step"], float(row[key])))
        return history

    def cut_back(self, step: int) -> None:
        """Forget what came at a step or after it: a resumed run makes it again."""
        for points in (self.losses, self.held_out):
            points[:] = [point for point in points if point.step < step]


class Verdicts:
    """The verdicts of a run that is trained.

    The baselines take some seconds for a megabyte. They are begun at once on a thread of their own and waited
    for at the first verdict, so that what is said does not depend on the time. Should memory or disk
    not suffice, there are no verdicts, and the run goes on.

    Args:
        corpus: the run's text, with a held-out part.
        folder: the run's directory, where the baselines are kept; None keeps nothing.
        history: what is known from before, where a run goes on.
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
        """Take note of a training loss."""
        self.history.losses.append(Point(step, loss))

    def evaluated(self, step: int, nll: float) -> str | None:
        """Take note of a held-out score and say what it means."""
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
    moved: str = "",
) -> LineCorpus | StreamCorpus:
    """Read the text of a run, of which a checkpoint is given, again, and split it as it was split.

    Args:
        run: what messages call it.
        checkpoint: one of it.
        data: its section of the config, where the text has been moved since.
        moved: a command that says where the text is now; by default that of `charlm eval`.

    Raises:
        TextError: the text is not there any more, or not the same.
    """
    data = config_of(checkpoint).data if data is None else data
    try:
        corpus = corpus_of(data)
    except MissingTextError as error:
        raise TextError(
            f"the text of {run} cannot be read again: {error}; if it was moved, say where it is now: "
            + (moved or f"charlm eval {run} --text PATH" + " --val-file PATH" * bool(data.val_file))
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
            f"the run's was {was[:12]}...), so what was held out is not known: restore the old text"
            + (", or name a text to score: charlm eval RUN TEXT" if not moved else "")
        )
    return corpus


def baselines_of(corpus: LineCorpus | StreamCorpus, folder: Path | None) -> Baselines:
    """Return the baselines of a run's text; they are kept in its folder, if it has one, and found there again.

    Raises:
        TextError: nothing is held out.
        OutputError: they cannot be written.
    """
    train, held_out = corpus.train_ids, corpus.held_out_ids
    kept = None if folder is None else Baselines.load(folder)
    if kept is not None and kept.is_of(len(train), len(held_out)):
        return kept
    found = measure(corpus.vocab, train, held_out)
    if folder is not None:
        found.save(folder)
    return found
