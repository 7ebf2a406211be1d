"""Run a training and show its events. ``charlm train`` imports this module after it set the number of threads."""

from __future__ import annotations

import contextlib
import platform
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlm.cli.live.interrupts import Interrupts, handled
from charlm.cli.live.progress import TrainingBar
from charlm.cli.live.views import LineView, TextView, Viewer
from charlm.cli.terminal.layout import filled
from charlm.cli.terminal.phrases import program, text_sizes
from charlm.cli.terminal.screen import Screen
from charlm.config import RunConfig, to_yaml
from charlm.config.rules import seconds_of
from charlm.errors import CheckpointError, MissingExtraError, OutputError, StandardOutputError
from charlm.kernels import prepare_sampler
from charlm.lm.model import described
from charlm.ranks import Ranks
from charlm.reporting.plot import plot_run
from charlm.reporting.tensorboard import EventFiles, library
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.budget import time_is_up
from charlm.training.events import Finished, Noticed, RolledBack, Skipped, Started
from charlm.training.launch import begin
from charlm.training.loop import Training
from charlm.wording import counted, duration, fixed

SHORT = 10.0
"""A shorter run gets no plot, because importing matplotlib takes about a second."""


@dataclass(frozen=True)
class RunOptions:
    """Options of a run besides its config."""

    output: Path | None = None
    force: bool = False
    init_from: Checkpoint | None = None
    resume: Path | None = None
    tensorboard: bool = False
    note: str | None = None
    ranks: Ranks | None = None


def run(config: RunConfig, settings: dict[str, Any], options: RunOptions) -> int:
    """Train as a config says and return the exit code; ``settings`` are the screen's."""
    screen = Screen(settings)
    if options.tensorboard:
        library()  # an error before the training, not in it
    with handled(screen, _resume) as interrupts:
        if options.resume is not None:
            directory = RunDirectory(options.resume)
            with directory.lock():
                last = _last(directory)
                training = begin(options.ranks, config, directory, resume=last)
                return _go(training, screen, interrupts, options.tensorboard)
        training = begin(options.ranks, config, init_from=options.init_from)
        interrupts.training = training
        if options.output is None:
            directory = RunDirectory.create_default(config.name)
        else:
            directory = RunDirectory.create_named(options.output, force=options.force)
        with directory.lock():
            training.directory = directory
            if options.note is not None:
                screen.say(options.note)
            return _go(training, screen, interrupts, options.tensorboard)


def _last(directory: RunDirectory) -> Checkpoint:
    """Return the checkpoint from which a run resumes."""
    if directory.checkpoint.exists():
        return load_checkpoint(directory.checkpoint)
    command = f"{program()} train {_quoted(directory.config)} -o {_quoted(directory.path)} --force"
    raise CheckpointError(
        f"{directory.path}: this run ended before its first checkpoint; start it again: {command}"
    )


def _go(training: Training, screen: Screen, interrupts: Interrupts, tensorboard: bool) -> int:
    """Run a training to its end. If it cannot be written, say how to resume it later."""
    interrupts.training = training
    assert training.directory is not None
    if training.finished is not None:
        return _already(training, training.finished, training.directory, screen)
    if screen.verbose:
        screen.say(f"numpy {np.__version__}, Python {platform.python_version()}")
        screen.say(to_yaml(training.config))
    more = [EventFiles(training.directory)] if tensorboard else []
    try:
        code = _show(training, screen, interrupts, [TrainingBar(training, screen), *more])
        interrupts.training, interrupts.outcome = None, "the run is saved"
        if training.clock.seconds > SHORT:
            with contextlib.suppress(MissingExtraError):  # there may be no matplotlib
                plot_run(training.directory)
            if training.compute.kernels == "numba":
                prepare_sampler()
        return code
    except OutputError:
        if training.directory.checkpoint.is_file():
            command = _resume(training.directory)
            screen.say(f"When that is solved, resume from the last checkpoint: {command}")
        raise


def _already(training: Training, reason: str, directory: RunDirectory, screen: Screen) -> int:
    told, _ = directory.read_summary()
    if told is None or told.state != "finished":  # it was killed after its last checkpoint
        directory.write_summary(training.summary("finished", reason))
    steps = counted(training.step, "step")
    why = "" if reason == steps else f" ({reason})"
    screen.say(f"{directory.path}: already finished, after {steps}{why}")
    patience = training.config.train.patience
    waited = training.learner.progress.evals_since_best
    more = f"--steps {max(1, 2 * training.step)}"
    limit = training.budget.max_time
    if limit is not None and reason == time_is_up(limit):
        used = 0.0 if told is None else told.seconds or 0.0
        more = f"--max-time {_longer(limit, used)}"
    if patience is not None and waited >= patience:  # else the run ends again at once
        more += f" --patience {2 * waited}"
    screen.say(f"To train it further: {_resume(directory)} {more}")
    screen.say(f"To generate text: {program()} sample {_quoted(directory.path)}")
    return 0


def _longer(time: str, used: float) -> str:
    """Return twice a time limit, or more: a multiple of it that is about twice the time used.

    Example:
        >>> _longer("1h30m", 5403.2), _longer("0.5s", 2.1)
        ('2h60m', '4s')
    """
    times = 2 * max(1, int(used / seconds_of(time)))
    return re.sub(r"[\d.]+", lambda number: f"{times * float(number[0]):.12g}", time)


def _show(
    training: Training, screen: Screen, interrupts: Interrupts, viewers: Sequence[Viewer]
) -> int:
    alone = training.corpus.by_line
    view: Viewer = LineView(screen, training) if alone else TextView(screen, training)
    lost = 0
    try:
        for event in training.events():
            if isinstance(event, Started):
                _introduce(training, event, screen)
            for viewer in viewers:
                viewer.show(event)
            match event:
                case Finished():
                    screen.close_bar()
                    _conclude(training, event, screen)
                case Noticed():
                    screen.say(filled(f"step {event.step}: {event.text}"))
                case Skipped():
                    screen.say(f"step {event.step}: skipped, because {event.reason}")
                case RolledBack():
                    screen.say(
                        f"step {event.from_step}: too many steps were skipped; the run returns to step "
                        f"{event.step}, its last checkpoint, with learning rate {event.learning_rate:g}"
                    )
                case _:
                    try:
                        view.show(event)
                    except StandardOutputError as error:
                        lost = error.exit_code
                        tell = screen.error if lost else screen.say
                        tell(
                            f"{error}; the training continues, and its run directory has all results"
                        )
    finally:
        screen.close_bar()
    return interrupts.code or lost


def _introduce(training: Training, started: Started, screen: Screen) -> None:
    config = training.config
    model = f"{described(config.model)}, {counted(started.parameters, 'parameter')}"
    screen.say(f"{config.name}: {model}")
    sizes = (started.train_characters, started.held_out_characters, started.vocab_size)
    screen.say(f"text: {text_sizes(*sizes)}")
    if training.corpus.report is not None:
        for line in training.corpus.report.lines:
            screen.say(line)
    for notice in started.notices:
        screen.say(f"note: {notice}")
    assert training.directory is not None
    begin = "Training for"
    if started.step:
        used = duration(training.clock.seconds)
        begin = f"Resuming at step {started.step:,}, after {used}. Training for a total of"
    screen.say(filled(f"{begin} {training.budget}. Saving to {training.directory.path}"))


def _conclude(training: Training, finished: Finished, screen: Screen) -> None:
    assert training.directory is not None
    path, progress = training.directory.path, training.learner.progress
    steps, time = counted(finished.step, "step"), duration(finished.seconds)
    if finished.stopped:
        how = f"Stopped by {finished.reason} after {steps} in {time}"
    else:
        why = "" if finished.reason == steps else f" ({finished.reason})"
        how = f"Finished {steps} in {time}{why}"
    screen.say(f"{how}. Saved in {path}")
    if progress.best_nll is not None:
        screen.say(
            f"Best held-out score: {fixed(progress.best_nll)} nats/{training.corpus.vocab.unit} "
            f"at step {progress.best_step:,}"
        )
    if finished.stopped:
        screen.say(f"To resume: {_resume(training.directory)}")
    screen.say(f"To generate text: {program()} sample {_quoted(path)}")


def _resume(directory: RunDirectory) -> str:
    return f"{program()} train --resume {_quoted(directory.path)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
