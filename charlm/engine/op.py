"""What an operation is: one class with its formula, shapes, forward, backward and samples.

Defining a subclass registers it; a class without samples or docstring is an error. The generic tests
loop over the registry: they check gradients in float64, compare float32, try batches and bad arguments.
So a new op needs no test of its own. An op's arrays have the layout of ``engine/arrays.py``.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from charlm.engine.arrays import Array, Dim, DType, Shape, array_shape, show
from charlm.engine.parameters import LookupParameter, Parameter
from charlm.engine.random import RandomStream
from charlm.engine.types import Type
from charlm.errors import EvaluationError, ShapeError
from charlm.kernels import Kernels
from charlm.kernels.reference import Product
from charlm.kernels.tapes import NO_ROW, Form

Gradients = Sequence["Array | Product | None"]


@dataclass(slots=True)
class Context:
    """What an op uses while it runs: kernels, random numbers, the number type; ``saved`` is kept for backward."""

    kernels: Kernels
    stream: RandomStream
    dtype: DType
    reader: object = None
    saved: Any = None
    needs: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Sample:
    """Small arguments with which the generic tests try an op.

    ``dims`` are the arguments' dimensions. Their numbers are drawn from U(low, high), or are ``values``
    where random numbers could land on a kink. ``differentiable`` marks the arguments with a gradient;
    by default, all.
    """

    op: Op
    dims: tuple[Dim, ...] = ()
    low: float = -1.0
    high: float = 1.0
    values: tuple[Any, ...] | None = None
    differentiable: tuple[bool, ...] | None = None

    def arrays(self, dtype: DType = np.float64, seed: int = 0) -> list[Array]:
        """Return the arguments as engine arrays."""
        if self.values is not None:
            pairs = zip(self.values, self.dims, strict=True)
            return [np.asarray(v, dtype=dtype).reshape(array_shape(dim)) for v, dim in pairs]
        rng = np.random.default_rng(seed)
        return [
            rng.uniform(self.low, self.high, array_shape(dim)).astype(dtype) for dim in self.dims
        ]


@dataclass(frozen=True)
class BadSample:
    """Arguments that an op must reject when the node is made, and a part of the message."""

    op: Op
    dims: tuple[Dim, ...]
    match: str
    error: type[Exception] = field(default=ShapeError)


class Op(ABC):
    """A differentiable operation on tensors.

    Class variables:
        id_count: how many node ids it takes: as many as DyNet has nodes for it.
        id_back: its own id, counted back from the last of these.
        is_view: ``add_gradient`` adds its gradient into a part of its argument's gradient, and ``backward`` is not
            used: picking one of T outputs must not cost T arrays of zeros.
        is_recurrent: parts of its value depend on each other. The gradient of a part, a view of it, includes what
            comes through the others: ``state_gradient`` returns it.
        batches: False if the operation is not defined on minibatches.
        has_data: whether it carries data that differ from graph to graph, such as the row to look up. ``identity``
            leaves them out, and ``check_data`` checks them.
    """

    registry: ClassVar[dict[str, type[Op]]] = {}
    id_count: ClassVar[int] = 1
    id_back: ClassVar[int] = 0
    is_view: ClassVar[bool] = False
    is_recurrent: ClassVar[bool] = False
    batches: ClassVar[bool] = True
    has_data: ClassVar[bool] = False

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        # -OO drops docstrings
        undocumented = not (cls.__doc__ or "").strip() and sys.flags.optimize < 2
        if undocumented or cls.samples.__func__ is Op.samples.__func__:  # type: ignore[attr-defined]
            raise TypeError(f"op {cls.__name__} needs a docstring with its formula, and samples()")
        if cls.__name__ in Op.registry:
            raise TypeError(f"there are two ops named {cls.__name__}")
        Op.registry[cls.__name__] = cls

    # ---- signatures

    @cached_property
    def signatures(self) -> dict[Any, Signature]:
        """The signatures of operations that differ from this one in their data only, by the arguments' types.

        The key is one type, or a tuple of several.
        """
        return self._shared_signatures()

    def _shared_signatures(self) -> dict[Any, Signature]:
        key = type(self), self.identity()
        try:
            signatures = _signatures.get(key)
        except TypeError:  # a field cannot be hashed, such as an array
            return {}
        if signatures is None:
            if len(_signatures) > _MOST:
                _signatures.clear()
            signatures = _signatures[key] = {}
        return signatures

    def identity(self) -> tuple[Any, ...]:
        """Return what distinguishes this operation from others of its class: all fields, if it has no data."""
        return tuple(vars(self).values())

    def signature(self, types: tuple[Type, ...]) -> Signature:
        """Return the signature for arguments of these types; ShapeError if they, or the data, do not fit."""
        key = types[0] if len(types) == 1 else types
        # most operations are made for one node: the cached property would cost a microsecond
        signatures = vars(self).get("signatures")
        if signatures is None:
            signatures = self._shared_signatures()
        signature = signatures.get(key)
        if signature is None:
            signature = Signature(self, types)
            if len(signatures) >= _MOST:
                signatures.clear()
            signatures[key] = signature
        elif signature.op is None:
            self.check_data(*[t.dim for t in types])
        return signature

    def check_data(self, *dims: Dim) -> None:
        """Raise ShapeError if the data do not fit these arguments, whose types were checked before."""
        return

    # ---- shapes

    def shape(self, *shapes: Any) -> Shape:
        """Return the result's shape for one batch element; raise ShapeError if the arguments do not fit."""
        raise NotImplementedError

    def dim(self, *dims: Dim) -> Dim:
        """Return the result's dimension. Batch sizes must be equal or 1; ops with another rule override this."""
        batch = 1
        for d in dims:
            if d[1] != batch and d[1] != 1:
                if batch != 1:
                    sizes = ", ".join(show(d) for d in dims)
                    raise self.error(f"batch sizes must be equal or 1, got {sizes}")
                batch = d[1]
        if batch != 1 and not self.batches:
            sizes = ", ".join(map(show, dims))
            raise EvaluationError(
                f"{type(self).name()}: is not defined on minibatches, got {sizes}"
            )
        return self.shape(*(d[0] for d in dims)), batch

    def error(self, problem: str) -> ShapeError:
        """Return a ShapeError that names this op."""
        return ShapeError(f"{type(self).name()}: {problem}")

    # ---- numbers

    @abstractmethod
    def forward(self, ctx: Context, *xs: Any) -> Array:
        """Return the value; ``ctx.saved`` may keep something for backward. Arguments must not be written to."""

    def backward(self, ctx: Context, dy: Array, y: Array, *xs: Any) -> Gradients:
        """Return the gradient of each argument, None where it is zero or not needed (``ctx.needs``).

        A gradient may have the broadcast shape; the executor sums it over the broadcast axes.
        """
        raise NotImplementedError

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        """Add the gradient of a view into ``dx``, its argument's gradient."""
        raise NotImplementedError

    def state_gradient(self, dy: Array, *xs: Any) -> Array:
        """Return, for a recurrent op, the gradient of every part of its value, later time steps included."""
        raise NotImplementedError

    def leaf(self) -> Parameter | LookupParameter | None:
        """Return the parameter that this node is, for the leaves of a graph."""
        return None

    def receive(self, ctx: Context, dy: Array) -> None:
        """Take the gradient that reached a leaf; inputs ignore theirs."""
        return

    def touch(self) -> None:
        """Mark the rows that a lookup reads, so that trainers update them, with a gradient or without."""
        return

    def compiled(self, y: Type, *xs: Type) -> Form | None:
        """Return the compiled form for arguments of these types; None if the op runs in Python."""
        return None

    def integers(self) -> tuple[int, ...]:
        """Return the data as indices, for compiled code. All operations of a kind have the same number."""
        return ()

    def index_limit(self, *xs: Type) -> int:
        """Return the limit of these indices for arguments of these types: they are below it."""
        return 0

    # ---- facts for tests and printing

    @classmethod
    def name(cls) -> str:
        """Return the op's name in messages.

        Example:
            >>> from charlm.engine.ops.picking import PickRange
            >>> PickRange.name()
            'pick_range'
        """
        words = "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__)
        return words.lstrip("_")

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Return arguments that work, small and away from kinks."""
        raise NotImplementedError

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        """Return arguments that must be refused."""
        return ()


@dataclass(eq=False)
class Leaf(Op, abstract=True):
    """A parameter or a whole table. A graph has one node for it, and another if it is used as a constant."""

    trains: bool = field(kw_only=True, default=True)
    has_data = True

    @abstractmethod
    def source(self) -> Parameter | LookupParameter:
        """Return the parameter or table."""


@dataclass(eq=False)
class Reserved(Op, abstract=True):
    """Takes node ids for other operations. It has no numbers."""

    id_count: int  # type: ignore[misc]

    def dim(self, *dims: Dim) -> Dim:
        return (0,), 1

    def forward(self, ctx: Context, *xs: Any) -> Array:
        return np.empty((1, 0), ctx.dtype)


class Signature:
    """An operation on arguments of given types, and the facts that follow from it.

    Attributes:
        op: the operation; None if each node has its own.
        indexed: the operations of the nodes by an index, if each node is only an index.
        index_limit: indices are below it; less than 0 if the integers are not indices.
        type: the type of the result.
        empty: whether the result has no numbers.
        types: the types of the arguments.
        count: how many arguments it has.
        extent: how many integers a node has: its arguments, and perhaps indices.
        needs: which arguments need a gradient.
        id_count: how many ids it takes.
        id_back: see ``Op``.
        number: the number of its row in the table for compiled code (``rows.py``), ``NO_ROW`` while it has none.
        row: keeps the row in use.
    """

    __slots__ = (
        "count",
        "empty",
        "extent",
        "id_back",
        "id_count",
        "index_limit",
        "indexed",
        "needs",
        "number",
        "op",
        "row",
        "type",
        "types",
    )

    def __init__(self, op: Op, types: tuple[Type, ...], indexed: Indexed | None = None) -> None:
        trains = any(t.trains for t in types) if types else op.leaf() is not None
        self.type = Type.of(op.dim(*[t.dim for t in types]), trains)  # checks the shapes
        self.empty = self.type.empty
        self.op = None if op.has_data else op
        self.indexed = indexed
        self.types = types
        self.count = len(types)
        self.extent = self.count + len(op.integers())
        self.index_limit = op.index_limit(*types)
        self.needs = tuple([t.trains and not t.empty for t in types])
        self.id_count = op.id_count
        self.id_back = op.id_back
        self.number = NO_ROW
        self.row: object = None

    def with_data(self) -> Signature:
        """Return a copy for a node whose operation was replaced by one of its own."""
        copied = copy(self)
        copied.indexed = copied.row = None
        copied.number = NO_ROW
        return copied


class Indexed:
    """Operations that differ in one index of 0 or more. Programs make many of them, so a node is only the index.

    Args:
        make: returns the operation with an index, the only one of its ``Op.integers``.

    Attributes:
        made: the operation with each index.
    """

    def __init__(self, make: Callable[[int], Op]) -> None:
        self.make = make
        self.signatures: dict[Type | None, Signature] = {}
        self.made = _Made(make)

    def signature(self, index: int, *types: Type) -> Signature:
        """Return the signature for all indices; ShapeError if the arguments, or this index, do not fit."""
        signature = Signature(self.make(index), types, self)
        if len(self.signatures) >= _MOST:
            self.signatures.clear()
        self.signatures[types[0] if types else None] = signature
        return signature


class _Made(dict[int, Op]):
    """Operations by their index, made on first use."""

    def __init__(self, make: Callable[[int], Op]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, index: int) -> Op:
        if len(self) >= _MOST:
            self.clear()
        op = self[index] = self.make(index)
        return op


_signatures: dict[tuple[Any, ...], dict[Any, Signature]] = {}
_MOST = 10_000  # after this many the dict is emptied, and signatures are computed again
