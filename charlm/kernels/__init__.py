"""Functions on arrays for the few computations that matter for speed; they know nothing of graphs.

``Kernels`` is a set of such functions. ``reference`` has them in plain numpy and defines the right results;
``compiled`` has numba versions of most of them.
"""

from __future__ import annotations

import gc
import os
import sys
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import TypeAlias

from charlm.errors import MissingExtraError
from charlm.interrupts import postponed
from charlm.kernels import reference

Kernels: TypeAlias = ModuleType

VARIABLE = "CHARLM_KERNELS"
"""The environment variable that names the kernels, if neither a config nor an option does."""
START_UP = 0.5
"""Seconds that loading numba and the compiled kernels adds to the start of a process."""
SAMPLER_START_UP = 0.0125
"""Seconds that a compiled sampler must save to be loaded from its file.

Loading takes four times as long. But so all texts of 1,000 characters or more are sampled in the same way, and need
the same memory.
"""

# seconds that the compiled kernels save: measured for 36 models of 32 to 384 units, most within a factor of 1.3
PER_OPERATION = 4e-12
"""For each addition or multiplication of a matrix product."""
PER_STEP = {
    "rnn": 3.5e-6,
    "gru": 25e-6,
    "gru_after": 28e-6,
    "lstm": 17e-6,
    "coupled_lstm": 32e-6,
    "norm_lstm": 110e-6,
}
"""For each time step of a layer of any size, forward and backward: Python, and calls of numpy. By the kernels' name."""
PER_SAMPLED_CHARACTER = 15e-6
"""For each sampled character, or one character of several texts side by side."""


def namespace(name: str, functions: dict[str, object]) -> Kernels:
    """Return a set of kernels: the plain ones, where ``functions`` replace those of the same name."""
    kernels = ModuleType(name)
    vars(kernels).update({k: vars(reference)[k] for k in reference.__all__})
    vars(kernels).update(functions)
    return kernels


NUMPY: Kernels = namespace("numpy", {})


def named_by_environment() -> str:
    """Return the name in ``CHARLM_KERNELS``, which may be any text; ``auto`` if it is not set."""
    return os.environ.get(VARIABLE) or "auto"


def resolve(name: str, saved: float) -> str:
    """Return ``numpy`` or ``numba`` for ``auto``, and any other name unchanged.

    Args:
        name: ``numpy``, ``numba``, or ``auto`` to decide.
        saved: the seconds that compiled kernels save in the whole job. They are counted and never timed, so
            that a run can be repeated.

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

    numba's 110,000 objects stay in memory. Python's garbage collector would look at each of them in every full
    collection, which takes 20 to 50 ms. So if this call imports numba, it tells the collector to skip all objects
    that exist so far.

    Args:
        name: ``numpy`` or ``numba``.
        threads: the number of threads for the compiled kernels; ``charlm.threads`` sets numpy's.

    Raises:
        MissingExtraError: numba is not installed.
    """
    if name == "numpy":
        return NUMPY
    imported = "numba" in sys.modules
    try:
        with postponed():  # numba cannot be imported a second time
            from charlm.kernels.compiled import functions_for
    except ImportError as problem:
        raise MissingExtraError(
            "the choice of the numba kernels", "numba", "\nOr choose the kernels numpy."
        ) from problem
    if not imported:
        gc.freeze()
    return namespace("numba", functions_for(threads))


def with_tapes(kernels: Kernels, wait: bool = False) -> Kernels:
    """Return the same kernels together with those that run whole tapes, if there is machine code for them.

    Args:
        kernels: the kernels to add to.
        wait: whether to compile now and wait if there is no machine code yet. Otherwise the code is compiled in
            the background, for later processes.
    """
    from charlm.kernels import machine_code, memory

    entries = machine_code.entries(wait)
    if entries is None:
        return kernels
    own = {name: f for name, f in vars(kernels).items() if not name.startswith("_")}
    more = {"tape_memory": memory.empty, "update_at_most": sys.maxsize}
    return namespace(kernels.__name__, {**more, **own, **entries})


def with_sampler(kernels: Kernels, threads: int, wait: bool = False) -> Kernels:
    """Return the same kernels with a compiled sampler, which needs no numba, if there is machine code for it.

    Args:
        kernels: the kernels to add to.
        threads: the number of threads of the sampler.
        wait: whether to compile now and wait if there is no machine code yet.
    """
    from charlm.kernels import machine_code
    from charlm.kernels.sampler import sampler
    from charlm.kernels.team import Team

    entries = machine_code.entries(wait, machine_code.SAMPLING, later=False)
    if entries is None:
        return kernels
    functions = {name: machine_code.concurrent(entry) for name, entry in entries.items()}
    own = {name: f for name, f in vars(kernels).items() if not name.startswith("_")}
    compiled = {"sampler": partial(sampler, functions, Team(threads, functions))}
    return namespace(kernels.__name__, {**own, **compiled})


def prepare_sampler() -> None:
    """Compile the sampler in the background, for later processes, unless that was done on this machine."""
    from charlm.kernels import machine_code

    machine_code.entries(module=machine_code.SAMPLING)
