"""Standard output and standard error that accept every text and report a lost reader as one error.

A character that the encoding does not have is escaped. Text that cannot be written on standard error is dropped.
If standard output cannot be written, that is one ``StandardOutputError``. A stream that was closed before the
start (``>&-``) drops all text, like ``/dev/null``.
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
    """A text stream that accepts every character.

    It has no ``buffer``, which click would use if the encoding is ASCII.

    Args:
        stream: the real stream.
        required: whether a failed write is a ``StandardOutputError``.
    """

    def __init__(self, stream: TextIO, *, required: bool) -> None:
        self._stream = stream
        self._required = required
        _escape(stream, as_bytes=required)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "utf-8"

    def write(self, text: str, /) -> int:
        if text == "":  # click writes it to test a stream
            return 0
        try:
            self._stream.write(text)
        except UnicodeError:  # the codec cannot encode text: idna, undefined
            assert isinstance(self._stream, io.TextIOWrapper)
            self._stream.reconfigure(encoding="ascii", errors="backslashreplace")
            return self.write(text)
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def _lose(self, error: OSError) -> None:
        """Drop all further and all buffered text, which would fail again at the exit."""
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
    """Replace ``sys.stdout`` and ``sys.stderr`` with such streams inside the block."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next opened file would become the stream
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
    """Tell whether standard output shows all of Unicode; if not, JSON and YAML are written in ASCII."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")


def _escape(stream: TextIO, *, as_bytes: bool) -> None:
    """Make a stream escape the characters that its codec does not have.

    With ``as_bytes``, a UTF-8 stream writes bytes that are not UTF-8 (lone surrogates in Python) unchanged;
    a terminal shows U+FFFD for them.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return
    errors = "backslashreplace"
    if as_bytes and codecs.lookup(stream.encoding).name.startswith("utf-8"):
        errors = "charlm-terminal" if stream.isatty() else "charlm-bytes"
    stream.reconfigure(errors=errors)


def _byte(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return the byte of a lone surrogate, or else its escape."""
    assert isinstance(error, UnicodeEncodeError)
    error.end = error.start + 1  # one character at a time: the next may need the other handler
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


def _replacement(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "\ufffd".encode() * (error.end - error.start), error.end


codecs.register_error("charlm-bytes", _byte)
codecs.register_error("charlm-terminal", _replacement)


def show(text: str) -> None:
    """Write to standard output at once: the next text may come much later."""
    sys.stdout.write(text)
    sys.stdout.flush()
