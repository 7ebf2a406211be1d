"""The flat buffer behind a collection's parameters.

All values of a collection lie in one array and all gradients in another, so that an update, a norm
or a checkpoint is one pass over contiguous memory. Parameters hold offsets, not views, because the
buffer grows as they are added.

A graph that has read a parameter keeps seeing the value it read (DyNet's snapshot rule). Two value
buffers in turn give that: whoever wants to write while a graph still reads the current buffer gets
the other one.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from charlm.engine.arrays import Array, DType
from charlm.errors import ArgumentError
from charlm.kernels.tapes import place


class Writes:
    """How often any parameters were opened for writing."""

    count = 0


WRITES = Writes()


class _Buffer:
    """A value array, and the graphs that have taken views of it."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.place = place(array)
        self.readers: set[ref[Any]] = set()  # a WeakSet takes several times as long


class Storage:
    """Values and gradients of many parameters, one after the other."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = np.dtype(dtype)
        self.size = 0
        self.decay = 1.0  # w in the weight decay of engine/parameters.py
        self._current = _Buffer(np.zeros(0, dtype))
        self._spare = _Buffer(np.zeros(0, dtype))
        self._gradients: Array = np.zeros(0, dtype)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled or copied, and so whatever has parameters."""
        raise ArgumentError(
            "what has parameters cannot be pickled or copied: ParameterCollection.save() writes them, and populate() "
            "reads them into a model that was made in the same way; dy.save() and dy.load() do so for several objects"
        )

    def allocate(self, count: int) -> int:
        """Reserve ``count`` zeros at the end and return their offset."""
        offset, self.size = self.size, self.size + count
        if self.size > self._gradients.size:
            capacity = max(self.size, 2 * self._gradients.size)
            # graphs go on reading the buffer they know
            grown = _Buffer(np.zeros(capacity, self.dtype))
            grown.array[:offset] = self._current.array[:offset]
            self._current = grown
            gradients = np.zeros(capacity, self.dtype)
            gradients[:offset] = self._gradients[:offset]
            self._gradients = gradients
        return offset

    @property
    def values(self) -> Array:
        """The current values, for reading only."""
        return self._current.array[: self.size]

    @property
    def place(self) -> int:
        """Where the current values begin, for compiled code."""
        return self._current.place

    @property
    def gradients(self) -> Array:
        """The accumulated gradients."""
        return self._gradients[: self.size]

    def read(self, reader: object) -> Array:
        """Return the current values; they stay as they are while ``reader`` lives or until it is ``forget``-ed."""
        readers = self._current.readers
        if ref(reader) not in readers:
            readers.add(ref(reader, readers.discard))
        return self.values

    def forget(self, reader: object) -> None:
        """Note that ``reader`` no longer needs what it has read."""
        self._current.readers.discard(ref(reader))
        self._spare.readers.discard(ref(reader))

    def writable(self) -> Array:
        """Return the values for writing in place; what graphs have read is left alone."""
        WRITES.count += 1
        if self._current.readers:
            if self._spare.readers or self._spare.array.size != self._current.array.size:
                self._spare = _Buffer(np.zeros_like(self._current.array))
            self._spare.array[: self.size] = self.values
            self._current, self._spare = self._spare, self._current
        return self.values
