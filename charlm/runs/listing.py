"""The runs under a folder, and how each stands: what a run's files say, and whether a process holds it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charlm.runs.directory import RunDirectory, read_json

DEEPEST = 4
"""Folders below the one that is looked through."""


@dataclass(frozen=True)
class RunStatus:
    """A run as it stands.

    Attributes:
        run: its folder.
        state: running, finished, stopped, failed, or killed where a process ended without a word.
        reason: why it ended; the error of one that failed.
        budget: what it may use up.
        step: of the last thing that it wrote.
        steps: the steps of its budget, None for one in time alone.
        loss: the last that was logged.
        best_nll: the best held-out score.
        best_step: its step.
        age: seconds since it last wrote something.
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
    age: float


def status(directory: RunDirectory) -> RunStatus:
    """Return how a run stands."""
    running = (
        directory.is_running()
    )  # asked first: it may end meanwhile, and then its summary counts
    summary, rows = read_json(directory.summary), directory.read_metrics()
    if running:
        state, reason = "running", ""
    elif summary.get("state", "running") == "running":
        state, reason = "killed", "its process ended without a word"
    else:
        state, reason = summary["state"], summary["reason"]
    step, loss, best_nll, best_step = (
        summary.get(key) for key in ("step", "last_loss", "best_nll", "best_step")
    )
    if state in ("running", "killed"):  # its summary is of when it began
        step = rows[-1]["step"] if rows else step
        losses = [row["loss"] for row in rows if "loss" in row]
        loss = losses[-1] if losses else loss
        best_nll, best_step = _best(rows)
    files = [directory.metrics, directory.summary, directory.checkpoint, directory.config]
    written = max(file.stat().st_mtime for file in files if file.exists())
    return RunStatus(
        directory.path,
        state,
        reason,
        summary.get("budget", ""),
        step or 0,
        summary.get("steps"),
        loss,
        best_nll,
        best_step,
        max(0.0, time.time() - written),
    )


def runs_under(folder: Path) -> Iterator[RunDirectory]:
    """Yield the runs in a folder and in those below it, by name; the folder itself may be one."""
    yield from _runs_under(folder, DEEPEST)


def _runs_under(folder: Path, depth: int) -> Iterator[RunDirectory]:
    directory = RunDirectory(folder)
    if directory.is_run():
        yield directory
    elif depth and folder.is_dir():
        for inner in sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink()):
            yield from _runs_under(inner, depth - 1)


def _best(rows: list[dict[str, Any]]) -> tuple[float | None, int | None]:
    scores = [
        (row["held_out_nll"], row["step"]) for row in rows if row.get("held_out_nll") is not None
    ]
    return min(scores, default=(None, None))
