"""`charlm compare`: train several models on one text and say which learns fastest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from charlm import progress
from charlm.cli.options.advice import encoding_offered
from charlm.cli.terminal.layout import table
from charlm.cli.terminal.reports import FORMATS, failed
from charlm.cli.terminal.screen import Screen
from charlm.comparison.comparison import (
    Comparison,
    RunFinished,
    RunStarted,
    RunStepped,
)
from charlm.config import bundled_comparisons, comparison_of, load_comparison
from charlm.errors import InputError
from charlm.reporting.comparison.conditions import Condition
from charlm.reporting.comparison.curves import plot_report
from charlm.reporting.comparison.training import METRICS, training_report
from charlm.reporting.pictures import check_picture
from charlm.wording import short


def compare(
    obj: dict[str, Any],
    /,
    sources: tuple[str, ...],
    seeds: int | None,
    steps: int | None,
    kernels: str | None,
    form: str,
    plot: Path | None,
    fail_if: tuple[str, ...],
    list_bundled: bool,
) -> int:
    """Run ``charlm compare`` and return the exit code."""
    bundled = table(bundled_comparisons(), "<=", "  ")
    if list_bundled:
        click.echo(bundled)
        return 0
    if not sources:
        raise InputError(
            f"name a comparison, or two or more configs; the comparisons are\n{bundled}"
        )
    # run configs have no thresholds
    of_runs = len(sources) > 1 and attrs.evolve(comparison_of(sources), thresholds=())
    config = of_runs or load_comparison(sources[0])
    if plot is not None:
        check_picture(plot)
    conditions = [*map(Condition.parse, fail_if)]
    for condition in conditions:
        condition.check([model.name for model in config.models], METRICS)
    with encoding_offered(config.base.data, "data.encoding: {} in the config"):
        comparison, screen = Comparison(config, seeds, steps, kernels), Screen(obj)
    _run(comparison, screen)
    report = training_report(comparison.result())
    click.echo(FORMATS[form](report))
    if plot is not None:
        plot_report(report, plot)
        screen.say(f"Plot saved in {plot}")
    return failed(conditions, report)


def _run(comparison: Comparison, screen: Screen) -> None:
    names = [model.name for model in comparison.config.models]
    screen.say(
        f"{comparison.config.name}: models {', '.join(names)}; seeds: {comparison.seeds}; "
        f"steps: {comparison.steps:,}"
    )
    with progress.task("training", len(names) * comparison.seeds * comparison.steps):
        for event in comparison.events():
            match event:
                case RunStarted():
                    screen.note(f"{event.model}, seed {event.seed}")
                case RunStepped():
                    progress.advance(1)
                case RunFinished():
                    first, last = short(event.run.losses[0]), short(event.run.losses[-1])
                    screen.say(f"seed {event.run.seed}: {event.model:<8} {first} -> {last}")
