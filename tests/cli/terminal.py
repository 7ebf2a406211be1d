"""A program on a terminal of its own: what is typed to it, and what it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 60
"""Seconds after which a test gives up."""


class Terminal:
    """Starts a program, whose stdin, stdout and stderr are one terminal of 200 columns.

    Example:
        >>> with Terminal(["cat"], Path(), os.environ) as cat:
        ...     cat.type("a line\\n")
        ...     cat.shown_until("a line")
        'a line...'
    """

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**env, "TERM": "dumb"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def shown_until(self, text: str) -> str:
        """Return what is shown up to where that text is, or all if it never comes; without control characters."""
        shown = b""
        end = time.monotonic() + PATIENCE
        while text not in _plain(shown) and time.monotonic() < end:
            if select.select([self._master], [], [], 0.2)[0]:
                try:
                    shown += os.read(self._master, 4096)
                except OSError:  # the program has ended
                    break
        return _plain(shown)


def _plain(shown: bytes) -> str:
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|[\a\r\b]", "", shown.decode(errors="replace"))
