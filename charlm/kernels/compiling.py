"""The time that compiling takes. The user is told when it begins, and no budget is charged for it."""

from __future__ import annotations

import time
from contextlib import ExitStack

from charlm import progress


class Compiling:
    """How long this process has compiled; numba reports the start and the end of each function, and they are nested.

    Attributes:
        seconds: so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._began = 0.0
        self._shown = ExitStack()

    def begin(self) -> None:
        """Take note that a function is being compiled."""
        if not self._depth:
            self._began = time.perf_counter()
            if not self.seconds:
                progress.say("compiling, once on this machine: half a minute or so")
            self._shown.enter_context(progress.task("compiling"))
        self._depth += 1

    def end(self) -> None:
        """Take note that it is done."""
        self._depth -= 1
        if not self._depth:
            self._shown.close()
            self.seconds += time.perf_counter() - self._began


COMPILING = Compiling()
