"""A piece of a member's training, on a worker of a cluster.

A worker has no folder in common with the coordinator. So it gets the files of the member's run directory, trains for
some time in a temporary copy, and returns the files. If it dies, another worker trains the same piece again.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

from charlm.comparison.equipment import Files
from charlm.comparison.member import ended, training_of
from charlm.comparison.pool import MemberFailed, outcome_of
from charlm.runs.copies import contents, receive
from charlm.runs.directory import RunDirectory
from charlm.text.preparing import copies_of_texts


class _Clock:
    """Measures a piece of work from its first step on, and keeps how much of the training is done."""

    def __init__(self, limit: float) -> None:
        self.share = 0.0
        self._limit = limit
        self._began: float | None = None

    def tell(self, share: float) -> None:
        """Note the progress."""
        self.share = share
        if self._began is None:
            self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """The time since the first report."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def is_over(self) -> bool:
        """Tell whether the time is over."""
        return self.seconds > self._limit


class Piece(TypedDict):
    """What a worker returns, as plain data.

    Attributes:
        files: of the run directory.
        share: the part of the training that is done, from 0 to 1.
        seconds: how long it trained.
        failed: why the member has failed; None if it has not.
    """

    files: dict[str, bytes]
    share: float
    seconds: float
    failed: str | None


def train_piece(
    pickled: bytes, files: Files, texts: Mapping[str, str], seconds: float, equipment: str
) -> Piece:
    """Train a member for some seconds, or to its end.

    Args:
        pickled: the member.
        files: of its run directory so far.
        texts: the digests of the texts, by the names in its configuration.
        seconds: how long; the time before the first step does not count.
        equipment: the name of the worker's plugin.

    Raises:
        RuntimeError: the worker cannot train.
    """
    from distributed import get_worker

    worker, member = get_worker(), pickle.loads(pickled)
    here: Any = worker.plugins[equipment]
    if here.problem is not None:  # a worker that came when the training had begun
        raise RuntimeError(here.problem)
    clock, task = _Clock(seconds), worker.get_current_task()

    def stopping() -> bool:
        return clock.is_over() or here.hurry or not _is_wanted(worker, task)

    copies = {name: here.texts / digest for name, digest in texts.items()}
    with TemporaryDirectory(dir=worker.local_directory) as local, copies_of_texts(copies):
        directory = RunDirectory.create_or_open(Path(local, member.folder))
        receive(directory, files)
        shares = training_of(member, Path(local), stopping)
        outcome = ended(outcome_of(member, shares), clock.tell)
        failed = outcome.reason if isinstance(outcome, MemberFailed) else None
        changed = contents(directory)
        return Piece(files=changed, share=clock.share, seconds=clock.seconds, failed=failed)


def _is_wanted(worker: Any, task: Any) -> bool:
    """Tell whether the result of a running task is still wanted: the coordinator may have ended or cancelled it."""
    state = worker.state.tasks.get(task)
    return state is not None and state.state == "executing"
