"""Bytes that a command reads and writes: in files, or on standard input and output."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import click

from charlm.errors import InputError, ReaderGoneError
from charlm.files import exists, output_error, read_whole, why_unreadable, write_atomically

STANDARD = "-"
"""Standard input or standard output, in the place of a path."""


def content(file: str) -> bytes:
    """Return the bytes of a file, or of standard input.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if file != STANDARD:
            path = Path(file)
            return path.read_bytes() if path.is_fifo() else read_whole(path, sys.maxsize)
        if sys.stdin is None:  # as Python says that it is closed
            raise InputError("standard input: it is closed; give a file, or pipe one in")
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"{shown(file)}: {why_unreadable(error)}") from error


def shown(file: str) -> str:
    """Return the name of a file in messages."""
    return "standard input" if file == STANDARD else file


class Destination:
    """Where a result goes.

    Args:
        output: a path, or ``-``.
        force: whether it may replace a file.
        as_json: whether a JSON object about it goes to standard output.

    Raises:
        InputError: the file exists, or standard output cannot be used.
        OutputError: the file cannot be written there.
    """

    def __init__(self, output: str, force: bool, as_json: bool) -> None:
        self.path = None if output == STANDARD else Path(output)
        self._force = force
        if self.path is not None:
            self._check(self.path)
            if not exists(self.path.parent):
                raise output_error(self.path, FileNotFoundError(errno.ENOENT, ""))
        elif as_json:
            raise click.UsageError(
                "--json and -o - both use standard output: give -o a path, or leave out --json"
            )
        elif sys.stdout.isatty():
            raise InputError(
                "-o -: standard output is a terminal, which shows no bytes: give a path, or a pipe"
            )

    def write(self, data: bytes) -> None:
        """Write the result: all of it, or nothing."""
        if self.path is not None:
            self._check(self.path)  # somebody may have created it meanwhile
            write_atomically(self.path, data)
            return
        try:
            with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
                stream.write(data)
        except BrokenPipeError as error:
            raise ReaderGoneError("standard output: its reader is gone") from error
        except OSError as error:
            raise output_error(Path("standard output"), error) from error

    def _check(self, path: Path) -> None:
        if path.is_dir():
            raise output_error(path, IsADirectoryError(errno.EISDIR, ""))
        if exists(path) and not self._force:
            raise InputError(
                f"{path}: there is a file of this name; --force replaces it, or choose another name"
            )
