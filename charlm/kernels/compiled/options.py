"""How numba compiles everything here, and where it keeps the machine code."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import numba
from numba.core import config, event
from numba.extending import intrinsic

from charlm.files import cache_folder
from charlm.interrupts import postponed
from charlm.kernels.compiling import COMPILING
from charlm.kernels.machine_code import sources

SETTINGS: Any = config
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""Options for all compiled functions. They make no arrays, so they need no reference counts of numba."""


class _Watch(event.Listener):
    """Notes each function that numba compiles; those from the cache are not reported.

    A thread of a team may compile a kernel, but has no listener for progress: so this uses the importer's context.
    """

    def __init__(self) -> None:
        self._context = copy_context()

    def on_start(self, event: Any) -> None:
        self._context.run(COMPILING.begin)

    def on_end(self, event: Any) -> None:
        self._context.run(COMPILING.end)


event.register("numba:compile", _Watch())


def compiled(
    signature: str | None = None, inline: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function: at once for a given signature, else at the first call.

    Arithmetic on single numbers keeps NaN and infinity. With a signature, numba makes no variants for
    arguments that are constants. With ``inline`` each call gets a copy of the code, and constants are known in it.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        users, SETTINGS.CACHE_DIR = SETTINGS.CACHE_DIR, CACHE
        try:
            options = {**OPTIONS, "cache": bool(CACHE), "forceinline": inline}
            kernel: Any = numba.njit(signature, **options)(function)
            # numba's lists of functions are damaged for the whole process if this is interrupted
            kernel.compile = postponed()(kernel.compile)
            return kernel
        finally:
            SETTINGS.CACHE_DIR = users  # other users of numba keep their own folder

    return decorate


def instructions(function: Callable[..., Any]) -> Any:
    """Let compiled code call a function that returns its type and writes its LLVM instructions."""
    return intrinsic(function)


def _cache() -> str:
    """Return the user's folder for this state of the source; empty if no folder can be written to.

    Without a folder each process compiles everything again.
    """
    if SETTINGS.CACHE_DIR:
        return str(SETTINGS.CACHE_DIR)
    # numba checks the file of a function for changes, but not the files of the functions that it calls
    state = hashlib.sha256(f"{sys.version_info} {numba.__version__}".encode())
    for source in sources():
        state.update(source.read_bytes())
    return str(cache_folder(f"kernels-{state.hexdigest()[:16]}") or "")


CACHE = _cache()
