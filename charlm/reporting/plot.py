"""The loss curves of runs as a picture. Needs matplotlib, the extra ``plot``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charlm.reporting.pictures import new_figure, write_picture
from charlm.reporting.report.facts import Facts, differences
from charlm.runs.directory import RunDirectory


def plot_run(directory: RunDirectory) -> None:
    """Write the picture of a run as ``loss.png`` into its folder.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    plot_runs([Facts.read(directory.path)], directory.plot)


def plot_runs(runs: Sequence[Facts], path: Path) -> None:
    """Write the picture of ``curves`` as a PNG or SVG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    write_picture(path, curves(runs))


def curves(runs: Sequence[Facts]) -> Any:
    """Return a figure: training losses and held-out scores against the step, beside the baselines.

    Runs of different texts have no baselines in common, so none are shown.
    """
    figure = new_figure()
    axes = figure.subplots()
    drawn = 0
    for number, run in enumerate(runs):
        of_run = f"{run.name}: " if len(runs) > 1 else ""
        unit = " (nats per line)" if run.lines else ""
        for key, label in (("loss", f"training{unit}"), ("held_out_nll", "held out")):
            points = run.points(key)
            if points:
                # the curves of one run differ in color, those of several in the line
                color = f"C{number}" if of_run else f"C{drawn}"
                line = "--" if of_run and key == "loss" else "-"
                marker = "o" if len(points) == 1 else ""  # a line needs two
                axes.plot(
                    *zip(*points, strict=True),
                    line,
                    color=color,
                    marker=marker,
                    label=of_run + label,
                )
                drawn += 1
    for number, (name, nll) in enumerate(_baselines(runs)):
        color = f"C{max(2, len(runs)) + number}"
        axes.axhline(nll, color=color, linestyle=":", label=f"{name} ({nll:.2f})")
    title = ", ".join(run.name for run in runs)
    units = " or ".join(sorted({"byte" if run.unit == "byte" else "character" for run in runs}))
    axes.set(xlabel="step", ylabel=f"nats per {units}")
    axes.set_title(title, parse_math=False)
    if axes.lines:
        legend = axes.legend()
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _baselines(runs: Sequence[Facts]) -> list[tuple[str, float]]:
    shown = next((run.baselines for run in runs if run.baselines is not None), None)
    return [] if shown is None or differences(runs) else shown.rows()
