"""`charlm runs`: the runs under a folder and their status, or the progress of one run."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from charlm.baselines.counting import nll_to_bpc
from charlm.cli.live.follow import follow as show
from charlm.cli.live.follow import tell_problems
from charlm.cli.terminal.layout import table
from charlm.cli.terminal.phrases import age, json_line, program
from charlm.cli.terminal.screen import Screen
from charlm.errors import CheckpointError
from charlm.runs.checkpoint import no_run, suggested_run
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import RunStatus, statuses
from charlm.wording import fixed, short


def runs(obj: dict[str, Any], folder: Path, follow: bool, as_json: bool) -> int:
    """Run ``charlm runs`` and return the exit code."""
    screen = Screen(obj)
    if not folder.exists():
        raise CheckpointError(f"{folder}: no such folder; {suggested_run(folder)}")
    if follow:
        directory = RunDirectory(folder)
        if not directory.is_run():
            raise no_run(folder)
        return show(directory, screen, as_json)
    listed = sorted(statuses(folder), key=lambda run: math.inf if run.age is None else run.age)
    for run in listed:
        tell_problems(run.problems, screen)
    if as_json:
        for run in listed:
            click.echo(json_line({**asdict(run), "run": str(run.run)}))
    elif listed:
        click.echo(_table(listed))
    elif not obj["quiet"]:
        click.echo(f"no runs in {folder}; `{program()} train` makes one", err=True)
    return 0


def _table(listed: list[RunStatus]) -> str:
    head = ("run", "status", "step", "loss", "held-out nats (bits)", "last change")
    return table([head, *map(_row, listed)])


def _row(run: RunStatus) -> tuple[str, ...]:
    done = f"{run.step:,}"
    if run.steps is not None:
        done += f" of {run.steps:,}"
    score = "-"
    if run.best_nll is not None:
        score = f"{fixed(run.best_nll)} ({fixed(nll_to_bpc(run.best_nll))}) at {run.best_step:,}"
    loss = "-" if run.loss is None else short(run.loss)
    if run.age is None:
        return str(run.run), run.state, "-", "-", "-", "-"
    return str(run.run), run.state, done, loss, score, age(run.age)
