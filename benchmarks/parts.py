"""The measured parts. Each yields rows for JSON and reports progress on stderr."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.define_by_run import graph, programs, tutorial
from benchmarks.grid import NORM_LSTM, SAMPLED, SIZES, TOO_LARGE_FOR_DYNET, Row
from benchmarks.plan import Plan, Rows, say, timed_row
from benchmarks.running import Jobs, Timed, command_seconds, take_turns

SAMPLED_SIZES = ("2x128", "2x512")
NUMPY_SIZES = ("2x128",)
SCALED = (("rnn", "2x128"), ("gru", "2x128"), ("lstm", "1x128"), ("lstm", "2x256"))
LIST = 1280
"""Words in a list: 20 batches of 64."""
QUICK = {"seconds": 2.0, "repeats": 2}
QUICK_SIZES = ("1x50", "1x128", "2x128")


def step(plan: Plan) -> Rows:
    """One training step, Adam's update included; memory; the share of the matrix product's speed."""
    for row in plan.rows():
        say(f"step {row.name}")
        job = row.job(threads=plan.threads, kernels="numba")
        jobs = {"charlm": ("charlm", "step", job), "torch": ("torch", "step", job)}
        if row.size.name not in TOO_LARGE_FOR_DYNET:
            jobs["dynet"] = ("dynet", "step", job)
        if row.size.name in NUMPY_SIZES:
            jobs["charlm_numpy"] = ("charlm", "step", {**job, "kernels": "numpy"})
        yield _row(row, take_turns(_installed(jobs), plan.seconds))


def variant(plan: Plan) -> Rows:
    """A training step of an LSTM with layer normalisation, beside a loop over its time steps in PyTorch."""
    say(f"variant {NORM_LSTM.name}")
    job = NORM_LSTM.job(threads=plan.threads, kernels="numba")
    jobs = {"charlm": ("charlm", "step", job), "torch": ("torch", "step", job)}
    yield _row(NORM_LSTM, take_turns(_installed(jobs), plan.seconds))


def lists(plan: Plan) -> Rows:
    """A pass over a list of words with the preset for lists, its lines one by one, and padded batches in PyTorch."""
    say("lists")
    job = {"threads": plan.threads, "kernels": "numba", "words": LIST}
    jobs = {
        "charlm": ("charlm", "lines", job),
        "charlm_singly": ("charlm", "lines", {**job, "batch": 1}),
        "torch": ("torch", "lines", job),
    }
    yield timed_row("20 updates", take_turns(_installed(jobs), plan.seconds))


def sampling(plan: Plan) -> Rows:
    """A text of 5,000 characters, one stream, by both sets of kernels and in the two ways that PyTorch offers."""
    for row in plan.rows():
        if row.size.name not in SAMPLED_SIZES or row.cell != "lstm":
            continue
        say(f"sampling {row.name}")
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
        say(f"scaling {row.name}")
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


def start(plan: Plan) -> Rows:
    """Commands from their start to their end, and what imports alone take."""
    say("start")
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
    for name, seconds in turns.items():
        yield {"name": name, "seconds": Timed(seconds).median}


def cold(plan: Plan) -> Rows:
    """``charlm train`` of the tutorial's model by a user who has compiled nothing, by default and with numpy alone."""
    say("cold")
    command = [sys.executable, "-m", "charlm", "train"]
    commands = {"auto": command, "numpy": [*command, "--kernels", "numpy"]}
    turns: dict[str, list[list[float]]] = {name: [] for name in commands}
    for _ in range(plan.repeats):
        for name, arguments in commands.items():
            with tempfile.TemporaryDirectory() as folder:
                cache = {"XDG_CACHE_HOME": folder, "NUMBA_CACHE_DIR": "", "CHARLM_KERNELS": ""}
                turns[name].append([command_seconds(arguments, Path(folder), **cache)])
    yield timed_row("charlm train", {name: Timed(seconds) for name, seconds in turns.items()})


PARTS: dict[str, Callable[[Plan], Rows]] = {
    "tutorial": tutorial,
    "graph": graph,
    "programs": programs,
    "step": step,
    "variant": variant,
    "lists": lists,
    "sampling": sampling,
    "scaling": scaling,
    "start": start,
    "cold": cold,
}


def _installed(jobs: Jobs) -> Jobs:
    return {name: job for name, job in jobs.items() if find_spec(job[0])}


def default_sizes(quick: bool) -> tuple[str, ...]:
    """Return the sizes that are measured where none is asked for."""
    return QUICK_SIZES if quick else tuple(SIZES)


def _row(row: Row, times: dict[str, Timed]) -> dict[str, Any]:
    return timed_row(row.name, times, facts={name: timed.facts for name, timed in times.items()})
