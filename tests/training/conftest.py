"""Runs that several tests compare: what they leave behind, apart from times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from charlm.runs.directory import RunDirectory


def rows_without_times(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def left_behind(run: Path) -> dict[str, Any]:
    """Return all that equal runs have in common."""
    directory = RunDirectory(run)
    files = (directory.checkpoint, directory.best, directory.samples)
    content: dict[str, Any] = {f.name: f.read_bytes() for f in files if f.exists()}
    return {**content, "metrics.jsonl": rows_without_times(run)}
