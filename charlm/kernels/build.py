"""Compiles what ``machine_code`` loads, in a process of its own (``python -m charlm.kernels.build``).

Several may be started at once: one compiles, the others end, or wait for it. A file appears whole or not at all, after
another process has tried it.
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
"""Seconds after which a file that was not made again is removed."""
_TRIAL = """
import sys
from pathlib import Path
from charlm.kernels.machine_code import mapped
mapped(Path(sys.argv[1]).read_bytes(), sys.argv[2])
"""


def main(path: Path, module: str, asked: float, wait: bool) -> None:
    """Compile the entries of a module to a file, unless another process is doing that or has done it since then.

    Args:
        path: the file.
        module: where the entries are.
        asked: when the file was not there, or no good: seconds since 1970.
        wait: whether to wait for another process that is doing it.
    """
    note = machine_code.note(path)
    with note.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return
        except OSError:  # Lustre, for one, may have no locks: then several compile
            pass
        if not (path.exists() and path.stat().st_mtime >= asked):
            build(path, module)
        note.unlink(missing_ok=True)


def build(path: Path, module: str) -> None:
    """Compile the entries of a module to a file, and remove what is left of others."""
    _clean(path.parent)
    prefix, suffix = TEMPORARY_GLOB.split("*")
    with TemporaryDirectory(suffix, prefix, path.parent) as fresh:
        # numba's own files have no digests: what damage did to them would become ours
        os.environ.setdefault("NUMBA_CACHE_DIR", fresh)
        from charlm.kernels.compiled.objects import object_file

        entries = importlib.import_module(module).ENTRIES
        data = machine_code.packed(path.stem, list(entries), object_file(entries))
    with replacing(path, machine_code.OWN) as file:
        file.write(data)
        file.flush()
        # code that refers to what is not there would end the process that loads it
        subprocess.run([sys.executable, "-c", _TRIAL, file.name, path.stem], check=True)


def _clean(folder: Path) -> None:
    """Remove what killed processes left, and what was made long ago."""
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
