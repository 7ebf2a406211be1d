"""The current graph and the random stream of a DyNet program: the only global state of ``charlm.dynet``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import cached_property
from typing import Any

import numpy as np

from charlm.dynet.immediate import ImmediateGraph
from charlm.dynet.random import DynetStream
from charlm.engine.arrays import DType
from charlm.engine.compiled import Compiled
from charlm.engine.execute import NodeByNode
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops.arguments import unsigned
from charlm.engine.random import RandomStream
from charlm.errors import ArgumentError, NegativeIndexError
from charlm.kernels import NUMPY, Kernels, named_by_environment, select, with_tapes
from charlm.progress import Advance, listen
from charlm.threads import thread_count, use_threads

__all__ = ["cg_version", "reset_random_seed"]


class _Session:
    """The state that ``renew`` and ``start`` replace. Each part is made at its first use, not at the import."""

    def __init__(self) -> None:
        self.dtype: DType = np.float32
        self.weight_decay = 0.0

    @cached_property
    def kernels(self) -> Kernels:
        """The kernels of graphs and trainers."""
        return _kernels(None)

    @cached_property
    def stream(self) -> RandomStream:
        """The random numbers."""
        return DynetStream()

    @cached_property
    def graph(self) -> ComputationGraph:
        """The current graph."""
        return ComputationGraph(
            self.dtype, _CurrentStream(), self.kernels, executor=_executor(self)
        )


def _kernels(name: str | None) -> Kernels:
    """Return the kernels of this name, by default the one in ``CHARLM_KERNELS``, else "auto".

    "auto" is numpy, which need not be loaded, and machine code for tapes if there is any.
    """
    use_threads(thread_count(default=1))  # DyNet has one
    asked = named_by_environment() if name is None else name
    if asked not in ("auto", "numpy", "numba"):
        raise ArgumentError(
            f"kernels are 'numpy', 'numba' or 'auto' (the fastest available), got {asked!r}"
        )
    if asked == "numpy":
        return NUMPY
    context = copy_context()
    context.run(listen, _StandardError())
    return context.run(_compiled, asked == "numba")


def _compiled(wait: bool) -> Kernels:
    return with_tapes(select("numba" if wait else "numpy", thread_count(default=1)), wait)


class _StandardError:
    """Writes to stderr that code is being compiled."""

    def say(self, text: str) -> None:
        """Write a line."""
        print(f"charlm.dynet: {text}", file=sys.stderr)

    def task(self, what: str, total: float | None) -> AbstractContextManager[Advance]:
        """Show no progress."""
        return nullcontext(lambda amount: None)


class _CurrentStream:
    """Draws from the session's present stream: so a new seed also applies to existing graphs and collections."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_session.stream, name)


def start(settings: Mapping[str, Any], dtype: str = "float32", kernels: str | None = None) -> None:
    """Start again with settings like those of ``charlm.dynet_config.get()``: a new graph, a new random stream."""
    if dtype not in ("float32", "float64"):
        raise ArgumentError(f"init: dtype is 'float32' or 'float64', got {dtype!r}")
    _session.kernels = _kernels(kernels)
    reset_random_seed(settings["seed"])
    _session.dtype = np.dtype(dtype).type
    _session.weight_decay = settings["weight_decay"]
    renew()


def renew(immediate_compute: bool = False, check_validity: bool = False) -> ComputationGraph:
    """Discard the graph and return a new one; see ``charlm.dynet.renew_cg``."""
    old, version = _session.graph, _session.graph.version + 1
    old.release()
    settings = _session.dtype, _CurrentStream(), _session.kernels, version, _executor(_session)
    if immediate_compute:
        _session.graph = immediate = ImmediateGraph(*settings)
        immediate.check_validity = check_validity
    else:
        _session.graph = ComputationGraph(*settings)
    return _session.graph


def _executor(session: _Session) -> type[Compiled] | type[NodeByNode]:
    """Return the executor of graphs: compiled code if there is any and numbers are float32."""
    compiled = hasattr(session.kernels, "tape_forward")
    return Compiled if compiled and np.dtype(session.dtype) == np.float32 else NodeByNode


def cg() -> ComputationGraph:
    """Return the current graph."""
    return _session.graph


def cg_version() -> int:
    """Return how often the graph was renewed."""
    return _session.graph.version


def reset_random_seed(seed: int) -> None:
    """Seed the stream of initialisers, dropout and noise; 0 takes a seed from the operating system."""
    number = unsigned(seed, "reset_random_seed")
    if number >= 2**32:
        raise NegativeIndexError(f"reset_random_seed: a seed is less than 2**32, got {number}")
    _session.stream = DynetStream(number)


def stream() -> RandomStream:
    """Return the stream for a collection."""
    return _CurrentStream()


def dtype() -> DType:
    """Return the number type of new collections and graphs."""
    return _session.dtype


def kernels() -> Kernels:
    """Return the kernels of graphs and trainers."""
    return _session.kernels


def weight_decay() -> float:
    """Return the weight decay of new collections."""
    return _session.weight_decay


_session = _Session()
