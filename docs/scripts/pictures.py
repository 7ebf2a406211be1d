"""The pictures of the pages, from real runs: ``python -m docs.scripts.pictures`` makes them (extra ``plot``)."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from charlm.reporting.plot import curves
from charlm.runs.directory import RunDirectory

PICTURES = Path(__file__).parents[1] / "pictures"
RUNS = {"memory": "lstm", "simple": "srnn"}
"""The runs on the bundled text ``memory`` that the pages train, with their configs."""


def trained(name: str) -> RunDirectory:
    """Train a run as the pages do, in the current folder."""
    command = f"train {RUNS[name]} memory -o runs/{name} --steps 300 --sample-every 0 --log-every 5"
    subprocess.run([sys.executable, "-m", "charlm", "-q", *command.split()], check=True, stdout=-3)
    return RunDirectory(Path("runs") / name)


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
        save("loss", curves(trained("memory")))


if __name__ == "__main__":
    main()
