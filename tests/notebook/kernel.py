"""Running notebooks in a real kernel. ``python -m tests.notebook.kernel`` writes the outputs of the tutorial again."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "examples" / "tutorial.ipynb"
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
"""Numbers with a point; their last digits may differ between machines."""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def executed(folder: Path) -> Any:
    """Return the tutorial with the outputs that it has now; its runs are in a folder."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(TUTORIAL, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=120, coalesce_streams=True, resources=place)
    client.execute(env=environment())
    return notebook


def outputs(cell: Any) -> tuple[list[str], list[float]]:
    """Return what a cell shows as text, but for its bars, with its numbers apart from the words."""
    texts = []
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            texts += [output["text"]] * (output["name"] == "stdout")
        else:
            texts += [str(output["data"].get(kind)) for kind in ("text/plain", "text/html")]
    words = NUMBER.split("\n".join(texts))
    return words, [float(number) for text in texts for number in NUMBER.findall(text)]


def write() -> None:
    """Store the outputs that the tutorial has now."""
    import nbformat

    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(Path(folder))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {}
        if "outputs" in cell:
            cell["outputs"] = [o for o in cell["outputs"] if o.get("name") != "stderr"]
    nbformat.write(notebook, TUTORIAL)


if __name__ == "__main__":
    write()
