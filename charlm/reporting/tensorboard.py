"""The numbers of a run as event files for TensorBoard. Needs tensorboardX, the extra ``tensorboard``."""

from __future__ import annotations

import os
import time
from typing import Any

from charlm.errors import import_extra
from charlm.files import output_error
from charlm.runs.directory import RunDirectory
from charlm.training.events import Evaluated, Event, Logged, RolledBack, Sampled, Started


def library() -> Any:
    """Return tensorboardX.

    Raises:
        MissingExtraError: it is not installed.
    """
    return import_extra("tensorboardX", "--tensorboard")


class EventFiles:
    """Writes the events of a run into ``tensorboard/`` of its directory, at once and in this thread.

    (tensorboardX's ``SummaryWriter`` has a thread for it, which dies on a full disk while others wait for it.)
    If a run continues from an earlier step, TensorBoard is told to forget what came after that.

    Raises:
        MissingExtraError: tensorboardX is not installed.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._library = library()
        self._directory = directory
        self._writer: Any = None

    def show(self, event: Event) -> None:
        """Write what an event tells.

        Raises:
            OutputError: it cannot be written.
        """
        summary = self._library.summary
        match event:
            case Started(step=0):
                pass
            case Started() | RolledBack():
                start = self._library.proto.event_pb2.SessionLog(status=1)  # START
                self._write(event.step + 1, session_log=start)
            case Logged():
                self._write(event.step, summary=summary.scalar("loss", event.loss))
            case Evaluated():
                self._write(event.step, summary=summary.scalar("held_out/nll", event.score.nll))
                self._write(event.step, summary=summary.scalar("held_out/bpc", event.score.bpc))
            case Sampled():
                self._write(event.step, summary=summary.text("sample", event.sample.text))

    def _write(self, step: int, **content: Any) -> None:
        folder = self._directory.events
        try:
            if self._writer is None:
                folder.mkdir(exist_ok=True)
                # the library's name has the time in seconds, in which two processes may start
                self._writer = self._library.event_file_writer.EventsWriter(
                    str(folder / "events"), f".{os.getpid()}"
                )
            event = self._library.proto.event_pb2.Event(wall_time=time.time(), step=step, **content)
            self._writer.write_event(event)
            self._writer.flush()
        except OSError as error:
            raise output_error(folder, error) from error
