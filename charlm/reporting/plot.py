"""The loss curves of a run as a picture. Needs matplotlib, the extra ``plot``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from charlm.baselines.measure import Baselines
from charlm.reporting.pictures import write_picture
from charlm.runs.directory import RunDirectory


def can_plot() -> bool:
    """Tell whether matplotlib is installed, without importing it."""
    return find_spec("matplotlib") is not None


def plot_run(directory: RunDirectory, unit: str | None = None) -> None:
    """Write the picture of ``curves`` as ``loss.png``.

    Raises:
        OutputError: the file cannot be written.
    """
    write_picture(directory.plot, curves(directory, unit))


def curves(directory: RunDirectory, unit: str | None = None) -> Any:
    """Return a figure: the training loss and the held-out score against the step, beside the baselines.

    ``unit`` is the loss's where it is not nats per character.
    """
    from matplotlib.figure import Figure

    rows, _ = directory.read_metrics()
    figure: Any = Figure(figsize=(8, 5), dpi=100, layout="constrained")
    axes = figure.subplots()
    for key, label in (
        ("loss", f"training ({unit})" if unit else "training"),
        ("held_out_nll", "held out"),
    ):
        points = _points(rows, key)
        if points:  # a line needs two
            marker = "o" if len(points) == 1 else ""
            axes.plot(*zip(*points, strict=True), marker=marker, label=label)
    known = Baselines.load(directory.path)
    for number, (name, nll) in enumerate(known.rows() if known else (), start=2):
        axes.axhline(nll, color=f"C{number}", linestyle=":", label=f"{name} ({nll:.2f})")
    axes.set(xlabel="step", ylabel="nats per character", title=directory.path.name)
    if axes.lines:
        axes.legend()
    return figure


def _points(rows: list[dict[str, Any]], key: str) -> list[tuple[int, float]]:
    return [(row["step"], row[key]) for row in rows if row.get(key) is not None]
