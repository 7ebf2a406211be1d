"""What holds for every test: one thread a process, and no example depends on the clock."""

from __future__ import annotations

import os

# Before numpy is first imported: the number of threads changes the order of summation, and so the
# last bits of a result; and test processes side by side would fight for the cores. Subprocesses
# inherit it.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["MPLBACKEND"] = "Agg"

from hypothesis import HealthCheck, settings  # noqa: E402

# `too_slow` and the deadline measure time. Where CI is set, every run draws the same examples.
settings.register_profile(
    "charlm",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("charlm")
