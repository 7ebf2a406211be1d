"""The runs under a folder and their status, from their files and locks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charlm.files import why_unreadable
from charlm.runs.directory import RunDirectory
from charlm.runs.records import Summary

DEEPEST = 4
"""How many levels of subfolders are searched."""


@dataclass(frozen=True)
class RunStatus:
    """The status of a run.

    Attributes:
        run: its folder.
        state: running, finished, stopped, failed; killed if its process ended unexpectedly; unreadable if its
            folder cannot be read.
        reason: why it ended; for a failed run, the error.
        budget: its budget in words.
        step: the step of the last entry that it wrote.
        steps: the steps of its budget; None if the budget is only a time.
        loss: the last logged loss.
        best_nll: the best held-out score.
        best_step: the step of that score.
        age: seconds since it last wrote something; None if unknown.
        problems: the problems of its files, each with file and line.
    """

    run: Path
    state: str
    reason: str
    budget: str
    step: int
    steps: int | None
    loss: float | None
    best_nll: float | None
    best_step: int | None
    age: float | None
    problems: tuple[str, ...] = ()


def status(directory: RunDirectory) -> RunStatus:
    """Return the status of a run."""
    running = directory.is_running()  # first: if it ends meanwhile, its summary counts
    try:
        written = _last_written(directory)
    except OSError as error:
        return unreadable(directory.path, error)
    (summary, damage), (rows, problems) = directory.read_summary(), directory.read_metrics()
    problems = [*damage, *problems]
    if summary is None:
        summary = Summary(state="running", reason="")
    state, reason = summary.state, summary.reason
    step, loss = summary.step, summary.last_loss
    best_nll, best_step = summary.best_nll, summary.best_step
    if running or state == "running":
        state, reason = ("running", "") if running else ("killed", "its process ended unexpectedly")
        reason = damage[0] if damage and not running else reason
        # its summary was written when it started
        step = rows[-1]["step"] if rows else step
        losses = [row["loss"] for row in rows if "loss" in row]
        loss = losses[-1] if losses else loss
        best_nll, best_step = _best(rows)
    age = max(0.0, time.time() - written)
    return RunStatus(
        directory.path,
        state,
        reason,
        summary.budget,
        step,
        summary.steps,
        loss,
        best_nll,
        best_step,
        age,
        tuple(problems),
    )


def unreadable(folder: Path, error: OSError) -> RunStatus:
    """Return the status of a folder that cannot be read."""
    reason = why_unreadable(error)
    problem = f"{folder}: {reason}"
    return RunStatus(folder, "unreadable", reason, "", 0, None, None, None, None, None, (problem,))


def statuses(folder: Path) -> Iterator[RunStatus]:
    """Yield the status of each run in a folder and its subfolders, by name; the folder itself may be a run."""
    for run in _runs_under(folder, DEEPEST):
        yield status(run) if isinstance(run, RunDirectory) else run


def _runs_under(folder: Path, depth: int) -> Iterator[RunDirectory | RunStatus]:
    directory = RunDirectory(folder)
    try:
        if directory.is_run():
            yield directory
            return
        inner = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())
    except OSError as error:
        yield unreadable(folder, error)
        return
    for below in inner if depth else ():
        yield from _runs_under(below, depth - 1)


def _last_written(directory: RunDirectory) -> float:
    files = [directory.metrics, directory.summary, directory.checkpoint, directory.config]
    return max(file.stat().st_mtime for file in files if file.exists())


def _best(rows: list[dict[str, Any]]) -> tuple[float | None, int | None]:
    scores = [
        (row["held_out_nll"], row["step"]) for row in rows if row.get("held_out_nll") is not None
    ]
    return min(scores, default=(None, None))
