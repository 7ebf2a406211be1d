"""`charlm compare`: train several models on one text and say which learns fastest."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click

from charlm.baselines.counting import nll_to_bpc
from charlm.cli.live.members import run
from charlm.cli.options.advice import encoding_offered
from charlm.cli.options.contenders import contenders_of
from charlm.cli.options.contenders import list_bundled as show_bundled
from charlm.cli.terminal.layout import filled, table
from charlm.cli.terminal.phrases import marked
from charlm.cli.terminal.screen import Screen
from charlm.comparison.budgets import EqualBudget
from charlm.comparison.cluster import check_address, run_on_cluster
from charlm.comparison.comparison import (
    ComparisonResult,
    ModelResult,
    Spread,
    Verdict,
    learning,
)
from charlm.comparison.planning import Options, plan_of
from charlm.comparison.pool import RunsMembers, run_members
from charlm.comparison.results import Results
from charlm.config import DataConfig
from charlm.errors import InputError
from charlm.reporting.comparison import plot_comparison
from charlm.reporting.explanation import explanation_in_words
from charlm.reporting.pictures import check_picture
from charlm.wording import counted, short


def compare(
    obj: dict[str, Any],
    /,
    sources: tuple[str, ...],
    output: Path | None,
    seeds: int | None,
    grid: tuple[str, ...],
    budget: tuple[str, ...],
    steps: int | None,
    workers: int,
    cluster: str | None,
    kernels: str | None,
    as_json: bool,
    plot: Path | None,
    list_bundled: bool,
) -> int:
    """Run ``charlm compare`` and return the exit code."""
    if list_bundled:
        show_bundled()
        return 0
    given = contenders_of(sources, grid)
    if plot is not None:
        check_picture(plot)
    train = backend(workers, cluster)
    options = Options(
        seeds=seeds or given.seeds,
        budget=EqualBudget.of(budget, steps),
        kernels=kernels,
        threads=obj["threads"],
        workers=workers,
    )
    screen = Screen(obj)
    data = given.base.data if given.base else DataConfig()
    with encoding_offered(data, "data.encoding: {} in the config"):
        plan = plan_of(given.name, given.models, given.runs, options, given.thresholds, given.base)
    results, code = run(plan, output or Path("comparisons") / plan.name, train, screen)
    if not plan.held_out:
        results = results.complete()
    if code or not results.members:
        return code or 1
    if plan.held_out:
        click.echo(json.dumps(attrs.asdict(results)) if as_json else scores(results))
    else:
        result = learning(results, plan)
        click.echo(json.dumps(result.to_dict()) if as_json else report(result))
        if plot is not None:
            plot_comparison(result, plot)
            screen.say(f"Plot saved in {plot}")
    return 1 if results.missing else 0


def backend(workers: int, cluster: str | None) -> RunsMembers:
    """Return the function that trains the members: here, or on a cluster."""
    if cluster is None:
        return partial(run_members, workers=workers)
    if workers > 1:
        raise InputError(
            "--workers N trains in N processes on this machine, and --cluster on other machines, with all workers that "
            "they have; give one of the two"
        )
    check_address(cluster)
    return partial(run_on_cluster, address=cluster)


def scores(results: Results) -> str:
    """Return the held-out scores of the models as a table."""
    rows = [["model", "parameters", "seeds", "bits per byte" if results.per_byte else "bpc"]]
    for name in results.models:
        members = results.of(name)
        if not members:
            continue
        found = [m.held_out for m in members if m.held_out is not None]
        nats = [sum(h.nats) / sum(h.bytes if results.per_byte else h.characters) for h in found]
        spread = Spread.of([nll_to_bpc(nll) for nll in nats])
        rows.append(
            [
                name,
                f"{members[0].parameters:,}",
                str(len(members)),
                f"{spread.mean:.4f}+-{spread.std:.4f}",
            ]
        )
    return table(rows)


def report(result: ComparisonResult) -> str:
    """Return the table, a sample of each model and the verdict as text."""
    samples = [f"{m.name}: {_sample(m)}" for m in result.models]
    parts = [
        _table(result),
        "Samples after the last step, with the first seed:\n" + "\n".join(samples),
        "\n".join(map(filled, verdict_in_words(result))),
    ]
    return "\n\n".join(parts)


def _table(result: ComparisonResult) -> str:
    thresholds = [f"< {t:g}" for t in result.thresholds]
    head = ["model", "parameters", "first loss", "final loss", *thresholds, "ms/step"]
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
    return f"{table(rows)}\n{filled(_note(result))}"


def _note(result: ComparisonResult) -> str:
    seeds = len(result.models[0].runs)
    many = f", mean+-standard deviation over {counted(seeds, 'seed')}" if seeds > 1 else ""
    smooth = f", the mean of the last {counted(result.window, 'step')}" if result.window > 1 else ""
    reached = " (and with how many seeds, if not with all)" if seeds > 1 else ""
    return (
        f"loss: {result.unit}{smooth}{many}. < x: steps until the loss is below x, the median "
        f"over seeds{reached}."
    )


def _spread(spread: Spread) -> str:
    return short(spread.mean, 3) + (f"+-{spread.std:.1g}" if spread.std else "")


def _steps(model: ModelResult, threshold: float) -> str:
    steps = model.steps_to(threshold)
    reached = sum(step is not None for step in steps)
    if reached == 0:
        return "never"
    middle = model.median_steps_to(threshold)
    median = f"> {len(model.runs[0].losses)}" if middle is None else f"{middle:g}"
    return median if reached == len(steps) else f"{median} ({reached}/{len(steps)})"


def _sample(model: ModelResult) -> str:
    sample = marked(model.runs[0].sample)
    short = sample if len(sample) <= 160 else sample[:160] + "..."
    return short.replace("\n", "\n  ")


def verdict_in_words(result: ComparisonResult) -> list[str]:
    """Return which model was faster, with the evidence, and why, if the text needs no memory."""
    verdict = result.verdict
    if verdict.threshold is None:
        named = ", ".join(f"{t:g}" for t in result.thresholds)
        best = min(result.models, key=lambda model: model.last_loss.mean)
        outcome = (
            f"Undecided: in {counted(result.steps, 'step')}, no threshold ({named}) was reached with every "
            f"seed. {best.name} has the lowest final loss, {short(best.last_loss.mean)}."
        )
    elif verdict.faster is None:
        outcome = (
            f"Undecided: no model is the first below a loss of {verdict.threshold:g} with more than half "
            f"of {counted(verdict.seeds, 'seed')}."
        )
    else:
        outcome = _win(verdict, verdict.faster, result)
    return [outcome, *explanation_in_words(result)]


def _win(verdict: Verdict, faster: str, result: ComparisonResult) -> str:
    needed = verdict.steps[faster]
    assert verdict.threshold is not None
    assert needed is not None  # it crossed the threshold in more than half of the seeds
    seeds = counted(verdict.seeds, "seed")
    others = []
    for model in result.models:
        steps = verdict.steps[model.name]
        if model.name != faster:
            reached = sum(step is not None for step in model.steps_to(verdict.threshold))
            rarely = f"gets there with {reached} of {seeds}" if reached else "never gets there"
            others.append(f"{model.name} {rarely if steps is None else f'needs {steps:g}'}")
    ahead = verdict.steps_ahead
    lead = "" if ahead is None else f", by {counted(ahead, 'step')} (median)"
    return (
        f"{faster} learns {'fastest' if others[1:] else 'faster'}: with {verdict.seeds_ahead} of {seeds}, it is the "
        f"first below a loss of {verdict.threshold:g}{lead}. It needs {counted(needed, 'step')} (median); "
        f"{', '.join(others)}."
    )
