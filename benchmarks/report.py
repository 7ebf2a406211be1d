"""From measurements to ratios, a Markdown report and a plot. A ratio above 1 is in charlm's favour."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Rows: TypeAlias = list[dict[str, Any]]
Parts: TypeAlias = dict[str, Rows]
MISSING = "-"


@dataclass(frozen=True)
class Target:
    """Something to be reached: ``reached`` is None where it was not measured."""

    work: str
    least: float
    aim: float | None
    reached: float | None
    where: str = ""
    at_most: bool = False

    @property
    def met(self) -> str:
        """The aim, the target itself, or neither."""
        if self.reached is None:
            return "not measured"

        def good(wanted: float | None) -> bool:
            assert self.reached is not None
            if wanted is None:
                return False
            return self.reached <= wanted if self.at_most else self.reached >= wanted

        return "aim" if good(self.aim) else "yes" if good(self.least) else "no"


def ratio(row: dict[str, Any], other: str, ours: str = "charlm") -> float | None:
    """Return how many times as fast we are as another, by the medians; None if either was not measured.

    Example:
        >>> ratio({"seconds": {"charlm": 2.0, "torch": 3.0}}, "torch")
        1.5
    """
    seconds = row["seconds"]
    return seconds[other] / seconds[ours] if other in seconds and ours in seconds else None


def geometric_mean(values: Sequence[float]) -> float:
    """Return the mean of ratios.

    Example:
        >>> geometric_mean([0.5, 2.0])
        1.0
    """
    return math.exp(statistics.fmean(map(math.log, values)))


def per_character(row: dict[str, Any], other: str) -> float:
    """Return the cost of a character in a job of twice as many, by the median over the pairs of turns.

    Example:
        >>> per_character({"turns": {"once": [1.0, 1.0, 1.0], "batch": [2.0, 2.2, 9.0]}}, "batch")
        1.1
    """
    pairs = zip(row["turns"]["once"], row["turns"][other], strict=True)
    return statistics.median(twice / (2 * once) for once, twice in pairs)


def targets(parts: Parts) -> list[Target]:
    """Return what the measurements say about each target; of several rows, the worst."""
    steps, samplings = parts.get("step", []), [fastest_torch(r) for r in parts.get("sampling", [])]
    against_torch = _named(steps, lambda row: ratio(row, "torch"))
    small = {name: found for name, found in against_torch.items() if "1x50" in name}
    mean = {"": geometric_mean(list(against_torch.values()))} if against_torch else {}
    twice = {
        f"{row['name']}, {other}": per_character(row, other)
        for row in parts.get("scaling", [])
        for other in ("batch", "length")
    }
    return [
        _worst("the tutorial against DyNet", 1.0, 1.5, _named(parts.get("tutorial", []), lambda row: ratio(row, "dynet"))),
        _worst("a training step against PyTorch", 1.05, 1.2, against_torch),
        _worst("the same, geometric mean", 1.6, 2.0, mean),
        _worst("the same, 1x50 B1", 3.0, 5.0, small),
        _worst("a training step against DyNet", 1.5, 3.0, _named(steps, lambda row: ratio(row, "dynet"))),
        _worst("share of the matrix product's speed, 2x512 and 3x512", 0.8, 0.9, _named(_sized(steps, "2x512", "3x512"), gemm_share)),
        _worst("sampling against PyTorch", 3.0, 6.0, _named(samplings, lambda row: ratio(row, "torch"))),
        _worst("numpy kernels against PyTorch, 2x128", 0.6, 0.9, _named(steps, lambda row: ratio(row, "torch", "charlm_numpy"))),
        _worst("memory of a training step, as a part of PyTorch's", 1.0, 0.7, _named(steps, memory_share), at_most=True),
        _worst("a character's cost at twice the batch or length", 1.15, None, twice, at_most=True),
    ]  # fmt: skip


def gemm_share(row: dict[str, Any]) -> float | None:
    """Return the speed of a step as a share of the matrix product's on the same shapes."""
    facts = row["facts"].get("charlm", {})
    if "gflop" not in facts:
        return None
    return float(facts["gflop"] / row["seconds"]["charlm"] / facts["gemm_gflop_per_second"])


def memory_share(row: dict[str, Any], key: str = "peak_mb") -> float | None:
    """Return the most memory that our process had, as a part of PyTorch's."""
    facts = row["facts"]
    if "charlm" not in facts or "torch" not in facts:
        return None
    return float(facts["charlm"][key] / facts["torch"][key])


def fastest_torch(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of sampling in which PyTorch stands for the faster of its two ways."""
    seconds = row["seconds"]
    fastest = min(seconds["torch"], seconds["torch_cells"])
    return {**row, "seconds": {**seconds, "torch": fastest}}


def _sized(rows: Rows, *sizes: str) -> Rows:
    return [row for row in rows if row["name"].split()[-1] in sizes]


def _named(rows: Rows, value: Any) -> dict[str, float]:
    found = {row["name"]: value(row) for row in rows}
    return {name: number for name, number in found.items() if number is not None}


def _worst(
    work: str, least: float, aim: float | None, found: dict[str, float], at_most: bool = False
) -> Target:
    if not found:
        return Target(work, least, aim, None, at_most=at_most)
    choose = max if at_most else min
    where = choose(found, key=lambda name: found[name])
    return Target(work, least, aim, found[where], where if len(found) > 1 else "", at_most)


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
        "Made by `make bench`. Medians of runs that took turns, each contender in a process of its own. A ratio "
        "above 1 means that charlm is faster.",
        "\n".join(f"* {name}: {value}" for name, value in machine.items()),
        "## Targets",
        markdown(
            ["work", "at least", "aim", "reached", "met", "worst at"],
            [
                [t.work, f"{'at most ' if t.at_most else ''}{t.least:g}", _number(t.aim, "g"), _number(t.reached, ".2f"), t.met, t.where or MISSING]
                for t in targets(parts)
            ],
        ),
    ]  # fmt: skip
    writers = {
        "tutorial": _tutorial,
        "step": _step,
        "sampling": _sampling,
        "scaling": _scaling,
        "start": _start,
    }
    for name, write in writers.items():
        if name in parts:
            sections += write(parts[name])
    return "\n\n".join(sections) + "\n"


def _tutorial(rows: Rows) -> list[str]:
    lines = [[row["name"], *_ms(row, "charlm", "dynet"), _times(ratio(row, "dynet"))] for row in rows]
    return [
        "## The tutorial's three loops, with their samples, without imports",
        markdown(["", "charlm ms", "DyNet ms", "ratio"], lines),
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
            *(_number(row["facts"].get(s, {}).get(key), ",.0f") for key in ("peak_mb", "added_mb") for s in ("charlm", "torch")),
            _number(memory_share(row), ".2f"),
            _number(memory_share(row, "added_mb"), ".2f"),
        ]
        for row in rows
    ]  # fmt: skip
    return [
        "## One training step: forward, backward, clipping, Adam",
        "layers x hidden; the last column is the share of the speed of numpy's matrix product on the same shapes.",
        markdown(
            ["", "charlm ms", "PyTorch ms", "DyNet ms", "charlm, numpy alone, ms", "against PyTorch", "against DyNet", "of sgemm"],
            speed,
        ),
        "## Memory of a training step",
        "MB: the most that the process had, and what of it came after the imports.",
        markdown(
            ["", "charlm", "PyTorch", "charlm, added", "PyTorch, added", "part", "part, added"],
            memory,
        ),
    ]  # fmt: skip


def _sampling(rows: Rows) -> list[str]:
    lines = [
        [
            row["name"],
            *(_number(5000 / row["seconds"][s], ",.0f") for s in ("charlm", "torch", "torch_cells")),
            _times(ratio(fastest_torch(row), "torch")),
        ]
        for row in rows
    ]  # fmt: skip
    return [
        "## Sampling 5,000 characters, one stream",
        markdown(
            ["characters/s", "charlm", "PyTorch nn.LSTM", "PyTorch nn.LSTMCell", "ratio"], lines
        ),
    ]


def _scaling(rows: Rows) -> list[str]:
    lines = [
        [row["name"], *(_number(per_character(row, other), ".2f") for other in ("batch", "length"))]
        for row in rows
    ]
    return [
        "## What a character costs where there are twice as many",
        markdown(["", "twice the batch", "twice the length"], lines),
    ]


def _start(rows: Rows) -> list[str]:
    lines = [[f"`{row['name']}`", f"{row['seconds']:.2f}"] for row in rows]
    return ["## From the start of a command to its end", markdown(["", "seconds"], lines)]


def _ms(row: dict[str, Any], *systems: str) -> list[str]:
    return [
        f"{row['seconds'][s] * 1e3:,.3g}" if s in row["seconds"] else MISSING for s in systems
    ]


def _times(value: float | None) -> str:
    return _number(value, ".2f")


def _number(value: float | None, form: str) -> str:
    return MISSING if value is None else format(value, form)


def plot(rows: Rows, path: Path) -> None:
    """Draw how fast the systems are, PyTorch's speed being 1."""
    from matplotlib.figure import Figure

    names = [row["name"] for row in rows]
    figure = Figure(figsize=(8, 1 + 0.3 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for system, label in {"charlm": "charlm", "dynet": "DyNet"}.items():
        found = {row["name"]: ratio(row, "torch", system) for row in rows}
        known = {name: value for name, value in found.items() if value is not None}
        axes.plot(list(known.values()), [names.index(n) for n in known], "o", label=label)
    axes.axvline(1.0, color="grey", label="PyTorch")
    axes.set_xscale("log", base=2)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("speed of a training step, as a multiple of PyTorch's")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Software": None})
