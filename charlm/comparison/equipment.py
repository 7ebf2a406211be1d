"""What a Dask worker needs before it can train: charlm's own code, and the texts.

Dask sends this module itself to the workers, which may have no charlm. So it imports nothing of charlm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

Files: TypeAlias = Mapping[str, bytes]
"""The files of a folder: their names, with slashes if they are in folders below it, and their content."""

NUMBERS = ("numpy", "numba", "llvmlite")
"""Packages of which another version may compute other last digits."""


def digest_of(files: Files) -> str:
    """Return the digest of the names and contents of files.

    >>> digest_of({"a": b"1", "b": b"2"}) == digest_of({"b": b"2", "a": b"1"})
    True
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()


def code_in(package: Path) -> dict[str, bytes]:
    """Return the Python sources of a package, as files of the folder that it is in."""
    return {
        file.relative_to(package.parent).as_posix(): file.read_bytes()
        for file in sorted(package.rglob("*.py"))
    }


def place(files: Files, folder: Path) -> None:
    """Make a folder with these files, unless it exists. It is complete at every moment that it exists."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".charlm-", suffix=".tmp", dir=folder.parent))
    try:
        for name, content in files.items():
            file = fresh / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not folder.exists():  # another worker on this machine may have made it
            raise


class Equipment:
    """Prepares each worker of a cluster once, also those that come later.

    Attributes:
        problem: why the worker cannot train; None if it can.
        hurry: whether its piece of work is to end as soon as it can.
        texts: the folder of the texts, by their digests, on this worker.
    """

    def __init__(
        self,
        name: str,
        charlm: str,
        code: Files,
        texts: Mapping[str, Files],
        packages: Mapping[str, str],
    ) -> None:
        """Collect what a worker needs.

        Args:
            name: of this equipment; another one may be on the same worker.
            charlm: the version of charlm.
            code: its source files.
            texts: the files of the texts, by their digests.
            packages: the packages that charlm needs, with the versions that they have here.
        """
        self.problem: str | None = None
        self.hurry = False
        self.texts = Path()
        self._name = name
        self._charlm = charlm
        self._code = code
        self._digest = digest_of(code)
        self._texts = texts
        self._packages = packages

    def setup(self, worker: Any) -> None:
        """Place code and texts in the worker's folders."""
        local = Path(worker.local_directory)
        self.texts = local / f"{self._name}-texts"
        try:
            for digest, files in self._texts.items():
                place(files, self.texts / digest)
            self.problem = (
                _of_threads(worker.state.nthreads)
                or package_problem(self._packages)
                or self._of_code(local)
            )
        except OSError as error:
            self.problem = f"it cannot write its files: {error}; give it another --local-directory"
        self._code, self._texts = {}, {}  # they are on its disk now

    def teardown(self, worker: Any) -> None:
        """Remove the texts."""
        shutil.rmtree(self.texts, ignore_errors=True)

    def _of_code(self, local: Path) -> str | None:
        """Let the worker import this charlm; return why it cannot, if it has imported another one."""
        if "charlm" not in sys.modules:
            folder = _code_folder(local) / self._digest
            if folder.exists() and digest_of(code_in(folder / "charlm")) != self._digest:
                shutil.rmtree(folder)  # damaged
            place(self._code, folder)
            sys.path.insert(0, str(folder))
        loaded = import_module("charlm")
        package = Path(str(loaded.__file__)).parent
        if digest_of(code_in(package)) == self._digest:
            return None
        return (
            f"it has charlm {loaded.__version__} of {package} in memory, and here is charlm {self._charlm}, with "
            "other code; start it again: it then gets the code from here"
        )


def package_problem(packages: Mapping[str, str]) -> str | None:
    """Return which packages are missing here, or compute other numbers than the given versions; None if all fit."""
    differing = []
    for name, wanted in packages.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        if found == "missing" or (name in NUMBERS and found != wanted):
            differing.append(f"{name} is {found} there and {wanted} here")
    if not differing:
        return None
    same = " ".join(f"{name}=={wanted}" for name, wanted in packages.items())
    return (
        f"{', '.join(differing)}. Results must not depend on the worker; install the same there with "
        f"`python -m pip install {same}`, and start it again"
    )


def _of_threads(threads: int) -> str | None:
    """Return why a process cannot run several tasks at once, if it does."""
    if threads == 1:
        return None
    return (
        f"it runs {threads} tasks at once in one process, where trainings would share memory that they write; "
        f"start it with --nworkers {threads} --nthreads 1"
    )


def _code_folder(local: Path) -> Path:
    """Return a folder that outlives the worker if possible: numba finds machine code by the path of its source."""
    root = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or root).expanduser() / "charlm" / "code"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except (OSError, RuntimeError):  # no permission, or no home
        pass
    return local / "charlm-code"


def plugin(base: type, *arguments: Any) -> Any:
    """Return an ``Equipment`` that is also of Dask's class of plugins, ``base``."""
    return type("CharlmEquipment", (Equipment, base), {})(*arguments)
