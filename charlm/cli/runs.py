"""`charlm runs`: the runs under a folder and how they stand; or one of them, as it goes on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from charlm.cli.output import Screen, duration, program
from charlm.errors import CheckpointError
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import RunStatus, status, statuses

PAUSE = 0.5
"""Seconds between two looks at a run that is followed."""
MOST_TOLD = 5
"""Problems of a run's files that are told."""


@click.command(short_help="List runs and how they stand, or follow one.")
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@click.option("--follow", is_flag=True, help="Show what the run FOLDER reports until it ends.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run.")
@click.pass_obj
def runs(obj: dict[str, Any], folder: Path, follow: bool, as_json: bool) -> int:
    """List the runs in FOLDER (default: runs) and in the folders below it.

    A run is running, finished (a budget was used up), stopped (on demand), failed (with an error), or killed.
    All but those that run or are finished go on with `charlm train --resume RUN`.
    """
    if not folder.exists():
        raise CheckpointError(f"{folder}: no such folder; `charlm train` makes runs in runs/")
    if follow:
        return _follow(RunDirectory(folder), as_json, Screen(obj))
    found = list(statuses(folder))
    screen = Screen(obj)
    for run in found:
        _tell(run.problems, screen)
    if as_json:
        for run in found:
            click.echo(json.dumps({**asdict(run), "run": str(run.run)}))
    elif found:
        click.echo(_table(found))
    elif not obj["quiet"]:
        click.echo(f"no runs in {folder}; `{program()} train` makes one", err=True)
    return 0


def _table(found: list[RunStatus]) -> str:
    head = ("run", "state", "step", "loss", "held-out nats (bits)", "last change")
    lines = [head, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _row(run: RunStatus) -> tuple[str, ...]:
    done = f"{run.step:,}"
    if run.steps is not None:
        done += f" of {run.steps:,}"
    score = "-"
    if run.best_nll is not None:
        score = f"{run.best_nll:.4f} ({run.best_nll / math.log(2):.4f}) at {run.best_step:,}"
    loss = "-" if run.loss is None else f"{run.loss:.4g}"
    if run.age is None:
        return str(run.run), run.state, "-", "-", "-", "-"
    return str(run.run), run.state, done, loss, score, f"{duration(run.age)} ago"


def _tell(problems: Sequence[str], screen: Screen) -> None:
    for problem in problems[:MOST_TOLD]:
        screen.say(f"note: left out: {problem}")
    if len(problems) > MOST_TOLD:
        screen.say(f"note: {len(problems) - MOST_TOLD:,} more such lines")


def _follow(directory: RunDirectory, as_json: bool, screen: Screen) -> int:
    """Show the rows of a run's metrics as they come; Ctrl-C ends the looking, not the run."""
    if not directory.is_run():
        raise CheckpointError(f"{directory.path}: no run is there; `charlm runs` lists the runs")
    shown = told = 0
    try:
        while True:
            now = status(directory)  # before the rows: what it writes as it ends is shown
            rows, _ = directory.read_metrics()
            _tell(now.problems[told:], screen)
            told = len(now.problems)
            shown = min(shown, len(rows))  # a run that goes back takes rows back
            for row in rows[shown:]:
                click.echo(json.dumps(row) if as_json else _told(row))
            shown = len(rows)
            if now.state != "running":
                if not as_json:
                    click.echo(f"{now.state}: {now.reason}" if now.reason else now.state)
                return 0
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        return 0


def _told(row: dict[str, Any]) -> str:
    numbers = "   ".join(
        f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in row.items()
        if key not in ("step", "seconds", "learning_rate")
    )
    return f"step {row['step']:>6}   {numbers}   ({duration(row['seconds'])})"
