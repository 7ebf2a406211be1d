"""The time that compiling takes. A message says when it begins, and it does not count for a time budget."""

from __future__ import annotations

import time
from contextlib import ExitStack

from charlm import progress


class Compiling:
    """The time that this process has compiled. numba reports the start and the end of each function; these nest.

    Attributes:
        seconds: the time so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._began = 0.0
        self._shown = ExitStack()

    def begin(self) -> None:
        """Note that the compilation of a function begins."""
        if not self._depth:
            self._began = time.perf_counter()
            if not self.seconds:
                progress.say("Compiling the kernels, once on this machine: about half a minute")
            self._shown.enter_context(progress.task("compiling"))
        self._depth += 1

    def end(self) -> None:
        """Note that it has ended."""
        self._depth -= 1
        if not self._depth:
            self._shown.close()
            self.seconds += time.perf_counter() - self._began


COMPILING = Compiling()
