"""Array functions for the few computations that matter for speed; they know nothing of graphs.

``Kernels`` is the set of functions that an engine runs on. ``reference`` and ``updates`` are plain
numpy and define what is right; ``compiled`` has numba versions of most of them.
"""

from __future__ import annotations

import gc
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import TypeAlias

from charlm.errors import MissingExtraError
from charlm.kernels import reference, updates

Kernels: TypeAlias = ModuleType

START_UP = 2e10
"""Operations that numpy does in the second or so that loading numba takes."""


def namespace(name: str, functions: dict[str, object]) -> Kernels:
    """Return a set of kernels: the plain ones, with ``functions`` in the place of those of the same name."""
    kernels = ModuleType(name)
    for plain in (reference, updates):
        vars(kernels).update({k: f for k, f in vars(plain).items() if not k.startswith("_")})
    vars(kernels).update(functions)
    return kernels


NUMPY: Kernels = namespace("numpy", {})


def resolve(name: str, operations: float) -> str:
    """Return ``numpy`` or ``numba`` for ``auto``, any other name as it is.

    Args:
        name: ``numpy``, ``numba``, or ``auto`` to decide.
        operations: additions and multiplications of the whole job, counted and never timed, so that a
            run can be repeated.

    Example:
        >>> resolve("auto", operations=1e6)
        'numpy'
    """
    if name != "auto":
        return name
    return "numba" if operations > START_UP and has_numba() else "numpy"


def has_numba() -> bool:
    """Tell whether numba is installed, without importing it."""
    return find_spec("numba") is not None


def select(name: str, threads: int = 1) -> Kernels:
    """Return the kernels called ``numpy`` or ``numba``.

    numba's 110,000 objects stay. Where they were not there before, Python's garbage collector is told to leave out all
    objects that there are so far: else it would look at each in every full collection, which takes 20 to 50 ms.

    Args:
        name: which.
        threads: how many the compiled kernels may use; ``charlm.threads`` tells numpy.

    Raises:
        MissingExtraError: numba is asked for and not installed.
    """
    if name == "numpy":
        return NUMPY
    imported = "numba" in sys.modules
    try:
        from charlm.kernels.compiled import functions_for
    except ImportError as problem:
        raise MissingExtraError(
            "the choice of the numba kernels", "numba", "\nOr choose the kernels numpy."
        ) from problem
    if not imported:
        gc.freeze()
    return namespace("numba", functions_for(threads))


__all__ = ["NUMPY", "START_UP", "Kernels", "has_numba", "reference", "resolve", "select"]
