"""Ctrl-C and SIGTERM while training: the first saves, a second ends at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from charlm.cli.output import Screen
from charlm.training.loop import Training

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interrupts:
    """What came, and who is to be told.

    Attributes:
        training: the run that is to save; None before there is one: then a signal ends the process, which
            has written nothing.
        code: the exit code: 128 and the number of the signal, as shells count.
    """

    def __init__(self, screen: Screen) -> None:
        self.training: Training | None = None
        self.code = 0
        self._screen = screen

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Stop the run, or end at once."""
        before, self.code = self.code, 128 + number
        if self.training is None:
            self._screen.say(f"{NAMES[signal.Signals(number)]}: nothing was written")
            raise SystemExit(self.code)
        if before:
            raise KeyboardInterrupt
        self.training.stop(NAMES[signal.Signals(number)])
        self._screen.say("stopping; Ctrl-C again to stop without saving")


@contextlib.contextmanager
def handled(screen: Screen) -> Iterator[Interrupts]:
    """Have the signals handled inside the block."""
    interrupts = Interrupts(screen)
    before = {number: signal.signal(number, interrupts.handle) for number in NAMES}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
