"""The sources of texts: files, folders, patterns and standard input."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import BinaryIO, cast

from charlm import progress
from charlm.config import files_of
from charlm.errors import MissingTextError, TextError
from charlm.files import cache_folder, seen, why_unreadable

STDIN = "-"
PIECE = 1 << 20
"""How many bytes are read at once."""


@dataclass(frozen=True)
class Source:
    """A file with a text, and its name in messages."""

    path: Path
    name: str

    def pieces(self) -> Iterator[bytes]:
        """Yield the file's bytes, piece by piece.

        Raises:
            TextError: it cannot be read.
        """
        with explained(self.name), self.path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                progress.advance(len(piece))
                yield piece


class StandardInput(Source):
    """The standard input, which is read once, as it comes. After that ``pieces`` yields its beginning, for messages."""

    def __init__(self) -> None:
        super().__init__(Path("/dev/stdin"), "text standard input")
        self._read: list[bytes] = []

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes as soon as they are there.

        Raises:
            TextError: it is closed, or cannot be read.
        """
        if self._read:
            yield from self._read
            return
        if sys.stdin is None:  # as Python says that it is closed
            raise _closed(self.name)
        stream = cast("io.BufferedReader", sys.stdin.buffer)
        with explained(self.name):
            while piece := stream.read1(PIECE):
                self._read = self._read or [piece]
                yield piece


def sources_of(names: Sequence[str | Path], what: str = "text") -> list[Source]:
    """Return the files for some names, in the order of the names.

    A folder gives its .txt files, sorted by path, without those of its subfolders. A pattern such as
    ``letters/**/*.txt`` gives the files that match it, sorted. ``-`` gives a copy of standard input. A file
    whose name looks like a pattern is that file.

    Raises:
        TextError: there is no such file, or there is none for a folder or a pattern.
    """
    sources = []
    for name in names:
        path = kept(name, what)
        sources += [Source(file, f"{what} {shown(file)}") for file in _files(path, what)]
    return sources


def kept(name: str | Path, what: str = "text") -> Path:
    """Return a path that can be read several times; for standard input and pipes, that of a copy.

    The copy is named after its content. It is in the user's cache folder, or, if that is not writable, in the
    system's temporary folder.

    Raises:
        TextError: it cannot be read, or the copy cannot be written.
    """
    path = Path(name)
    if str(name) == STDIN:
        if sys.stdin is None:  # as Python says that it is closed
            raise _closed(f"{what} standard input")
        return _copied(sys.stdin.buffer, f"{what} standard input")
    with explained(f"{what} {path}"):
        if not path.is_fifo():
            return path
        with path.open("rb") as pipe:
            return _copied(pipe, f"{what} {path}")


def _closed(name: str) -> TextError:
    return TextError(f"{name}: it is closed; give a file, or pipe a text in")


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
    """Return a file's name in messages."""
    return f"standard input (kept as {path})" if path.name.startswith(_KEPT) else str(seen(path))


def _files(path: Path, what: str) -> list[Path]:
    with explained(f"{what} {shown(path)}"):
        files = files_of(path)
        if not files:
            raise MissingTextError(str(path), f"{what} {path}: {_no_file(path)}")
        if path.exists() and not path.is_dir() and not path.is_file():
            raise TextError(f"{what} {path}: it is not a file; give a text file, or pipe a text in")
    return files


def _no_file(path: Path) -> str:
    """Return the error for a folder or pattern without files, with a pattern that has some."""
    if not path.is_dir():
        return "no file matches this pattern; * stands for any name and ** for any folders"
    said = "the folder has no .txt file"
    if any(files_of(Path(f"{escape(str(path))}/**/*.txt"))):
        return f"{said}, but folders in it have: give the pattern {_pattern(path, '**/*.txt')}"
    endings = Counter(file.suffix for file in path.iterdir() if file.suffix and file.is_file())
    for ending, _ in endings.most_common(1):
        return f"{said}; if its {ending} files are texts, give the pattern {_pattern(path, f'*{ending}')}"
    return f"{said}; give a text file, or a folder with some"


def _pattern(folder: Path, names: str) -> str:
    return shlex.quote(f"{escape(str(folder))}/{names}")


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn the system's errors about a file into a TextError with advice."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingTextError(
            str(error.filename),
            f"{name}: no such file; give a text file, a folder with .txt files, or "
            f"{STDIN} for standard input",
        ) from error
    except OSError as error:
        raise TextError(f"{name}: {why_unreadable(error)}") from error
