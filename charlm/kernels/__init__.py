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

START_UP = 0.5
"""Seconds that it takes to load numba and the compiled kernels, more than numpy alone."""

# what the compiled kernels save, in seconds: measured for 36 models of 32 to 384 units, most within 1.3 times
PER_OPERATION = 4e-12
"""For an addition or multiplication of a product, and what comes with it."""
PER_STEP = {"rnn": 3.5e-6, "gru": 25e-6, "lstm": 17e-6, "coupled_lstm": 32e-6, "norm_lstm": 110e-6}
"""For a layer's step in time, there and back, of any size: Python, and calls of numpy. By the kernels' name."""
PER_DRAW = 15e-6
"""For a drawn character, or several side by side."""


def namespace(name: str, functions: dict[str, object]) -> Kernels:
    """Return a set of kernels: the plain ones, with ``functions`` in the place of those of the same name."""
    kernels = ModuleType(name)
    for plain in (reference, updates):
        vars(kernels).update({k: f for k, f in vars(plain).items() if not k.startswith("_")})
    vars(kernels).update(functions)
    return kernels


NUMPY: Kernels = namespace("numpy", {})


def resolve(name: str, saved: float) -> str:
    """Return ``numpy`` or ``numba`` for ``auto``, any other name as it is.

    Args:
        name: ``numpy``, ``numba``, or ``auto`` to decide.
        saved: the seconds that compiled kernels save in the whole job, counted and never timed, so that a
            run can be repeated.

    Example:
        >>> resolve("auto", saved=0.01)
        'numpy'
    """
    if name != "auto":
        return name
    return "numba" if saved > START_UP and has_numba() else "numpy"


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


def with_tapes(kernels: Kernels, wait: bool = False) -> Kernels:
    """Return the same kernels with those that run whole tapes, if there is machine code for them.

    Args:
        kernels: the others.
        wait: whether to compile them now, if that was not done before; else it is done in the background, for
            the processes that come later.
    """
    from charlm.kernels import machine_code, memory

    found = machine_code.entries(wait)
    if found is None:
        return kernels
    own = {name: f for name, f in vars(kernels).items() if not name.startswith("_")}
    more = {"tape_memory": memory.empty, "update_at_most": sys.maxsize}
    return namespace(kernels.__name__, {**more, **own, **found})


__all__ = [
    "NUMPY",
    "PER_DRAW",
    "PER_OPERATION",
    "PER_STEP",
    "START_UP",
    "Kernels",
    "has_numba",
    "reference",
    "resolve",
    "select",
    "with_tapes",
]
