"""DyNet in a process of its own: a mistake can end the process that it runs in, and importing it changes arithmetic."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

INSTALLED = find_spec("dynet") is not None
PATIENCE = 120  # seconds


class Oracle:
    """Calls functions of (dynet, argument) in the other process.

    Args:
        options: the command line that DyNet reads.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: Any = None

    def __call__(self, function: Callable[[Any, Any], Any], argument: Any) -> Any:
        """Return ``function(dynet, argument)``, or a text that says how the process ended."""
        if self._process is None:
            self._start()
        self._pipe.send((function.__module__, function.__name__, argument))
        try:
            if not self._pipe.poll(PATIENCE):
                self.close()
                return f"DyNet did not answer within {PATIENCE} s"
            return self._pipe.recv()
        except EOFError:
            self._process.join()
            code, self._process = self._process.exitcode, None
            return f"DyNet ended its process: {code}"

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, self._options), daemon=True)
        self._process.start()
        other.close()

    def close(self) -> None:
        """End the other process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def serve(pipe: Any, options: tuple[str, ...]) -> None:
    """Answer until nobody asks any more."""
    sys.argv = ["", *options]
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(quiet, stream)
    import dynet

    while True:
        try:
            module, name, argument = pipe.recv()
        except EOFError:
            return
        pipe.send(getattr(importlib.import_module(module), name)(dynet, argument))
