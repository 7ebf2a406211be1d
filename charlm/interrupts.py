"""Ctrl-C ends the command line at once, during imports, compiling, computing and writing.

By default Python raises an exception at the current line. It may end in a traceback, or be dropped in a callback of
the compiler. A command that has nothing to save needs no exception: the signal handler prints one line and ends the
process. A program that imports charlm keeps Python's default, only later where that would do damage (``postponed``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:  # these imports take time, and Ctrl-C is not handled yet
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType
    from typing import NoReturn

unfinished: set[Path] = set()
"""The temporary files that are being written; ``end`` removes them."""


def handle() -> None:
    """Let Ctrl-C end the process at once, unless the process was started with Ctrl-C ignored."""
    if not is_ignored(signal.SIGINT):
        signal.signal(signal.SIGINT, _interrupted)


def ignore() -> None:
    """Ignore Ctrl-C: the command is finished and its exit code is decided."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def is_ignored(number: int) -> bool:
    """Tell whether the process was started with a signal ignored, as ``nohup`` does for SIGHUP."""
    return signal.getsignal(number) == signal.SIG_IGN


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Raise Python's ``KeyboardInterrupt`` only at the end of a block that could not be run again after it.

    A second Ctrl-C is not postponed.
    """
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    # only the main thread gets it, and the command line has no exception to postpone
    python = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not python or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def say(*lines: str) -> None:
    """Write lines to standard error from a signal handler.

    The signal may have interrupted a write to a Python stream, which then allows no other write.
    """
    # standard error or its terminal may be closed
    with contextlib.suppress(AttributeError, OSError, ValueError):
        number = sys.stderr.fileno()
        start = "\n" if os.isatty(number) else ""  # after ^C or a progress bar on the line
        os.write(number, (start + "".join(f"{line}\n" for line in lines)).encode(errors="replace"))


def end(code: int, *lines: str) -> NoReturn:
    """Write some lines, remove partial files, and end the process."""
    say(*lines)
    for path in tuple(unfinished):
        with contextlib.suppress(OSError):
            path.unlink()
    os._exit(code)


def _interrupted(number: int, frame: FrameType | None) -> None:
    ignore()
    end(128 + number, "charlm: interrupted")
