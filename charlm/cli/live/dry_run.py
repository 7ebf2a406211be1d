"""`charlm train --dry-run`: check everything that a run needs and time three of its steps, but write nothing."""

from __future__ import annotations

import os
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from charlm.benchmark import peak_rss_mb, timed
from charlm.cli.live.session import RunOptions
from charlm.cli.terminal.layout import table
from charlm.cli.terminal.phrases import json_line, text_sizes
from charlm.cli.terminal.screen import Screen
from charlm.config import RunConfig
from charlm.errors import OutputError, RunExistsError
from charlm.lm.model import described
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory, check_names, default_places
from charlm.training.launch import begin
from charlm.training.loop import Training
from charlm.training.resuming import changes
from charlm.wording import counted, duration

STEPS = 3
"""Timed steps, after one that is not timed, because it may compile."""


@dataclass(frozen=True)
class DryRun:
    """What a run would take: the median step, sizes in 10^6 bytes, and ``seconds`` of all training steps.

    ``steps`` is None if time is the only limit.
    """

    parameters: int
    vocabulary: int
    train_characters: int
    held_out_characters: int
    kernels: str
    threads: int
    ms_per_step: float
    chars_per_second: float
    peak_rss_mb: float
    checkpoint_mb: float
    steps: int | None
    seconds: float
    notices: tuple[str, ...]


def dry_run(config: RunConfig, settings: dict[str, Any], options: RunOptions, as_json: bool) -> int:
    """Check a run and print what it will take; return the exit code."""
    screen = Screen(settings)
    resume = None if options.resume is None else load_checkpoint(options.resume, "last")
    training = begin(options.ranks, config, init_from=options.init_from, resume=resume)
    place = _place(config, options)
    measured = _measured(training)
    if as_json:
        click.echo(json_line(asdict(measured)))
        return 0
    for notice in (*([options.note] if options.note else []), *measured.notices):
        screen.say(f"note: {notice}")
    screen.result(table(_rows(training, measured, place), "<="))
    return 0


def _rows(training: Training, m: DryRun, place: Path) -> list[tuple[str, str]]:
    model = f"{described(training.config.model)}, {counted(m.parameters, 'parameter')}"
    return [
        ("model", model),
        ("text", text_sizes(m.train_characters, m.held_out_characters, m.vocabulary)),
        ("time per step", f"{m.ms_per_step:,.2f} ms (kernels {m.kernels}, threads {m.threads})"),
        ("training", f"{m.chars_per_second:,.0f} characters/s"),
        ("memory", f"{m.peak_rss_mb:,.0f} MB at most, {m.checkpoint_mb:,.1f} MB a checkpoint"),
        ("limits", f"{training.budget}; the training steps take {duration(m.seconds)}"),
        ("run folder", f"{place} (a dry run writes nothing)"),
    ]


def _measured(training: Training) -> DryRun:
    budget, corpus, before = training.budget, training.corpus, training.step
    changed = changes(training.learner, training.before, training.before.seconds)
    notices = (*training.notices, *changed)
    step = statistics.median(timed(training.update, 1, 0.0, STEPS, STEPS))
    left = budget.seconds
    if budget.steps is not None:
        by_steps = max(0, budget.steps - before) * step
        left = by_steps if left is None else min(left, by_steps)
    assert left is not None
    arrays = [*training.model.arrays().values(), *training.learner.trainer.state().values()]
    return DryRun(
        parameters=training.model.parameter_count(),
        vocabulary=len(corpus.vocab),
        train_characters=len(corpus.train_ids),
        held_out_characters=len(corpus.held_out_ids),
        **asdict(training.compute),
        ms_per_step=step * 1e3,
        chars_per_second=corpus.characters_per_step / step,
        peak_rss_mb=peak_rss_mb(),
        checkpoint_mb=sum(array.nbytes for array in arrays) / 1e6,
        steps=budget.steps,
        seconds=left,
        notices=notices,
    )


def _place(config: RunConfig, options: RunOptions) -> Path:
    """Return the run directory, if it could be written.

    Raises:
        RunExistsError: something is there already.
        InputError: its name would be read as something else.
        OutputError: it cannot be written.
    """
    if options.resume is not None:
        return _writable(options.resume)
    free = (path for path in default_places(config.name) if not os.path.lexists(path))
    path = options.output or next(free)
    check_names(path)
    if options.output is not None and path.exists():
        empty = path.is_dir() and not any(path.iterdir())
        if not empty and not (options.force and RunDirectory(path).is_run()):
            raise RunExistsError(
                f"{path}: this exists already; choose another run directory, or use --force to replace a run"
            )
    return _writable(path)


def _writable(path: Path) -> Path:
    existing = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not existing.is_dir():
        raise OutputError(f"{path}: cannot write: {existing} is a file; choose another path")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(
            f"{path}: cannot write: no permission for {existing}; choose another path"
        )
    return path
