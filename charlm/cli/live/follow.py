"""`charlm runs --follow RUN`: the progress of a run, seen from another terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from charlm.baselines.counting import nll_to_bpc
from charlm.cli.live.progress import STEP_BAR, TIME_BAR
from charlm.cli.terminal.layout import filled
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.reporting.report.facts import most_seconds
from charlm.runs.directory import RunDirectory
from charlm.runs.listing import RunStatus, status
from charlm.wording import counted, duration, fixed

INTERVAL = 0.5
"""Seconds between two reads of the files."""
MOST_SHOWN = 5
"""Problems of a run's files that are shown."""


def follow(directory: RunDirectory, screen: Screen, as_json: bool) -> int:
    """Show the results of a run as they come, until it ends."""
    view = _View(directory, screen, as_json)
    try:
        while view.look() == "running":
            time.sleep(INTERVAL)
    finally:
        screen.close_bar()
    return 0


def tell_problems(problems: Sequence[str], screen: Screen) -> None:
    """Print which parts of a run's files are left out, and why."""
    for problem in problems[:MOST_SHOWN]:
        screen.say(f"note: left out: {problem}")
    if len(problems) > MOST_SHOWN:
        screen.say(f"note: {counted(len(problems) - MOST_SHOWN, 'more such line')}")


class _View:
    """The part of a run that was shown so far. As JSON, only the rows of its metrics are shown."""

    def __init__(self, directory: RunDirectory, screen: Screen, as_json: bool) -> None:
        self._directory = directory
        self._screen = screen
        self._as_json = as_json
        self._rows = self._samples = self._problems = 0
        self._in_seconds = False
        self._begun = False

    def look(self) -> str:
        """Show what is new, and return the status of the run."""
        now = status(self._directory)  # before the rows, so that the last rows are shown
        rows, _ = self._directory.read_metrics()
        tell_problems(now.problems[self._problems :], self._screen)
        self._problems = len(now.problems)
        if not self._begun:
            self._begin(now, rows[-1]["seconds"] if rows else 0.0)
        samples = [] if self._as_json else self._directory.read_samples()
        # a run that goes back removes rows and samples
        new = [(row["step"], _row(row), row) for row in rows[min(self._rows, len(rows)) :]]
        sampled = [(step, _sample(step, text), None) for step, text in samples[self._samples :]]
        self._rows, self._samples = len(rows), len(samples)
        for _, told, row in sorted([*new, *sampled], key=lambda item: item[0]):
            self._screen.result(json_line(row) if self._as_json else told)
            if row is not None:
                self._screen.advance(row["seconds"] if self._in_seconds else row["step"])
        if now.state != "running":
            self._screen.close_bar()
            if not self._as_json:
                self._screen.result(f"{now.state}: {now.reason}" if now.reason else now.state)
        return now.state

    def _begin(self, now: RunStatus, seconds: float) -> None:
        """Print the name and status of the run, and start a progress bar if it is running."""
        self._begun = True
        budget = f"; budget: {now.budget}" if now.budget else ""
        self._screen.say(filled(f"{now.run}: {now.state}{budget}"))
        if now.state != "running":
            return
        self._screen.say("Ctrl-C closes this view; the run continues")
        limit = most_seconds(self._directory)
        if now.steps is not None:
            self._screen.start_bar(now.steps, now.step, bar_format=STEP_BAR)
        elif limit is not None:
            self._in_seconds = True
            self._screen.start_bar(limit, seconds, bar_format=TIME_BAR)


def _sample(step: int, text: str) -> str:
    if "\n" in text:
        return f"--- sample at step {step} ---\n{text}\n---"
    return f"step {step:>6}   sample   {text}"


def _row(row: dict[str, Any]) -> str:
    parts = [f"step {row['step']:>6}"]
    if row.get("loss") is not None:
        parts.append(f"loss     {fixed(row['loss'])}")
    if row.get("held_out_nll") is not None:
        nll = row["held_out_nll"]
        parts.append(f"held-out {fixed(nll)} nats, {fixed(nll_to_bpc(nll))} bits")
    if "notice" in row:
        parts.append(str(row["notice"]))
    if "skipped" in row:
        parts.append(f"skipped, because {row['skipped']}")
    if "rolled_back_from" in row:
        parts.append(f"back to this step from step {row['rolled_back_from']}")
    return "   ".join([*parts, f"({duration(row['seconds'])})"])
