"""What all kernels share: flat arguments, what forward keeps for backward, and when the plain kernels do the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any, TypeAlias

import numpy as np

from charlm.kernels.compiled.product import PANEL
from charlm.kernels.memory import FLOAT32
from charlm.kernels.reference.common import Array, EmbeddedInput, Input
from charlm.kernels.team import Team

FEW = 4
"""Positions. For fewer, packing the weights costs more than the product."""
TOGETHER = 64
"""Positions that are multiplied at once: enough to fill the tiles, few enough to stay in the cache."""
WORTH_SHARING = 250_000
"""Multiplications and additions. One thread alone does a smaller step of a recurrence, or a smaller job."""
HANDOVER = 16
"""To hand a job to a thread costs as much as this many meetings of the threads."""
MEMORY = 16
"""To read a number from memory and write it back costs as much as this many operations."""
NOTHING = np.zeros(0, np.float32)
NO_IDS = np.zeros(0, np.int64)
Call: TypeAlias = Callable[[], None]
"""A kernel with its arguments. Each call computes with the current content of its arrays."""


class ForwardMemory:
    """Memory that forward fills and backward overwrites with gradients, so it can be taken only once."""

    def __init__(self, *arrays: Array) -> None:
        self._arrays = arrays

    def take(self, forward: Callable[[], tuple[Any, ForwardMemory]]) -> tuple[Array, ...]:
        """Return the memory; the second time, run ``forward`` again to fill it."""
        if not self._arrays:
            self._arrays = forward()[1]._arrays
        arrays, self._arrays = self._arrays, ()
        return arrays


def at_once(prepare: Callable[..., tuple[Call, Any]]) -> Callable[..., Any]:
    """Make a kernel of a function that returns a call and the arrays that the call fills."""

    @wraps(prepare)
    def kernel(*args: Any, **kwargs: Any) -> Any:
        call, results = prepare(*args, **kwargs)
        call()
        return results

    return kernel


def forward_like(plain: Callable[..., Any], most: int, kernel: Callable[..., Any]) -> Any:
    """Return the kernel, but plain for float64, short sequences, and more than ``most`` arguments after x: masks."""

    @wraps(plain)
    def forward(team: Team, x: Input, *args: Any, **kwargs: Any) -> Any:
        few = prod(x.shape[:-1]) < FEW
        if few or x.dtype != FLOAT32 or len(args) > most:
            return plain(x, *args, **kwargs)
        return kernel(team, x, *args, **kwargs)

    return forward


def backward_like(plain: Callable[..., Any], kernel: Callable[..., Any]) -> Any:
    """Return the kernel, but plain where forward was plain."""

    @wraps(plain)
    def backward(team: Team, *args: Any, **kwargs: Any) -> Any:
        compiled = any(isinstance(a, ForwardMemory) for a in args)
        return kernel(team, *args, **kwargs) if compiled else plain(*args, **kwargs)

    return backward


def flat(array: Array | None) -> Array:
    """Return all numbers of an array with one axis; of None an empty array."""
    return NOTHING if array is None else array.ravel()


def flats(arrays: Sequence[Array | None]) -> tuple[Array, ...]:
    """Return each array with one axis."""
    return tuple(map(flat, arrays))


def arrays_like(
    team: Team, arrays: Sequence[Array | None], into: Sequence[Array] | None
) -> list[Any]:
    """Return the arrays to fill with gradients: those given, or new ones of the same shapes."""
    if into is not None:
        return list(into)
    return [None if a is None else team.empty(*a.shape) for a in arrays]


def input_parts(x: Input) -> tuple[Array, Array, int]:
    """Return the numbers of the input, no ids and 1; or the numbers of its table, the ids and the number of rows."""
    if isinstance(x, EmbeddedInput):
        ids = np.ascontiguousarray(x.ids_TB, np.int64).reshape(-1)
        return flat(x.table_VI), ids, len(x.table_VI)
    return flat(x), NO_IDS, 1


def input_gradient(team: Team, x: Input, padded: int) -> Array:
    """Return memory for the gradient of the input, or of its table, with rows of ``padded`` numbers."""
    rows = (len(x.table_VI),) if isinstance(x, EmbeddedInput) else x.shape[:2]
    return team.empty(*rows, padded)


def steps_together(T: int, B: int) -> int:
    """Return how many time steps are multiplied at once."""
    return max(1, min(T, TOGETHER // B))


def threads_for(team: Team, operations: int, units: int) -> int:
    """Return how many threads share a step of this many operations on this many units."""
    return 1 if operations < WORTH_SHARING else min(team.threads, -(-units // PANEL))


def threads_for_texts(team: Team, operations: int, texts: int) -> int:
    """Return how many threads share the texts; these threads meet only a few times in the whole sequence."""
    return threads_for(team, operations // HANDOVER, texts * PANEL)


def cropped(array: Array, size: int) -> Array:
    """Return an array without the padding at the end of each row."""
    return array if array.shape[-1] == size else array[..., :size]
