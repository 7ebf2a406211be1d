"""Texts from files, folders and the standard input."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from charlm.errors import TextError

STDIN = "-"


def read_texts(paths: Sequence[str | Path], what: str = "text") -> str:
    r"""Return the texts of some files as one, in the order given.

    Files are UTF-8; a byte order mark is dropped, and \r\n and \r become \n. A folder stands for
    the .txt files in it, sorted by path (not for those in folders inside it), ``-`` for the
    standard input. Where a text does not end in a newline, one is put before the next text.

    Args:
        paths: files, folders, or ``-``.
        what: what the texts are, for error messages.

    Raises:
        TextError: something cannot be read, is not UTF-8, or there is no text but white space.
    """
    text = ""
    for given in paths:
        for path in _files(given, what):
            text += "\n" if text and not text.endswith("\n") else ""
            text += _read(path, what)
    if not text.strip():
        names = ", ".join(_shown(path) for path in paths)
        state = "has nothing but white space" if text else "is empty"
        raise TextError(f"{what} {names}: {state}; give a file with some text in it")
    return text


def _files(given: str | Path, what: str) -> list[Path]:
    path = Path(given)
    with _explained(path, what):
        if str(given) == STDIN or not path.is_dir():
            return [path]
        found = sorted(p for p in path.iterdir() if p.suffix.lower() == ".txt" and not p.is_dir())
    if not found:
        raise TextError(
            f"{what} {path}: the folder has no .txt file (folders in it are not looked through); "
            "name the files themselves, or another folder"
        )
    return found


def _read(path: Path, what: str) -> str:
    with _explained(path, what):
        data = _standard_input(what) if str(path) == STDIN else path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong = data[error.start : error.end].hex(" ")
        guess = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "LATIN1"
        raise TextError(
            f"{what} {_shown(path)}: not UTF-8 at byte offset {error.start} (hex {wrong}: "
            f"{error.reason}); convert it first, for example with `iconv -f {guess} -t UTF-8`, "
            f"where {guess} is only a guess"
        ) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _standard_input(what: str) -> bytes:
    if sys.stdin is None:  # as Python says that it is closed
        raise TextError(f"{what} standard input: it is closed; give a file, or pipe a text in")
    return sys.stdin.buffer.read()


@contextlib.contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise TextError(
            f"{what} {_shown(path)}: no such file; give a text file, a folder with .txt files, or "
            f"{STDIN} for the standard input"
        ) from error
    except PermissionError as error:
        raise TextError(
            f"{what} {_shown(path)}: no permission to read it; change that with chmod, or give another"
        ) from error
    except OSError as error:
        raise TextError(f"{what} {_shown(path)}: cannot be read ({error.strerror})") from error


def _shown(path: str | Path) -> str:
    return "standard input" if str(path) == STDIN else str(path)
