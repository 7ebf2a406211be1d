"""`charlm compare`: train several models on one text and say which is best, or learns fastest."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from charlm.cli.live.members import run
from charlm.cli.options.advice import encoding_offered
from charlm.cli.options.contenders import contenders_of
from charlm.cli.options.contenders import list_bundled as show_bundled
from charlm.cli.terminal.reports import FORMATS, failed
from charlm.cli.terminal.screen import Screen
from charlm.comparison.budgets import EqualBudget
from charlm.comparison.cluster import check_address, run_on_cluster
from charlm.comparison.learning import learning
from charlm.comparison.plan import Plan
from charlm.comparison.planning import Options, baselines_of, plan_of
from charlm.comparison.pool import RunsMembers, run_members
from charlm.comparison.results import Results
from charlm.config import DataConfig, Reference
from charlm.errors import InputError
from charlm.reporting.comparison import held_out, training
from charlm.reporting.comparison.conditions import Condition
from charlm.reporting.comparison.curves import plot_report
from charlm.reporting.comparison.report import Report
from charlm.reporting.pictures import check_picture


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
    form: str,
    plot: Path | None,
    fail_if: tuple[str, ...],
    list_bundled: bool,
) -> int:
    """Run ``charlm compare`` and return the exit code."""
    if list_bundled:
        show_bundled()
        return 0
    given = contenders_of(sources, grid)
    conditions = [*map(Condition.parse, fail_if)]
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
    for condition in conditions:
        condition.check(plan.models, (held_out if plan.held_out else training).METRICS)
    results, code = run(plan, output or Path("comparisons") / plan.name, train, screen)
    if not plan.held_out:
        results = results.complete()
    if code or not results.members:
        return code or 1
    report = _report(results, plan, given.references)
    click.echo(FORMATS[form](report))
    if plot is not None:
        plot_report(report, plot)
        screen.say(f"Plot saved in {plot}")
    return failed(conditions, report) or int(bool(results.missing))


def _report(results: Results, plan: Plan, references: tuple[Reference, ...]) -> Report:
    if plan.held_out:
        return held_out.held_out_report(results, baselines_of(plan), references)
    return training.training_report(learning(results, plan), results.all_notes)


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
