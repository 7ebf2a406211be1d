"""Expressions: a user's handles on the nodes of a graph, and functions that make new ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np

from charlm.engine.arrays import Array, Dim, to_user
from charlm.engine.graph import ComputationGraph, GraphTape
from charlm.engine.op import Indexed, Leaf, Op
from charlm.engine.tensor import Tensor
from charlm.engine.types import Type
from charlm.errors import ArgumentError, EvaluationError, StaleArgumentError, StaleExpressionError


class Operand:
    """An operand of an operation: Python's operators, and a way to find its node.

    ``engine/ops/operators.py`` adds the operators: ops import expressions, so expressions cannot
    import ops.
    """

    if TYPE_CHECKING:  # defined in ``engine/ops/operators.py``

        def __add__(self, other: Operand | float) -> Expression: ...
        def __radd__(self, other: float) -> Expression: ...
        def __sub__(self, other: Operand | float) -> Expression: ...
        def __rsub__(self, other: float) -> Expression: ...
        def __mul__(self, other: Operand | float) -> Expression: ...
        def __rmul__(self, other: float) -> Expression: ...
        def __truediv__(self, other: float) -> Expression: ...
        def __pow__(self, other: Operand | float) -> Expression: ...
        def __neg__(self) -> Expression: ...
        def __getitem__(self, key: Any) -> Expression: ...

    __slots__ = ()

    def home(self) -> ComputationGraph:
        """Return the graph for an operation on this operand."""
        raise NotImplementedError

    def node(self, graph: ComputationGraph) -> Expression:
        """Return this operand's node in ``graph``."""
        raise NotImplementedError


class Expression(Operand):
    """A user's handle on a node: a tape, the node's index, and its type."""

    __slots__ = ("index", "tape", "type")

    tape: GraphTape
    index: int
    type: Type

    @property
    def graph(self) -> ComputationGraph:
        """The graph."""
        return self.tape.graph

    @property
    def id(self) -> int:
        """The node's number as DyNet counts."""
        return self.tape.id(self.index)

    @property
    def version(self) -> int:
        """The graph's version."""
        return self.graph.version

    def __repr__(self) -> str:
        return f"expression {self.id}/{self.version}"

    def home(self) -> ComputationGraph:
        """Return this expression's graph; ValueError if the node is gone."""
        graph = self.tape.graph
        if self.tape is not graph.tape or not graph.alive:
            self._check(StaleArgumentError, "used to build a new one")
        return graph

    def node(self, graph: ComputationGraph) -> Expression:
        """Return this expression; ValueError if the node is gone or belongs to another graph."""
        if self.home() is not graph:  # raises the better message if this one is stale
            raise StaleArgumentError(
                f"{self!r} belongs to another graph than the node that it is used with"
            )
        return self

    def dim(self) -> Dim:
        """Return ``(shape, batch size)``; a scalar is ``((1,), 1)``."""
        self._live()
        return self.type.dim

    def forward(self, recalculate: bool = False) -> None:
        """Evaluate this node and all before it that have no value yet."""
        self._live().forward(self.index, recalculate)

    def array(self, recalculate: bool = False) -> Array:
        """Return the value in the engine's layout, without a copy: for reading only."""
        return self._live().forward(self.index, recalculate)

    def npvalue(self, recalculate: bool = False) -> Array:
        """Return the value as float64, batch axis last and only if the batch is larger than 1."""
        return to_user(self.array(recalculate))

    def vec_value(self, recalculate: bool = False) -> list[float]:
        """Return the numbers in column-major order."""
        tape = self.tape
        graph = tape.graph if tape.quick else self._live()
        if recalculate:
            graph.forward(self.index, recalculate)
        return graph.vector(self.index)

    def scalar_value(self, recalculate: bool = False) -> float:
        """Return the one number; RuntimeError if there are more."""
        numbers = self.vec_value(recalculate)
        if len(numbers) != 1:
            dim = self.dim()
            raise EvaluationError(f"scalar_value: the expression has {len(numbers)} numbers: {dim}")
        return float(numbers[0])

    def value(self, recalculate: bool = False) -> float | list[float] | Array:
        """Return an array for rank 2 and up, else a float or, for several numbers, a list.

        A type checker cannot know which one it is; ``scalar_value``, ``vec_value`` and ``npvalue`` have one type.
        """
        if len(self.type.array_shape) > 2:
            return to_user(self.array(recalculate))
        numbers = self.vec_value(recalculate)
        return numbers[0] if len(numbers) == 1 else numbers

    def tensor_value(self, recalculate: bool = False) -> Tensor:
        """Return a copy of the value, with DyNet's searches and sampling."""
        graph = self._live()
        return Tensor(graph.forward(self.index, recalculate).copy(), graph.context.stream)

    def backward(self, full: bool = False) -> None:
        """Add this expression's gradient to the parameters; it must have one number."""
        self._live().backward(self.index, full)

    def gradient(self) -> Array:
        """Return d(root of the last backward)/d(this), shaped like ``npvalue``; zeros if no gradient reached it."""
        graph = self._live()
        if graph.root is None or self.index > graph.root:
            done = "none was run" if graph.root is None else f"it ran from node {graph.root}"
            raise EvaluationError(
                f"gradient of {self!r}: call backward() on a later expression first ({done})"
            )
        gradient = graph.gradient(self.index)
        return to_user(np.zeros_like(graph.value(self.index)) if gradient is None else gradient)

    def _live(self) -> ComputationGraph:
        graph = self.tape.graph
        if self.tape is not graph.tape or not graph.alive:
            self._check(StaleExpressionError, "read")
        return graph

    def _check(self, error: Callable[[str], Exception], how: str) -> None:
        """Raise if the node was deleted; else update the handle: other nodes were deleted."""
        if not self.graph.alive:
            raise error(
                f"{self!r} is stale: its graph was renewed before it was {how}; "
                "build it again after renew_cg()"
            )
        place = self.graph.place(self.tape, self.index)
        if place is None:
            raise error(
                f"{self!r} is stale: cg_revert() deleted its node before it was {how}; "
                "build it again, or before cg_checkpoint()"
            )
        self.tape, self.index = self.graph.tape, place


class Node(Expression):
    """The class of most expressions.

    For ``x + y`` Python tests whether y's class inherits from x's and overrides ``+``. This takes half as long as the
    operation itself, so no class of expressions that users hold inherits from another.
    """

    __slots__ = ()


E = TypeVar("E", bound=Expression)
F = TypeVar("F", bound=Callable[..., Expression])


def at(graph: ComputationGraph, index: int, kind: type[E] = Node) -> E:  # type: ignore[assignment]
    """Return a handle on a node of a graph; ``kind`` is a class with more methods, such as ``set``."""
    node = kind()
    node.tape, node.index, node.type = graph.tape, index, graph.type(index)
    return node


def placed(tape: GraphTape, index: int, type_: Type) -> Expression:
    """Return a handle on a node of a tape."""
    node = Node()
    node.tape, node.index, node.type = tape, index, type_
    return node


def leaf(graph: ComputationGraph, op: Leaf, trains: bool) -> Expression:
    """Return a graph's only node for a parameter."""
    return at(graph, graph.leaf(op, trains))


def apply(op: Op, *operands: Operand, kind: type[E] = Node) -> E:  # type: ignore[assignment]
    """Append an operation on these operands to their graph."""
    for operand in operands:
        if not isinstance(operand, Operand):
            raise ArgumentError(
                f"{op.name()}: expected an expression, got {type(operand).__name__} {operand!r}"
            )
    graph = operands[0].home()
    return at(graph, graph.append(op, [operand.node(graph).index for operand in operands]), kind)


def start(graph: ComputationGraph, op: Op, kind: type[E] = Node) -> E:  # type: ignore[assignment]
    """Append an operation without operands."""
    return at(graph, graph.append(op), kind)


# The same for operations without data: 0.2 us instead of 1.2 in ``apply`` when the graph has had such a node. Each
# function fills in the expression itself, because a call with arguments takes 0.1 us. And each has a code object of its
# own, because Python's interpreter specialises code for the classes that it has seen there.


class OfOne(Protocol):
    """A function of one operand."""

    def __call__(self, x: Operand) -> Expression: ...


class OfTwo(Protocol):
    """A function of two operands, or of one operand and another argument."""

    def __call__(self, x: Any, y: Any) -> Expression: ...


class OfSeveral(Protocol):
    """A function of a list of operands."""

    def __call__(self, xs: Any) -> Expression: ...


def of_one(op: Op, name: str, doc: str) -> OfOne:
    """Return a function of this name that appends an operation without data on one operand."""
    signatures = op.signatures

    def append(x: Operand) -> Expression:
        try:
            tape: GraphTape = x.tape  # type: ignore[attr-defined]
            if tape.quick:
                signature = signatures[x.type]  # type: ignore[attr-defined]
                node = Node()
                node.tape = tape
                node.type = signature.type
                node.index = len(tape.signatures)
                tape.signatures.append(signature)
                tape.arguments.append(x.index)  # type: ignore[attr-defined]
                return node
        except (AttributeError, KeyError):  # not a node, or the first of its kind
            pass
        return apply(op, x)

    return _with_own_code(append, name, doc)


def of_two(
    op: Op, name: str, doc: str, otherwise: Callable[[Op, Any, Any], Expression] = apply
) -> OfTwo:
    """Return a function of this name that appends an operation without data on two operands.

    ``otherwise`` is called if the second one is not a node, or for the first node of its kind.
    """
    signatures = op.signatures

    def append(x: Operand, y: Operand) -> Expression:
        if isinstance(y, Expression):
            try:
                tape: GraphTape = x.tape  # type: ignore[attr-defined]
                if y.tape is tape and tape.quick:
                    signature = signatures[x.type, y.type]  # type: ignore[attr-defined]
                    node = Node()
                    node.tape = tape
                    node.type = signature.type
                    node.index = len(tape.signatures)
                    tape.signatures.append(signature)
                    tape.arguments += x.index, y.index  # type: ignore[attr-defined]
                    return node
            except (AttributeError, KeyError):
                pass
        return otherwise(op, x, y)

    return _with_own_code(append, name, doc)


def of_several(
    op: Op, name: str, doc: str, otherwise: Callable[[Op, Any], Expression]
) -> OfSeveral:
    """Return a function of this name that appends an operation without data on a list of operands.

    ``otherwise`` is called if it is not a list of nodes, or for the first node of its kind.
    """
    signatures = op.signatures

    def append(xs: list[Any]) -> Expression:
        if type(xs) is list and xs:
            try:
                places: Sequence[int]
                if len(xs) == 2:  # the usual case
                    x, y = xs
                    tape: GraphTape = x.tape
                    live = y.tape is tape and tape.quick
                    signature = signatures[x.type, y.type]
                    places = x.index, y.index
                else:
                    tape = xs[0].tape
                    types = tuple([x.type for x in xs if x.tape is tape])
                    live = len(types) == len(xs) and tape.quick
                    signature = signatures[types if len(types) > 1 else types[0]]
                    places = [x.index for x in xs]
                if live:
                    node = Node()
                    node.tape = tape
                    node.type = signature.type
                    node.index = len(tape.signatures)
                    tape.signatures.append(signature)
                    tape.arguments += places
                    return node
            except (AttributeError, KeyError):
                pass
        return otherwise(op, xs)

    return _with_own_code(append, name, doc)


def _with_own_code(function: F, name: str, doc: str) -> F:
    code = function.__code__.replace(co_name=name)
    own = FunctionType(code, function.__globals__, name, None, function.__closure__)
    own.__doc__, own.__annotations__ = doc, function.__annotations__
    own.__qualname__, own.__module__ = name, sys._getframe(2).f_globals["__name__"]
    return cast("F", own)


def indexed(ops: Indexed, index: int, x: Operand, kind: type[E]) -> E:
    """Append one of these operations on one operand."""
    try:
        tape: GraphTape = x.tape  # type: ignore[attr-defined]
        if tape.quick:
            type_: Type = x.type  # type: ignore[attr-defined]
            signature = ops.signatures.get(type_) or ops.signature(index, type_)
            if 0 <= index < signature.index_limit or signature.index_limit < 0:
                node = kind()
                node.tape = tape
                node.type = signature.type
                node.index = len(tape.signatures)
                tape.signatures.append(signature)
                tape.arguments += x.index, index  # type: ignore[attr-defined]
                return node
    except AttributeError:
        pass
    return apply(ops.make(index), x, kind=kind)


def indexed_leaf(ops: Indexed, index: int, graph: ComputationGraph, kind: type[E]) -> E:
    """Append one of these operations, without operands."""
    tape = graph.tape
    if tape.quick:
        signature = ops.signatures.get(None) or ops.signature(index)
        if 0 <= index < signature.index_limit:
            node = kind()
            node.tape = tape
            node.type = signature.type
            node.index = len(tape.signatures)
            tape.signatures.append(signature)
            tape.arguments.append(index)
            return node
    return start(graph, ops.make(index), kind)
