"""The loss curves of a run as a PNG file. Needs matplotlib, the extra ``plot``."""

from __future__ import annotations

from typing import Any

from charlm.baselines.measure import Baselines
from charlm.reporting.pictures import new_figure, write_picture
from charlm.runs.directory import RunDirectory


def plot_run(directory: RunDirectory, unit: str | None = None) -> None:
    """Write the picture of ``curves`` as ``loss.png``.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    write_picture(directory.plot, curves(directory, unit))


def curves(directory: RunDirectory, unit: str | None = None) -> Any:
    """Return a figure: the training loss and the held-out score against the step, beside the baselines.

    ``unit`` is the loss's where it is not nats per character.
    """
    rows, _ = directory.read_metrics()
    figure = new_figure()
    axes = figure.subplots()
    for key, label in (
        ("loss", f"training ({unit})" if unit else "training"),
        ("held_out_nll", "held out"),
    ):
        points = _points(rows, key)
        if points:  # a line needs two
            marker = "o" if len(points) == 1 else ""
            axes.plot(*zip(*points, strict=True), marker=marker, label=label)
    baselines = Baselines.load(directory.path)
    for number, (name, nll) in enumerate(baselines.rows() if baselines else (), start=2):
        axes.axhline(nll, color=f"C{number}", linestyle=":", label=f"{name} ({nll:.2f})")
    axes.set(xlabel="step", ylabel="nats per character", title=directory.path.name)
    if axes.lines:
        axes.legend()
    return figure


def _points(rows: list[dict[str, Any]], key: str) -> list[tuple[int, float]]:
    return [(row["step"], row[key]) for row in rows if row.get(key) is not None]
