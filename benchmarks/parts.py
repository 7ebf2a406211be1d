"""What is measured, part by part. Each yields rows that JSON can hold, and says on stderr how far it is."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.grid import SAMPLED, SIZES, TOO_LARGE_FOR_DYNET, Row, rows
from benchmarks.running import ROOT, Jobs, Timed, command_seconds, environment, take_turns

Rows: TypeAlias = Iterator[dict[str, Any]]
SAMPLED_SIZES = ("2x128", "2x512")
NUMPY_SIZES = ("2x128",)
SCALED = (("rnn", "2x128"), ("gru", "2x128"), ("lstm", "1x128"), ("lstm", "2x256"))


@dataclass(frozen=True)
class Plan:
    """How much is measured: on which rows of the grid, and for how long each."""

    threads: int
    seconds: float = 30.0
    repeats: int = 10
    cells: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()

    def rows(self) -> list[Row]:
        """Return the rows of the grid that were asked for."""
        return rows(list(self.cells), list(self.sizes))


QUICK = {"seconds": 2.0, "repeats": 2}
QUICK_SIZES = ("1x50", "1x128", "2x128")


def step(plan: Plan) -> Rows:
    """One training step, Adam's update included; memory; the share of the matrix product's speed."""
    for row in plan.rows():
        _say(f"step {row.name}")
        job = row.job(threads=plan.threads, kernels="numba")
        jobs = {"charlm": ("charlm", "step", job), "torch": ("torch", "step", job)}
        if row.size.name not in TOO_LARGE_FOR_DYNET:
            jobs["dynet"] = ("dynet", "step", job)
        if row.size.name in NUMPY_SIZES:
            jobs["charlm_numpy"] = ("charlm", "step", {**job, "kernels": "numpy"})
        yield _row(row, take_turns(_installed(jobs), plan.seconds))


def sampling(plan: Plan) -> Rows:
    """A text of 5,000 characters, one stream, by both sets of kernels and in the two ways that PyTorch knows."""
    for row in plan.rows():
        if row.size.name not in SAMPLED_SIZES or row.cell != "lstm":
            continue
        _say(f"sampling {row.name}")
        job = row.job(threads=plan.threads, kernels="numba", length=SAMPLED)
        jobs = {
            "charlm": ("charlm", "sample", job),
            "charlm_numpy": ("charlm", "sample", {**job, "kernels": "numpy"}),
            "torch": ("torch", "sample", job),
            "torch_cells": ("torch", "sample_by_cells", job),
        }
        yield _row(row, take_turns(_installed(jobs), plan.seconds))


def scaling(plan: Plan) -> Rows:
    """A step of charlm beside one with twice the batch and one with twice the length."""
    for row in plan.rows():
        if (row.cell, row.size.name) not in SCALED:
            continue
        _say(f"scaling {row.name}")
        sizes = {
            "once": row.size,
            "batch": replace(row.size, batch=2 * row.size.batch),
            "length": replace(row.size, seq=2 * row.size.seq),
        }
        jobs = {
            name: ("charlm", "step", Row(row.cell, size).job(threads=plan.threads, kernels="numba"))
            for name, size in sizes.items()
        }
        yield _row(row, take_turns(jobs, plan.seconds, fewest=2 * plan.repeats))


def tutorial(plan: Plan) -> Rows:
    """The tutorial's three loops, in a new process each time."""
    _say("tutorial")
    turns: dict[str, list[list[float]]] = {s: [] for s in ("charlm", "dynet") if find_spec(s)}
    for _ in range(plan.repeats):
        for system, found in turns.items():
            command = [sys.executable, "-m", "benchmarks.tutorial", system]
            env = {**environment(plan.threads), "CHARLM_KERNELS": "numba"}
            done = subprocess.run(
                command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
            )
            loops = json.loads(done.stdout.splitlines()[-1])
            found.append([sum(loops)])
    yield {"name": "tutorial", **_seconds({name: Timed(t) for name, t in turns.items()})}


def graph(plan: Plan) -> Rows:
    """What a node costs in a graph that comes again, and programs whose graphs all differ, with DyNet beside."""
    _say("graph")
    turns: dict[str, dict[str, list[list[float]]]] = {}
    for _ in range(plan.repeats):
        for system in filter(find_spec, ("charlm", "dynet")):
            command = [sys.executable, "-m", "benchmarks.graphs", system]
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment(plan.threads),
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            for name, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                turns.setdefault(name, {}).setdefault(system, []).append([seconds])
    for name, found in turns.items():
        yield {"name": name, **_seconds({system: Timed(t) for system, t in found.items()})}


def start(plan: Plan) -> Rows:
    """Commands from their start to their end, and what imports alone take."""
    _say("start")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiled = ["-m", "charlm", "train", "--steps", "1", "--kernels", "numba", "-q"]
        commands = {
            "charlm --help": ["-m", "charlm", "--help"],
            "charlm train (the tutorial)": ["-m", "charlm", "train"],
            "charlm train --steps 1 --kernels numpy": [*compiled[:-2], "numpy", "-q"],
            "charlm train --steps 1 --kernels numba, compiled before": compiled,
            "import numpy": ["-c", "import numpy"],
        }
        for module in filter(find_spec, ("torch", "dynet")):
            commands[f"import {module}"] = ["-c", f"import {module}"]
        cache = {"XDG_CACHE_HOME": str(folder / "cache"), "NUMBA_CACHE_DIR": ""}
        cold = command_seconds([sys.executable, *compiled], folder, **cache)
        turns: dict[str, list[list[float]]] = {name: [] for name in commands}
        for _ in range(plan.repeats):
            for name, command in commands.items():
                turns[name].append([command_seconds([sys.executable, *command], folder, **cache)])
    turns["charlm train --steps 1 --kernels numba, never compiled"] = [[cold]]
    for name, found in turns.items():
        yield {"name": name, "seconds": Timed(found).median}


PARTS: dict[str, Callable[[Plan], Rows]] = {
    "tutorial": tutorial,
    "graph": graph,
    "step": step,
    "sampling": sampling,
    "scaling": scaling,
    "start": start,
}


def _installed(jobs: Jobs) -> Jobs:
    return {name: job for name, job in jobs.items() if find_spec(job[0])}


def default_sizes(quick: bool) -> tuple[str, ...]:
    """Return the sizes that are measured where none is asked for."""
    return QUICK_SIZES if quick else tuple(SIZES)


def _row(row: Row, found: dict[str, Timed]) -> dict[str, Any]:
    facts = {name: timed.facts for name, timed in found.items()}
    return {"name": row.name, **_seconds(found), "facts": facts}


def _seconds(found: dict[str, Timed]) -> dict[str, Any]:
    return {
        "seconds": {name: timed.median for name, timed in found.items()},
        "mad": {name: timed.mad for name, timed in found.items()},
        "turns": {name: timed.each for name, timed in found.items()},
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
