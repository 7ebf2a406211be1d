"""The lazy graph: nodes are appended now and computed when a value or gradient is requested.

A node's *index* is its place in the graph. Its *id* is the number that DyNet would print: an op that
replaces several DyNet nodes takes as many ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from charlm.engine.arrays import Array, DType, quietly, show
from charlm.engine.execute import Executor, NodeByNode
from charlm.engine.op import Context, Leaf, Op, Reserved
from charlm.engine.parameters import LookupParameter, Parameter
from charlm.engine.random import NumpyStream, RandomStream
from charlm.engine.storage import Storage
from charlm.engine.tape import Tape
from charlm.engine.types import Type
from charlm.errors import EvaluationError, ShapeError, StaleArgumentError
from charlm.kernels import NUMPY, Kernels


class GraphTape(Tape):
    """The tape of a graph. Every ``revert`` replaces it: so expressions notice that they may be stale.

    Attributes:
        graph: the graph that uses it or used it.
        epoch: how many reverts there were before.
    """

    __slots__ = ("epoch", "graph")

    def __init__(self, graph: ComputationGraph, epoch: int) -> None:
        super().__init__()
        self.graph = graph
        self.epoch = epoch
        self.quick = graph.lazy


class ComputationGraph:
    """Nodes in creation order, their values, and the gradients of the last backward pass.

    Args:
        dtype: the number type of every value.
        stream: draws dropout masks and noise.
        kernels: the array functions to run on.
        version: the number after the slash in a printed expression.
        executor: how tapes are evaluated.

    Example:
        >>> from charlm.engine.ops import input_tensor
        >>> graph = ComputationGraph()
        >>> x = input_tensor(graph, [1.0, 2.0])
        >>> (x + x).npvalue()
        array([2., 4.])
    """

    lazy: ClassVar[bool] = True  # appending a node computes nothing

    def __init__(
        self,
        dtype: DType = np.float32,
        stream: RandomStream | None = None,
        kernels: Kernels = NUMPY,
        version: int = 0,
        executor: Callable[[Tape, Context], Executor] = NodeByNode,
    ) -> None:
        self.version = version
        self.alive = True
        self.context = Context(kernels, stream or NumpyStream(0), np.dtype(dtype), reader=self)
        self.tape = GraphTape(self, 0)
        self.run = executor(self.tape, self.context)
        self.root: int | None = None
        self._leaves: dict[tuple[Parameter | LookupParameter, bool], int] = {}
        self._storages: set[Storage] = set()  # those that it reads
        self._checkpoints: list[int] = []
        self._cuts: list[int] = []  # for each revert, the first deleted index

    # ---- building

    def append(self, op: Op, args: Sequence[int] = (), node_id: int | None = None) -> int:
        """Add a node and return its index; ``node_id`` is its id if that was reserved."""
        if not self.alive:
            raise StaleArgumentError(
                "the graph was renewed; build its expressions again after renew_cg()"
            )
        signatures = self.tape.signatures
        signature = op.signature(tuple([signatures[i].type for i in args]))
        if node_id is not None:
            self.tape.given_ids[len(self.tape)] = node_id
        return self.tape.append(signature, op, args)

    def reserve_ids(self, count: int) -> int:
        """Take ``count`` node ids at once and return the first."""
        first = self.next_id
        self.append(Reserved(count))
        return first

    @property
    def next_id(self) -> int:
        """The id that the next node would have."""
        return self.tape.next_id(len(self.tape) - 1)

    def leaf(self, op: Leaf, trains: bool) -> int:
        """Return this graph's only node for a parameter; make it on first use."""
        source = op.source()
        index = self._leaves.get((source, trains))
        if index is None:
            op = op if op.trains == trains else replace(op, trains=trains)
            index = self._leaves[source, trains] = self.append(op)
            self._storages.add(source.storage)
        return index

    # ---- the nodes

    def __len__(self) -> int:
        return len(self.tape)

    def type(self, index: int) -> Type:
        """Return the type of a node's value."""
        return self.tape.signatures[index].type

    def op(self, index: int) -> Op:
        """Return the operation of a node."""
        return self.tape.op(index)

    def args(self, index: int) -> list[int]:
        """Return the arguments of a node."""
        return self.tape.args(index)

    @property
    def ids(self) -> list[int]:
        """The id of every node."""
        return [self.tape.id(index) for index in range(len(self))]

    # ---- numbers

    def forward(self, index: int, recalculate: bool = False) -> Array:
        """Evaluate every node up to ``index`` that has no value yet, in creation order; return the last value."""
        if recalculate:
            self.run.forget(0)
        if index >= self.run.evaluated:
            try:
                self.run.forward(index)
            except MemoryError as error:
                raise self._no_memory() from error
        return self.run.value(index)

    def _no_memory(self) -> EvaluationError:
        k = self.run.evaluated
        return EvaluationError(
            f"{self.op(k).name()}: there is not enough memory to compute expression "
            f"{self.tape.id(k)}/{self.version} of shape {show(self.type(k).dim)}"
        )

    def value(self, index: int) -> Array:
        """Return the value of an evaluated node."""
        return self.run.value(index)

    def vector(self, index: int) -> list[float]:
        """Evaluate as ``forward``; return the numbers in column-major order."""
        try:
            return self.run.vector(index)
        except MemoryError as error:
            raise self._no_memory() from error

    @property
    def evaluated(self) -> int:
        """How many nodes have values."""
        return self.run.evaluated

    def backward(self, index: int, full: bool = False, keep: bool = True) -> None:
        """Add the gradient of node ``index``, one number, to the parameters it depends on.

        Args:
            index: the node to differentiate.
            full: also compute gradients of nodes that depend on no parameter.
            keep: keep every node's gradient for ``Expression.gradient``; False frees memory during the pass.
        """
        if self.forward(index).size != 1:
            shape, batch = self.type(index).dim
            raise ShapeError(
                f"backward() needs an expression of one number, this one is {shape} x {batch}"
            )
        quietly(self.run.backward, index, full, keep)
        self.root = index if keep else None

    def gradient(self, index: int) -> Array | None:
        """Return a node's gradient from the last backward pass, None if no gradient reached it."""
        if self.root is not None:
            self.forward(self.root)  # does nothing unless data were replaced
        op = self.op(index)
        if op.is_view and index != self.root:
            (whole,) = self.args(index)
            if self.op(whole).is_recurrent and self.run.gradient(whole) is not None:
                return op.forward(self.context, self.run.state_gradient(whole))
        return self.run.gradient(index)

    def set_data(self, index: int, op: Op) -> None:
        """Give a node another operation of its kind, and forget all values."""
        self.tape.set_data(index, op)
        self.invalidate()

    def invalidate(self, first: int = 0) -> None:
        """Forget the values of node ``first`` and of all later ones."""
        self.run.forget(first)

    # ---- the end

    def checkpoint(self) -> None:
        """Note how many nodes there are, for ``revert``."""
        self._checkpoints.append(len(self))

    def revert(self) -> None:
        """Delete the nodes made since the last checkpoint, and forget it; without one, do nothing.

        Ids are used again. The nodes of parameters are moved and not deleted: a program does not know when
        they were made.
        """
        if not self._checkpoints:
            return
        count = self._checkpoints.pop()
        before = self.tape
        before.quick = False
        self._cuts.append(count)
        self.tape = GraphTape(self, before.epoch + 1)
        before.copy_to(self.tape, count)
        self.run.cut(self.tape)
        if self.root is not None and self.root >= count:
            self.root = count - 1 if count else None
        for key, index in self._leaves.items():
            if index >= count:
                self._leaves[key] = self.append(before.op(index), (), before.id(index))

    def place(self, tape: GraphTape, index: int) -> int | None:
        """Return the present index of the node at ``index`` of an earlier tape; None if it was deleted."""
        if all(index < cut for cut in self._cuts[tape.epoch :]):
            return index
        op = tape.op(index)
        return self._leaves.get((op.source(), op.trains)) if isinstance(op, Leaf) else None

    def release(self) -> None:
        """End this graph: its expressions become stale and its memory is freed."""
        self.alive = self.tape.quick = False
        for storage in self._storages:
            storage.forget(self)
        self._leaves.clear()
        self.tape.data.clear()
        self.context.saved = self.context.reader = None
        self.root = None
        self.run = NodeByNode(Tape(), self.context)
