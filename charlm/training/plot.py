"""The loss curves of a run as a picture. Needs matplotlib, the extra ``plot``."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

from charlm.files import write_atomically
from charlm.runs.directory import RunDirectory


def can_plot() -> bool:
    """Tell whether matplotlib is installed, without importing it."""
    return find_spec("matplotlib") is not None


def plot_run(directory: RunDirectory, unit: str | None = None) -> None:
    """Draw the training loss and the held-out score against the step, as ``loss.png``.

    ``unit`` is the loss's where it is not nats per character.

    Raises:
        OutputError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    rows, _ = directory.read_metrics()
    figure = Figure(figsize=(8, 5), dpi=100, layout="constrained")
    axes = figure.subplots()
    for key, label in (
        ("loss", f"training ({unit})" if unit else "training"),
        ("held_out_nll", "held out"),
    ):
        points = _points(rows, key)
        if points:
            axes.plot(*zip(*points, strict=True), label=label)
    axes.set(xlabel="step", ylabel="nats per character", title=directory.path.name)
    if axes.lines:
        axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_atomically(directory.plot, picture.getvalue())


def _points(rows: list[dict[str, Any]], key: str) -> list[tuple[int, float]]:
    return [(row["step"], row[key]) for row in rows if row.get(key) is not None]
