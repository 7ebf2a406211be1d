"""What the cells share: arguments made flat, what is saved for backward, and when the plain kernels do the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from math import prod
from typing import Any, TypeAlias

import numpy as np

from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.team import Team
from charlm.kernels.memory import FLOAT32
from charlm.kernels.reference.common import Array, EmbeddedInput, Input

FEW = 4
"""Positions; for fewer, packing the weights costs more than the product."""
TOGETHER = 64
"""Positions whose input is multiplied at once: enough to fill the tiles, few enough to stay in the cache."""
WORTH_SHARING = 250_000
"""Multiplications and additions; a smaller step of a recurrence, or a smaller job, is done by one thread."""
HANDOVER = 16
"""To hand a job to a thread costs as much as so many meetings inside one."""
MEMORY = 16
"""To fetch a number from memory and put it back costs as much as so many operations."""
NOTHING = np.zeros(0, np.float32)
NO_IDS = np.zeros(0, np.int64)
Call: TypeAlias = Callable[[], None]
"""A kernel with its arguments; called again, it computes with what its arrays then hold."""


class ForwardMemory:
    """Memory filled by forward, in which backward puts the gradients: it is there to be taken once."""

    def __init__(self, *arrays: Array) -> None:
        self._arrays = arrays

    def take(self, forward: Callable[[], tuple[Any, ForwardMemory]]) -> tuple[Array, ...]:
        """Return the memory; the second time ``forward`` is run again for it."""
        if not self._arrays:
            self._arrays = forward()[1]._arrays
        arrays, self._arrays = self._arrays, ()
        return arrays


def at_once(prepare: Callable[..., tuple[Call, Any]]) -> Callable[..., Any]:
    """Make a kernel of what prepares its call, and returns that and the arrays that it fills."""

    @wraps(prepare)
    def kernel(*args: Any, **kwargs: Any) -> Any:
        call, found = prepare(*args, **kwargs)
        call()
        return found

    return kernel


def forward_like(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Leave float64, short sequences and what the kernel does not take, such as masks, to the plain one."""

    def decorate(kernel: Callable[..., Any]) -> Any:
        known = len(signature(kernel).parameters) - 2  # after the team and x

        @wraps(plain)
        def forward(team: Team, x: Input, *args: Any, **kwargs: Any) -> Any:
            few = prod(x.shape[:-1]) < FEW
            if few or x.dtype != FLOAT32 or len(args) > known:
                return plain(x, *args, **kwargs)
            return kernel(team, x, *args, **kwargs)

        return forward

    return decorate


def backward_like(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Go back the way that forward went."""

    def decorate(kernel: Callable[..., Any]) -> Any:
        @wraps(plain)
        def backward(team: Team, *args: Any, **kwargs: Any) -> Any:
            found = any(isinstance(a, ForwardMemory) for a in args)
            return kernel(team, *args, **kwargs) if found else plain(*args, **kwargs)

        return backward

    return decorate


def flat(array: Array | None) -> Array:
    """All numbers of an array in a row; None has none."""
    return NOTHING if array is None else array.ravel()


def arrays_like(team: Team, arrays: Sequence[Array], into: Sequence[Array] | None) -> list[Array]:
    """Return the arrays to fill with gradients: those given, or new ones of the same shapes."""
    return [team.empty(*a.shape) for a in arrays] if into is None else list(into)


def input_parts(x: Input) -> tuple[Array, Array, int]:
    """The input's numbers or its table's, the ids if it has a table, and the number of its rows, else 1."""
    if isinstance(x, EmbeddedInput):
        ids = np.ascontiguousarray(x.ids_TB, np.int64).reshape(-1)
        return flat(x.table_VI), ids, len(x.table_VI)
    return flat(x), NO_IDS, 1


def input_gradient(team: Team, x: Input, padded: int) -> Array:
    """Memory for the gradient of the input, or of its table, with rows of ``padded`` numbers."""
    rows = (len(x.table_VI),) if isinstance(x, EmbeddedInput) else x.shape[:2]
    return team.empty(*rows, padded)


def steps_together(T: int, B: int) -> int:
    """Time steps whose input is multiplied at once."""
    return max(1, min(T, TOGETHER // B))


def threads_for(team: Team, operations: int, units: int) -> int:
    """How many threads share a step of so many operations on so many units."""
    return 1 if operations < WORTH_SHARING else min(team.threads, -(-units // PANEL))


def threads_for_texts(team: Team, operations: int, texts: int) -> int:
    """How many threads share texts side by side, on which they meet only a few times in the whole sequence."""
    return threads_for(team, operations // HANDOVER, texts * PANEL)


def cropped(array: Array, size: int) -> Array:
    """Without the padding at the end of each row."""
    return array if array.shape[-1] == size else array[..., :size]
