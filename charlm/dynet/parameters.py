"""DyNet's ParameterCollection, Parameters and LookupParameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from charlm.dynet import session
from charlm.dynet.devices import check_device
from charlm.dynet.initializers import NumpyInitializer, initializer
from charlm.dynet.leaf import CurrentLeaf
from charlm.dynet.records import ParameterRecord, RecordFile, Stored, fill, write_records
from charlm.engine import parameters as engine
from charlm.engine.arrays import Array
from charlm.engine.expression import Expression, indexed_leaf, start
from charlm.engine.initializers import FromArray
from charlm.engine.op import Indexed
from charlm.engine.ops.arguments import (
    batch_of,
    laid_out,
    real,
    reals,
    sizes,
    unsigned,
    unsigned_all,
)
from charlm.engine.ops.leaves import Lookup, LookupExpression, LookupLeaf, ParameterLeaf, lookup
from charlm.errors import ArgumentError, MisuseError, ModelKeyError, ShapeError
from charlm.files import path_of

__all__ = ["LookupParameters", "Model", "ParameterCollection", "Parameters"]


class Parameters(CurrentLeaf):
    """A trainable tensor; it is also an expression in any graph."""

    __slots__ = ("parameter",)

    def __init__(self, parameter: engine.Parameter) -> None:
        super().__init__(ParameterLeaf(parameter), parameter)
        self.parameter = parameter

    def __repr__(self) -> str:
        return f"Parameter {self.parameter.name}"

    def expr(self, update: bool = False) -> Expression:
        """Return this parameter's node in the current graph: a constant, unless ``update``."""
        return self.leaf(bool(update))

    def shape(self) -> tuple[int, ...]:
        """Return the shape."""
        return self.parameter.dims

    def as_array(self) -> Array:
        """Return a float64 copy of the value without the weight decay since the last rescaling."""
        return np.array(self.parameter.undecayed().T, dtype=np.float64, order="C")

    def grad_as_array(self) -> Array:
        """Return a float64 copy of the gradient accumulated since the last update."""
        return np.array(self.parameter.gradient.T, dtype=np.float64, order="C")

    def set_value(self, arr: Any) -> None:
        """Replace the value that ``as_array`` returns; the shape must be the parameter's."""
        array = reals(arr, "set_value")
        if array.shape != self.parameter.dims:
            raise ShapeError(
                f"set_value: {self.parameter.name} has shape {self.parameter.dims}, got {array.shape}"
            )
        self.parameter.set(array.T)

    def clip_inplace(self, left: float, right: float) -> None:
        """Move every number into [left, right]."""
        self.parameter.clip(real(left, "clip_inplace"), real(right, "clip_inplace"))

    def zero(self) -> None:
        """Set value and gradient to zero."""
        self.parameter.write()[...] = 0
        self.parameter.clear_gradient()


class LookupParameters(CurrentLeaf):
    """A table of trainable rows; the whole table is an expression with the rows along the last axis."""

    __slots__ = ("_row", "table")

    def __init__(self, table: engine.LookupParameter) -> None:
        super().__init__(LookupLeaf(table), table)
        self._row = Indexed(lambda i: Lookup(table, (i,)))
        self.table = table

    def __repr__(self) -> str:
        return f"LookupParameter {self.table.name}"

    def expr(self) -> LookupParameters:
        """Return this table. As a whole it is trainable; ``const_parameter`` makes it constant."""
        return self

    def __len__(self) -> int:
        return self.table.rows

    def __getitem__(self, index: int) -> LookupExpression:
        if type(index) is not int or not 0 <= index < 2**32:
            index = unsigned(index, "a row of a lookup table")
        return indexed_leaf(self._row, index, session.cg(), LookupExpression)

    def batch(self, i: Sequence[int]) -> LookupExpression:
        """Return a batch of rows."""
        ids = batch_of(i, "a row of a lookup table")
        return start(session.cg(), Lookup(self.table, ids), LookupExpression)

    def rows(self, ids: int | Sequence[int], update: bool = True) -> LookupExpression:
        """Return one row, or a batch of rows for several ids; without ``update`` they get no gradient."""
        return lookup(session.cg(), self.table, ids, update)

    def shape(self) -> tuple[int, ...]:
        """Return (rows, row's shape...)."""
        return (self.table.rows, *self.table.dims)

    def as_array(self) -> Array:
        """Return a float64 copy of the table, rows along axis 0; weight decay as in ``Parameters.as_array``."""
        return self.rows_as_array(range(self.table.rows))

    def grad_as_array(self) -> Array:
        """Return a float64 copy of the accumulated gradient."""
        return self.rows_grad_as_array(range(self.table.rows))

    def row_as_array(self, row: int) -> Array:
        """Return a copy of one row."""
        array: Array = self.rows_as_array([row])[0]
        return array

    def row_grad_as_array(self, row: int) -> Array:
        """Return a copy of one row's gradient."""
        array: Array = self.rows_grad_as_array([row])[0]
        return array

    def rows_as_array(self, rows: Sequence[int]) -> Array:
        """Return copies of some rows."""
        return self._rows(self.table.undecayed(), rows)

    def rows_grad_as_array(self, rows: Sequence[int]) -> Array:
        """Return copies of some rows' gradients."""
        return self._rows(self.table.gradient, rows)

    def init_row(self, i: int, row: Sequence[float]) -> None:
        """Replace one row, by a flat list in column-major order or an array of the row's shape."""
        place = unsigned(i, "init_row")
        self.table.check(np.array([place]))
        numbers = reals(row, "init_row")
        size = math.prod(self.table.dims)
        if numbers.ndim == 1 and numbers.size > size:
            raise ShapeError(f"init_row: a row has {size} numbers, got {numbers.size}")
        table = np.array(self.table.undecayed())
        table[place] = laid_out(numbers, (self.table.dims, 1), "init_row")[0]
        self.table.set(table)

    def init_from_array(self, arr: Any) -> None:
        """Replace the first rows by those of an array (rows, row's shape...)."""
        rows = reals(arr, "init_from_array")
        if rows.shape[1:] != self.table.dims or len(rows) > self.table.rows:
            raise ShapeError(
                f"init_from_array: at most {self.table.rows} rows of shape {self.table.dims}, "
                f"got an array of shape {rows.shape}"
            )
        table = np.array(self.table.undecayed())
        for i, row in enumerate(rows):
            table[i] = row.T
        self.table.set(table)

    def zero(self) -> None:
        """Set all values to zero."""
        self.table.write()[...] = 0

    def _rows(self, source: Array, rows: Sequence[int]) -> Array:
        ids = np.array(unsigned_all(rows, "a row of a lookup table"), np.int64)
        self.table.check(ids)
        axes = (0, *range(source.ndim - 1, 0, -1))
        return np.array(source[ids].transpose(axes), dtype=np.float64, order="C")


class ParameterCollection:
    """The parameters of a model.

    Example:
        >>> pc = ParameterCollection()
        >>> pc.add_parameters((2, 3)), pc.add_lookup_parameters((5, 4)), pc.parameter_count()
        (Parameter /_0, LookupParameter /_1, 26)
    """

    def __init__(self, parent: ParameterCollection | None = None) -> None:
        """Make an empty collection; ``parent`` has no effect, as in DyNet."""
        if parent is not None:
            collection_of(parent, "ParameterCollection: parent")
        self.engine = engine.ParameterCollection(session.dtype(), session.stream())
        self.engine.weight_decay = session.weight_decay()

    @classmethod
    def of(cls, collection: engine.ParameterCollection) -> ParameterCollection:
        """Return an engine's collection with DyNet's interface."""
        wrapped = cls.__new__(cls)
        wrapped.engine = collection
        return wrapped

    def add_parameters(
        self,
        dim: int | tuple[int, ...],
        init: Any = None,
        name: str = "",
        device: str = "",
        scale: float = 1.0,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> Parameters:
        """Add a parameter of shape ``dim``.

        Args:
            dim: a size or a tuple of them.
            init: the initial values: None (Glorot's), a number, an array (whose shape is then the
                parameter's), a ``PyInitializer`` or one of the names ``glorot``, ``identity``,
                ``uniform``, ``normal`` and ``he``.
            name: the last part of the full name; a number is added if the name exists.
            device: "CPU", the only device, or nothing.
            scale: ``uniform`` draws from U(-scale, scale).
            mean: the mean of ``normal``.
            std: the standard deviation of ``normal``.
        """
        check_device(device)
        dims = _dims(init.shape if isinstance(init, np.ndarray) else dim, "add_parameters")
        start = initializer(init, dims, scale, mean, std)
        return Parameters(self.engine.add_parameters(dims, start, name))

    def add_lookup_parameters(
        self,
        dim: int | tuple[int, ...],
        init: Any = None,
        name: str = "",
        device: str = "",
        scale: float = 1.0,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> LookupParameters:
        """Add a table of trainable rows; ``dim`` is (rows, row's shape...), the rest as in ``add_parameters``."""
        check_device(device)
        if isinstance(init, NumpyInitializer):
            raise ShapeError(
                "a lookup table is filled from an array by lookup_parameters_from_numpy"
            )
        if isinstance(init, np.ndarray):
            return self.lookup_parameters_from_numpy(init, name)
        rows, *row = _dims(dim, "add_lookup_parameters")
        if isinstance(dim, int):
            row = [1]
        start = initializer(init, (rows, *row), scale, mean, std)
        return LookupParameters(self.engine.add_lookup_parameters(rows, tuple(row), start, name))

    def parameters_from_numpy(self, array: Array, name: str = "", device: str = "") -> Parameters:
        """Add a parameter with an array's shape and values."""
        return self.add_parameters((), reals(array, "parameters_from_numpy"), name, device)

    def lookup_parameters_from_numpy(
        self, array: Array, name: str = "", device: str = ""
    ) -> LookupParameters:
        """Add a table with an array's rows."""
        check_device(device)
        where = "lookup_parameters_from_numpy"
        numbers = reals(array, where)
        rows, *row = _dims(numbers.shape, where)
        columns = FromArray(np.moveaxis(numbers, 0, -1))
        return LookupParameters(self.engine.add_lookup_parameters(rows, tuple(row), columns, name))

    def add_subcollection(self, name: str | None = None) -> ParameterCollection:
        """Add a sub-collection. Its parameters belong to this collection too; it starts with the same weight decay."""
        return ParameterCollection.of(self.engine.add_subcollection("" if name is None else name))

    def parameters_list(self) -> list[Parameters]:
        """Return the parameters in the order they were added."""
        return [Parameters(p) for p in self.engine.parameters]

    def lookup_parameters_list(self) -> list[LookupParameters]:
        """Return the tables in the order they were added."""
        return [LookupParameters(t) for t in self.engine.lookups]

    def parameter_count(self) -> int:
        """Return the number of trainable parameters."""
        return self.engine.parameter_count()

    def name(self) -> str:
        """Return the full name."""
        return self.engine.name

    def get_weight_decay(self) -> float:
        """Return lambda, see ``set_weight_decay``."""
        return self.engine.weight_decay

    def set_weight_decay(self, lam: float) -> None:
        """Reduce every value by the fraction ``lam`` after each update by a trainer of this collection.

        As in DyNet, expressions and files have the reduced values, while ``as_array`` and ``set_value`` leave out the
        reduction since the last rescaling. A rescaling happens when three quarters are gone; a line on stderr tells
        of it. Parameters that are not updated decay too, and a rescaling undoes that. A trainer of a sub-collection
        reduces nothing.
        """
        self.engine.weight_decay = lam

    def set_weight_decay_lambda(self, lam: float) -> None:
        """Call ``set_weight_decay``; the argument must be a float, as in DyNet."""
        if not isinstance(lam, float):
            raise MisuseError(f"set_weight_decay_lambda: a float is needed, got {lam!r}")
        self.set_weight_decay(lam)

    def save(self, fname: str | Path, name: str = "", append: bool = False) -> None:
        """Write all parameters, then all tables, to a text file; ``name`` replaces the collection's name."""
        if name and (name == "/" or not name.startswith("/")):
            raise ModelKeyError(
                f"name {name!r}: a name starts with '/' and has at least one more character"
            )
        write_records(path_of(fname, "save"), self.records(name), append)

    def populate(self, fname: str | Path, key: str = "") -> None:
        """Fill all parameters and tables from a text file, in their order. Names matter for ``key`` only.

        Args:
            fname: the file.
            key: use only parameters with the name ``key/...``; all if it is empty.
        """
        RecordFile.read(path_of(fname, "a model file")).fill(self.engine, key)

    def write_to_textfile(self, fname: str | Path, key: str = "", append: bool = False) -> None:
        """Call ``save``; this is its older name."""
        self.save(fname, key, append)

    def populate_from_textfile(self, fname: str | Path, key: str = "") -> None:
        """Call ``populate``; this is its older name."""
        self.populate(fname, key)

    def load_param(self, fname: str | Path, key: str) -> Parameters:
        """Add the parameter ``key`` of a text file, with its name in the file."""
        return self.add_record(
            RecordFile.read(path_of(fname, "a model file")).find(key, lookup=False)
        )

    def load_lookup_param(self, fname: str | Path, key: str) -> LookupParameters:
        """Add the table ``key`` of a text file, with its name in the file."""
        return self.add_lookup_record(
            RecordFile.read(path_of(fname, "a model file")).find(key, lookup=True)
        )

    def records(self, name: str = "") -> list[tuple[Stored, str]]:
        """Return the parameters and tables for a file of this collection, with their names in it."""
        own = self.name()
        stored: list[Stored] = [*self.engine.parameters, *self.engine.lookups]
        prefix = f"{name.rstrip('/')}/" if name else own
        return [(p, prefix + p.name.removeprefix(own)) for p in stored]

    def add_record(self, record: ParameterRecord) -> Parameters:
        """Add a file's parameter. As in DyNet it is first initialised at random, then filled."""
        parameter = self.engine.add_parameters(record.dims)
        parameter.name = record.name
        fill(parameter, record)
        return Parameters(parameter)

    def add_lookup_record(self, record: ParameterRecord) -> LookupParameters:
        """Add a file's table. As in DyNet it is first initialised at random, then filled."""
        *row, rows = record.dims
        table = self.engine.add_lookup_parameters(rows, tuple(row))
        table.name = record.name
        fill(table, record)
        return LookupParameters(table)


def collection_of(model: Any, where: str) -> engine.ParameterCollection:
    """Return the engine's collection; TypeError if ``model`` is not a ParameterCollection."""
    if not isinstance(model, ParameterCollection):
        raise ArgumentError(f"{where}: a ParameterCollection is needed, got {model!r}")
    return model.engine


def _dims(dim: Any, where: str) -> tuple[int, ...]:
    if not isinstance(dim, (int, tuple, list)):
        raise MisuseError(
            f"{where}: a shape is a whole number or a tuple of whole numbers, got {dim!r}"
        )
    return sizes(dim if isinstance(dim, int) else tuple(dim), where)


Model = ParameterCollection
