"""The pictures of the pages, from real runs: ``python -m docs.scripts.pictures`` makes them (extra ``plot``)."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import charlm
from charlm.lm.units import Unit, values_of
from charlm.reporting.pictures import new_figure
from charlm.reporting.plot import curves
from charlm.runs.directory import RunDirectory

PICTURES = Path(__file__).parents[1] / "pictures"
RUNS = {"memory": "lstm", "simple": "srnn", "new-memory": "lstm", "new-simple": "srnn"}
"""The runs on the bundled text ``memory`` that the pages train, with their configs."""
LABELS = {
    "memory": "LSTM, after 300 steps",
    "simple": "simple RNN, after 300 steps",
    "new-memory": "LSTM, before the training",
    "new-simple": "simple RNN, before the training",
}
OPENED = (9, 14, 4, 26, 11)
LINES = "".join(f"{'(' * n}{')' * n}\n" for n in OPENED)


def told(command: str) -> str:
    """Run a command of charlm, and return what it prints."""
    program = [sys.executable, "-m", "charlm", "-q", *command.split()]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout


def counter() -> Any:
    """Plot the unit that follows the number of open brackets best, in both networks."""
    figure = new_figure((7, 4))
    for axes, run in zip(figure.subplots(2, sharex=True), ("memory", "simple"), strict=True):
        labels = json.loads(told(f"inspect runs/{run} memory --json"))["labels"]
        best = next(label for label in labels if label["label"] == "depth of brackets")["units"][0]
        unit = Unit(best["layer"], best["state"], best["unit"])
        model = charlm.load(f"runs/{run}")
        before = LINES * 20  # which the state has read
        values = values_of(model, model.vocab.encode(before + LINES), unit)
        axes.plot(values[len(before) :], marker=".", markersize=3, linewidth=1)
        kind = "memory cell" if unit.state == "c" else "output"
        axes.set(ylabel=f"{kind} {unit.number}", title=LABELS[run].partition(",")[0])
    axes.set_xlabel(f"characters of lines with {', '.join(map(str, OPENED))} opening brackets")
    return figure


def gradient() -> Any:
    """Plot how far back the gradient reaches, in both networks, before and after the training."""
    figure = new_figure((7, 4))
    axes = figure.subplots()
    for run, label in LABELS.items():
        lags = json.loads(told(f"explain runs/{run} --chars 100 --json"))["gradient_by_lag"]
        style = ":" if run.startswith("new") else "-"
        color = "C0" if run.endswith("memory") else "C1"
        axes.plot(range(1, len(lags) + 1), lags, label=label, color=color, linestyle=style)
    axes.set(yscale="log", xlabel="characters back", ylabel="gradient", xlim=(0, 100), ylim=1e-7)
    axes.legend()
    return figure


def save(name: str, figure: Any) -> None:
    """Write a figure as SVG with the same bytes each time."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "charlm"}):
        picture = io.BytesIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    (PICTURES / f"{name}.svg").write_bytes(picture.getvalue())


def main() -> None:
    """Train the runs in a temporary folder and write the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for run, config in RUNS.items():
            steps = 1 if run.startswith("new") else 300
            told(
                f"train {config} memory -o runs/{run} --steps {steps} --sample-every 0 --log-every 5"
                " --kernels numpy"
            )
        save("loss", curves(RunDirectory(Path("runs/memory"))))
        save("counter", counter())
        save("gradient", gradient())


if __name__ == "__main__":
    main()
