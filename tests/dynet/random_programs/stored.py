"""Programs with DyNet's numbers for them, in a file, for where DyNet is not installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.dynet.random_programs.checking import KINDS
from tests.dynet.random_programs.oracle import Oracle
from tests.dynet.random_programs.running import Notes, run

PATH = Path(__file__).parents[1] / "data" / "random_programs.json"
COUNTS = {"graph": 30, "rnn": 20, "trainer": 16}
DIGITS = 6  # half a unit of the last is a fortieth of what is tolerated


def write() -> int:
    """Ask DyNet, and return how many programs were stored."""
    oracle = Oracle()
    entries = []
    for kind, count in COUNTS.items():
        for seed in range(count):
            program = KINDS[kind](seed)
            notes = oracle(run, program)
            assert isinstance(notes, dict), notes
            entries.append({"name": f"{kind} {seed}", "program": program, "notes": plain(notes)})
    oracle.close()
    PATH.write_text("[\n" + ",\n".join(map(dumped, entries)) + "\n]\n", encoding="utf-8")
    return len(entries)


def dumped(entry: dict[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Return lists, dicts and numbers of a few digits; what was an array is marked by a dict."""
    if isinstance(value, np.ndarray):
        return {"array": plain(value.tolist())}
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def read() -> list[tuple[str, list[str], Notes]]:
    """Return name, program and DyNet's notes of each."""
    entries = json.loads(PATH.read_text(encoding="utf-8"))
    return [
        (e["name"], e["program"], {k: restored(v) for k, v in e["notes"].items()}) for e in entries
    ]


def restored(value: Any) -> Any:
    return np.array(value["array"]) if isinstance(value, dict) else value
