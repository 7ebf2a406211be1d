"""Ctrl-C, SIGTERM and a closed terminal while training: the first saves the run, the second ends it at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from charlm.cli.terminal.screen import Screen
from charlm.errors import OutputError
from charlm.interrupts import end, is_ignored, say
from charlm.runs.directory import RunDirectory
from charlm.training.loop import Training

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
if hasattr(signal, "SIGHUP"):  # not on Windows
    NAMES[signal.SIGHUP] = "SIGHUP"


class Interrupts:
    """The signals so far, and the run that they stop.

    Args:
        screen: says whether messages are wanted.
        resume: returns the command that resumes a run.

    Attributes:
        training: the run to save. Before it exists and after its end this is None; then a signal ends the process.
        outcome: the message for that case.
        code: the exit code: 128 plus the number of the signal, as in shells.
    """

    def __init__(self, screen: Screen, resume: Callable[[RunDirectory], str]) -> None:
        self.training: Training | None = None
        self.outcome = "nothing was written"
        self.code = 0
        self._quiet = screen.quiet
        self._resume = resume

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Stop the run, or end at once."""
        name, before = NAMES[signal.Signals(number)], self.code
        self.code = 128 + number
        if self.training is None:
            self._end(f"{name}: {self.outcome}")
        elif before:
            self._end(*self._abandon(self.training))
        else:
            self.training.stop(name)
            self._say("Stopping; press Ctrl-C again to stop without saving")

    def _abandon(self, training: Training) -> list[str]:
        """Record in the run's directory that it was stopped without saving, and return a message about it."""
        for number in NAMES:
            if not is_ignored(number):
                # a third signal ends the process at once
                signal.signal(number, lambda number, frame: end(self.code))
        with contextlib.suppress(OutputError):  # the run then counts as killed
            training.abandon("interrupted twice")
        kept = training.record.saved_step
        if training.directory is None or kept is None:
            return ["stopped without saving: nothing of this run is kept"]
        return [
            f"stopped without saving: the training after step {kept:,} is lost",
            f"To resume from there: {self._resume(training.directory)}",
        ]

    def _say(self, *lines: str) -> None:
        if not self._quiet:
            say(*lines)

    def _end(self, *lines: str) -> None:
        end(self.code, *([] if self._quiet else lines))


class Stopping:
    """The first signal asks some work to stop, and the second ends the process at once.

    Args:
        stop: asks the work to stop; takes the name of the signal.
        screen: says whether messages are wanted.
        first: the message at the first signal.
        second: the message at the second.

    Attributes:
        code: the exit code, as of ``Interrupts``.
        name: the name of the last signal.
    """

    def __init__(
        self, stop: Callable[[str], object], screen: Screen, first: str, second: str
    ) -> None:
        self.code, self.name = 0, ""
        self._stop = stop
        self._first = () if screen.quiet else (first,)
        self._second = () if screen.quiet else (second,)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Stop the work, or end at once."""
        before, self.code = self.code, 128 + number
        if before:
            end(self.code, *self._second)
        self.name = NAMES[signal.Signals(number)]
        self._stop(self.name)
        if self._first:
            say(*self._first)


@contextlib.contextmanager
def handled(screen: Screen, resume: Callable[[RunDirectory], str]) -> Iterator[Interrupts]:
    """Handle the signals of a training inside the block."""
    interrupts = Interrupts(screen, resume)
    with handled_by(interrupts.handle):
        yield interrupts


@contextlib.contextmanager
def handled_by(handle: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle the signals inside the block; an ignored signal, as under ``nohup``, stays ignored."""
    before = {number: signal.signal(number, handle) for number in NAMES if not is_ignored(number)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
