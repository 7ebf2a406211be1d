"""Running a training and showing what it reports. ``charlm train`` imports this when the threads are known."""

from __future__ import annotations

import contextlib
import platform
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from charlm.cli.output import Screen, marked, program
from charlm.config import RunConfig, to_yaml
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.loop import (
    Evaluated,
    Event,
    Finished,
    Logged,
    Sampled,
    Saved,
    Started,
    Stepped,
    Training,
)
from charlm.training.standing import History, Standing

INTERRUPTED = 130


def run(
    config: RunConfig,
    settings: dict[str, Any],
    output: Path | None,
    force: bool,
    init_from: str | None,
) -> int:
    """Train as a config says and return the exit code; ``settings`` are the screen's."""
    screen = Screen(settings)
    start = None if init_from is None else load_checkpoint(init_from)
    training = Training(config, init_from=start)
    training.directory = _directory(config, output, force)
    if screen.verbose:
        screen.say(f"numpy {np.__version__}, Python {platform.python_version()}")
        screen.say(to_yaml(training.config))
    with _stopping_on_interrupt(training, screen):
        return _show(training, screen)


def _directory(config: RunConfig, output: Path | None, force: bool) -> RunDirectory:
    if output is None:
        return RunDirectory.create_default(config.name)
    return RunDirectory.create_named(output, force=force)


@contextlib.contextmanager
def _stopping_on_interrupt(training: Training, screen: Screen) -> Iterator[None]:
    """Let the first Ctrl-C end the loop between two steps; a second one ends at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        if training.stopping:
            raise KeyboardInterrupt
        training.stop()
        screen.say("stopping after this step; Ctrl-C again to stop without saving")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _show(training: Training, screen: Screen) -> int:
    view = (
        _LineView(screen)
        if training.config.data.framing == "lines"
        else _StreamView(screen, training)
    )
    code = 0
    try:
        for event in training.events():
            view.show(event)
            if isinstance(event, Started):
                _introduce(training, event, screen)
                screen.start_bar(training.config.train.steps, "step")
            elif isinstance(event, Stepped):
                screen.advance()
            elif isinstance(event, Saved):
                screen.note(f"saved at {event.step}")
            elif isinstance(event, Finished):
                screen.close_bar()
                code = _conclude(training, event, screen)
    finally:
        screen.close_bar()
    return code


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
    screen.say(f"{config.train.steps:,} steps, written to {training.directory.path}")


def _conclude(training: Training, finished: Finished, screen: Screen) -> int:
    assert training.directory is not None
    path = training.directory.path
    how = "stopped" if finished.stopped else "done"
    screen.say(f"{how} after {finished.step:,} steps in {finished.seconds:.1f} s; saved in {path}")
    screen.say(f"to sample from it: {program()} sample {path}")
    return INTERRUPTED if finished.stopped else 0


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
    """Losses per character, what held-out scores mean beside the baselines, and samples as blocks."""

    def __init__(self, screen: Screen, training: Training) -> None:
        self._screen = screen
        self._standing: Standing | None = None
        if training.corpus.has_held_out and training.directory is not None:
            directory = training.directory
            history = History.read(directory.metrics)
            self._standing = Standing(training.corpus, directory.path, history)

    def show(self, event: Event) -> None:
        if isinstance(event, Logged):
            self._screen.result(f"step {event.step:>6}   loss     {event.loss:.4f} nats/char")
            if self._standing is not None:
                self._standing.logged(event.step, event.loss)
        elif isinstance(event, Evaluated):
            score = event.score
            self._screen.result(
                f"step {event.step:>6}   held-out {score.nll:.4f} nats/char, "
                f"{score.bpc:.4f} bits/char, perplexity {score.perplexity:.3f}"
            )
            said = self._standing and self._standing.evaluated(event.step, score.nll)
            if said:
                self._screen.result(f"              {said}")
        elif isinstance(event, Sampled):
            self._screen.result(f"--- sample at step {event.step} ---\n{event.sample.text}\n---")
