"""The process of one contender: ``python -m benchmarks.worker SYSTEM TASK JOB``.

It prepares the job (a JSON object) and makes some calls that are not counted. Then it reads numbers from its
standard input, one on each line, makes that many calls, and prints their times. At the end of the input it
prints how much memory it used.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 3
LONG = 2.0
"""Seconds: where a call takes longer, one of them is warm-up enough."""

Call = Callable[[], object]


def main(system: str, task: str, job: dict[str, Any]) -> None:
    """Serve until the input ends."""
    contender = importlib.import_module(f"benchmarks.systems.{system}")
    contender.start(job)
    base = _reset_peak()
    call: Call = getattr(contender, task)(job)
    for _ in range(WARM_UP):
        if _seconds(call) > LONG:
            break
    _say({"ready": True})
    for line in sys.stdin:
        _say({"seconds": [_seconds(call) for _ in range(int(line))]})
    peak = _memory("VmHWM")
    facts = {"peak_mb": peak, "added_mb": peak - base}
    if hasattr(contender, "facts"):
        facts |= contender.facts(task, job)
    _say(facts)


def _seconds(call: Call) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def _memory(key: str) -> float:
    """Return a figure of this process's memory in 10^6 bytes, as Linux tells it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(key)


def _reset_peak() -> float:
    """Reset the peak, which includes the imports, and return the memory used now."""
    with contextlib.suppress(
        OSError
    ):  # not allowed everywhere; then the peak of the imports counts
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
