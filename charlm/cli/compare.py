"""`charlm compare`: train several models on one text and say which learns faster."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import click

from charlm.cli.output import Screen, marked, table
from charlm.config import bundled_comparisons, comparison_of, load_comparison
from charlm.errors import InputError
from charlm.lm.analysis import BigramReport
from charlm.lm.comparison import (
    Comparison,
    ComparisonResult,
    ModelResult,
    RunFinished,
    RunStepped,
    Spread,
)
from charlm.lm.plots import plot_comparison, require_matplotlib


@click.command(short_help="Compare models on one text.")
@click.argument("sources", nargs=-1, metavar="NAME | CONFIG CONFIG...")
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Seeds for each model.")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Updates for each model.")
@click.option("--json", "as_json", is_flag=True, help="Print everything measured as JSON.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Draw the loss curves (needs the extra `plot`).",
)
@click.option("--list", "list_bundled", is_flag=True, help="List the bundled comparisons.")
@click.pass_obj
def compare(
    obj: dict[str, Any],
    /,
    sources: tuple[str, ...],
    seeds: int | None,
    steps: int | None,
    as_json: bool,
    plot: Path | None,
    list_bundled: bool,
) -> int:
    """Train several models on the same text with the same steps, from several seeds each.

    NAME is a bundled comparison (see --list) or a .yaml file of one; two or more run configs are compared as they
    are.
    """
    if list_bundled:
        click.echo(table(bundled_comparisons()))
        return 0
    if not sources:
        known = table(bundled_comparisons())
        raise InputError(
            f"name what to compare: a comparison, or two or more configs. There are\n{known}"
        )
    config = load_comparison(sources[0]) if len(sources) == 1 else comparison_of(sources)
    if plot is not None:
        _check_plot(plot)
    comparison = Comparison(config, seeds, steps)
    _run(comparison, Screen(obj))
    result = comparison.result()
    if plot is not None:
        plot_comparison(result, plot)
    click.echo(json.dumps(result.to_dict()) if as_json else report(result))
    return 0


def _check_plot(path: Path) -> None:
    """Fail before the training, not after it."""
    require_matplotlib()
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: a plot is written as PNG; give a name that ends in .png")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first")


def _run(comparison: Comparison, screen: Screen) -> None:
    models, seeds = len(comparison.config.models), comparison.seeds
    screen.say(
        f"{comparison.config.name}: {models} models, {seeds} seeds, {comparison.steps} steps each"
    )
    screen.start_bar(models * seeds * comparison.steps, "step")
    try:
        for event in comparison.events():
            if isinstance(event, RunStepped):
                screen.advance()
            elif isinstance(event, RunFinished):
                losses = event.run.losses
                screen.say(
                    f"seed {event.run.seed}: {event.model:<8} {losses[0]:.4g} -> {losses[-1]:.4g}"
                )
    finally:
        screen.close_bar()


def report(result: ComparisonResult) -> str:
    """Return the table, a sample of each model and the verdict, for reading."""
    samples = [f"{m.name}: {_sample(m)}" for m in result.models]
    parts = [
        _table(result),
        "After the last step, from the first seed:\n" + "\n".join(samples),
        "\n".join(map(_filled, verdict_in_words(result))),
    ]
    return "\n\n".join(parts)


def _table(result: ComparisonResult) -> str:
    thresholds = [f"< {t:g}" for t in result.thresholds]
    head = ["model", "parameters", "first loss", "last loss", *thresholds, "ms/step"]
    rows = [head]
    for model in result.models:
        reached = [_steps(model, t) for t in result.thresholds]
        rows.append(
            [
                model.name,
                f"{model.parameters:,}",
                _spread(model.first_loss),
                _spread(model.last_loss),
                *reached,
                f"{model.seconds_per_step * 1000:.2f}",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    note = (
        f"Losses: mean+-spread over {len(result.models[0].runs)} seeds. '< x': the median step at which "
        "the loss is below x (in how many seeds, if not in all)."
    )
    return "\n".join([*lines, _filled(note)])


def _filled(text: str) -> str:
    return textwrap.fill(text, 80, break_on_hyphens=False)


def _spread(spread: Spread) -> str:
    return f"{spread.mean:.3g}+-{spread.std:.1g}"


def _steps(model: ModelResult, threshold: float) -> str:
    reached = sorted(step for step in model.steps_to(threshold) if step is not None)
    if not reached:
        return "never"
    middle = str(reached[len(reached) // 2])
    seeds = len(model.runs)
    return middle if len(reached) == seeds else f"{middle} ({len(reached)}/{seeds})"


def _sample(model: ModelResult) -> str:
    sample = marked(model.runs[0].sample)
    short = sample if len(sample) <= 160 else sample[:160] + "..."
    return short.replace("\n", "\n  ")


def verdict_in_words(result: ComparisonResult) -> list[str]:
    """Return who was faster, with the evidence, and the tutorial's explanation checked on the text."""
    verdict = result.verdict
    seeds = f"{verdict.seeds_ahead} of {verdict.seeds} seeds"
    if verdict.threshold is None:
        lowest = min(result.thresholds)
        best = min(result.models, key=lambda m: m.last_loss.mean)
        first = (
            f"Undecided: in {result.steps} steps no threshold (the lowest is {lowest:g}) was reached in "
            f"every seed. The lowest last loss is {best.name}'s, {best.last_loss.mean:.4g}."
        )
    elif verdict.faster is None:
        first = (
            f"Undecided: none is the first below {verdict.threshold:g} in more than half of the "
            f"{verdict.seeds} seeds."
        )
    else:
        others = [
            f"{name} {'never gets there' if n is None else f'needs {n:g}'}"
            for name, n in verdict.steps.items()
            if name != verdict.faster
        ]
        own = verdict.steps[verdict.faster]
        first = (
            f"{verdict.faster} learns faster: it is the first below a loss of {verdict.threshold:g} in "
            f"{seeds}. It needs {own:g} steps (median); {', '.join(others)}."
        )
    return [first, bigrams_in_words(result.bigrams)]


def bigrams_in_words(report: BigramReport) -> str:
    """Return what the text's bigrams say about how much context it needs."""
    if report.unique:
        return (
            f"Each of the text's {report.bigrams} bigrams occurs once, so two characters tell the next: "
            "a trigram model could learn it by heart. Little memory is needed."
        )
    pair, count = report.repeated[0]
    needed = (
        "Still, two characters always tell the next: a trigram model could learn it by heart."
        if report.determined
        else "Two characters do not tell the next: a trigram model could not learn it by heart."
    )
    return (
        f"Of the text's {report.bigrams:,} bigrams {report.distinct:,} are different "
        f"({pair!r} occurs {count:,} times). {needed}"
    )
