"""Running a training and showing what it reports. ``charlm train`` imports this when the threads are known."""

from __future__ import annotations

import platform
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlm.baselines.counting import nll_to_bpc
from charlm.cli.interrupts import Interrupts, handled
from charlm.cli.output import Screen, marked, program
from charlm.cli.progress import Progress
from charlm.config import RunConfig, to_yaml
from charlm.errors import CheckpointError, OutputError
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.runs.directory import RunDirectory, read_json
from charlm.training.events import (
    Evaluated,
    Event,
    Finished,
    Logged,
    RolledBack,
    Sampled,
    Skipped,
    Started,
)
from charlm.training.loop import Training
from charlm.training.reports import summary


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a run beside its config: where it goes, and what it starts from."""

    output: Path | None = None
    force: bool = False
    init_from: str | None = None
    resume: Path | None = None


def run(config: RunConfig, settings: dict[str, Any], wanted: Wanted) -> int:
    """Train as a config says and return the exit code; ``settings`` are the screen's."""
    screen = Screen(settings)
    with handled(screen) as interrupts:
        if wanted.resume is not None:
            directory = RunDirectory(wanted.resume)
            with directory.lock():
                last = _last(directory)
                return _go(Training(config, directory, resume=last), screen, interrupts)
        start = None if wanted.init_from is None else load_checkpoint(wanted.init_from)
        training = Training(config, init_from=start)
        interrupts.training = training
        directory = _directory(config, wanted.output, wanted.force)
        with directory.lock():
            training.directory = directory
            return _go(training, screen, interrupts)


def _last(directory: RunDirectory) -> Checkpoint:
    """Return the checkpoint that a run goes on from."""
    if directory.checkpoint.is_file():
        return load_checkpoint(directory.checkpoint)
    command = f"charlm train {_quoted(directory.config)} -o {_quoted(directory.path)} --force"
    raise CheckpointError(
        f"{directory.path}: this run ended before its first checkpoint; begin it again: {command}"
    )


def _directory(config: RunConfig, output: Path | None, force: bool) -> RunDirectory:
    if output is None:
        return RunDirectory.create_default(config.name)
    return RunDirectory.create_named(output, force=force)


def _go(training: Training, screen: Screen, interrupts: Interrupts) -> int:
    """Run a training to its end; an error that a resumed run may get over says how to resume it."""
    interrupts.training = training
    assert training.directory is not None
    if training.is_finished:
        return _already(training, training.directory, screen)
    if screen.verbose:
        screen.say(f"numpy {np.__version__}, Python {platform.python_version()}")
        screen.say(to_yaml(training.config))
    try:
        return _show(training, screen, interrupts)
    except (KeyboardInterrupt, OutputError) as error:
        if training.directory.checkpoint.is_file():
            how = "after that, " if isinstance(error, OutputError) else ""
            screen.say(f"to go on from the last checkpoint: {how}{_resume(training.directory)}")
        if isinstance(error, OutputError):
            raise
        return interrupts.code


def _already(training: Training, directory: RunDirectory, screen: Screen) -> int:
    reason = training.budget.end(training.step, training.clock.seconds, training.place.stale)
    if read_json(directory.summary).get("state") != "finished":  # it was killed on its last inch
        directory.write_summary(summary(training, "finished", reason or ""))
    screen.say(f"{directory.path}: finished already, after {training.step:,} steps ({reason})")
    screen.say(f"to train it further: {_resume(directory)} --steps {max(1, 2 * training.step)}")
    screen.say(f"to sample from it: {program()} sample {_quoted(directory.path)}")
    return 0


def _show(training: Training, screen: Screen, interrupts: Interrupts) -> int:
    view = _LineView(screen) if training.config.data.framing == "lines" else _StreamView(screen)
    progress = Progress(training, screen)
    events = training.events()
    try:
        for event in events:
            if isinstance(event, Started):
                _introduce(training, event, screen)
            progress.show(event)
            if isinstance(event, Finished):
                screen.close_bar()
                _conclude(training, event, screen)
            elif isinstance(event, Skipped):
                screen.say(f"step {event.step}: skipped, for {event.reason}")
            elif isinstance(event, RolledBack):
                screen.say(
                    f"step {event.from_step}: too many steps were skipped; going on from the checkpoint of "
                    f"step {event.step} with a learning rate of {event.learning_rate:g}"
                )
            else:
                view.show(event)
    except (
        BrokenPipeError
    ):  # nobody reads the results any more: end as after Ctrl-C, without a word
        training.stop("the output was closed")
        for _ in events:
            pass
        raise
    finally:
        screen.close_bar()
    return interrupts.code


def _introduce(training: Training, started: Started, screen: Screen) -> None:
    config = training.config
    sizes = "/".join(str(n) for n in (config.model.embed_dim, *config.model.hidden_dims))
    screen.say(
        f"{config.name}: {config.model.cell}, layers {config.model.layers}, dims {sizes}, "
        f"{started.parameters:,} parameters"
    )
    held_out = f", {started.held_out_characters:,} held out" if started.held_out_characters else ""
    screen.say(
        f"text: {started.train_characters:,} characters to learn from{held_out}; "
        f"{started.vocab_size} different symbols"
    )
    for notice in started.notices:
        screen.say(f"note: {notice}")
    assert training.directory is not None
    begun = f"going on from step {started.step:,}; " if started.step else ""
    screen.say(f"{begun}{training.budget}, written to {training.directory.path}")


def _conclude(training: Training, finished: Finished, screen: Screen) -> None:
    assert training.directory is not None
    path, place = training.directory.path, training.place
    how = f"stopped by {finished.reason}" if finished.stopped else f"done ({finished.reason})"
    screen.say(f"{how} after {finished.step:,} steps in {finished.seconds:.1f} s; saved in {path}")
    if place.best_nll is not None:
        screen.say(
            f"best held-out score: {place.best_nll:.4f} nats/char at step {place.best_step:,}"
        )
    if finished.stopped:
        screen.say(f"to go on: {_resume(training.directory)}")
    screen.say(f"to sample from it: {program()} sample {_quoted(path)}")


def _resume(directory: RunDirectory) -> str:
    return f"{program()} train --resume {_quoted(directory.path)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


class _LineView:
    """The tutorial's lines: the loss, a tab, and a text of the model's."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._loss: str | None = None

    def show(self, event: Event) -> None:
        if isinstance(event, Sampled):
            self._flush("\t" + marked(event.sample))
        elif not isinstance(event, Logged):
            self._flush()
        else:
            self._loss = f"{event.loss:.10f}"
        if isinstance(event, Evaluated):
            score = event.score
            self._screen.result(f"held-out {score.nll:.4f} nats/char, {score.bpc:.4f} bits/char")

    def _flush(self, sample: str = "") -> None:
        if self._loss is not None or sample:
            self._screen.result((self._loss or "") + sample)
            self._loss = None


class _StreamView:
    """Losses per character, beside what counting single characters would reach, and samples as blocks."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._baseline = ""

    def show(self, event: Event) -> None:
        if isinstance(event, Started) and event.unigram_nll is not None:
            bits = nll_to_bpc(event.unigram_nll)
            self._baseline = f"   (unigram {event.unigram_nll:.4f} nats, {bits:.4f} bits)"
        elif isinstance(event, Logged):
            self._screen.result(f"step {event.step:>6}   loss     {event.loss:.4f} nats/char")
        elif isinstance(event, Evaluated):
            score = event.score
            self._screen.result(
                f"step {event.step:>6}   held-out {score.nll:.4f} nats/char, "
                f"{score.bpc:.4f} bits/char{self._baseline}"
            )
        elif isinstance(event, Sampled):
            self._screen.result(f"--- sample at step {event.step} ---\n{event.sample.text}\n---")
