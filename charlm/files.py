"""Files: atomic writes, logs that grow by whole lines, and safe reading.

A reader never sees a partial file. A failure (a full disk, a missing permission) changes nothing and becomes an
``OutputError``. Only regular files are opened, because opening a pipe could wait for ever. The content of the
files is not known here.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from charlm.errors import ArgumentError, OutputError, require
from charlm.interrupts import unfinished

TEMPORARY_GLOB = ".charlm-*.tmp"
"""The names of temporary files; only a killed process leaves one behind."""

_FULL = "free some space, or write to another place"
_FOLDER = "choose a path whose parents are folders"
_RIGHTS = "choose a folder that you may write to"
_NO_FILE = "it is not a regular file"
_ADVICE = {
    errno.ENOSPC: ("the disk is full", _FULL),
    errno.EDQUOT: ("the disk quota is used up", _FULL),
    errno.EFBIG: ("the file would be larger than the system allows", _FULL),
    errno.EACCES: ("no permission to write there", _RIGHTS),
    errno.EPERM: ("no permission to write there", _RIGHTS),
    errno.EROFS: ("the file system is read-only", _RIGHTS),
    errno.ENOENT: ("the folder does not exist", "create it, or choose another path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", _FOLDER),
    errno.EEXIST: ("a part of the path is a file, not a folder", _FOLDER),
    errno.EISDIR: ("it is a folder, not a file", "choose the path of a file"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
    errno.ENXIO: (_NO_FILE, "choose another path, or move that away"),
}
_OTHER = "give another path"
_WHY_UNREADABLE = {
    errno.EACCES: ("no permission", "change that with chmod, or give another path"),
    errno.EPERM: ("no permission", "change that with chmod, or give another path"),
    errno.ENOENT: ("there is no such file", _OTHER),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", _OTHER),
    errno.EISDIR: ("it is a folder, not a file", "give the path of a file"),
    errno.ENXIO: (_NO_FILE, _OTHER),
    errno.ELOOP: ("its symbolic links lead in a circle", _OTHER),
    errno.ENAMETOOLONG: ("the name is too long", "give a shorter one"),
    errno.EFBIG: ("it is too large for such a file", "give another, or use a copy"),
    errno.ENOMEM: ("it does not fit in memory", "end other programs, or give a smaller one"),
    errno.EMFILE: ("too many files are open", "allow more with ulimit -n"),
}


def output_error(path: Path, error: OSError) -> OutputError:
    """Return the error for a `path` that could not be written, with reason and advice.

    >>> print(output_error(Path("runs/a"), OSError(errno.ENOSPC, "")))
    runs/a: cannot write: the disk is full; free some space, or write to another place
    """
    default = (error.strerror or str(error), "choose another path, or check the disk")
    reason, remedy = _ADVICE.get(error.errno or 0, default)
    return OutputError(f"{path}: cannot write: {reason}; {remedy}")


def home_expanded(path: str) -> str:
    """Return a path with ``~`` or ``~NAME`` at the beginning replaced by the home folder, if there is one.

    A shell does this for words without quotes. charlm does it for quoted words too, and for paths in files.

    >>> home_expanded("novel~.txt")
    'novel~.txt'
    """
    try:
        return os.path.expanduser(path)  # noqa: PTH111
    except ValueError:  # a NUL character, which no path contains
        return path


def exists(path: Path) -> bool:
    """Tell whether a path exists; False for a path that the system does not accept.

    >>> exists(Path("a" * 1000))
    False
    """
    try:
        return path.exists()
    except OSError:
        return False


def why_unreadable(error: OSError) -> str:
    """Return why a file could not be read, with advice, to follow the file's name.

    >>> why_unreadable(OSError(errno.EACCES, ""))
    'cannot be read: no permission; change that with chmod, or give another path'
    """
    default = (error.strerror or str(error), "give another path, or check the disk")
    reason, remedy = _WHY_UNREADABLE.get(error.errno or 0, default)
    return f"cannot be read: {reason}; {remedy}"


def seen(path: Path) -> Path:
    """Return a path, relative to the current folder if it is inside it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def path_of(value: Any, where: str) -> Path:
    """Return the path in an argument; raise ArgumentError if it is something else.

    >>> path_of("runs/srnn", "load")
    PosixPath('runs/srnn')
    """
    require(where, value, (str, os.PathLike), "a path, as text or Path")
    if isinstance(os.fspath(value), bytes):
        raise ArgumentError(f"{where}: expected a path, as text or Path, got bytes: {value!r}")
    if "\0" in os.fspath(value):
        raise ArgumentError(f"{where}: no path holds a NUL character, got {value!r}")
    return Path(value)


def regular(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file, as the ``opener`` of ``open``; raise OSError for a pipe or device, which could block."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.ENXIO, _NO_FILE, str(path))


def read_whole(path: Path, most: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be read, has more than ``most`` bytes, or does not fit in memory.
    """
    with open(path, "rb", opener=regular) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        try:
            return file.read()
        except MemoryError:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path)) from None


def cache_folder(name: str) -> Path | None:
    """Return the user's cache folder, which is created if necessary; None if it is not writable.

    It is ``charlm/NAME`` under ``$XDG_CACHE_HOME``, or else under ``~/.cache`` (``~/Library/Caches`` on macOS).
    """
    root = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or root).expanduser()
        folder = base.absolute() / "charlm" / name
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no permission, or no home
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to the file `path`, completely or not at all.

    The data goes to a temporary file in the same folder, is forced to the disk and then renamed to `path`. So at
    every moment, even in a power failure, `path` is the complete old file or the complete new one.

    Raises:
        OutputError: it cannot be written; the temporary file is removed and `path` is unchanged.
    """
    try:
        _refuse_other_than_files(path)
        with replacing(path) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise output_error(path, error) from error
    _sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` after the ``with`` block; after an exception it is removed.

    `mode` is the permissions of a new file, before the umask. OSError is not translated; nothing is forced to the disk.
    """
    temporary = path.parent / TEMPORARY_GLOB.replace("*", secrets.token_hex(8))
    unfinished.add(temporary)
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    finally:
        unfinished.discard(temporary)


class LineLog:
    """A text file (UTF-8) that grows by whole lines.

    ``write`` passes each line to the operating system in one piece. So another program can follow the file, and a
    killed process leaves no partial line. The file is open only during a write, so nothing needs closing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: str) -> None:
        """Append `line` and a line end.

        Raises:
            OutputError: the line cannot be written; the file is unchanged.
        """
        # A sampled text may contain half a surrogate pair, which UTF-8 lacks: it becomes an escape.
        rest = memoryview(f"{line}\n".encode(errors="backslashreplace"))
        try:
            with open(self.path, "ab", buffering=0, opener=regular) as file:
                end = file.tell()
                try:
                    while rest:
                        rest = rest[file.write(rest) :]
                except BaseException:
                    with contextlib.suppress(OSError):
                        file.truncate(end)
                    raise
        except OSError as error:
            raise output_error(self.path, error) from error

    def cut(self, lines: int) -> int:
        """Keep the first `lines` lines; return the number of lines, which may be smaller.

        Raises:
            OutputError: the file cannot be written.
        """
        try:
            with open(self.path, "ab+", opener=regular) as file:
                file.seek(0)
                kept = [len(line) for line in itertools.islice(file, lines) if line.endswith(b"\n")]
                file.truncate(sum(kept))
        except OSError as error:
            raise output_error(self.path, error) from error
        return len(kept)

    def become(self, content: bytes) -> None:
        """Write other content into the same file, which a process may have locked; it is created if necessary.

        A process that is killed in the middle leaves all lines that both contents have.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            with os.fdopen(regular(self.path, os.O_RDWR | os.O_CREAT), "rb+") as file:
                file.write(content)
                file.truncate()
        except OSError as error:
            raise output_error(self.path, error) from error

    def sync(self) -> None:
        """Force the file to the disk.

        Raises:
            OutputError: the disk reports an error.
        """
        try:
            with open(self.path, "ab", opener=regular) as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self.path, error) from error


def _refuse_other_than_files(path: Path) -> None:
    """Raise OSError for a folder or a device: a rename would replace ``/dev/null`` for all."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not path.is_file():
        raise OSError(errno.ENXIO, _NO_FILE)


def _sync_folder(folder: Path) -> None:
    """Force the folder's entries to the disk, if the system can.

    The new file has already replaced the old one, so a failure here is ignored.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
