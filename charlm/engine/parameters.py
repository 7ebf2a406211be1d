"""Parameters, lookup tables and the collections that hold them, with DyNet's names.

A ``Parameter`` is a part of its collection's flat ``Storage``. A ``LookupParameter`` owns its table,
because only used rows get a gradient and an update. Graphs copy the rows that they read, so tables are
written in place. Arrays have the engine's layout (axes reversed); ``engine/arrays.py`` converts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from itertools import count
from numbers import Real

import numpy as np

from charlm.engine.arrays import Array, DType, Shape
from charlm.engine.initializers import Glorot, Initializer
from charlm.engine.random import NumpyStream, RandomStream
from charlm.engine.storage import WRITES, Storage
from charlm.errors import ArgumentError, EvaluationError, SettingError, ShapeError

_LEAST_DECAY = 0.25  # DyNet's limit for w
_SERIALS = count()


class _Trainable(ABC):
    """A value under DyNet's weight decay.

    DyNet stores a value r and computes with w r, where w is the product of 1 - lambda over the updates of a root
    collection. Here ``value`` is w r, so reading costs nothing. r is also stored while w is not 1: for a small lambda,
    repeated multiplication would add up rounding errors.
    """

    value: Array
    updated: bool

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._undecayed: Array | None = None

    @abstractmethod
    def write(self) -> Array:
        """Return the value for writing in place."""

    def undecayed(self) -> Array:
        """Return r, for reading only. It is exact unless ``value`` was written to."""
        kept, w = self._undecayed, self.storage.decay
        return self.value if kept is None else kept + (self.value - kept * w) / w

    def set(self, undecayed: Array) -> None:
        """Replace r."""
        w = self.storage.decay
        kept = np.array(undecayed, self.storage.dtype)
        self.write()[...] = kept * w
        self._undecayed = None if w == 1 else kept

    def decay(self, w: float, fold: bool) -> None:
        """Replace w. With ``fold``, multiply w into r if the value is updated, and make w 1."""
        kept = np.array(self.undecayed())
        self.write()[...] = kept if fold and not self.updated else kept * w
        self._undecayed = None if fold else kept


class Parameter(_Trainable):
    """A trainable tensor: a part of its collection's storage."""

    def __init__(self, name: str, dims: Shape, storage: Storage) -> None:
        super().__init__(storage)
        self.name = name
        self.dims = dims
        self.updated = True
        self.has_gradient = False
        self._shape = dims[::-1]
        self.size = math.prod(dims)
        self.offset = storage.allocate(self.size)

    @property
    def value(self) -> Array:  # type: ignore[override]
        """The current value, for reading only."""
        return self.window(self.storage.values)

    @property
    def gradient(self) -> Array:
        """The gradient accumulated since the last update, for reading and writing."""
        return self.window(self.storage.gradients)

    def read(self, reader: object) -> Array:
        """Return the value; later writes do not change it for ``reader``, a graph."""
        return self.window(self.storage.read(reader))

    def write(self) -> Array:
        """Return the value for writing in place. The values that graphs have read do not change."""
        return self.window(self.storage.writable())

    def clip(self, low: float, high: float) -> None:
        """Move every number into [low, high]."""
        value = self.write()
        np.clip(value, low, high, out=value)

    def scale(self, factor: float) -> None:
        """Multiply the value."""
        value = self.write()
        value *= factor

    def scale_gradient(self, factor: float) -> None:
        """Multiply the accumulated gradient."""
        gradient = self.gradient
        gradient *= factor

    def add_gradient(self, gradient: Array) -> None:
        """Add to the accumulated gradient."""
        window = self.gradient
        if self.has_gradient:
            window += gradient
        else:
            window[...] = gradient
        self.has_gradient = True

    def clear_gradient(self) -> None:
        """Set the gradient to zero."""
        self.gradient[...] = 0
        self.has_gradient = False

    def window(self, flat: Array) -> Array:
        """Return this parameter's part of an array with all numbers of its storage."""
        return flat[self.offset : self.offset + self.size].reshape(self._shape)


class LookupParameter(_Trainable):
    """A table of ``rows`` trainable tensors of shape ``dims``; array shape ``(rows, *reversed(dims))``."""

    def __init__(self, name: str, rows: int, dims: Shape, value: Array, storage: Storage) -> None:
        super().__init__(storage)
        self.name = name
        self.rows = rows
        self.dims = dims
        self.updated = True
        self.value = value
        self.gradient = np.zeros_like(value)
        self.touched = np.zeros(rows, dtype=bool)
        self.size = value.size
        self.serial = next(_SERIALS)

    def write(self) -> Array:
        """Return the table for writing in place: graphs have copies of their rows."""
        WRITES.count += 1
        return self.value

    @property
    def has_gradient(self) -> bool:
        """Whether any row has a gradient since the last update."""
        return bool(self.touched.any())

    def check(self, ids: Array) -> None:
        """Raise ShapeError if a row does not exist."""
        if ids.size == 1 and 0 <= ids.item() < self.rows:
            return
        if ids.size and (ids.min() < 0 or ids.max() >= self.rows):
            bad = ids[(ids < 0) | (ids >= self.rows)].flat[0]
            rows = f"{self.rows} rows, 0 to {self.rows - 1}" if self.rows else "no rows"
            raise ShapeError(f"lookup: row {bad} of {self.name} does not exist; it has {rows}")

    def scale(self, factor: float) -> None:
        """Multiply the values."""
        value = self.write()
        value *= factor

    def scale_gradient(self, factor: float) -> None:
        """Multiply the accumulated gradients."""
        self.gradient *= factor

    def clear_gradient(self) -> None:
        """Set the gradient of every touched row to zero."""
        self.gradient[self.touched] = 0
        self.touched[:] = False


class ParameterCollection:
    """Parameters and lookup tables under DyNet's names; sub-collections share the root's storage.

    Args:
        dtype: float32, or float64 for gradient checks.
        stream: draws the initial values; numpy's generator with seed 0 if not given.

    Example:
        >>> pc = ParameterCollection()
        >>> pc.add_parameters((3, 2), name="W").name, pc.add_parameters((3,)).name
        ('/W', '/_0')
    """

    def __init__(self, dtype: DType = np.float32, stream: RandomStream | None = None) -> None:
        self.name = "/"
        self.stream: RandomStream = stream or NumpyStream(0)
        self.storage = Storage(dtype)
        self.parameters: list[Parameter] = []
        self.lookups: list[LookupParameter] = []
        self._parent: ParameterCollection | None = None
        self._weight_decay = 0.0
        self._names: Counter[str] = Counter()
        self._collection_names: Counter[str] = Counter()

    @property
    def dtype(self) -> DType:
        """The number type of every parameter."""
        return self.storage.dtype

    def add_parameters(
        self, dims: Shape, init: Initializer | None = None, name: str = ""
    ) -> Parameter:
        """Add a parameter of DyNet shape ``dims``, initialised by ``init`` (Glorot's by default)."""
        _check_name(name, "parameter")
        first = (init or Glorot())(dims, self.stream, self.dtype)
        parameter = Parameter(self.name + _numbered(name, self._names), dims, self.storage)
        parameter.set(first)
        for collection in self._upwards():
            collection.parameters.append(parameter)
        return parameter

    def add_lookup_parameters(
        self, rows: int, dims: Shape, init: Initializer | None = None, name: str = ""
    ) -> LookupParameter:
        """Add a table of ``rows`` tensors of DyNet shape ``dims``.

        The default Glorot bound counts the number of rows as one more axis, as DyNet does.
        """
        _check_name(name, "lookup parameter")
        first = (init or Glorot())((*dims, rows), self.stream, self.dtype)
        full_name = self.name + _numbered(name, self._names)
        table = LookupParameter(full_name, rows, dims, first, self.storage)
        table.set(first)
        for collection in self._upwards():
            collection.lookups.append(table)
        return table

    def add_subcollection(self, name: str = "") -> ParameterCollection:
        """Add a sub-collection. Its parameters belong to this collection too."""
        _check_name(name, "collection")
        child = ParameterCollection.__new__(type(self))
        ParameterCollection.__init__(child, self.dtype, self.stream)
        child.storage = self.storage
        child.name = f"{self.name}{_numbered(name, self._collection_names)}/"
        child._parent = self
        child._weight_decay = self._weight_decay
        return child

    @property
    def weight_decay(self) -> float:
        """The fraction lambda by which ``decay`` reduces every value; sub-collections start with it."""
        return self._weight_decay

    @weight_decay.setter
    def weight_decay(self, rate: float) -> None:
        self._weight_decay = decay_rate(rate, "weight decay")

    def decay(self) -> float | None:
        """Reduce all values of a root collection by the fraction ``weight_decay``. Call it after each update.

        When w (see ``_Trainable``) falls below 1/4, DyNet multiplies it into the r of all updated parameters
        and makes w 1. So parameters that are not updated get their first values back.

        Returns:
            The w that was multiplied in, else None.
        """
        if self._parent is not None:
            return None
        w = float(np.float32(self.storage.decay) * (1 - np.float32(self._weight_decay)))
        fold = w < _LEAST_DECAY
        everything: list[_Trainable] = [*self.parameters, *self.lookups]
        for stored in everything:
            stored.decay(w, fold)
        self.storage.decay = 1.0 if fold else w
        return w if fold else None

    def clear_gradients(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.clear_gradient()
        for table in self.lookups:
            table.clear_gradient()

    def parameter_count(self) -> int:
        """Return the number of trainable parameters, lookup tables included."""
        return sum(p.size for p in self.parameters) + sum(t.size for t in self.lookups)

    def _upwards(self) -> list[ParameterCollection]:
        chain, collection = [], self
        while collection is not None:
            chain.append(collection)
            collection = collection._parent  # type: ignore[assignment]
        return chain


def decay_rate(rate: float, where: str) -> float:
    """Return a weight decay, rounded to float32 as in DyNet; SettingError if it is not in [0, 1)."""
    if not isinstance(rate, Real):
        raise ArgumentError(f"{where}: a number is needed, got {rate!r}")
    if not 0 <= rate < 1:
        raise SettingError(f"{where}: 0 or more and less than 1 is needed, got {rate!r}")
    return float(np.float32(rate))


def _check_name(name: str, what: str) -> None:
    if not isinstance(name, str):
        raise ArgumentError(f"the name of a {what} is a string, got {name!r}")
    if "/" in name or "_" in name:
        raise EvaluationError(f"{what} name {name!r}: a name may not contain '/' or '_'")


def _numbered(name: str, used: Counter[str]) -> str:
    """DyNet's suffix: ``_k`` for the k-th use of a name, k > 0, and always for the empty name."""
    before = used[name]
    used[name] += 1
    return f"{name}_{before}" if before or not name else name
