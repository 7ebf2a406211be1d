"""`charlm report`: a report about runs as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from charlm.cli.terminal.screen import Screen
from charlm.files import write_atomically
from charlm.reporting.pictures import check_writable
from charlm.reporting.report import page


def report(obj: dict[str, Any], paths: tuple[Path, ...], output: Path) -> int:
    """Run ``charlm report`` and return the exit code."""
    screen = Screen(obj)
    check_writable(output)
    written = page.report(paths)
    write_atomically(output, written.html.encode(errors="backslashreplace"))
    for run in written.runs:
        for what in run.left_out:
            screen.say(f"note: {run.name}: left out: {what}")
    screen.say(f"report written to {output}")
    return 0
