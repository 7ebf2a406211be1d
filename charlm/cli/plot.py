"""`charlm plot`: the curves of runs as a picture, or a page of a running training."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from charlm.cli.terminal.phrases import program
from charlm.cli.terminal.screen import Screen
from charlm.errors import InputError
from charlm.reporting.pictures import check_picture
from charlm.reporting.plot import plot_runs
from charlm.reporting.report.facts import Facts, differences
from charlm.reporting.report.live import Watch

PICTURE = Path("curves.png")


def plot(obj: dict[str, Any], paths: tuple[Path, ...], output: Path | None, watch: bool) -> int:
    """Run ``charlm plot`` and return the exit code."""
    screen = Screen(obj)
    if watch:
        if output is not None or len(paths) > 1:
            raise click.UsageError("--watch shows one run as a page: give one RUN and no -o")
        return _watch(paths[0], screen)
    output = output or PICTURE
    check_picture(output, ".png", ".svg")
    runs = [Facts.read(path) for path in paths]
    for difference in differences(runs):
        screen.say(f"note: these scores cannot be compared: {difference}")
    plot_runs(runs, output)
    screen.say(f"plot written to {output}")
    return 0


def _watch(path: Path, screen: Screen) -> int:
    """Show a running training as a page, until it ends."""
    state = Facts.read(path).status.state
    if state != "running":
        raise InputError(
            f"{path}: no training is running there (the run is {state}); "
            f"for a report about it: {program()} report {shlex.quote(str(path))}"
        )
    with Watch(path) as page:
        screen.result(page.address)
        screen.say(
            "Open this address in a browser on this machine. Ctrl-C ends the page; the run continues"
        )
        page.wait()
    screen.say(Facts.read(path).state)
    return 0
