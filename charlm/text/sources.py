"""Where texts come from: files, folders, patterns and the standard input."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from charlm.errors import TextError
from charlm.files import cache_folder, seen, why_unreadable

STDIN = "-"
PIECE = 1 << 20
"""Bytes read at once."""


@dataclass(frozen=True)
class Source:
    """A file to be read, and what messages call it."""

    path: Path
    name: str

    def pieces(self) -> Iterator[bytes]:
        """Yield the file's bytes, piece by piece.

        Raises:
            TextError: it cannot be read.
        """
        with explained(self.name), self.path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                yield piece


def sources_of(given: Sequence[str | Path], what: str = "text") -> list[Source]:
    """Return the files that some names stand for, in the order given.

    A folder stands for the .txt files in it, sorted by path (not for those in folders inside it); a pattern
    such as ``letters/**/*.txt``, for the files that match it, sorted too; ``-`` for a copy of the
    standard input. A file whose name looks like a pattern is that file.

    Raises:
        TextError: there is no such file, or a folder or a pattern stands for none.
    """
    found = []
    for name in given:
        path = kept(name, what)
        found += [Source(file, f"{what} {shown(file)}") for file in _files(path, what)]
    return found


def kept(name: str | Path, what: str = "text") -> Path:
    """Return a path that can be read several times: of a copy, for the standard input and for pipes.

    The copy is named by its content and lies in the user's cache folder, or, where that cannot be written, in
    the system's folder for temporary files.

    Raises:
        TextError: it cannot be read, or there is no place for a copy.
    """
    path = Path(name)
    if str(name) == STDIN:
        if sys.stdin is None:  # as Python says that it is closed
            raise TextError(f"{what} standard input: it is closed; give a file, or pipe a text in")
        return _copied(sys.stdin.buffer, f"{what} standard input")
    with explained(f"{what} {path}"):
        if not path.is_fifo():
            return path
        with path.open("rb") as pipe:
            return _copied(pipe, f"{what} {path}")


def _copied(stream: BinaryIO, name: str) -> Path:
    folder = cache_folder("stdin") or Path(tempfile.gettempdir())
    digest = hashlib.sha256()
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".charlm-", suffix=".tmp", dir=folder)
        with os.fdopen(handle, "wb") as file:
            while piece := stream.read(PIECE):
                digest.update(piece)
                file.write(piece)
        kept = folder / f"{_KEPT}{digest.hexdigest()[:16]}.txt"
        Path(temporary).replace(kept)
    except OSError as error:
        raise TextError(
            f"{name}: cannot be kept in {folder} ({error.strerror}), and a text is read more than once; "
            "put it into a file and give that"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return kept


_KEPT = "charlm-stdin-"


def shown(path: Path) -> str:
    """Return what messages call a file."""
    return f"standard input (kept as {path})" if path.name.startswith(_KEPT) else str(seen(path))


def _files(path: Path, what: str) -> list[Path]:
    with explained(f"{what} {shown(path)}"):
        if path.is_dir():
            found = sorted(
                p for p in path.iterdir() if p.suffix.lower() == ".txt" and not p.is_dir()
            )
            if not found:
                raise TextError(
                    f"{what} {path}: the folder has no .txt file (folders in it are not looked through); "
                    f"name the files themselves, or a pattern such as '{path}/**/*.txt'"
                )
            return found
        if not path.exists() and glob.has_magic(str(path)):
            matches = (Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207
            found = sorted(match for match in matches if match.is_file())
            if not found:
                raise TextError(
                    f"{what} {path}: no file matches this pattern; * stands for any name and ** for any folders"
                )
            return found
        if path.exists() and not path.is_file():
            raise TextError(f"{what} {path}: it is no file; give a text file, or pipe a text in")
    return [path]


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn the system's errors about a file into a TextError that says what helps."""
    try:
        yield
    except FileNotFoundError as error:
        raise TextError(
            f"{name}: no such file; give a text file, a folder with .txt files, or "
            f"{STDIN} for the standard input"
        ) from error
    except OSError as error:
        raise TextError(f"{name}: {why_unreadable(error)}") from error
