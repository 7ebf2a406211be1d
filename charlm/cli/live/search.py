"""Run a search: show its trials and their progress, stop it at a signal, and print its result."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charlm.cli.live.interrupts import Stopping, handled_by
from charlm.cli.live.progress import TrainingBar
from charlm.cli.options.advice import encoding_offered
from charlm.cli.terminal.layout import filled, table
from charlm.cli.terminal.phrases import program
from charlm.cli.terminal.screen import Screen
from charlm.config import RunConfig
from charlm.errors import InputError
from charlm.files import output_error, write_atomically
from charlm.reporting.search import (
    best_yaml,
    result_in_words,
    rows,
    trial_in_words,
    values_in_words,
)
from charlm.runs.directory import check_names
from charlm.search.search import ScoredAgain, Search, TrialEnded, TrialMoved, TrialStarted
from charlm.search.small import RATE_FALLS
from charlm.search.space import Space
from charlm.search.study import JOURNAL
from charlm.wording import counted, duration, fixed

BEST = "best.yaml"


@dataclass(frozen=True)
class SearchOptions:
    """What ``Search`` is asked for, besides the config and the space."""

    folder: Path
    trials: int
    seed: int
    confirm: int
    seconds: float | None
    share: float | None


def run(
    config: RunConfig,
    space: Space,
    options: SearchOptions,
    settings: dict[str, Any],
    note: str | None,
    as_json: bool,
) -> int:
    """Run a search in its folder and print its result; return the exit code. ``settings`` are the screen's."""
    screen = Screen(settings)
    if note is not None:
        screen.say(note)
    _make(options.folder)
    with encoding_offered(config.data, "--set data.encoding={}"):
        search = Search(config, space, **vars(options))
    _introduce(search, options, screen)
    stopping = Stopping(
        search.stop,
        screen,
        "Stopping the trial; press Ctrl-C again to stop at once",
        "stopped at once; the trial will be tried again",
    )
    with handled_by(stopping.handle):
        _show(search, screen)
    if search.stopping:
        screen.say(
            "The trials so far are kept. To continue the search, type the same command again."
        )
        return stopping.code
    return _conclude(search, options.folder, as_json, screen)


def _make(path: Path) -> None:
    """Create the folder of a search, if it is not there.

    Raises:
        InputError: it holds something else, or a shell could misread its name.
        OutputError: it cannot be created.
    """
    check_names(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()) and not (path / JOURNAL).exists():
            raise InputError(
                f"{path}: this folder holds files that are not a search; choose another with -o"
            )
    except OSError as error:
        raise output_error(path, error) from error


def _introduce(search: Search, options: SearchOptions, screen: Screen) -> None:
    keys = ", ".join(parameter.key for parameter in search.space.parameters)
    trials = counted(search.trials, "trial")
    screen.say(filled(f"{search.config.name}: searching {keys} with {trials} in {options.folder}"))
    each = "Each trial is a whole training of the config"
    if search.share < 1:
        rate = search.share**-RATE_FALLS
        each = (
            f"Each trial has {search.share:.2g} of the config's own budget ({search.budget}) and a learning rate "
            f"{rate:.2g} times as high, because a short training wants a higher one"
        )
    seeds = counted(search.confirm, "fresh seed")
    limit = (
        "" if options.seconds is None else f"; all of it takes at most {duration(options.seconds)}"
    )
    screen.say(
        filled(f"{each}. Then the best and the config as it is are trained from {seeds}{limit}.")
    )


def _show(search: Search, screen: Screen) -> None:
    """Run the search, with a bar for the training and a line for each trial."""
    bar: TrainingBar | None = None
    try:
        for event in search.events():
            match event:
                case TrialStarted():
                    bar = TrainingBar(event.training, screen)
                case TrialMoved() if bar is not None:
                    bar.show(event.event)
                case TrialEnded():
                    screen.close_bar()
                    trial, left = event.trial, duration(search.seconds_left())
                    screen.say(
                        f"trial {trial.number}: {values_in_words(trial)}: {trial_in_words(trial)} "
                        f"({duration(trial.seconds)}; about {left} left)"
                    )
                case ScoredAgain():
                    score = event.score if isinstance(event.score, str) else fixed(event.score)
                    screen.say(f"seed {event.seed}, {event.name.replace('-', ' ')}: {score}")
    finally:
        screen.close_bar()


def _conclude(search: Search, folder: Path, as_json: bool, screen: Screen) -> int:
    """Write the best config and print the result; return the exit code."""
    result = search.result()
    file = folder / BEST
    command = f"{program()} train {shlex.quote(str(file))}"
    if result.best is not None:
        typed = f"charlm {shlex.join(sys.argv[1:])}"
        text = best_yaml(result, search.config, typed)
        write_atomically(file, text.encode())
    if as_json:
        saved: dict[str, str | None] = {"config": None, "command": None}
        if result.best is not None:
            saved = {"config": str(file), "command": command}
        screen.result(json.dumps({**result.to_dict(), **saved}))
    else:
        screen.result(table(rows(result)))
        for paragraph in result_in_words(result, search.config):
            screen.result("\n" + filled(paragraph))
        if result.best is not None:
            screen.result(f"\nBest config: {file}\nTo train it: {command}")
    return 0 if result.best is not None else 1
