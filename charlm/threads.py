"""How many cores to compute on. numpy's linear algebra asks the environment, once, when it is imported."""

from __future__ import annotations

import os

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def use_threads(count: int) -> None:
    """Tell numpy's linear algebra, which must not have been imported yet."""
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))


def thread_count(wanted: int | None = None, default: int | None = None) -> int:
    """Return how many threads to compute on: as many as wanted, as the environment says, the default, or all cores."""
    if wanted is not None:
        return wanted
    said = [os.environ.get(variable, "") for variable in VARIABLES]
    found = [int(count) for count in said if count.isdecimal() and int(count)]
    return found[0] if found else default or _cores()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # a container may have fewer than the machine
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
