"""`charlm train`: run a training and show what it reports."""

from __future__ import annotations

import contextlib
import platform
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import click
import numpy as np

from charlm.cli.output import Screen, marked, program, table
from charlm.config import (
    Override,
    RunConfig,
    bundled_runs,
    bundled_texts,
    is_config,
    load_run,
    to_yaml,
)
from charlm.lm.baselines import nll_to_bpc
from charlm.lm.checkpoint import load_checkpoint
from charlm.lm.rundir import RunDirectory
from charlm.lm.training import (
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

INTERRUPTED = 130
SHORTHANDS = {
    "--steps": "train.steps",
    "--seed": "train.seed",
    "--log-every": "train.log_every",
    "--sample-every": "train.sample_every",
}


@click.command(short_help="Train a model on a text.")
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [TEXT...]")
@click.option(
    "-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="Run directory."
)
@click.option("--force", is_flag=True, help="Replace the run that is in the run directory.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the config, e.g. --set model.layers=2. Repeatable.",
)
@click.option("--steps", metavar="N", help="Updates in all (train.steps).")
@click.option("--seed", metavar="N", help="The same seed gives the same run (train.seed).")
@click.option("--log-every", metavar="N", help="Steps between two losses (train.log_every).")
@click.option("--sample-every", metavar="N", help="Steps between two samples (train.sample_every).")
@click.option("--init-from", metavar="RUN", help="Start from the weights of this run.")
@click.option("--print-config", is_flag=True, help="Print the config that would run, and stop.")
@click.option("--list", "list_bundled", is_flag=True, help="List the bundled configs and texts.")
@click.pass_obj
def train(
    obj: dict[str, Any],
    /,
    arguments: tuple[str, ...],
    output: Path | None,
    force: bool,
    settings: tuple[str, ...],
    init_from: str | None,
    print_config: bool,
    list_bundled: bool,
    **shorthands: str | None,
) -> int:
    r"""Train a model.

    CONFIG is a bundled name (see --list) or a .yaml file; everything else is TEXT: files,
    directories of .txt files, or - for standard input. With no argument the tutorial's model learns
    the tutorial's sentence.

    \b
    charlm train                          the tutorial
    charlm train novel.txt                a text of your own, a model that suits it
    charlm train lstm novel.txt           the same text, the cell and sizes of a config
    charlm train my.yaml --set train.steps=5000
    """
    if list_bundled:
        click.echo(
            "Configs:\n" + table(bundled_runs()) + "\nTexts:\n  " + "\n  ".join(bundled_texts())
        )
        return 0
    config = _config(arguments, settings, shorthands)
    if print_config:
        click.echo(to_yaml(config), nl=False)
        return 0
    screen = Screen(obj)
    start = None if init_from is None else load_checkpoint(init_from)
    training = Training(config, init_from=start)
    training.directory = _directory(config, output, force)
    if screen.verbose:
        screen.say(f"numpy {np.__version__}, Python {platform.python_version()}")
        screen.say(to_yaml(config))
    with _stopping_on_interrupt(training, screen):
        return _show(training, screen)


def _config(
    arguments: tuple[str, ...], settings: tuple[str, ...], shorthands: dict[str, str | None]
) -> RunConfig:
    source = arguments[0] if arguments and is_config(arguments[0]) else None
    texts = arguments if source is None else arguments[1:]
    overrides: list[str | Override] = list(settings)
    for flag, key in SHORTHANDS.items():
        value = shorthands[flag.lstrip("-").replace("-", "_")]
        if value is not None:
            overrides.append(Override(origin=flag, key=key, value=value))
    return load_run(source, texts=texts, overrides=overrides)


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
    view = _LineView(screen) if training.config.data.framing == "lines" else _StreamView(screen)
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
