"""What the commands share in showing things: lines that do not collide with a progress bar, numbers, marks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from charlm.lm.sampling import SampledText  # needs numpy, which not every command does

CUT_MARK = " [cut: no <EOS>]"


class Screen:
    """Results to stdout and messages to stderr, around a progress bar if there is a terminal for one."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.quiet = bool(settings["quiet"])
        self.verbose = bool(settings["verbose"]) and not self.quiet
        self._bar: tqdm[Any] | None = None

    def start_bar(self, total: int, unit: str) -> None:
        """Show a bar on stderr, if that is a terminal and messages are wanted."""
        if not self.quiet and sys.stderr.isatty():
            bar: tqdm[Any] = tqdm(total=total, unit=unit, leave=False, dynamic_ncols=True)
            self._bar = bar

    def advance(self) -> None:
        """Move the bar on by one."""
        if self._bar is not None:
            self._bar.update()

    def note(self, text: str) -> None:
        """Show a word at the end of the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def close_bar(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def result(self, text: str) -> None:
        """Print a line on stdout."""
        with tqdm.external_write_mode(file=sys.stdout):
            click.echo(text)

    def say(self, text: str) -> None:
        """Print a message on stderr, unless quiet."""
        if not self.quiet:
            with tqdm.external_write_mode(file=sys.stderr):
                click.echo(text, err=True)


def cut_mark(sample: SampledText) -> str:
    """Return what is shown behind a sample: nothing, or that it was cut."""
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
    """Return what to type for `charlm` here: the name if it is on the path, else this Python's module."""
    if shutil.which("charlm"):
        return "charlm"
    python = Path(sys.executable)
    here = Path.cwd()
    return f"{python.relative_to(here) if python.is_relative_to(here) else python} -m charlm"


def table(rows: list[tuple[str, str]]) -> str:
    """Return names and descriptions in two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {description}" for name, description in rows)
