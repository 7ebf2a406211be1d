"""The pictures of the pages, from real runs: ``python -m docs.scripts.pictures`` makes them (extra ``plot``)."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from html import escape
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


def names() -> str:
    """Return some names, coloured by the model of the page on names, without the legend above them."""
    page = (PICTURES.parent / "names.md").read_text(encoding="utf-8")
    for command in re.findall(r"^\$ (printf .*)$", page, re.MULTILINE):
        subprocess.run(["bash", "-c", command], check=True)
    told(
        "train gru names.txt -o runs/names --steps 100 --sample-every 0 --set train.eval_every=20"
        " --kernels numpy"
    )
    return told("score runs/names strange.txt --color").partition("\n")[2]


def terminal(shown: str) -> str:
    """Return SVG of what a terminal shows; the background colours are those of 256-colour terminals."""
    colors = {"230": "#ffffd7", "222": "#ffd787", "215": "#ffaf5f", "208": "#ff8700"}
    lines = shown.splitlines()
    cells = []
    for row, line in enumerate(lines):
        column, color = 0, None
        for mark, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
            if not text:
                color = colors.get(mark.rpartition(";")[2])
                continue
            x, y = 10 + 9 * column, 10 + 20 * row
            if color:
                size = f'width="{9 * len(text)}" height="20"'
                cells.append(f'<rect x="{x}" y="{y}" {size} fill="{color}"/>')
            length = f'textLength="{9 * len(text)}" xml:space="preserve"'
            cells.append(f'<text x="{x}" y="{y + 15}" {length}>{escape(text)}</text>')
            column += len(text)
    widest = max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines)
    width, height = 20 + 9 * widest, 20 + 20 * len(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="monospace" font-size="15">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(cells) + "\n</svg>\n"
    )


def counter() -> Any:
    """Plot the unit that follows the number of open brackets best, in both networks."""
    figure = new_figure((7, 4))
    for axes, run in zip(figure.subplots(2, sharex=True), ("memory", "simple"), strict=True):
        labels = json.loads(told(f"inspect runs/{run} memory --json"))["labels"]
        best = next(label for label in labels if label["label"] == "depth of brackets")["units"][0]
        unit = Unit(best["layer"], best["state"], best["unit"])
        model = charlm.load_model(f"runs/{run}")
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
        (PICTURES / "names.svg").write_text(terminal(names()), encoding="utf-8")


if __name__ == "__main__":
    main()
