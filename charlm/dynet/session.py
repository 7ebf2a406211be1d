"""The one current graph and the one random stream that a DyNet program works on: the facade's only global state."""

from __future__ import annotations

from typing import Any

import numpy as np

from charlm.engine.arrays import DType
from charlm.engine.graph import ComputationGraph
from charlm.engine.immediate import ImmediateGraph
from charlm.engine.ops.arguments import unsigned
from charlm.engine.random import DynetStream, RandomStream
from charlm.errors import ArgumentError, NegativeIndexError

__all__ = [
    "cg",
    "cg_version",
    "init",
    "renew_cg",
    "reset_random_seed",
]


class _Session:
    """What ``renew_cg`` and ``init`` replace."""

    def __init__(self) -> None:
        self.dtype: DType = np.float32
        self.stream: RandomStream = DynetStream()
        self.graph = ComputationGraph(self.dtype, _CurrentStream())


class _CurrentStream:
    """Passes draws on to the session's stream, so that reseeding also reaches graphs and collections made before."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_session.stream, name)


def init(random_seed: int = 0, dtype: str = "float32") -> None:
    """Start afresh: a new graph, a new random stream.

    DyNet reads such settings from ``sys.argv`` when it is imported; here a program asks for them.

    Args:
        random_seed: 0 takes a seed from the operating system.
        dtype: "float32", as DyNet, or "float64" for gradient checks; for collections made from now on.
    """
    if dtype not in ("float32", "float64"):
        raise ArgumentError(f"init: dtype is 'float32' or 'float64', not {dtype!r}")
    _session.dtype = np.dtype(dtype).type
    reset_random_seed(random_seed)
    renew_cg()


def renew_cg(immediate_compute: bool = False, check_validity: bool = False) -> ComputationGraph:
    """Discard the graph and return a new one; expressions of the old one become stale.

    Args:
        immediate_compute: compute every node as it is made, to see which line fails.
        check_validity: then also raise RuntimeError for a node with NaN or an infinite number.
    """
    old, version = _session.graph, _session.graph.version + 1
    old.release()
    if immediate_compute:
        _session.graph = ImmediateGraph(
            _session.dtype, _CurrentStream(), version=version, check_validity=check_validity
        )
    else:
        _session.graph = ComputationGraph(
            _session.dtype, _CurrentStream(), version=version, planned=None
        )
    return _session.graph


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


_session = _Session()
