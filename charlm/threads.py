"""The number of threads, and limiting numpy's linear algebra to it."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_limit: int | None = None
_processes = 1


def use_threads(count: int) -> None:
    """Limit numpy's linear algebra to ``count`` threads, in the whole process.

    Before numpy is imported, this only sets environment variables, which the library reads when it is loaded.
    """
    global _limit
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    elif count != _limit:
        _linear_algebra().limit(limits=count)
        _limit = count


def one_thread() -> AbstractContextManager[object]:
    """Limit numpy's linear algebra to one thread in a ``with`` block."""
    limited: AbstractContextManager[object] = _linear_algebra().limit(limits=1)
    return limited


@cache
def _linear_algebra() -> Any:
    from threadpoolctl import ThreadpoolController  # finds the loaded libraries

    return ThreadpoolController().select(user_api="blas")


def thread_count(asked: int | None = None, default: int | None = None) -> int:
    """Return the number of threads: the one asked for, or the environment's, the default, or the number of cores."""
    if asked is not None:
        return asked
    values = [os.environ.get(variable, "") for variable in VARIABLES]
    counts = [int(value) for value in values if value.isdecimal() and int(value)]
    return counts[0] if counts else default or cores()


def share_cores(processes: int) -> None:
    """Note that this process is one of several that do one work on this machine, and so may use a part of its cores."""
    global _processes
    _processes = processes


def cores() -> int:
    """Return the number of cores that this process may use."""
    # a container may have fewer than the machine
    limited = hasattr(os, "sched_getaffinity")
    count = len(os.sched_getaffinity(0)) if limited else os.cpu_count() or 1
    return max(1, count // _processes)
