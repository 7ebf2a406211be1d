"""The report of models that are judged by their loss in training, because no text is held out."""

from __future__ import annotations

from typing import Any

from charlm.comparison.learning import ComparisonResult, ModelResult, Spread, Verdict
from charlm.reporting.comparison.report import Curve, Panel, Report, Table, shown_sample
from charlm.reporting.comparison.words import ONE_SEED
from charlm.reporting.explanation import explanation_in_words
from charlm.wording import counted, short

JUDGED_BY = "training loss"
METRICS = ("loss", "parameters")
"""What conditions can be about."""
JUDGED = "This is about the loss in training: how fast the text is learned, not how well other text is predicted."
"""What the verdict does not say."""


def training_report(result: ComparisonResult, notes: tuple[str, ...] = ()) -> Report:
    """Return the report of a comparison without held-out text; ``notes`` are what a reader has to know beside it."""
    best = min(result.models, key=lambda model: model.last_loss.mean)
    return Report(
        title=result.name,
        verdict=tuple(verdict_in_words(result)),
        tables=(_table(result),),
        samples_title="Samples after the last step, with the first seed",
        samples={model.name: _sample(model) for model in result.models},
        notes=notes,
        panels=(_panel(result),),
        best=result.verdict.faster or best.name,
        metrics={
            model.name: {"loss": model.last_loss.mean, "parameters": model.parameters}
            for model in result.models
        },
        rows=tuple(
            _row(model, k, result) for model in result.models for k in range(len(model.runs))
        ),
        data={"judged_by": JUDGED_BY, **result.to_dict(), "notes": notes},
    )


def _table(result: ComparisonResult) -> Table:
    thresholds = [f"< {t:g}" for t in result.thresholds]
    return Table(
        title="Loss in training",
        head=("model", "parameters", "first loss", "final loss", *thresholds, "ms/step"),
        rows=tuple(
            (
                model.name,
                f"{model.parameters:,}",
                _spread(model.first_loss),
                _spread(model.last_loss),
                *(_steps(model, t) for t in result.thresholds),
                f"{model.seconds_per_step * 1000:.2f}",
            )
            for model in result.models
        ),
        note=_note(result),
    )


def _note(result: ComparisonResult) -> str:
    seeds = len(result.models[0].runs)
    many = f", mean+-standard deviation over {counted(seeds, 'seed')}" if seeds > 1 else ""
    reached = " (and with how many seeds, if not with all)" if seeds > 1 else ""
    return (
        f"loss: {_loss(result)}{many}. < x: steps until the loss is below x, the median "
        f"over seeds{reached}."
    )


def _loss(result: ComparisonResult) -> str:
    """Return what a loss is."""
    smooth = f", the mean of the last {counted(result.window, 'step')}" if result.window > 1 else ""
    return f"{result.unit}{smooth}"


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
    sample = model.runs[0].sample
    return shown_sample(sample.text, sample.complete)


def _panel(result: ComparisonResult) -> Panel:
    return Panel(
        x="steps",
        y=f"loss in training ({_loss(result)})",
        curves=tuple(
            Curve(model.name, tuple((float(step), loss) for step, loss in enumerate(run.losses, 1)))
            for model in result.models
            for run in model.runs
        ),
        levels=tuple((f"{t:g}", t) for t in result.thresholds),
        log=True,
    )


def _row(model: ModelResult, number: int, result: ComparisonResult) -> dict[str, Any]:
    run = model.runs[number]
    return {
        "model": model.name,
        "seed": run.seed,
        "parameters": model.parameters,
        "first_loss": run.losses[0],
        "final_loss": run.losses[-1],
        **{f"steps_to_{t:g}": run.steps_to(t) for t in result.thresholds},
        "seconds_per_step": run.seconds_per_step,
    }


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
        outcome += f" {ONE_SEED}" if verdict.seeds == 1 else ""
    return [outcome, JUDGED, *explanation_in_words(result)]


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
