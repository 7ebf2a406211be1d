"""What holds for every test: one thread a process, IEEE numbers, and no example depends on the clock."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from importlib.util import find_spec

# Before numpy is first imported: the number of threads changes the order of summation, and so the
# last bits of a result; and test processes side by side would fight for the cores. Subprocesses
# inherit it.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["MPLBACKEND"] = "Agg"
# A shell starts what runs in its background with Ctrl-C ignored, and charlm then ignores it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore = ["charlm/exports/readers"]  # programs that need other packages
if find_spec("numba") is None:  # of the extra `fast`: without it there is nothing to import there
    collect_ignore.append("charlm/kernels/compiled")

from hypothesis import HealthCheck, settings  # noqa: E402

# `too_slow` and the deadline measure time. Where CI is set, every run draws the same examples.
settings.register_profile(
    "charlm",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("charlm")


def pytest_collection_finish() -> None:
    """Undo what importing DyNet does to a process: numbers nearest to zero become zero.

    Its library was linked with fast math, which sets the processor so; hypothesis refuses to draw
    floats then, and other tests would pass or fail by which ones were collected beside them.
    """
    if "dynet" in sys.modules:
        ctypes.CDLL(None).fesetenv(ctypes.c_void_p(-1))  # C's FE_DFL_ENV
