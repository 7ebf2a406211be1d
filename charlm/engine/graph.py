"""The lazy graph, and the expressions that point into it.

Calling an op appends a node and checks shapes at once, so that a mistake is reported on the user's
own line; numbers are computed when a value or a gradient is asked for (``engine/execute.py``). A
node's *id* is the one DyNet would print: an op that stands for several DyNet nodes takes as many
ids; its *index* is its place in the graph's lists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from charlm.engine import execute
from charlm.engine.arrays import Array, Dim, DType, show, to_user
from charlm.engine.op import Context, Op
from charlm.engine.parameters import Parameter
from charlm.engine.random import NumpyStream, RandomStream
from charlm.engine.tensor import Tensor
from charlm.errors import (
    ArgumentError,
    EvaluationError,
    StaleArgumentError,
    StaleExpressionError,
)
from charlm.kernels import NUMPY, Kernels


class ComputationGraph:
    """Nodes in creation order, their values, and the gradients of the last backward pass.

    Args:
        dtype: the number type of every value.
        stream: draws dropout masks and noise.
        kernels: the array functions to run on.
        version: printed behind the slash of an expression.
        autobatching: whether equal operations are to be computed together.

    Example:
        >>> from charlm.engine.ops import input_tensor
        >>> graph = ComputationGraph()
        >>> x = input_tensor(graph, [1.0, 2.0])
        >>> (x + x).npvalue()
        array([2., 4.])
    """

    def __init__(
        self,
        dtype: DType = np.float32,
        stream: RandomStream | None = None,
        kernels: Kernels = NUMPY,
        version: int = 0,
        autobatching: bool = False,
    ) -> None:
        self.version = version
        self.autobatching = autobatching
        self.alive = True
        self.epoch = (
            0  # goes up when nodes are deleted: an expression of this epoch is not one of them
        )
        self.next_id = 0
        self.ids: list[int] = []
        self.ops: list[Op] = []
        self.args: list[tuple[int, ...]] = []
        self.dims: list[Dim] = []
        self.trainable: list[bool] = []
        self.values: list[Array | None] = []
        self.saved: list[Any] = []
        self.evaluated = 0
        self.gradients: list[Array | None] | None = None
        self.context = Context(kernels, stream or NumpyStream(0), np.dtype(dtype), reader=self)
        self._leaves: dict[tuple[int, bool], Expression] = {}
        self._checkpoints: list[tuple[int, int]] = []
        self._cuts: list[int] = []  # for each epoch's end, the first index that was deleted

    def append(self, op: Op, args: tuple[int, ...], node_id: int | None = None) -> Expression:
        """Add a node and return its expression; ShapeError if the arguments do not fit.

        ``node_id`` is given by ops that are one DyNet node of a group whose ids were reserved
        (``reserve_ids``).
        """
        dims = self.dims
        dim = op.dim(*[dims[i] for i in args])  # raises before anything is changed
        trainable = self.trainable
        trains = op.leaf() is not None if not args else any(trainable[i] for i in args)
        if node_id is None:
            self.next_id += op.id_count
            node_id = self.next_id - 1
        index = len(self.ops)
        self.ids.append(node_id)
        self.ops.append(op)
        self.args.append(args)
        dims.append(dim)
        trainable.append(trains)
        self.values.append(None)
        self.saved.append(None)
        return op.expression(self, index, node_id)

    def reserve_ids(self, count: int) -> int:
        """Take ``count`` node ids at once and return the first."""
        first = self.next_id
        self.next_id += count
        return first

    def leaf(self, op: Op, trains: bool) -> Expression:
        """Return the one node of this graph for a parameter, making it on first use."""
        key = (id(op.leaf()), trains)
        found = self._leaves.get(key)
        if found is None:
            found = self._leaves[key] = self.append(op, ())
            self.trainable[found.index] = trains
        return found

    def forward(self, index: int, recalculate: bool = False) -> Array:
        """Evaluate every node up to ``index`` that has no value yet, in creation order; return the last value."""
        if recalculate:
            self.evaluated = 0
        if self.evaluated <= index:
            try:
                execute.forward(self, index)
            except MemoryError as error:
                at = self.evaluated
                raise EvaluationError(
                    f"{self.ops[at].name()}: there is no memory left to compute expression {self.ids[at]}/"
                    f"{self.version} of shape {show(self.dims[at])}"
                ) from error
        return cast("Array", self.values[index])

    def backward(self, index: int, full: bool = False, keep: bool = True) -> None:
        """Add the gradient of node ``index``, one number, to the parameters it depends on.

        Args:
            index: the node to differentiate.
            full: also compute gradients of nodes that depend on no parameter.
            keep: keep every node's gradient for ``Expression.gradient``; without, memory is freed on the way.
        """
        self.forward(index)
        execute.backward(self, index, full, keep)

    def invalidate(self) -> None:
        """Forget all values: an input was given new numbers."""
        self.evaluated = 0

    def checkpoint(self) -> None:
        """Note how many nodes there are, for ``revert``."""
        self._checkpoints.append((len(self.ops), self.next_id))

    def revert(self) -> None:
        """Delete the nodes made since the last checkpoint, and forget it; without one, do nothing.

        Ids are given anew. The nodes of parameters are moved and not deleted: who holds them need not
        know when they were made.
        """
        if not self._checkpoints:
            return
        count, self.next_id = self._checkpoints.pop()
        later = [leaf for leaf in self._leaves.values() if leaf.index >= count]
        moved = [(leaf, self.ops[leaf.index], self.trainable[leaf.index]) for leaf in later]
        for part in self._parts():
            del part[count:]
        if self.gradients is not None:
            del self.gradients[count:]
        self.evaluated = min(self.evaluated, count)
        self._cuts.append(count)
        self.epoch += 1
        for leaf, op, trains in moved:
            leaf.index = self.append(op, (), leaf.id).index
            leaf.epoch = self.epoch
            self.trainable[leaf.index] = trains

    def deleted(self, expression: Expression) -> bool:
        """Return whether an expression's node was deleted by ``revert``."""
        return any(expression.index >= cut for cut in self._cuts[expression.epoch :])

    def _parts(self) -> tuple[list[Any], ...]:
        return self.ids, self.ops, self.args, self.dims, self.trainable, self.values, self.saved

    def release(self) -> None:
        """End this graph: its expressions become stale and its memory is freed."""
        self.alive = False
        self.epoch = -1
        for expression in self._leaves.values():
            leaf = self.ops[expression.index].leaf()
            if isinstance(leaf, Parameter):
                leaf.forget(self)
        for part in self._parts():
            part.clear()
        self._leaves.clear()
        self.gradients = None
        self.context.saved = None


class Operand:
    """What can stand in an expression: Python's operators, and a way to find its node.

    The operators' functions are put in by ``engine/ops/operators.py``: ops need expressions, so
    expressions cannot import ops.
    """

    functions: dict[str, Callable[..., Expression]] = {}  # noqa: RUF012 - one table for all operands

    def home(self) -> ComputationGraph:
        """Return the graph in which an operation on this operand is to be made."""
        raise NotImplementedError

    def node(self, graph: ComputationGraph) -> Expression:
        """Return this operand's node in ``graph``."""
        raise NotImplementedError

    def __add__(self, other: Operand | float) -> Expression:
        return self.functions["add"](self, other)

    def __radd__(self, other: float) -> Expression:
        return self.functions["add"](self, other)

    def __sub__(self, other: Operand | float) -> Expression:
        return self.functions["sub"](self, other)

    def __rsub__(self, other: float) -> Expression:
        return self.functions["rsub"](self, other)

    def __mul__(self, other: Operand | float) -> Expression:
        return self.functions["mul"](self, other)

    def __rmul__(self, other: float) -> Expression:
        return self.functions["mul"](self, other)

    def __truediv__(self, other: float) -> Expression:
        return self.functions["div"](self, other)

    def __pow__(self, other: Operand | float) -> Expression:
        return self.functions["pow"](self, other)

    def __neg__(self) -> Expression:
        return self.functions["neg"](self)

    def __getitem__(self, key: Any) -> Expression:
        return self.functions["getitem"](self, key)


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
        return self._live().dims[self.index]

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
        gradients = graph.gradients
        if gradients is None or self.index >= len(gradients):
            done = "none was run" if gradients is None else f"it ran from node {len(gradients) - 1}"
            raise EvaluationError(
                f"gradient of {self!r}: call backward() on a later expression first ({done})"
            )
        found = gradients[self.index]
        value = cast("Array", graph.values[self.index])
        return to_user(np.zeros_like(value) if found is None else found)

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
        if self.graph.deleted(self):
            raise error(
                f"{self!r} is stale: cg_revert() deleted its node before it was {how}; "
                "build it again, or before cg_checkpoint()"
            )
        self.epoch = self.graph.epoch


Op.expression = Expression


def apply(op: Op, *operands: Operand) -> Expression:
    """Append ``op`` on these operands to their graph."""
    for operand in operands:
        if not isinstance(operand, Operand):
            raise ArgumentError(
                f"{op.name()}: expected an expression, got {type(operand).__name__} {operand!r}"
            )
    graph = operands[0].home()
    return graph.append(op, tuple([operand.node(graph).index for operand in operands]))
