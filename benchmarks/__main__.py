"""Measure, and write the results to ``benchmarks/results/``."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.grid import CELLS, SIZES
from benchmarks.machine import describe
from benchmarks.parts import PARTS, QUICK, default_sizes
from benchmarks.plan import Plan
from benchmarks.report import plot, report
from charlm.threads import thread_count

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure the requested parts; the others keep their earlier results."""
    asked = _arguments()
    threads = thread_count(asked.threads)
    plan = Plan(
        threads=threads,
        cells=tuple(asked.cells),
        sizes=tuple(asked.sizes or default_sizes(asked.quick)),
        **(QUICK if asked.quick else {}),
    )
    machine = describe(threads)
    for name in asked.parts or PARTS:
        for row in PARTS[name](plan):  # each is kept: a later one may fail
            write(asked.output, machine, {name: [row]})
    print(f"written to {asked.output}", file=sys.stderr)


def write(folder: Path, machine: dict[str, str], measured: dict[str, Any]) -> None:
    """Write the numbers, the report and the plot; rows that were not measured now are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = folder / "measurements.json"
    before = json.loads(numbers.read_text())["parts"] if numbers.exists() else {}
    parts = dict(before)
    for name, rows in measured.items():
        kept = {row["name"]: row for row in before.get(name, [])}
        parts[name] = list({**kept, **{row["name"]: row for row in rows}}.values())
    content = {"machine": machine, "parts": parts}
    numbers.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(report(machine, parts), encoding="utf-8")
    if parts.get("step") and find_spec("matplotlib"):
        plot(parts["step"], folder / "step.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=[], help="default: all")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=[], help="default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes, few repetitions")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--output", type=Path, default=RESULTS, help="default: %(default)s")
    asked = parser.parse_args()
    for part in asked.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    return asked


if __name__ == "__main__":
    main()
