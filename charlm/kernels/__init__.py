"""Array functions for the few computations that matter for speed; they know nothing of graphs.

``Kernels`` is the set of functions that an engine runs on. ``reference`` and ``updates`` are plain
numpy and define what is right; ``compiled`` has numba versions of most of them.
"""

from __future__ import annotations

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

    Args:
        name: which.
        threads: how many the compiled kernels may use; ``charlm.threads`` tells numpy.

    Raises:
        MissingExtraError: numba is asked for and not installed.
    """
    if name == "numpy":
        return NUMPY
    try:
        from charlm.kernels.compiled import functions_for
    except ImportError as problem:
        raise MissingExtraError(
            "the choice of the numba kernels", "numba", "\nOr choose the kernels numpy."
        ) from problem
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
    return namespace(kernels.__name__, {**own, **found, "tape_memory": memory.empty})


__all__ = ["NUMPY", "START_UP", "Kernels", "has_numba", "reference", "resolve", "select", "with_tapes"]
