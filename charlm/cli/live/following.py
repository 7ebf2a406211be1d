"""What ranks other than rank 0 do: they compute their part, and print and write nothing."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from charlm.cli.live.interrupts import NAMES, handled_by
from charlm.cli.terminal.screen import Screen
from charlm.interrupts import end
from charlm.ranks import Ranks
from charlm.training.launch import follow as followed
from charlm.training.loop import Training


class _Signals:
    """The first signal of a rank stops the training on all ranks; rank 0 then saves the run."""

    def __init__(self) -> None:
        self.training: Training | None = None
        self.code = 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Ask for the end of the training, or end at once before there is one."""
        self.code = 128 + number
        if self.training is None:
            end(self.code)
        self.training.stop(NAMES[signal.Signals(number)])

    def stop(self, training: Training) -> None:
        """Stop this training from here on."""
        self.training = training


def follow(ranks: Ranks, settings: dict[str, Any]) -> int:
    """Do what rank 0 orders until it ends, and return the exit code."""
    Screen({**settings, "quiet": True})  # for the progress of this rank
    signals = _Signals()
    with handled_by(signals.handle):
        followed(ranks, signals.stop)
    return signals.code
