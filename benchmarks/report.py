"""The measurements as a Markdown report and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.grid import SAMPLED
from benchmarks.targets import (
    Parts,
    Rows,
    Target,
    fastest_torch,
    gemm_share,
    memory_share,
    per_character,
    ratio,
    targets,
)

MISSING = "-"


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table; all columns but the first are numbers.

    Example:
        >>> print(markdown(["a", "b"], [["x", "1"]]))
        | a | b |
        |---|---:|
        | x | 1 |
    """
    table = [head, ["---", *["---:"] * (len(head) - 1)], *lines]
    texts = ["|".join(["", *(f" {cell} " for cell in line), ""]) for line in table]
    texts[1] = texts[1].replace(" ", "")
    return "\n".join(texts)


def report(machine: dict[str, str], parts: Parts) -> str:
    """Return the whole report, of the parts that were measured."""
    sections = [
        "# Measurements",
        "Made by `make bench`. The numbers are medians. The programs ran in turns, each in its own process. A ratio "
        "above 1 means that charlm is faster.",
        "\n".join(f"* {name}: {value}" for name, value in machine.items()),
        "## Targets",
        markdown(
            ["work", "at least", "aim", "reached", "met", "worst at"],
            [_target(target) for target in targets(parts)],
        ),
    ]
    writers = {
        "tutorial": _tutorial,
        "graph": _graph,
        "programs": _programs,
        "step": _step,
        "variant": _variant,
        "lists": _lists,
        "sampling": _sampling,
        "scaling": _scaling,
        "start": _start,
        "cold": _cold,
    }
    for name, write in writers.items():
        if name in parts:
            sections += write(parts[name])
    return "\n\n".join(sections) + "\n"


def _target(target: Target) -> list[str]:
    least = f"{'at most ' if target.at_most else ''}{target.least:g}"
    aim, reached = _number(target.aim, "g"), _number(target.reached, ".2f")
    return [target.work, least, aim, reached, target.met, target.where or MISSING]


def _tutorial(rows: Rows) -> list[str]:
    systems = "charlm", "dynet", "charlm_numpy", "before"
    lines = [
        [
            row["name"],
            *_ms(row, *systems),
            _times(ratio(row, "dynet")),
            _times(ratio(row, "dynet", "charlm_numpy")),
            _times(ratio(row, "before", "charlm_numpy")),
        ]
        for row in rows
    ]
    head = ["", "charlm ms", "DyNet ms", "numpy alone ms", "numpy alone without tapes ms", "ratio"]
    return [
        "## The tutorial's three loops, with their samples",
        markdown([*head, "numpy alone", "numpy alone against without tapes"], lines),
    ]


def _graph(rows: Rows) -> list[str]:
    lines = [
        [row["name"], *_scaled(row, 1e6, ("charlm", "dynet")), _times(ratio(row, "dynet"))]
        for row in rows
    ]
    return [
        "## Graphs of single operations, with DyNet's interface",
        "For sentences in one graph, DyNet uses its automatic batching.",
        markdown(["us", "charlm", "DyNet", "ratio"], lines),
    ]


def _programs(rows: Rows) -> list[str]:
    lines = [
        [row["name"], *_ms(row, "charlm", "dynet"), _times(ratio(row, "dynet"))] for row in rows
    ]
    return [
        "## Programs with DyNet's interface, from start to end",
        "Those of `tests/dynet/user_programs`.",
        markdown(["ms", "charlm", "DyNet", "ratio"], lines),
    ]


def _variant(rows: Rows) -> list[str]:
    lines = [
        [row["name"], *_ms(row, "charlm", "torch"), _times(ratio(row, "torch"))] for row in rows
    ]
    return [
        "## A training step of a cell that PyTorch has no module for",
        markdown(["ms", "charlm", "PyTorch, a loop over time", "ratio"], lines),
    ]


def _lists(rows: Rows) -> list[str]:
    lines = [
        [
            row["name"],
            *_ms(row, "charlm", "charlm_singly", "torch"),
            _times(ratio(row, "charlm_singly")),
            _times(ratio(row, "torch")),
        ]
        for row in rows
    ]
    head = ["ms", "charlm", "charlm, a line an update", "PyTorch, padded batches"]
    return [
        "## A list of 1,280 words, read once",
        "Batches of 64 lines with the preset for lists. PyTorch pads lines in random order.",
        markdown([*head, "against a line an update", "against PyTorch"], lines),
    ]


def _cold(rows: Rows) -> list[str]:
    lines = [
        [row["name"], *(f"{row['seconds'][s]:.2f}" for s in ("auto", "numpy"))] for row in rows
    ]
    return [
        "## A user's first training, before anything was compiled",
        markdown(["seconds", "default", "`--kernels numpy`"], lines),
    ]


def _step(rows: Rows) -> list[str]:
    speed = [
        [
            row["name"],
            *_ms(row, "charlm", "torch", "dynet", "charlm_numpy"),
            _times(ratio(row, "torch")),
            _times(ratio(row, "dynet")),
            _number(gemm_share(row), ".0%"),
        ]
        for row in rows
    ]
    memory = [
        [
            row["name"],
            *_megabytes(row, "peak_mb"),
            *_megabytes(row, "added_mb"),
            _number(memory_share(row), ".2f"),
            _number(memory_share(row, "added_mb"), ".2f"),
        ]
        for row in rows
    ]
    return [
        "## One training step: forward, backward, clipping, Adam",
        "layers x hidden; the last column is the speed relative to numpy's matrix product on the same shapes.",
        markdown(
            [
                "ms",
                "charlm",
                "PyTorch",
                "DyNet",
                "charlm on numpy",
                "against PyTorch",
                "against DyNet",
                "of sgemm",
            ],
            speed,
        ),
        "## Memory of a training step",
        "MB: the peak memory of the process, and how much of it was added after the imports.",
        markdown(
            ["", "charlm", "PyTorch", "charlm, added", "PyTorch, added", "part", "part, added"],
            memory,
        ),
    ]


def _sampling(rows: Rows) -> list[str]:
    lines = [
        [
            row["name"],
            *(
                f"{SAMPLED / row['seconds'][s]:,.0f}" if s in row["seconds"] else MISSING
                for s in ("charlm", "charlm_numpy", "torch", "torch_cells")
            ),
            _times(ratio(fastest_torch(row), "torch")),
            _times(ratio(fastest_torch(row), "torch", "charlm_numpy")),
        ]
        for row in rows
    ]
    return [
        "## Sampling 5,000 characters, one stream",
        markdown(
            [
                "characters/s",
                "charlm",
                "numpy only",
                "PyTorch nn.LSTM",
                "PyTorch nn.LSTMCell",
                "ratio",
                "ratio, numpy only",
            ],
            lines,
        ),
    ]


def _scaling(rows: Rows) -> list[str]:
    lines = [
        [row["name"], *(_number(per_character(row, other), ".2f") for other in ("batch", "length"))]
        for row in rows
    ]
    return [
        "## Time per character at twice the batch size or length, relative to the original size",
        markdown(["", "twice the batch", "twice the length"], lines),
    ]


def _start(rows: Rows) -> list[str]:
    lines = [[f"`{row['name']}`", f"{row['seconds']:.2f}"] for row in rows]
    return ["## Commands, from start to end", markdown(["", "seconds"], lines)]


def _megabytes(row: dict[str, Any], key: str) -> list[str]:
    return [_number(row["facts"].get(s, {}).get(key), ",.0f") for s in ("charlm", "torch")]


def _ms(row: dict[str, Any], *systems: str) -> list[str]:
    return _scaled(row, 1e3, systems)


def _scaled(row: dict[str, Any], units: float, systems: Sequence[str]) -> list[str]:
    """Return times in a unit; ``units`` of it are a second."""
    scaled = [row["seconds"][s] * units if s in row["seconds"] else None for s in systems]
    return [MISSING if x is None else f"{x:,.0f}" if x >= 100 else f"{x:.3g}" for x in scaled]


def _times(value: float | None) -> str:
    return _number(value, ".2f")


def _number(value: float | None, form: str) -> str:
    return MISSING if value is None else format(value, form)


def plot(rows: Rows, path: Path) -> None:
    """Plot the systems' speed relative to PyTorch's."""
    from matplotlib.figure import Figure

    names = [row["name"] for row in rows]
    figure = Figure(figsize=(8, 1 + 0.3 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for system, label in {"charlm": "charlm", "dynet": "DyNet"}.items():
        speeds = {row["name"]: ratio(row, "torch", system) for row in rows}
        known = {name: value for name, value in speeds.items() if value is not None}
        axes.plot(list(known.values()), [names.index(n) for n in known], "o", label=label)
    axes.axvline(1.0, color="grey", label="PyTorch")
    axes.set_xscale("log", base=2)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("speed of a training step, as a multiple of PyTorch's")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Software": None})
