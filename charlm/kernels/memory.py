"""Memory for large arrays. It is reused once no array refers to it any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import prod
from typing import Any
from weakref import ref

import numpy as np

from charlm.kernels.reference.common import Array

FLOAT32 = np.dtype(np.float32)  # comparing with it is ten times as fast as with the class
SMALL = 1 << 14  # numbers; for smaller arrays the system's allocator is as good


class Memory:
    """Buffers of one thread.

    Fresh memory costs a page fault for every 4 KB, often more than the arithmetic on it.
    """

    def __init__(self) -> None:
        self._buffers: dict[int, list[_Reusable]] = {}  # by their capacity

    def empty(self, *shape: int) -> Array:
        """Return an array of float32 with no particular content."""
        size = prod(shape)
        if size < SMALL:
            return np.empty(shape, FLOAT32)
        step = 1 << (size.bit_length() - 3)
        capacity = -(-size // step) * step  # texts of slightly different lengths share a buffer
        return self._buffer(capacity).array(size).reshape(shape)

    def _buffer(self, capacity: int) -> _Reusable:
        """Return memory that is not in use."""
        for buffer in self._buffers.get(capacity, ()):
            if buffer.user() is None:
                return buffer
        self._drop_unused()
        buffer = _Reusable(capacity)
        self._buffers.setdefault(capacity, []).append(buffer)
        return buffer

    def _drop_unused(self) -> None:
        """Free unused memory, the oldest first, until no more is unused than is in use."""
        everything = [(c, b) for c, buffers in self._buffers.items() for b in buffers]
        left = sum(capacity for capacity, buffer in everything if buffer.user() is not None)
        kept = []
        for capacity, buffer in reversed(everything):
            if buffer.user() is None:
                left -= capacity
            if buffer.user() is not None or left >= 0:
                kept.append((capacity, buffer))
        self._buffers = {}
        for capacity, buffer in reversed(kept):
            self._buffers.setdefault(capacity, []).append(buffer)


class _Reusable:
    """Memory that arrays use one after another.

    Attributes:
        user: returns the array that uses it now; None once neither the array nor a view of it is left.
    """

    __slots__ = ("_memory", "user")

    def __init__(self, capacity: int) -> None:
        memory: Any = np.empty(capacity, FLOAT32)
        self._memory = memoryview(memory)
        self.user: Callable[[], Array | None] = lambda: None

    def array(self, size: int) -> Array:
        """Return an array in this memory. All views of it keep it alive, as it is no view of another array."""
        array = np.frombuffer(self._memory, FLOAT32, size)
        self.user = ref(array)
        return array


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.memory = Memory()


_here = _OfThread()


def empty(*shape: int) -> Array:
    """Return an array of float32 with no particular content, in memory of the calling thread."""
    return _here.memory.empty(*shape)


def address(array: Array) -> int:
    """Return the address of an array's first number, for compiled code; whoever calls keeps the array."""
    where: int = array.__array_interface__["data"][0]
    return where
