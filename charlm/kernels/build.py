"""Compiles the code that ``machine_code`` loads, in a process of its own (``python -m charlm.kernels.build``).

Several such processes may start at once: one compiles, the others end, or wait for it. A file is written atomically,
after another process has tried to load it.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from charlm.files import TEMPORARY_GLOB, replacing
from charlm.kernels import machine_code

UNUSED = 90 * 24 * 3600
"""Seconds after which an old file is removed."""
_TRIAL = """
import sys
from pathlib import Path
from charlm.kernels.machine_code import mapped
mapped(Path(sys.argv[1]).read_bytes(), sys.argv[2])
"""


def main(path: Path, module: str, asked: float, wait: bool) -> None:
    """Compile the entries of a module to a file, unless another process does so, or has done so since ``asked``.

    Args:
        path: the file.
        module: the module that has the entries.
        asked: when the file was missing or damaged, in seconds since 1970.
        wait: whether to wait for another process that compiles it.
    """
    note = machine_code.note(path)
    with note.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return
        except (
            OSError
        ):  # some file systems, such as Lustre, may have no locks: then several compile
            pass
        if not (path.exists() and path.stat().st_mtime >= asked):
            build(path, module)
        note.unlink(missing_ok=True)


def build(path: Path, module: str) -> None:
    """Compile the entries of a module to a file, and remove old files."""
    _clean(path.parent)
    prefix, suffix = TEMPORARY_GLOB.split("*")
    with TemporaryDirectory(suffix, prefix, path.parent) as fresh:
        # numba's own files have no digests: damage in them would get into this file
        os.environ.setdefault("NUMBA_CACHE_DIR", fresh)
        from charlm.kernels.compiled.objects import object_file

        entries = importlib.import_module(module).ENTRIES
        data = machine_code.packed(path.stem, list(entries), object_file(entries))
    with replacing(path, machine_code.OWN) as file:
        file.write(data)
        file.flush()
        # code that refers to a missing function would end the process that loads it
        subprocess.run([sys.executable, "-c", _TRIAL, file.name, path.stem], check=True)


def _clean(folder: Path) -> None:
    """Remove files of killed processes, and old files."""
    for pattern, age in (
        (TEMPORARY_GLOB, machine_code.PATIENCE),
        ("*.code", UNUSED),
        ("*.note", UNUSED),
    ):
        for old in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if old.stat().st_mtime < time.time() - age:
                    shutil.rmtree(old) if old.is_dir() else old.unlink()


if __name__ == "__main__":
    os.umask(0o077)
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), "--wait" in sys.argv)
