"""What an operation is: one class with its formula, shapes, forward, backward and samples.

Defining a subclass registers it; a class without samples or docstring is refused. The generic tests
loop over the registry, so a new op needs no test of its own to be gradient-checked in float64,
compared in float32, batched and fed its bad arguments. An op's arrays have the layout of
``engine/arrays.py``.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, Dim, DType, Shape, array_shape, show
from charlm.engine.random import RandomStream
from charlm.errors import EvaluationError, ShapeError
from charlm.kernels import Kernels

if TYPE_CHECKING:
    from charlm.engine.parameters import LookupParameter, Parameter

Gradients = Sequence["Array | None"]


@dataclass(slots=True)
class Context:
    """What an op may use while it runs: kernels, random numbers, number type, and a place to save for backward."""

    kernels: Kernels
    stream: RandomStream
    dtype: DType
    reader: object = None
    saved: Any = None
    needs: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Sample:
    """Small arguments on which the generic tests try an op.

    ``dims`` are the arguments' dimensions; their numbers are drawn from U(low, high), or given by
    ``values`` where that would land on a kink. ``differentiable`` marks the arguments with a
    gradient (all, if not given).
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
    """Arguments that an op must refuse when the node is made, and a part of the message."""

    op: Op
    dims: tuple[Dim, ...]
    match: str
    error: type[Exception] = field(default=ShapeError)


class Op(ABC):
    """A differentiable operation on tensors.

    Class variables:
        id_count: how many node ids it takes: those of the DyNet nodes it stands for.
        is_view: its gradient is added into a part of its one argument's gradient (``add_gradient``) instead of
            being returned by ``backward``: picking one of T outputs must not cost T arrays of
            zeros.
        is_recurrent: parts of its value depend on each other, so that what flows back into a part, a view of it, is
            more than the gradient that was added there: it is asked of ``total_gradient``.
        batches: False if the operation is not defined on minibatches.
        has_data: whether it carries what differs between graphs of equal structure, such as the row to look
            up; ``identity`` then leaves it out.
        stacks: whether many operations of one kind are one of them on a larger batch: no batch element
            touches another (and, with data, ``merged`` joins theirs).
        draws: whether it takes random numbers.
        expression: what users hold of its node: ``Expression`` (``engine/graph.py`` puts it in), or a subclass where
            the node can be given new numbers.
    """

    registry: ClassVar[dict[str, type[Op]]] = {}
    id_count: ClassVar[int] = 1
    is_view: ClassVar[bool] = False
    is_recurrent: ClassVar[bool] = False
    batches: ClassVar[bool] = True
    has_data: ClassVar[bool] = False
    stacks: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    expression: ClassVar[type[Any]]

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        """Register the op."""
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        undocumented = (
            not (cls.__doc__ or "").strip() and sys.flags.optimize < 2
        )  # -OO drops docstrings
        if undocumented or cls.samples.__func__ is Op.samples.__func__:  # type: ignore[attr-defined]
            raise TypeError(f"op {cls.__name__} needs a docstring with its formula, and samples()")
        if cls.__name__ in Op.registry:
            raise TypeError(f"there are two ops named {cls.__name__}")
        Op.registry[cls.__name__] = cls

    # ---- structure

    @cached_property
    def kind(self) -> object:
        """Something that is identical for all operations that differ in their data only."""
        return kind_of(type(self), *self.identity())

    def identity(self) -> tuple[Any, ...]:
        """Return what tells this operation from others of its class: all fields, if it has no data."""
        return tuple(vars(self).values())

    @classmethod
    def merged(cls, ops: Sequence[Any], batch: int) -> Op:
        """Return the operation on a batch that does what these do on its parts, of size ``batch`` each."""
        raise NotImplementedError

    def folded(self, count: int) -> Op | None:
        """Return what does the same on all ``count`` arguments stacked in the batch axis, if there is such."""
        return None

    def bound(self, *dims: Dim) -> Any:
        """Return what ``check_data`` needs to know of the arguments; None if there is nothing to check."""
        return None

    def check_data(self, bound: Any) -> None:
        """Raise ShapeError if the data do not fit arguments like earlier ones."""
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
            given = ", ".join(map(show, dims))
            raise EvaluationError(
                f"{type(self).name()}: is not defined on minibatches, got {given}"
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
        """Return the gradient of each argument, None where it is zero or ``ctx.needs`` says it is not wanted.

        A gradient may have the broadcast shape; whoever calls sums it down.
        """
        raise NotImplementedError

    def add_gradient(self, ctx: Context, dx: Array, dy: Array) -> None:
        """Add the gradient of a view into ``dx``, its argument's gradient."""
        raise NotImplementedError

    def total_gradient(self, dy: Array, *xs: Any) -> Array:
        """Return, for a recurrent op, the gradient of every part through all that depends on it."""
        raise NotImplementedError

    def leaf(self) -> Parameter | LookupParameter | None:
        """Return what this node is trained through, for the leaves of a graph."""
        return None

    def receive(self, ctx: Context, dy: Array) -> None:
        """Take the gradient that reached a leaf; inputs have no use for theirs."""
        return

    def touch(self, index: int | None) -> None:
        """Count the rows that a lookup reads as used, so that trainers update them, with a gradient or without.

        Args:
            index: the index of an operation that stands for all.
        """
        return

    # ---- facts for tests and printing

    @classmethod
    def name(cls) -> str:
        """Return the op's name in messages.

        Example:
            >>> from charlm.engine.ops.shaping import PickRange
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


class IndexOp(Op, abstract=True):
    """An operation whose data is an index of 0 or more and less than ``bound``.

    Programs make many of them; quick ways to do so (``engine/expression.py``) note only one
    operation that stands for all, and the index.
    """

    has_data = True

    @abstractmethod
    def at(self, index: int) -> IndexOp:
        """Return the operation with another index."""

    @abstractmethod
    def at_all(self, indices: list[int], batch: int) -> Op:
        """Return ``merged`` of the operations with these indices."""


Datum: TypeAlias = "Op | tuple[IndexOp, int]"
"""An operation that has data: itself, or one that stands for it and the index."""


def of_datum(datum: Datum) -> Op:
    """Return the operation."""
    return datum[0].at(datum[1]) if isinstance(datum, tuple) else datum


class StepOp(Op, abstract=True):
    """A recurrent step; steps that continue each other are one sequence. Arguments: x, fixed ones, states."""

    @abstractmethod
    def split(self, args: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the arguments that all steps of a sequence share, and the states that go in."""

    @abstractmethod
    def continues(self, other: Op) -> bool:
        """Whether this step may follow ``other`` in a sequence."""

    @abstractmethod
    def sequence(self) -> Op:
        """Return the operation on a whole sequence that starts with this step."""


class StateOp(Op, abstract=True):
    """One state of a recurrent step, or of step ``time`` of a recurrent sequence."""

    state: int
    time: int | None


class Leaf(Op, abstract=True):
    """A parameter or a table as a whole: a graph has one node for it, and one where it is constant."""

    has_data = True

    @abstractmethod
    def constant(self) -> Leaf:
        """Return the same without a gradient."""

    @abstractmethod
    def source(self) -> Parameter | LookupParameter:
        """Return the parameter or table."""


@dataclass(eq=False)
class Reserved(Op, abstract=True):
    """Node ids that are taken for what another operation stands for; it has no numbers."""

    id_count: int  # type: ignore[misc]

    def dim(self, *dims: Dim) -> Dim:
        """Nothing."""
        return (0,), 1

    def forward(self, ctx: Context, *xs: Any) -> Array:
        """Nothing."""
        return np.empty((1, 0), ctx.dtype)


_kinds: dict[tuple[Any, ...], tuple[Any, ...]] = {}


def kind_of(*identity: Any) -> object:
    """Return the same object for equal identities, whose parts must tell themselves from all others."""
    try:
        found = _kinds.setdefault(identity, identity)
    except TypeError:  # an array, say: equal to nothing but itself
        return object()
    if len(_kinds) > _MOST_KINDS:
        _kinds.clear()
    return found


_MOST_KINDS = 10_000  # kinds that are forgotten are not recognised again, and that is all
