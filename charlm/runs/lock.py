"""A lock on a run directory while a process trains there. The system releases it when the process ends.

So it is right after a ``kill -9`` and a power failure, unlike a file with a process id. The lock is on the
metrics, the one file of a run that is never replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from charlm.errors import RunBusyError
from charlm.files import output_error, regular

_TRIES, _PAUSE = 10, 0.02
"""``hold`` tries again, because ``is_held`` takes the lock for a moment."""


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock on the file `path`, which is created if it does not exist.

    Raises:
        RunBusyError: another process holds it.
        OutputError: the file cannot be opened.
    """
    with _opened(path) as descriptor:
        for left in reversed(range(_TRIES)):
            if _taken(descriptor, fcntl.LOCK_EX):
                break
            if not left:
                raise RunBusyError(
                    f"{path.parent}: another process is training in this run directory; stop it "
                    f"first, or watch it: charlm runs --follow {path.parent}"
                )
            time.sleep(_PAUSE)
        yield


@contextlib.contextmanager
def hold_after(path: Path, wait: Callable[[], object]) -> Iterator[None]:
    """Hold the lock on the file `path`, once no other process holds it: ``wait`` is called until then.

    Raises:
        OutputError: the file cannot be opened.
    """
    with _opened(path) as descriptor:
        while not _taken(descriptor, fcntl.LOCK_EX):
            wait()
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    except OSError as error:
        raise output_error(path, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock on the file `path`; False if there is no such file."""
    try:
        descriptor = regular(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _taken(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
