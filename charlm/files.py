"""Files: whole ones that appear at once, logs that grow by whole lines, and reading what charlm wrote.

A reader never sees half of what was written, and a failure (a full disk, a missing permission)
leaves things as they were and becomes an ``OutputError``. Only regular files are opened: opening a
pipe of the same name could wait for ever. What the files mean is not known here.
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
"""The names of the temporary files, which only a killed process leaves behind."""

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
    """Return the error that says why `path` could not be written, and what helps.

    >>> print(output_error(Path("runs/a"), OSError(errno.ENOSPC, "")))
    runs/a: cannot write: the disk is full; free some space, or write to another place
    """
    other = (error.strerror or str(error), "choose another path, or check the disk")
    reason, remedy = _ADVICE.get(error.errno or 0, other)
    return OutputError(f"{path}: cannot write: {reason}; {remedy}")


def home_expanded(path: str) -> str:
    """Return a path whose ``~`` at the beginning, or ``~NAME``, is the home folder, where there is one.

    A shell does this for words that are not in quotes; charlm does it for those, and for paths in files.

    >>> home_expanded("novel~.txt")
    'novel~.txt'
    """
    try:
        return os.path.expanduser(path)  # noqa: PTH111
    except ValueError:  # a NUL, which no path holds
        return path


def exists(path: Path) -> bool:
    """Tell whether a path exists; a path that the system does not accept does not.

    >>> exists(Path("a" * 1000))
    False
    """
    try:
        return path.exists()
    except OSError:
        return False


def why_unreadable(error: OSError) -> str:
    """Return why a file could not be read and what helps, to follow the file's name.

    >>> why_unreadable(OSError(errno.EACCES, ""))
    'cannot be read: no permission; change that with chmod, or give another path'
    """
    other = (error.strerror or str(error), "give another path, or check the disk")
    reason, remedy = _WHY_UNREADABLE.get(error.errno or 0, other)
    return f"cannot be read: {reason}; {remedy}"


def seen(path: Path) -> Path:
    """Return a path relative to the current folder if it lies in it, else as it is."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def path_of(given: Any, where: str) -> Path:
    """Return the path that a program gave; ArgumentError if it gave something else.

    >>> path_of("runs/srnn", "load")
    PosixPath('runs/srnn')
    """
    require(where, given, (str, os.PathLike), "a path, as text or Path")
    if isinstance(os.fspath(given), bytes):
        raise ArgumentError(f"{where}: expected a path, as text or Path, got bytes: {given!r}")
    if "\0" in os.fspath(given):
        raise ArgumentError(f"{where}: no path holds a NUL character, got {given!r}")
    return Path(given)


def regular(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file, as ``opener`` of ``open``; OSError for a pipe or a device, which could block for ever."""
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
        OSError: it cannot be read, has more than ``most`` bytes, or more than the memory holds.
    """
    with open(path, "rb", opener=regular) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        try:
            return file.read()
        except MemoryError:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path)) from None


def cache_folder(name: str) -> Path | None:
    """Return the user's folder for what can be made again, created if need be; None if none can be written to.

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
    """Make `path` a file of exactly `data`, or leave it as it is.

    The data goes to a temporary file in the same folder, is forced to the disk and then renamed
    over `path`; so at every moment, a loss of power included, `path` is the whole old file or the
    whole new one.

    Raises:
        OutputError: it cannot be written; the temporary file is gone and `path` is untouched.
    """
    try:
        _refuse_what_is_no_file(path)
        with replacing(path) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise output_error(path, error) from error
    _sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its place when the ``with`` block ends well, and else goes.

    `mode` is a new file's permissions, before the umask. OSError comes as it is; nothing is forced to the disk.
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

    Each line reaches the operating system in one piece before ``write`` returns, so that another
    program can follow the file and a killed process leaves no half line. The file is open during
    a write only: nothing needs closing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: str) -> None:
        """Append `line` and a line end.

        Raises:
            OutputError: the line cannot be written; no part of it is in the file.
        """
        # A sampled text may hold half a surrogate pair, which is no UTF-8: it becomes an escape.
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
        """Keep the first `lines` lines and return how many there are now: as many, or fewer.

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

    def sync(self) -> None:
        """Force what was written to the disk.

        Raises:
            OutputError: the disk does not take it.
        """
        try:
            with open(self.path, "ab", opener=regular) as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self.path, error) from error


def _refuse_what_is_no_file(path: Path) -> None:
    """Raise OSError for a folder or a device: a rename would replace ``/dev/null`` for all."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not path.is_file():
        raise OSError(errno.ENXIO, _NO_FILE)


def _sync_folder(folder: Path) -> None:
    """Force the folder's entries to the disk, where the system can.

    The new file is in place by now and the old one gone, so a failure here is no failure to write.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
