"""Expressions: the nodes of a graph as a user holds them, and the ways to make new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from charlm.engine.arrays import Array, Dim, to_user
from charlm.engine.op import Op
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

    graph: ComputationGraph
    index: int

    def home(self) -> ComputationGraph:
        """Return the graph in which an operation on this operand is to be made."""
        raise NotImplementedError

    def node(self, graph: ComputationGraph) -> Expression:
        """Return this operand's node in ``graph``."""
        raise NotImplementedError


class Expression(Operand):
    """A node of a graph, as a user holds it."""

    __slots__ = ("epoch", "graph", "id", "index")

    def __init__(self, graph: ComputationGraph, index: int, node_id: int) -> None:
        self.graph = graph
        self.index = index
        self.id = node_id
        self.epoch = graph.epoch

    @property
    def version(self) -> int:
        """The graph's."""
        return self.graph.version

    def __repr__(self) -> str:
        return f"expression {self.id}/{self.version}"

    def home(self) -> ComputationGraph:
        """Return this expression's graph; ValueError if the node is gone."""
        graph = self.graph
        if self.epoch != graph.epoch:
            self._check(StaleArgumentError, "used to build a new one")
        return graph

    def node(self, graph: ComputationGraph) -> Expression:
        """Return this expression; ValueError if the node is gone or belongs to another graph."""
        if self.graph is graph and self.epoch == graph.epoch:
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

    def value(self, recalculate: bool = False) -> Any:
        """Return an array for rank 2 and up, else a float or, for several numbers, a list."""
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
        graph = self.graph
        if self.epoch != graph.epoch:
            self._check(StaleExpressionError, "read")
        return graph

    def _check(self, error: type[StaleArgumentError | StaleExpressionError], how: str) -> None:
        """Raise if the node is gone; else note that it has outlived the deletion of others."""
        if not self.graph.alive:
            raise error(
                f"{self!r} is stale: its graph was renewed before it was {how}; "
                "build it again after renew_cg()"
            )
        if self.graph.deleted(self.index, self.epoch):
            raise error(
                f"{self!r} is stale: cg_revert() deleted its node before it was {how}; "
                "build it again, or before cg_checkpoint()"
            )
        self.epoch = self.graph.epoch


Op.expression = Expression


def apply(op: Op, *operands: Operand) -> Expression:
    """Append ``op`` on these operands to their graph."""
    home: ComputationGraph | None = None
    places = []
    for operand in operands:  # nearly always they are live nodes of one graph
        if not isinstance(operand, Expression):
            break
        places.append(operand.index)  # makes the nodes of parameters
        if home is None:
            home = operand.graph
        if operand.graph is not home or operand.epoch != home.epoch:
            break
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


def unary(op: Op, x: Operand) -> Expression:
    """``apply`` for an op without data on one operand, quick where the graph is like an earlier one."""
    if isinstance(x, Expression):
        i, graph = x.index, x.graph
        node = graph.at.next
        start = graph.start
        if node.op is op and node.args == (i - start,) and i >= start and x.epoch == graph.epoch:
            graph.at = node
            return Expression(graph, start + node.index, graph.first_id + node.id)
    return apply(op, x)


def binary(op: Op, x: Operand, y: Operand) -> Expression:
    """``apply`` for an op without data on two operands, quick where the graph is like an earlier one."""
    if isinstance(x, Expression) and isinstance(y, Expression):
        i, j, graph = x.index, y.index, x.graph
        node = graph.at.next
        start = graph.start
        if (
            node.op is op
            and node.args == (i - start, j - start)
            and i >= start
            and j >= start
            and y.graph is graph
            and x.epoch == graph.epoch == y.epoch
        ):
            graph.at = node
            return Expression(graph, start + node.index, graph.first_id + node.id)
    return apply(op, x, y)
