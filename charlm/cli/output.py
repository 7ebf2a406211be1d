"""What the commands share in showing things: lines that do not collide with a progress bar, numbers, marks."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from charlm import progress
from charlm.cli.streams import takes_unicode
from charlm.files import seen

if TYPE_CHECKING:
    from charlm.lm.sampling import SampledText  # needs numpy, which not every command does

CUT_MARK = " [cut: no <EOS>]"
PAUSE = 10.0
"""Seconds between two lines about progress, where there is no terminal for a bar."""
TASK_BAR = "{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"


class Screen:
    """Results to stdout and messages to stderr, around a progress bar if there is a terminal for one.

    The screen that was made last shows the progress that work reports (``charlm.progress``).
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
        """Move the bar to a place, its end at most."""
        if self._bar is not None:
            self._bar.update(min(to, self._end) - self._bar.n)

    def note(self, text: str) -> None:
        """Show words at the end of the bar."""
        self._note = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def close_bar(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar, self._note = None, ""

    @contextlib.contextmanager
    def task(self, what: str, total: float | None) -> Iterator[progress.Advance]:
        """Show the progress of work: as a note at the current bar, on a new bar, or as a line now and then."""
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
        """Print on stderr what the user needs to know even when quiet."""
        with tqdm.external_write_mode(file=sys.stderr):
            click.echo(text, err=True)


class _Work:
    """Work whose progress is reported in words, once in ``pause`` seconds."""

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
        """Count more work as done, and report it if it is time."""
        self._done += amount
        now = time.perf_counter()
        if self._total and now - self._told > self._pause:
            self._told = now
            share = min(1.0, self._done / self._total)
            seconds = now - self._began
            rate, left = tqdm.format_sizeof(self._done / seconds), seconds * (1 - share) / share
            self._tell(f"{self._what}: {share:.0%} done, {rate}/s, {duration(left)} left")


def json_line(data: Any) -> str:
    r"""Return data as JSON, in ASCII where the output does not show all characters.

    Example:
        >>> json_line({"text": "\ud800"})  # half a surrogate pair is no character: JSON has an escape for it
        '{"text": "\\ud800"}'
    """
    line = json.dumps(data, ensure_ascii=not takes_unicode())
    return line.encode("utf-8", "backslashreplace").decode()


def cut_mark(sample: SampledText) -> str:
    """Return what is shown after a sample: nothing, or that it was cut."""
    return "" if sample.complete else CUT_MARK


def marked(sample: SampledText) -> str:
    """Return a sample's text, with a mark where it was cut.

    Example:
        >>> from charlm.lm.sampling import SampledText
        >>> marked(SampledText("ab", complete=False))
        'ab [cut: no <EOS>]'
    """
    return sample.text + cut_mark(sample)


def program() -> str:
    """Return what to type for this `charlm`: its name if the shell finds it, else its path, else Python's module."""
    python = Path(sys.executable)
    script = python.with_name("charlm")
    on_the_path = shutil.which("charlm")
    if on_the_path and (not script.exists() or Path(on_the_path).samefile(script)):
        return "charlm"
    file = script if script.exists() else python
    return shlex.quote(str(seen(file))) + ("" if script.exists() else " -m charlm")


def duration(seconds: float) -> str:
    """Return a time as a person would say it.

    Example:
        >>> duration(7.25), duration(200), duration(9000)
        ('7.2 s', '3 min 20 s', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def age(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that it fills.

    Example:
        >>> age(7.25), age(200), age(9000), age(1e6)
        ('7 s ago', '3 min ago', '2 h ago', '11 days ago')
    """
    units = ((172_800, 86_400, "days"), (3600, 3600, "h"), (60, 60, "min"))
    size, unit = next(((size, unit) for least, size, unit in units if seconds >= least), (1, "s"))
    return f"{seconds // size:.0f} {unit} ago"
