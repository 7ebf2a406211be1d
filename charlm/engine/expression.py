"""Expressions: the nodes of a graph as a user holds them, and the ways to make new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from charlm.engine.arrays import Array, Dim, to_user
from charlm.engine.op import IndexOp, Op
from charlm.engine.structure import Draft, Node
from charlm.engine.tensor import Tensor
from charlm.errors import (
    ArgumentError,
    EvaluationError,
    StaleArgumentError,
    StaleExpressionError,
)

if TYPE_CHECKING:
    from charlm.engine.graph import ComputationGraph


class Operand:
    """What can stand in an expression: Python's operators, and a way to find its node.

    The operators are put in by ``engine/ops/operators.py``: ops need expressions, so expressions
    cannot import ops.
    """

    if TYPE_CHECKING:  # defined in ``engine/ops/operators.py``, which see

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
        """Return the graph in which an operation on this operand is to be made."""
        raise NotImplementedError

    def node(self, graph: ComputationGraph) -> Expression:
        """Return this operand's node in ``graph``."""
        raise NotImplementedError


class Expression(Operand):
    """A node of a graph, as a user holds it.

    Programs make many of them, so it is only two references: to the draft that the node was appended
    to, and to what is known of it from the structure of the graph.
    """

    __slots__ = ("draft", "known")

    def __init__(self, draft: Draft, known: Node) -> None:
        self.draft = draft
        self.known = known

    @property
    def graph(self) -> ComputationGraph:
        """The graph."""
        return self.draft.graph

    @property
    def index(self) -> int:
        """The node's place in the graph."""
        return self.draft.start + self.known.index

    @property
    def id(self) -> int:
        """The node's number, as DyNet counts."""
        return self.draft.first_id + self.known.id

    @property
    def version(self) -> int:
        """The graph's."""
        return self.graph.version

    def __repr__(self) -> str:
        return f"expression {self.id}/{self.version}"

    def home(self) -> ComputationGraph:
        """Return this expression's graph; ValueError if the node is gone."""
        graph = self.draft.graph
        if self.draft.epoch != graph.epoch:
            self._check(StaleArgumentError, "used to build a new one")
        return graph

    def node(self, graph: ComputationGraph) -> Expression:
        """Return this expression; ValueError if the node is gone or belongs to another graph."""
        if self.draft.graph is graph and self.draft.epoch == graph.epoch:
            return self
        if self.home() is not graph:  # if this one is stale, that is the better message
            raise StaleArgumentError(f"{self!r} belongs to another graph than what it is used with")
        return self

    def dim(self) -> Dim:
        """Return ``(shape, batch size)``; a scalar is ``((1,), 1)``."""
        return self._live().node(self.index).dim

    def forward(self, recalculate: bool = False) -> None:
        """Evaluate this node and all before it that have no value yet."""
        self._live().forward(self.index, recalculate)

    def array(self, recalculate: bool = False) -> Array:
        """Return the value in the engine's layout, not copied: for reading only."""
        return self._live().forward(self.index, recalculate)

    def npvalue(self, recalculate: bool = False) -> Array:
        """Return the value as float64, batch axis last and only if the batch is larger than 1."""
        return to_user(self.array(recalculate))

    def vec_value(self, recalculate: bool = False) -> list[float]:
        """Return the numbers in column-major order."""
        return cast("list[float]", self.array(recalculate).ravel().tolist())

    def scalar_value(self, recalculate: bool = False) -> float:
        """Return the one number; RuntimeError if there are more."""
        value = self.array(recalculate)
        if value.size != 1:
            dim = self.dim()
            raise EvaluationError(f"scalar_value: the expression has {value.size} numbers: {dim}")
        return float(value.item())

    def value(self, recalculate: bool = False) -> float | list[float] | Array:
        """Return an array for rank 2 and up, else a float or, for several numbers, a list.

        Which of them is known when the program runs. ``scalar_value``, ``vec_value`` and ``npvalue`` say
        to a type checker what comes.
        """
        value = self.array(recalculate)
        if value.ndim > 2:
            return to_user(value)
        return value.item() if value.size == 1 else value.ravel().tolist()

    def tensor_value(self, recalculate: bool = False) -> Tensor:
        """Return a copy of the value with DyNet's searches and sampling on it."""
        graph = self._live()
        return Tensor(graph.forward(self.index, recalculate).copy(), graph.context.stream)

    def backward(self, full: bool = False) -> None:
        """Add this expression's gradient to the parameters; it must have one number."""
        self._live().backward(self.index, full)

    def gradient(self) -> Array:
        """Return d(root of the last backward)/d(this), shaped like ``npvalue``; zeros where none flowed."""
        graph = self._live()
        if graph.root is None or self.index > graph.root:
            done = "none was run" if graph.root is None else f"it ran from node {graph.root}"
            raise EvaluationError(
                f"gradient of {self!r}: call backward() on a later expression first ({done})"
            )
        found = graph.gradient(self.index)
        return to_user(np.zeros_like(graph.value(self.index)) if found is None else found)

    def _live(self) -> ComputationGraph:
        graph = self.draft.graph
        if self.draft.epoch != graph.epoch:
            self._check(StaleExpressionError, "read")
        return graph

    def _check(self, error: type[StaleArgumentError | StaleExpressionError], how: str) -> None:
        """Raise if the node is gone; else note that it has outlived the deletion of others."""
        if not self.graph.alive:
            raise error(
                f"{self!r} is stale: its graph was renewed before it was {how}; "
                "build it again after renew_cg()"
            )
        if self.graph.deleted(self.index, self.draft.epoch):
            raise error(
                f"{self!r} is stale: cg_revert() deleted its node before it was {how}; "
                "build it again, or before cg_checkpoint()"
            )
        self.draft, self.known = self.graph.place(self.index)


Op.expression = Expression

_new = object.__new__  # with two assignments, 0.1 us less than a call of the class


def apply(op: Op, *operands: Operand) -> Expression:
    """Append ``op`` on these operands to their graph."""
    home: ComputationGraph | None = None
    places = []
    for operand in operands:  # nearly always they are live nodes of one graph
        if not isinstance(operand, Expression):
            break
        draft = operand.draft
        if home is None:
            home = draft.graph
        if draft.graph is not home or draft.epoch != home.epoch:
            break
        places.append(draft.start + operand.known.index)
    else:
        if home is not None:
            return home.append(op, tuple(places))
    for operand in operands:
        if not isinstance(operand, Operand):
            raise ArgumentError(
                f"{op.name()}: expected an expression, got {type(operand).__name__} {operand!r}"
            )
    graph = operands[0].home()
    return graph.append(op, tuple([operand.node(graph).index for operand in operands]))


# The same for some kinds of operations, quick where the graph is like an earlier one: where the node that
# followed last time is that operation on these operands.


def unary(op: Op, x: Operand) -> Expression:
    """``apply`` for an op without data on one operand."""
    if isinstance(x, Expression):
        draft = x.draft
        node = draft.at.next
        if node.op is op and node.first is x.known:
            draft.at = node
            made = _new(Expression)
            made.draft = draft
            made.known = node
            return made
    return apply(op, x)


def binary(op: Op, x: Operand, y: Operand) -> Expression:
    """``apply`` for an op without data on two operands."""
    if isinstance(x, Expression) and isinstance(y, Expression):
        draft = x.draft
        node = draft.at.next
        if node.op is op and node.first is x.known and node.second is y.known and y.draft is draft:
            draft.at = node
            made = _new(Expression)
            made.draft = draft
            made.known = node
            return made
        draft = draft.graph.draft
        node = draft.at.next
        if node.op is op and draft.leads_to(node, (x, y)):
            draft.at = node
            return Expression(draft, node)
    return apply(op, x, y)


def several(op: Op, operands: Sequence[Operand]) -> Expression:
    """``apply`` for an op without data on any number of operands."""
    first = operands[0]
    if isinstance(first, Expression):
        draft = first.draft
        node = draft.at.next
        if node.op is op and len(node.given) == len(operands):
            for known, x in zip(node.given, operands, strict=True):
                if not isinstance(x, Expression) or x.known is not known or x.draft is not draft:
                    break
            else:
                draft.at = node
                return Expression(draft, node)
    return apply(op, *operands)


def indexed(op: IndexOp, index: int, x: Operand) -> Any:
    """``apply`` for ``op.at(index)`` on one operand."""
    if isinstance(x, Expression):
        draft = x.draft
        node = draft.at.next
        if node.kind is op.kind and node.first is x.known and 0 <= index < node.bound:
            draft.at = node
            draft.data.append((op, index))
            made = _new(op.expression)
            made.draft = draft
            made.known = node
            return made
    return apply(op.at(index), x)


def indexed_leaf(op: IndexOp, index: int, graph: ComputationGraph) -> Any:
    """Append ``op.at(index)``, which takes no arguments."""
    draft = graph.draft
    node = draft.at.next
    if node.kind is op.kind and not node.args and 0 <= index < node.bound:
        draft.at = node
        draft.data.append((op, index))
        made = _new(op.expression)
        made.draft = draft
        made.known = node
        return made
    return graph.append(op.at(index), ())
