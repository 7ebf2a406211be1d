"""Compare charlm.dynet with DyNet, part by part. Each part yields rows for JSON and reports progress on stderr.

Both use one thread: DyNet always computes on one core, and charlm.dynet does by default.
"""

from __future__ import annotations

import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.graphs import TASKS
from benchmarks.plan import Plan, Rows, say, timed_row
from benchmarks.programs import UPDATES
from benchmarks.running import ROOT, Program, Timed, alternate

CHARLM: dict[str, str] = {}
"""What is set for charlm.dynet: its compiled kernels."""
NUMPY = {"CHARLM_KERNELS": "numpy"}
BEFORE = "f9d77a4"
"""The last version before graphs were tapes, whose numpy kernels are measured again beside today's."""
PROGRAM_REPEATS = 3
"""At most, as a program takes two seconds or more."""


def tutorial(plan: Plan) -> Rows:
    """The tutorial's three loops: without imports, and from the start of the process to its end."""
    say("tutorial")
    arguments = "benchmarks.tutorial", "charlm"
    with tempfile.TemporaryDirectory() as name:
        programs = {
            **_both("benchmarks.tutorial"),
            "charlm_numpy": Program(arguments, NUMPY),
        }
        if _wrote_version(BEFORE, Path(name)):
            programs["before"] = Program(arguments, NUMPY, Path(name))
        programs["charlm"].run(1)  # compiles, the first time
        results = alternate(programs, 1, plan.repeats)
    yield _row("tutorial", {s: [sum(loops) for _, loops in runs] for s, runs in results.items()})
    whole = {s: [whole for whole, _ in runs] for s, runs in results.items()}
    yield _row("tutorial, imports included", whole)


def graph(plan: Plan) -> Rows:
    """The time of a node in a repeated graph; graphs that are large, all different, or read often."""
    for task in TASKS:
        say(f"graph {task}")
        programs = _both("benchmarks.graphs", task)
        programs["charlm"].run(1)  # compiles, the first time
        results = alternate(programs, 1, plan.repeats)
        (_, example), *_ = results["charlm"]
        for name in example:
            yield _row(
                name, {s: [printed[name] for _, printed in runs] for s, runs in results.items()}
            )


def programs(plan: Plan) -> Rows:
    """Typical programs of users, from the start of the process to its end."""
    for name in UPDATES:
        say(f"programs {name}")
        both = _both("benchmarks.programs", name)
        Program((*both["charlm"].arguments, "--updates", "3"), CHARLM).run(1)
        results = alternate(both, 1, min(plan.repeats, PROGRAM_REPEATS))
        yield _row(name, {s: [whole for whole, _ in runs] for s, runs in results.items()})


def _both(module: str, *more: str) -> dict[str, Program]:
    """Return a module's runs for charlm.dynet, and for DyNet where it is installed."""
    programs = {"charlm": Program((module, "charlm", *more), CHARLM)}
    if find_spec("dynet"):
        programs["dynet"] = Program((module, "dynet", *more))
    return programs


def _wrote_version(commit: str, folder: Path) -> bool:
    """Write an earlier version of the package to a folder; return whether its history is there."""
    command = ["git", "archive", commit, "charlm", "benchmarks"]
    try:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    subprocess.run(["tar", "-x", "-C", str(folder)], input=done.stdout, check=True)
    return True


def _row(name: str, turns: dict[str, list[float]]) -> dict[str, Any]:
    return timed_row(name, {system: Timed([[s] for s in each]) for system, each in turns.items()})
