"""The type of a value: its dimension, known before it is computed."""

from __future__ import annotations

from math import prod
from weakref import WeakValueDictionary

from charlm.engine.arrays import Dim, array_shape


class Type:
    """A dimension, and whether a gradient is needed; equal types are one object.

    Attributes:
        shape: of one batch element.
        batch: how many elements.
        trains: whether the value depends on a trained parameter.
        dim: shape and batch.
        size: how many numbers.
        array_shape: the shape of the array that holds the value.
        empty: whether there are no numbers, because a size is 0: then nothing is computed.

    Example:
        >>> Type.of(((2, 3), 1), True) is Type.of(((2, 3), 1), True)
        True
    """

    __slots__ = ("__weakref__", "array_shape", "batch", "dim", "empty", "shape", "size", "trains")

    def __init__(self, dim: Dim, trains: bool) -> None:
        self.dim = dim
        self.shape, self.batch = dim
        self.trains = trains
        self.size = prod(self.shape) * self.batch
        self.empty = not self.size
        self.array_shape = array_shape(dim)

    @staticmethod
    def of(dim: Dim, trains: bool) -> Type:
        """Return the only type with this dimension."""
        interned = _types.get((dim, trains))
        if interned is None:
            interned = _types[dim, trains] = Type(dim, trains)
        return interned


_types: WeakValueDictionary[tuple[Dim, bool], Type] = WeakValueDictionary()
