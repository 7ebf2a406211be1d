"""How everything here is compiled, and where the machine code is kept."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import config, njit

import charlm


def compiled(*signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function: at once for a given signature, else at the first call.

    Arithmetic on single numbers keeps NaN and infinity. A signature spares the variants that numba
    would otherwise make for arguments that are constants.
    """
    return njit(*signature, nogil=True, error_model="numpy", cache=CACHED)


def _cache_folder() -> Path:
    """A folder of the user's, of its own for each state of this source and each numba."""
    if sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # numba looks at the file that holds a function, not at those that it calls into
    state = hashlib.sha256(f"{sys.version_info} {numba.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        state.update(source.read_bytes())
    return root / "charlm" / f"{charlm.__version__}-{state.hexdigest()[:16]}"


def _use_cache() -> bool:
    """Whether there is a folder to keep machine code in; without one it is compiled anew in each process."""
    if config.CACHE_DIR:  # the user's own choice of a folder
        return True
    try:
        folder = _cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # not writable, or nobody's home
        return False
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    config.CACHE_DIR = str(folder)
    return True


CACHED = _use_cache()
