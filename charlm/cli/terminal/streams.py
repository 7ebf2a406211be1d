"""Standard output and standard error, settled once at the start: no text, and no reader, ends a command by surprise.

A character that the encoding does not have is escaped. What cannot be written on standard error is dropped.
Standard output that takes nothing more is one ``StandardOutputError``. A stream that was closed before the
start (``>&-``) takes everything and keeps nothing, as ``/dev/null`` does.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

from charlm.errors import ReaderGoneError, StandardOutputError
from charlm.files import output_error


class Output(io.TextIOBase):
    """A text stream that takes every character.

    It has no ``buffer``, so nobody writes around it; click would, where the encoding is ASCII.

    Args:
        stream: where the text goes.
        required: whether a failure to write is an error.
    """

    def __init__(self, stream: TextIO, *, required: bool) -> None:
        self._stream = stream
        self._required = required
        _escape(stream, as_bytes=required)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The name of the codec."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str, /) -> int:
        """Write a text; return its length.

        Raises:
            StandardOutputError: it cannot be written, on a stream that is required.
        """
        if text == "":  # click tries a stream so, and overlooks what is raised
            return 0
        try:
            self._stream.write(text)
        except UnicodeError:  # the codec is of no use for a text: idna, undefined
            assert isinstance(self._stream, io.TextIOWrapper)
            self._stream.reconfigure(encoding="ascii", errors="backslashreplace")
            return self.write(text)
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Write what is held back.

        Raises:
            StandardOutputError: it cannot be written, on a stream that is required.
        """
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def isatty(self) -> bool:
        """Tell whether this is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the number of the file."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Tell that this can be written."""
        return True

    def _lose(self, error: OSError) -> None:
        """Let all that follows go nowhere, what is held back included: it would fail again at the exit."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)
        if not self._required:
            return
        if isinstance(error, BrokenPipeError):
            raise ReaderGoneError("standard output: its reader is gone") from error
        raise StandardOutputError(str(output_error(Path("standard output"), error))) from error


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Have ``sys.stdout`` and ``sys.stderr`` such streams inside the block."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file that is opened would be taken for the stream
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    stdout, stderr = sys.stdout, sys.stderr
    with Path(os.devnull).open("w", encoding="utf-8") as null:
        sys.stdout = cast("TextIO", Output(stdout or null, required=True))
        sys.stderr = cast("TextIO", Output(stderr or null, required=False))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = stdout, stderr


def takes_unicode() -> bool:
    """Tell whether standard output shows all of Unicode; elsewhere JSON and YAML are written in ASCII."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")


def _escape(stream: TextIO, *, as_bytes: bool) -> None:
    """Let a stream escape what its codec does not have.

    With ``as_bytes``, bytes of a text that are no UTF-8 (lone surrogates in Python) are written as they are
    where the stream is UTF-8; a terminal shows U+FFFD for them.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return
    errors = "backslashreplace"
    if as_bytes and codecs.lookup(stream.encoding).name.startswith("utf-8"):
        errors = "charlm-terminal" if stream.isatty() else "charlm-bytes"
    stream.reconfigure(errors=errors)


def _byte(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return the byte that a lone surrogate stands for, or else its escape."""
    assert isinstance(error, UnicodeEncodeError)
    error.end = error.start + 1  # one at a time: the next may be of the other kind
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


def _replacement(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "\ufffd".encode() * (error.end - error.start), error.end


codecs.register_error("charlm-bytes", _byte)
codecs.register_error("charlm-terminal", _replacement)
