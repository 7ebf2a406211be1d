"""The loss curves of compared models as a PNG file."""

from __future__ import annotations

import statistics
from pathlib import Path

from charlm.comparison.comparison import ComparisonResult
from charlm.reporting.pictures import new_figure, write_picture


def plot_comparison(result: ComparisonResult, path: Path) -> None:
    """Plot each model's loss against the step, the mean over seeds and their range, as a PNG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    figure = new_figure(dpi=120)
    axes = figure.subplots()
    for model in result.models:
        at_step = list(zip(*(run.losses for run in model.runs), strict=True))
        steps = range(1, len(at_step) + 1)
        axes.plot(steps, [statistics.fmean(seeds) for seeds in at_step], label=model.name)
        axes.fill_between(steps, [*map(min, at_step)], [*map(max, at_step)], alpha=0.25)
    for threshold in result.thresholds:
        axes.axhline(threshold, color="grey", linewidth=0.5, linestyle=":")
    mean = f", mean of the last {result.window} steps" if result.window > 1 else ""
    axes.set(xlabel="step", ylabel=f"loss ({result.unit}{mean})", yscale="log", title=result.name)
    axes.legend(title=f"mean and range of {len(result.models[0].runs)} seeds")
    write_picture(path, figure)
