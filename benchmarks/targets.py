"""Ratios from measurements, compared with the targets. A ratio above 1 is in charlm's favour."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Rows: TypeAlias = list[dict[str, Any]]
Parts: TypeAlias = dict[str, Rows]


@dataclass(frozen=True)
class Target:
    """A target; ``reached`` is None if it was not measured."""

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
    """Return how many times faster charlm is than another, by the medians; None if either was not measured.

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
    """Return the relative time of a character in a job of twice the size: the median over pairs of turns.

    Example:
        >>> per_character({"turns": {"once": [1.0, 1.0, 1.0], "batch": [2.0, 2.2, 9.0]}}, "batch")
        1.1
    """
    pairs = zip(row["turns"]["once"], row["turns"][other], strict=True)
    return statistics.median(twice / (2 * once) for once, twice in pairs)


def targets(parts: Parts) -> list[Target]:
    """Return what the measurements say about each target; of several rows, the worst."""
    return [*_define_by_run(parts), *_language_models(parts)]


def _define_by_run(parts: Parts) -> list[Target]:
    """Return those of programs on charlm.dynet."""
    tutorials = {row["name"]: row for row in parts.get("tutorial", [])}
    graphs = parts.get("graph", [])
    whole = _against("dynet", parts.get("programs", []))
    middle = {"": statistics.median(whole.values())} if whole else {}

    def loops(name: str, *of: str) -> dict[str, float]:
        return _named([tutorials[name]] if name in tutorials else [], lambda row: ratio(row, *of))

    def graph(start: str) -> dict[str, float]:
        return _against("dynet", [row for row in graphs if row["name"].startswith(start)])

    of_programs = [
        ("the tutorial against DyNet", 1.2, 2.0, loops("tutorial", "dynet")),
        ("the same, imports included", 1.0, 1.5, loops("tutorial, imports included", "dynet")),
        ("trees of 60 leaves", 1.0, 1.6, graph("a tree, with backward")),
        ("5,500 nodes, ten updates", 1.0, 2.0, graph("5,500 nodes")),
        ("32 sentences in one graph", 1.0, 1.5, graph("32 sentences")),
        ("400 expressions, read one by one", 0.5, 1.0, graph("400 expressions")),
        ("programs on DyNet's interface, median", 1.0, 1.5, middle),
        ("the same, each", 0.5, 1.0, whole),
        ("a sampled character, define-by-run", 0.7, 1.0, graph("a sampled character")),
        (
            "numpy alone: the tutorial against the last version without tapes",
            0.75,
            1.0,
            loops("tutorial", "before", "charlm_numpy"),
        ),
    ]
    return [
        *(_worst(*t) for t in of_programs),
        _worst(
            "the slowest of 2,000 trees, against the median",
            10.0,
            None,
            slowest(graphs),
            at_most=True,
        ),
    ]


def slowest(graphs: Rows) -> dict[str, float]:
    """Return the time of the slowest of many graphs divided by the median, in one process."""
    rows = {row["name"]: row["seconds"] for row in graphs}
    try:
        most, middle = (rows[f"the {which} of 2,000 trees"] for which in ("slowest", "median"))
    except KeyError:
        return {}
    return {"": most["charlm"] / middle["charlm"]}


def _language_models(parts: Parts) -> list[Target]:
    """Return those of training and sampling by the command line."""
    steps, samplings = parts.get("step", []), [fastest_torch(r) for r in parts.get("sampling", [])]
    against_torch = _against("torch", steps)
    listed = parts.get("lists", [])
    shares = _named(_sized(steps, "2x512", "3x512"), gemm_share)
    memory = _named(steps, memory_share)
    mean = {"": geometric_mean(list(against_torch.values()))} if against_torch else {}
    twice = {
        f"{row['name']}, {other}": per_character(row, other)
        for row in parts.get("scaling", [])
        for other in ("batch", "length")
    }
    against_numpy = _named(steps, lambda row: ratio(row, "torch", "charlm_numpy"))

    def small(cell: str) -> dict[str, float]:
        return {name: value for name, value in against_torch.items() if name == f"{cell} 1x50"}

    at_least = [
        ("a training step against PyTorch, rnn 1x50 B1", 15.0, 25.0, small("rnn")),
        ("the same, gru 1x50 B1", 20.0, 30.0, small("gru")),
        ("the same, lstm 1x50 B1", 5.0, 8.0, small("lstm")),
        ("a training step against DyNet", 1.5, 3.0, _against("dynet", steps)),
        ("a training step against PyTorch", 1.3, 1.5, against_torch),
        ("the same, geometric mean", 2.8, 3.5, mean),
        ("norm_lstm 1x128 against PyTorch", 1.2, 2.0, _against("torch", parts.get("variant", []))),
        ("a list, against one line an update", 10.0, 20.0, _against("charlm_singly", listed)),
        ("the same, against padded batches in PyTorch", 2.0, 3.0, _against("torch", listed)),
        ("share of the matrix product's speed, 2x512 and 3x512", 0.8, 0.9, shares),
        ("sampling against PyTorch", 3.0, 6.0, _against("torch", samplings)),
        ("numpy kernels against PyTorch, 2x128", 0.6, 0.9, against_numpy),
    ]
    never_compiled = _named(parts.get("cold", []), lambda row: ratio(row, "auto", "numpy"))
    bounded = [
        ("`charlm train`, never compiled, against numpy", 1.1, 0.9, never_compiled),
        ("memory of a training step, as a part of PyTorch's", 1.0, 0.7, memory),
        ("a character's cost at twice the batch or length", 1.15, None, twice),
    ]
    return [*(_worst(*t) for t in at_least), *(_worst(*t, at_most=True) for t in bounded)]


def gemm_share(row: dict[str, Any]) -> float | None:
    """Return the speed of a step as a share of the matrix product's on the same shapes."""
    facts = row["facts"].get("charlm", {})
    if "gflop" not in facts:
        return None
    return float(facts["gflop"] / row["seconds"]["charlm"] / facts["gemm_gflop_per_second"])


def memory_share(row: dict[str, Any], key: str = "peak_mb") -> float | None:
    """Return the peak memory of charlm's process divided by that of PyTorch's."""
    facts = row["facts"]
    if "charlm" not in facts or "torch" not in facts:
        return None
    return float(facts["charlm"][key] / facts["torch"][key])


def fastest_torch(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of sampling with the faster of PyTorch's two ways as ``torch``."""
    seconds = dict(row["seconds"])
    ways = [seconds[way] for way in ("torch", "torch_cells") if way in seconds]
    return {**row, "seconds": {**seconds, "torch": min(ways)} if ways else seconds}


def _sized(rows: Rows, *sizes: str) -> Rows:
    return [row for row in rows if row["name"].split()[-1] in sizes]


def _named(rows: Rows, value: Any) -> dict[str, float]:
    values = {row["name"]: value(row) for row in rows}
    return {name: number for name, number in values.items() if number is not None}


def _against(system: str, rows: Rows) -> dict[str, float]:
    return _named(rows, lambda row: ratio(row, system))


def _worst(
    work: str, least: float, aim: float | None, values: dict[str, float], at_most: bool = False
) -> Target:
    if not values:
        return Target(work, least, aim, None, at_most=at_most)
    choose = max if at_most else min
    where = choose(values, key=lambda name: values[name])
    return Target(work, least, aim, values[where], where if len(values) > 1 else "", at_most)
