"""Ctrl-C ends the command line at once, wherever it is: importing, compiling, computing, writing.

Python's own way is an exception in the middle of whatever runs. It may come out of any line, as a traceback, or be
dropped by what it comes to in a callback of the compiler. A command that has nothing to save needs no exception: the
signal's handler prints one line and ends the process. A program that imports charlm keeps Python's way.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # these take their time, in which Ctrl-C is not handled yet
    from pathlib import Path
    from types import FrameType
    from typing import NoReturn

unfinished: set[Path] = set()
"""The temporary files that are being written, which are removed when the process ends at once."""


def handle() -> None:
    """Have Ctrl-C end the process at once, unless it was started with Ctrl-C ignored."""
    if not is_ignored(signal.SIGINT):
        signal.signal(signal.SIGINT, _interrupted)


def ignore() -> None:
    """Let Ctrl-C do nothing: the command is done, and its exit code is known."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def is_ignored(number: int) -> bool:
    """Tell whether whoever started the process wants it to ignore a signal, as ``nohup`` does for SIGHUP."""
    return signal.getsignal(number) == signal.SIG_IGN


def say(*lines: str) -> None:
    """Write lines to standard error from a signal's handler.

    It may have come in the middle of a write to a stream of Python's, which then takes no other.
    """
    # it is closed, or its terminal is
    with contextlib.suppress(AttributeError, OSError, ValueError):
        number = sys.stderr.fileno()
        start = "\n" if os.isatty(number) else ""  # there is a ^C in the line, or a progress bar
        os.write(number, (start + "".join(f"{line}\n" for line in lines)).encode(errors="replace"))


def end(code: int, *lines: str) -> NoReturn:
    """Say something, remove what is half written, and end the process."""
    say(*lines)
    for path in tuple(unfinished):
        with contextlib.suppress(OSError):
            path.unlink()
    os._exit(code)


def _interrupted(number: int, frame: FrameType | None) -> None:
    ignore()
    end(128 + number, "charlm: interrupted")
