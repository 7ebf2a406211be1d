"""A progress bar, and lines that are printed above it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import click
from tqdm import tqdm

from charlm import progress
from charlm.wording import duration

PAUSE = 10.0
"""Seconds between two lines about progress, if there is no terminal for a bar."""
TASK_BAR = "{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"


class Screen:
    """Results to stdout and messages to stderr, around a progress bar if there is a terminal for one.

    The newest screen also shows the progress that ``charlm.progress`` reports.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.quiet = bool(settings["quiet"])
        self.verbose = bool(settings["verbose"]) and not self.quiet
        self._bar: tqdm[Any] | None = None
        self._end = 0.0
        self._note = ""
        progress.listen(self)

    def start_bar(self, total: float, done: float = 0, **options: Any) -> None:
        """Show a bar on stderr, if that is a terminal and messages are wanted; the options are tqdm's."""
        if not self.quiet and sys.stderr.isatty():
            bar: tqdm[Any] = tqdm(
                total=total, initial=min(done, total), leave=False, dynamic_ncols=True, **options
            )
            self._bar, self._end = bar, total

    @property
    def has_bar(self) -> bool:
        """Whether a bar is shown."""
        return self._bar is not None

    def advance(self, to: float) -> None:
        """Move the bar to a place, at most to its end."""
        if self._bar is not None:
            self._bar.update(min(to, self._end) - self._bar.n)

    def note(self, text: str) -> None:
        """Show words at the end of the bar."""
        self._note = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def close_bar(self) -> None:
        """Remove the bar from the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar, self._note = None, ""

    @contextlib.contextmanager
    def task(self, what: str, total: float | None) -> Iterator[progress.Advance]:
        """Show the progress of work: as a note at the current bar, as a new bar, or as a line every few seconds."""
        if self._bar is not None:
            before = self._note
            self._now(what)
            try:
                yield _Work(what, total, self._now, 0.1).advance
            finally:
                self._now(before)
        elif not total:
            yield lambda amount: None
        elif sys.stderr.isatty():
            self.start_bar(total, desc=what, bar_format=TASK_BAR, unit="", unit_scale=True)
            try:
                yield lambda amount: self.advance(self._bar.n + amount) if self._bar else None
            finally:
                self.close_bar()
        else:
            yield _Work(what, total, self.say, PAUSE).advance

    def _now(self, text: str) -> None:
        """Show words at the end of the bar at once."""
        self.note(text)
        if self._bar is not None:
            self._bar.refresh()

    def result(self, text: str) -> None:
        """Print a line on stdout."""
        with tqdm.external_write_mode(file=sys.stdout):
            click.echo(text)

    def say(self, text: str) -> None:
        """Print a message on stderr, unless quiet."""
        if not self.quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """Print a message on stderr, even if quiet."""
        with tqdm.external_write_mode(file=sys.stderr):
            click.echo(text, err=True)


class _Work:
    """Work whose progress is reported as a line every ``pause`` seconds."""

    def __init__(
        self, what: str, total: float | None, tell: Callable[[str], None], pause: float
    ) -> None:
        self._what = what
        self._total = total
        self._tell = tell
        self._pause = pause
        self._done = 0.0
        self._began = self._told = time.perf_counter()

    def advance(self, amount: float) -> None:
        """Add to the work that is done, and report it if it is time."""
        self._done += amount
        now = time.perf_counter()
        if self._total and now - self._told > self._pause:
            self._told = now
            share = min(1.0, self._done / self._total)
            seconds = now - self._began
            rate, left = tqdm.format_sizeof(self._done / seconds), seconds * (1 - share) / share
            self._tell(f"{self._what}: {share:.0%} done, {rate}/s, {duration(left)} left")
