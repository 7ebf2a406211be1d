"""How everything here is compiled, and where the machine code is kept."""

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
from charlm.kernels.compiling import COMPILING
from charlm.kernels.machine_code import sources

SETTINGS: Any = config
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""What holds for all that is compiled. It makes no arrays, so nothing needs numba's counts of references."""


class _Watch(event.Listener):
    """Has numba tell of each function that it compiles, and of none that it finds in the cache.

    A kernel may be compiled on a thread of a team, which nobody listens to: so in the context of this import.
    """

    def __init__(self) -> None:
        self._context = copy_context()

    def on_start(self, event: Any) -> None:
        self._context.run(COMPILING.begin)

    def on_end(self, event: Any) -> None:
        self._context.run(COMPILING.end)


event.register("numba:compile", _Watch())


def compiled(signature: str | None = None) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function: at once for a given signature, else at the first call.

    Arithmetic on single numbers keeps NaN and infinity. A signature spares the variants that numba
    would otherwise make for arguments that are constants.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        users, SETTINGS.CACHE_DIR = SETTINGS.CACHE_DIR, CACHE
        try:
            return numba.njit(signature, **OPTIONS, cache=bool(CACHE))(function)
        finally:
            SETTINGS.CACHE_DIR = users  # other users of numba keep their own

    return decorate


def instructions(function: Callable[..., Any]) -> Any:
    """Let compiled code call what tells its type and writes its LLVM instructions."""
    return intrinsic(function)


def _cache() -> str:
    """The user's folder for this state of the source; empty if there is none to write to.

    Without one everything is compiled anew in each process.
    """
    if SETTINGS.CACHE_DIR:
        return str(SETTINGS.CACHE_DIR)
    # numba looks at the file that holds a function, not at those that it calls into
    state = hashlib.sha256(f"{sys.version_info} {numba.__version__}".encode())
    for source in sources():
        state.update(source.read_bytes())
    return str(cache_folder(f"kernels-{state.hexdigest()[:16]}") or "")


CACHE = _cache()
