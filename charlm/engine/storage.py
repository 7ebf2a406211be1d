"""The flat buffer that holds a collection's parameters.

All values of a collection are in one array and all gradients in another. So an update, a norm or a
checkpoint is one pass over contiguous memory. Parameters hold offsets, not views, because the
buffer grows when parameters are added.

A graph that has read a parameter continues to see the value that it read (DyNet's snapshot rule). There
are two value buffers for this: a write while a graph still reads the current buffer goes to the other one.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from charlm.engine.arrays import Array, DType
from charlm.errors import ArgumentError
from charlm.kernels.tapes import place


class Writes:
    """Counts how often any parameters were opened for writing."""

    count = 0


WRITES = Writes()


class _ValueBuffer:
    """An array of values, its address, and the graphs that have taken views of it."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.place = place(array)
        self.readers: set[ref[Any]] = set()  # a WeakSet takes several times as long


class Storage:
    """Values and gradients of many parameters, one after the other.

    Attributes:
        size: how many numbers there are.
        values: the current values, for reading only. A write may replace this array: do not keep it.
        gradients: the accumulated gradients.
        decay: the factor w of the weight decay in ``engine/parameters.py``.
    """

    def __init__(self, dtype: DType) -> None:
        self.dtype = np.dtype(dtype)
        self.size = 0
        self.decay = 1.0
        self._current = _ValueBuffer(np.zeros(0, dtype))
        self._spare = _ValueBuffer(np.zeros(0, dtype))
        self._gradients: Array = np.zeros(0, dtype)
        self.values: Array = self._current.array[:0]
        self.gradients: Array = self._gradients[:0]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled or copied: then no object with parameters can be."""
        raise ArgumentError(
            "an object with parameters cannot be pickled or copied: ParameterCollection.save() writes them, and "
            "populate() reads them into a model that was made in the same way; dy.save() and dy.load() do this for "
            "several objects"
        )

    def allocate(self, count: int) -> int:
        """Reserve ``count`` zeros at the end and return their offset."""
        offset, self.size = self.size, self.size + count
        if self.size > self._gradients.size:
            capacity = max(self.size, 2 * self._gradients.size)
            # graphs continue to read the old buffer
            self._current = _ValueBuffer(np.zeros(capacity, self.dtype))
            self._current.array[:offset] = self.values
            self._gradients = np.zeros(capacity, self.dtype)
            self._gradients[:offset] = self.gradients
        self.values = self._current.array[: self.size]
        self.gradients = self._gradients[: self.size]
        return offset

    @property
    def place(self) -> int:
        """The address of the current values, for compiled code."""
        return self._current.place

    def read(self, reader: object) -> Array:
        """Return the current values; they do not change while ``reader`` lives, or until ``forget(reader)``."""
        readers = self._current.readers
        if ref(reader) not in readers:
            readers.add(ref(reader, readers.discard))
        return self.values

    def forget(self, reader: object) -> None:
        """Note that ``reader`` no longer needs what it has read."""
        self._current.readers.discard(ref(reader))
        self._spare.readers.discard(ref(reader))

    def writable(self) -> Array:
        """Return the values for writing in place. What graphs have read does not change."""
        WRITES.count += 1
        if self._current.readers:
            if self._spare.readers or self._spare.array.size != self._current.array.size:
                self._spare = _ValueBuffer(np.zeros_like(self._current.array))
            self._spare.array[: self.size] = self.values
            self._current, self._spare = self._spare, self._current
            self.values = self._current.array[: self.size]
        return self.values
