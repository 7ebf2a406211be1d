"""How many cores to compute on, and telling numpy's linear algebra."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_limit: int | None = None


def use_threads(count: int) -> None:
    """Have numpy's linear algebra compute on ``count`` threads, in the whole process, from now on.

    Before numpy is imported this costs nothing: the library asks the environment when it is loaded.
    """
    global _limit
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    elif count != _limit:
        _linear_algebra().limit(limits=count)
        _limit = count


@cache
def _linear_algebra() -> Any:
    from threadpoolctl import ThreadpoolController  # looks for the libraries that are loaded

    return ThreadpoolController().select(user_api="blas")


def thread_count(wanted: int | None = None, default: int | None = None) -> int:
    """Return how many threads to compute on: as many as wanted, as the environment says, the default, or all cores."""
    if wanted is not None:
        return wanted
    said = [os.environ.get(variable, "") for variable in VARIABLES]
    found = [int(count) for count in said if count.isdecimal() and int(count)]
    return found[0] if found else default or cores()


def cores() -> int:
    """Return how many cores this process may compute on."""
    if hasattr(os, "sched_getaffinity"):  # a container may have fewer than the machine
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
