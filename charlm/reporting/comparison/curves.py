"""The curves of a comparison as a PNG file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from charlm.errors import InputError
from charlm.reporting.comparison.report import Panel, Report
from charlm.reporting.pictures import new_figure, write_picture


def plot_report(report: Report, path: Path) -> None:
    """Plot the panels of a report side by side, as a PNG file.

    Raises:
        InputError: the report has no curves.
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    if not report.panels:
        raise InputError(
            f"{path}: there is nothing to draw, as no model was scored while it was trained"
        )
    count = len(report.panels)
    figure = new_figure((8 if count == 1 else 5 * count, 5), dpi=120)
    figure.suptitle(report.title)
    all_axes = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    for axes, panel in zip(all_axes, report.panels, strict=True):
        _draw(axes, panel)
    all_axes[0].set_ylabel(report.panels[0].y)
    all_axes[0].legend(title="one curve for each seed")
    write_picture(path, figure)


def _draw(axes: Any, panel: Panel) -> None:
    colours: dict[str, str] = {}
    for curve in panel.curves:
        label = "" if curve.model in colours else curve.model  # one entry in the legend is enough
        colour = colours.setdefault(curve.model, f"C{len(colours)}")
        marker = "o" if len(curve.points) == 1 else ""  # a line needs two
        axes.plot(*zip(*curve.points, strict=True), color=colour, marker=marker, label=label)
    for name, level in panel.levels_in_view:
        axes.axhline(level, color="grey", linewidth=0.8, linestyle=":")
        axes.annotate(name, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    axes.set(xlabel=panel.x, yscale="log" if panel.log else "linear")
