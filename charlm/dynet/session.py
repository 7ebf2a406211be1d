"""The one current graph and the one random stream that a DyNet program works on: the facade's only global state."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
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
from charlm.kernels import NUMPY, Kernels, select, with_tapes
from charlm.progress import Advance, listen
from charlm.threads import thread_count, use_threads

__all__ = [
    "cg_version",
    "reset_random_seed",
]


class _Session:
    """What ``renew`` and ``start`` replace."""

    def __init__(self) -> None:
        self.dtype: DType = np.float32
        self.weight_decay = 0.0
        use_threads(thread_count(default=1))  # DyNet has one
        self.kernels = _kernels(None)
        self.stream: RandomStream = DynetStream()
        self.graph = ComputationGraph(
            self.dtype, _CurrentStream(), self.kernels, executor=_executor(self)
        )


def _kernels(name: str | None) -> Kernels:
    """Return the kernels called so; None is what ``CHARLM_KERNELS`` says, else auto.

    That is numpy's, which need no loading, and for tapes machine code if it is there.
    """
    asked = os.environ.get("CHARLM_KERNELS") or "auto" if name is None else name
    if asked not in ("auto", "numpy", "numba"):
        raise ArgumentError(
            f"kernels are 'numpy', 'numba' or 'auto', which is the quickest that is there, not {asked!r}"
        )
    if asked == "numpy":
        return NUMPY
    context = copy_context()
    context.run(listen, _StandardError())
    return context.run(_compiled, asked == "numba")


def _compiled(wait: bool) -> Kernels:
    return with_tapes(select("numba" if wait else "numpy", thread_count(default=1)), wait)


class _StandardError:
    """Tells a program's user that something is compiled."""

    def say(self, text: str) -> None:
        """Write a line."""
        print(f"charlm.dynet: {text}", file=sys.stderr)

    def task(self, what: str, total: float | None) -> AbstractContextManager[Advance]:
        """Show no progress."""
        return nullcontext(lambda amount: None)


class _CurrentStream:
    """Passes draws on to the session's stream, so that reseeding also reaches graphs and collections made before."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_session.stream, name)


def start(settings: Mapping[str, Any], dtype: str = "float32", kernels: str | None = None) -> None:
    """Start afresh with settings as ``charlm.dynet_config.get()`` has them: a new graph, a new random stream."""
    if dtype not in ("float32", "float64"):
        raise ArgumentError(f"init: dtype is 'float32' or 'float64', not {dtype!r}")
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
        _session.graph = ImmediateGraph(*settings, check_validity)
    else:
        _session.graph = ComputationGraph(*settings)
    return _session.graph


def _executor(session: _Session) -> type[Compiled] | type[NodeByNode]:
    """Return what evaluates graphs: compiled code where there is some and numbers have 32 bits."""
    compiled = hasattr(session.kernels, "tape_forward")
    return Compiled if compiled and np.dtype(session.dtype) == np.float32 else NodeByNode


def cg() -> ComputationGraph:
    """Return the current graph."""
    return _session.graph


def cg_version() -> int:
    """Return how often the graph was renewed."""
    return _session.graph.version


def reset_random_seed(seed: int) -> None:
    """Seed the one stream that initialisers, dropout and noise draw from; 0 asks the operating system for a seed."""
    number = unsigned(seed, "reset_random_seed")
    if number >= 2**32:
        raise NegativeIndexError(f"reset_random_seed: a seed is less than 2**32, got {number}")
    _session.stream = DynetStream(number)


def stream() -> RandomStream:
    """Return the stream, for a collection to keep."""
    return _CurrentStream()


def dtype() -> DType:
    """Return the number type of new collections and graphs."""
    return _session.dtype


def kernels() -> Kernels:
    """Return what graphs and trainers compute with."""
    return _session.kernels


def weight_decay() -> float:
    """Return the weight decay of new collections."""
    return _session.weight_decay


_session = _Session()
