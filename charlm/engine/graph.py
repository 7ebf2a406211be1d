"""The lazy graph: appending nodes, and reading values and gradients off them.

Building an expression records a node and checks shapes; numbers are computed when one is asked for.
A node's *id* is the number DyNet would print: ops that stand for several DyNet nodes take as many
ids; its *index* is its place in the graph.

Nodes are recorded in segments, each of which ends with an evaluation (``engine/execute.py``).
``engine/structure.py`` says how; ``tracked`` graphs find the nodes of equal ones.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from charlm.engine.arrays import Array, Dim, DType
from charlm.engine.execute import Run, Segment, backward
from charlm.engine.expression import Expression
from charlm.engine.op import Context, Leaf, Op, Reserved, of_datum
from charlm.engine.random import NumpyStream, RandomStream
from charlm.engine.storage import Storage
from charlm.engine.structure import NOWHERE, SHARED, Draft, Node, Outer
from charlm.errors import StaleArgumentError
from charlm.kernels import NUMPY, Kernels


class ComputationGraph:
    """Nodes in creation order, their values, and the gradients of the last backward pass.

    Args:
        dtype: the number type of every value.
        stream: draws dropout masks and noise.
        kernels: the array functions to run on.
        version: printed behind the slash of an expression.
        planned: evaluate structures that were seen before by a plan, equal operations together. The
            results are the same but for rounding. None plans at the second sight, True at the first.

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
        planned: bool | None = False,
    ) -> None:
        self.version = version
        self.alive = True
        self.epoch = 0  # goes up when nodes are deleted: who is of this epoch is not one of them
        self.planned = planned
        self.tracked = planned is True or (planned is None and SHARED.records())
        self.context = Context(kernels, stream or NumpyStream(0), np.dtype(dtype), reader=self)
        self.segments: list[Segment] = []
        self.root: int | None = None
        self._valid = 0  # segments whose values are up to date
        self._leaves: dict[object, Expression] = {}
        self._storages: set[Storage] = set()  # that it reads
        self.draft = NOWHERE
        self._described: dict[int, tuple[Dim, bool, bool]] = {}
        self._outer_values: dict[int, Array] = {}
        self._starts: list[int] = []
        self._checkpoints: list[int] = []
        self._cuts: list[int] = []  # for each epoch's end, the first index that was deleted
        self._moved = 0  # how often a node was appended again
        self._begin(0, 0)

    def _begin(self, start: int, first_id: int) -> None:
        """Start a new segment."""
        root = SHARED.root if self.tracked else Node(None, None, (), (), None)
        self.draft.end()
        self.draft = Draft(self, start, first_id, root)
        self._path: list[Node] = []

    # ---- building

    def append(self, op: Op, args: tuple[int, ...], node_id: int | None = None) -> Expression:
        """Add a node and return its expression; ShapeError if the arguments do not fit.

        ``node_id`` is given by ops that are one DyNet node of a group whose ids were reserved.
        """
        draft = self.draft
        kind, at = op.kind if self.tracked else op, draft.at
        places, outer = self._places(args) if draft.start else (args, ())
        explicit_id = None if node_id is None else node_id - draft.first_id
        node = at.next
        try:
            if (
                node.kind is not kind
                or node.args != places
                or node.explicit_id != explicit_id
                or node.outer != outer
            ):
                found = at.find(kind, places, outer, explicit_id)
                node = found or self._new(Node(at, kind, places, outer, explicit_id), op, args)
            if node.bound is not None:
                op.check_data(node.bound)
        except Exception:
            while len(draft.outer) > at.outer_count:  # the node is not made: it uses nothing
                draft.outer.popitem()
            raise
        if draft.outer:
            node.given = tuple([self.node(index) for index in args])
        if op.has_data:
            draft.data.append(op)
        draft.at = node
        if len(self._path) == node.index:
            self._path.append(node)
        made: Expression = op.expression(draft, node)
        return made

    def _places(self, args: tuple[int, ...]) -> tuple[tuple[int, ...], Outer]:
        """Return the arguments' places in the segment, and what is new of those from before it."""
        start, known = self.draft.start, self.draft.outer
        places: list[int] = []
        fresh: list[tuple[Dim, bool, bool]] = []
        for index in args:
            if index >= start:
                places.append(index - start)
            else:
                slot = known.get(index)
                if slot is None:
                    fresh.append(self._described.get(index) or self._describe(index))
                    slot = known[index] = len(known)
                places.append(-1 - slot)
        return tuple(places), tuple(fresh)

    def _describe(self, index: int) -> tuple[Dim, bool, bool]:
        node = self.node(index)
        found = self._described[index] = node.dim, node.trains, node.is_parameter
        return found

    def _new(self, node: Node, op: Op, args: tuple[int, ...]) -> Node:
        if not self.alive:
            raise StaleArgumentError(
                "the graph was renewed; build its expressions again after renew_cg()"
            )
        at, start, path = self.draft.at, self.draft.start, self._path
        if at.index >= len(path):
            self.node(start + at.index)  # completes the path
        arguments = [path[i - start] if i >= start else self.node(i) for i in args]
        node.describe(op, arguments)  # raises before anything is changed
        if self.tracked:
            at.add(node)
            SHARED.grown()
        return node

    def reserve_ids(self, count: int) -> int:
        """Take ``count`` node ids at once and return the first."""
        return self.append(Reserved(count), ()).id + 1 - count

    @property
    def next_id(self) -> int:
        """The id that the next node would have."""
        return self.draft.first_id + self.draft.at.next_id

    def leaf(self, op: Leaf, trains: bool) -> Expression:
        """Return the one node of this graph for a parameter, making it on first use."""
        wanted = op if trains else op.constant()
        found = self._leaves.get(wanted.kind)
        if found is None:
            found = self._leaves[wanted.kind] = self.append(wanted, ())
            self._storages.add(wanted.source().storage)
        return found

    # ---- what was built

    def node(self, index: int) -> Node:
        """Return what is known of node ``index`` from the structure alone."""
        start = self.draft.start
        if index >= start:
            path, at = self._path, self.draft.at
            if not path or path[-1] is not at:
                path += at.path(len(path) - 1)
            return path[index - start]
        segment = self._segment(index)
        return segment.nodes[index - segment.start]

    def place(self, index: int) -> tuple[Draft, Node]:
        """Return what an expression of node ``index`` is made of."""
        return self.draft if index >= self.draft.start else self._segment(index).draft_of(
            self.epoch
        ), self.node(index)

    def op(self, index: int) -> Op:
        """Return the operation of node ``index``."""
        if index >= self.draft.start:
            node = self.node(index)
            return node.op or of_datum(self.draft.data[node.data_count - 1])
        segment = self._segment(index)
        return segment.ops[index - segment.start]

    def args(self, index: int) -> tuple[int, ...]:
        """Return the arguments of node ``index``."""
        start, outer = self.draft.start, list(self.draft.outer)
        if index < start:
            segment = self._segment(index)
            start, outer = segment.start, segment.outer
        return tuple([p + start if p >= 0 else outer[-1 - p] for p in self.node(index).args])

    @property
    def ids(self) -> list[int]:
        """The id of every node."""
        return [draft.first_id + node.id for draft, node in map(self.place, range(len(self)))]

    def __len__(self) -> int:
        return self.draft.start + self.draft.at.index + 1

    def _segment(self, index: int) -> Segment:
        starts = self._starts
        if starts[-1] <= index:
            return self.segments[-1]
        return self.segments[bisect_right(starts, index) - 1]

    # ---- numbers

    def forward(self, index: int, recalculate: bool = False) -> Array:
        """Evaluate every node up to ``index`` that has no value yet, in creation order; return the last value."""
        if recalculate:
            self.invalidate()
        if index >= self.draft.start:
            self._end_segment(index)
        segments = self.segments
        while self._valid < len(segments):
            segment = segments[self._valid]
            if segment.start > index or not segment.forward(self, index):
                break
            self._valid += 1
        return self.value(index)

    def value(self, index: int) -> Array:
        """Return the value of an evaluated node."""
        segment = self._segment(index)
        return segment.run.value(index - segment.start)

    @property
    def evaluated(self) -> int:
        """How many nodes have values."""
        partly = self.segments[self._valid].done if self._valid < len(self.segments) else 0
        return (*self._starts, self.draft.start)[self._valid] + partly

    def outer_value(self, index: int) -> Array:
        """Return the value of a node that a later segment uses, perhaps one that all of them use."""
        found = self._outer_values.get(index)
        if found is None:
            found = self._outer_values[index] = self.value(index)
        return found

    def home_of(self, index: int) -> tuple[Run, int]:
        """Return where the numbers of node ``index`` are: a segment's run, and the place there."""
        segment = self._segment(index)
        return segment.run, index - segment.start

    def _end_segment(self, index: int) -> None:
        """Close the open segment behind node ``index``; what comes after it starts the next one.

        So a structure does not depend on what was built ahead. But nodes that are read one after the other are not
        all appended again each time: at some point the whole segment is closed, and evaluated bit by bit.
        """
        draft, planned, behind = self.draft, self.planned, len(self) - index - 1
        end, start, first_id = draft.at, draft.start, draft.first_id
        data, outer, rest = draft.data, list(draft.outer), self._path[:0]
        if behind and self._moved + behind > len(self):
            planned = False
        elif behind:
            self._moved += behind
            self.node(index)  # completes the path
            rest = self._path[index - start + 1 :]
            end = self._path[index - start]
        self._starts.append(start)
        ended = Segment(draft, end, data[: end.data_count], outer[: end.outer_count], planned)
        self.segments.append(ended)
        self._begin(start + end.index + 1, first_id + end.next_id)
        for node in rest:
            args = tuple([p + start if p >= 0 else outer[-1 - p] for p in node.args])
            op = node.op or of_datum(data[node.data_count - 1])
            id_ = None if node.explicit_id is None else first_id + node.explicit_id
            self.append(op, args, id_)

    def backward(self, index: int, full: bool = False, keep: bool = True) -> None:
        """Add the gradient of node ``index``, one number, to the parameters it depends on.

        Args:
            index: the node to differentiate.
            full: also compute gradients of nodes that depend on no parameter.
            keep: keep every node's gradient for ``Expression.gradient``; without, memory is freed on the way.
        """
        self.forward(index)
        backward(self, index, full, keep)
        self.root = index if keep else None

    def gradient(self, index: int) -> Array | None:
        """Return the gradient that the last backward pass left at a node, None where none flowed."""
        run, place = self.home_of(index)
        op = self.op(index)
        if index == self.root:
            return np.ones_like(run.value(place))
        if op.is_view:
            whole, whole_place = self.home_of(self.args(index)[0])
            total = whole.total_gradient(whole_place)
            if total is not None:
                return op.forward(self.context, total)
        return run.gradient(place)

    def set_data(self, index: int, op: Op) -> None:
        """Give a node another operation of its kind, and forget all values."""
        if index >= self.draft.start:
            self.draft.data[self.node(index).data_count - 1] = op
        else:
            self._segment(index).set_data(index, op)
        self.invalidate()

    def invalidate(self, first: int = 0) -> None:
        """Forget the values of node ``first``, of all that were evaluated along with it, and of all after."""
        kept = bisect_right(self._starts, first) - 1 if self._starts else 0
        self._valid = min(self._valid, kept)
        for index in [i for i in self._outer_values if not kept or i >= self._starts[kept]]:
            del self._outer_values[index]
        for segment in self.segments[kept:]:
            segment.invalidate()

    # ---- the end

    def checkpoint(self) -> None:
        """Note how many nodes there are, for ``revert``."""
        self._checkpoints.append(len(self))

    def revert(self) -> None:
        """Delete the nodes made since the last checkpoint, and forget it; without one, do nothing.

        Ids are given anew. The nodes of parameters are moved and not deleted: who holds them need not
        know when they were made.
        """
        if not self._checkpoints:
            return
        count = self._checkpoints.pop()
        later = [
            (leaf, self.op(leaf.index)) for leaf in self._leaves.values() if leaf.index >= count
        ]
        self.epoch += 1
        self._cuts.append(count)
        self._cut(count)
        for leaf, op in later:
            moved = self.append(op, (), leaf.id)
            leaf.draft, leaf.known = moved.draft, moved.known

    def deleted(self, index: int, epoch: int) -> bool:
        """Return whether the node that had an index in an epoch was deleted by ``revert``."""
        return any(index >= cut for cut in self._cuts[epoch:])

    def _cut(self, count: int) -> None:
        """Delete the nodes from index ``count`` on."""
        last = self.node(count - 1) if count else None
        for known in (self._described, self._outer_values):
            for index in [i for i in known if i >= count]:
                del known[index]
        if self.root is not None and self.root >= count:
            self.root = count - 1 if count else None
        before = self.draft
        if last is not None and count > before.start:
            self.draft = Draft(self, before.start, before.first_id, last)
            self.draft.data = before.data[: last.data_count]
            self.draft.outer = dict(list(before.outer.items())[: last.outer_count])
            before.end()
            del self._path[last.index + 1 :]
            return
        while self._starts and self._starts[-1] >= count:
            del self._starts[-1], self.segments[-1]
        self._valid = min(self._valid, len(self.segments))
        if last is None:
            self._begin(0, 0)
            return
        segment = self.segments[-1]
        segment.cut(last)
        self._begin(count, segment.draft.first_id + last.next_id)

    def release(self) -> None:
        """End this graph: its expressions become stale and its memory is freed."""
        self.alive = False
        self.epoch = -1
        for storage in self._storages:
            storage.forget(self)
        for segment in self.segments:
            del segment.run  # which knows it: so memory is freed without the garbage collector
        self.segments.clear()
        self._starts.clear()
        self._outer_values.clear()
        self._leaves.clear()
        self.root = None
        self.context.saved = self.context.reader = None
        self.draft.end()
        self.draft = NOWHERE
