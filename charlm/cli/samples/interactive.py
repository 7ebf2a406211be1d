"""`charlm sample --interactive`: a person and a model write one text, on one line of a terminal.

The line is written again after each key, with only spaces and a carriage return, so it needs no colours and no
control sequences. It shows the end of the text, and the suggestion in brackets. The text is printed at the end.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import select
import signal
import sys
import termios
import tty
import unicodedata
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

import click

from charlm.cli.terminal.layout import WIDTH
from charlm.cli.terminal.streams import show
from charlm.errors import TextError
from charlm.lm.decoding import sampling_of
from charlm.lm.generator import TextGenerator
from charlm.lm.writing import Writing
from charlm.text.prompt import Prompt

HELP = """\
Type, or take the suggestion in brackets: Tab takes it, the right arrow one
character of it; the down arrow asks for another. Backspace undoes the last
step. Ctrl-D ends, and prints the text.
"""
KEY = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.)|.", re.DOTALL)
TAB, RIGHT, DOWN, END = ("\t",), ("\x1b[C", "\x1bOC"), ("\x1b[B", "\x1bOB"), ("\x04",)
BACK = ("\x7f", "\b", "\x1f")
PARTIAL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|O)?\Z")
"""A key whose last bytes have not arrived yet."""
PAUSE = 0.3
"""Seconds between two checks of the terminal's width."""
ENDINGS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}
"""The signals after which the text is printed and the terminal is as before, and what is said then."""


def interact(model: TextGenerator, prompt: Prompt, seed: int, how: dict[str, Any]) -> int:
    """Write a text together; print it at the end, and after Ctrl-C and SIGTERM too."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(
            "--interactive needs a terminal for the keys and the suggestions: leave it out, or run it in one"
        )
    ended = None
    click.echo(HELP, err=True)
    with model.predictor() as predict:
        writing = Writing(model, predict, sampling_of(how), prompt.prime, seed)
        line = _Line()
        try:
            with _keys(line) as keys:
                line.show(writing)
                for key in keys:
                    if key in END or not _press(key, writing, line):
                        break
                    line.show(writing)
        except _Ended as signalled:
            ended = signalled.number
        line.close()
    show(writing.text + "\n")
    if ended is None:
        return 0
    click.echo(f"charlm: {ENDINGS[ended]}", err=True)
    return 128 + ended


class _Ended(BaseException):
    """A signal ended the writing."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number


def _press(key: str, writing: Writing, line: _Line) -> bool:
    """Do the action of a key; return whether to continue."""
    try:
        if key in TAB:
            if writing.suggestion.ends and not writing.suggestion.text:
                return False
            writing.take()
        elif key in RIGHT:
            writing.take(1)
        elif key in DOWN:
            writing.suggest()
        elif key in BACK:
            line.say("" if writing.undo() else "there is nothing to undo")
        elif key in ("\r", "\n"):
            if writing.model.vocab.framing == "lines":  # it writes single lines
                return False
            writing.type("\n")
        elif key and key.isprintable():
            writing.type(key)
    except TextError as error:
        line.say(str(error).removeprefix("the prime has "))
    return True


class _Line:
    """The line of the terminal that shows the text."""

    def __init__(self) -> None:
        self._width = 0
        self._said = ""

    def say(self, text: str) -> None:
        """Show a message above the line, once."""
        self._said = text

    def is_stale(self) -> bool:
        """Whether the width of the terminal has changed since the line was written."""
        return self._width != _width()

    def show(self, writing: Writing) -> None:
        """Write the line again; on a new row if the terminal is narrower now."""
        width = _width()
        begin = "\r" if width >= self._width or not self._width else "\r\n"
        if self._said:
            begin += f"{_first(self._said, width):<{width}}\r\n"
            self._said = ""
        suggested = f"[{_visible(writing.suggestion.text)}{writing.shown_end()}]"
        suggested = _first(suggested, width // 2)
        text = _last(_visible(writing.text[-width:]), width - _size(suggested))
        blank = " " * (width - _size(text + suggested))
        self._width = width
        self._write(f"{begin}{text}{suggested}{blank}\r{text}")  # the cursor is after the text

    def close(self) -> None:
        """Leave the line."""
        self._write("\r\n")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


@contextlib.contextmanager
def _keys(line: _Line) -> Iterator[Iterator[str]]:
    """Read each key at once, without an echo; an empty key means that the width of the terminal has changed."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    handlers = {number: signal.getsignal(number) for number in ENDINGS}
    for number, handler in handlers.items():
        if (
            handler != signal.SIG_IGN
        ):  # the others would end the process and leave the terminal changed
            signal.signal(number, _end)
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        yield _read(terminal, line)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Leave the loop that reads keys; another signal does not interrupt what comes then."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise _Ended(signal.Signals(number))


def _read(terminal: int, line: _Line) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    waiting = ""
    while True:
        if not select.select([terminal], [], [], PAUSE)[0]:
            waiting = ""  # the Escape key alone
            if line.is_stale():
                yield ""
            continue
        try:
            data = os.read(terminal, 1024)
        except OSError:  # the terminal is gone
            return
        if not data:
            return
        waiting += decoder.decode(data)
        partial = PARTIAL.search(waiting)
        whole = waiting[: partial.start()] if partial else waiting
        waiting = waiting[len(whole) :]
        yield from KEY.findall(whole)


def _width() -> int:
    """Return the width of the line: one column less than the terminal, so that the cursor stays in the row."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 0
    return max(10, (columns or WIDTH) - 1)


def _visible(text: str) -> str:
    """Return a text with visible line ends and control characters."""
    return "".join(
        c if c.isprintable() else "\ufffd" if "\ud800" <= c <= "\udfff" else repr(c)[1:-1]
        for c in text
    )


def _first(text: str, width: int) -> str:
    """Return the longest beginning of a text that fits in ``width`` columns."""
    while _size(text) > width:
        text = text[:-1]
    return text


def _last(text: str, width: int) -> str:
    """Return the longest end of a text that fits in ``width`` columns."""
    while _size(text) > width:
        text = text[1:]
    return text


def _size(text: str) -> int:
    """Return the width of a text in columns."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)
