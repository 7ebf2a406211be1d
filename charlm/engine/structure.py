"""The structure of graphs, recorded once and recognised when it comes again.

Programs build the same graph over and over: a training loop one graph a sentence, a sampling loop
the same few nodes a step. So the nodes of all graphs form one tree. A node stands for an operation
on given earlier nodes *after* given earlier operations, and holds what follows from that: the
result's dimension, whether it trains, its id. A graph is a path in this tree, and the data that its
nodes do not share (ids to look up, numbers put in).

Appending a node that has been appended before at the same place costs a comparison with the node
that followed last time, with no shape to check again. And what is worked out for a path, the plan of
its evaluation, is found at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from charlm.engine.arrays import Dim
from charlm.engine.op import Leaf, Op
from charlm.errors import ArgumentError

if TYPE_CHECKING:
    from charlm.engine.expression import Expression
    from charlm.engine.graph import ComputationGraph
    from charlm.engine.op import Datum
    from charlm.engine.planned import Plan

LIMIT = 100_000  # nodes, some 300 bytes each, after which the tree is grown anew
WATCHED = 5_000

Outer = tuple[tuple[Dim, bool, bool], ...]
"""Dimension, trains and is a parameter, of arguments from before the segment at their first use."""


class Node:
    """A node of every graph that took this path; places are counted from the segment's first node.

    Attributes:
        kind: equal for operations that differ in their data only.
        args: the arguments' places; -1, -2, ... are nodes from before the segment, by first use.
        given: the arguments' nodes; for those from before the segment, the nodes they were last time.
        first, second: the first two arguments, if they are of the same segment.
        states: the nodes of a recurrent step's states, which always follow it.
        fixed, carried: the parameters and the states among a recurrent step's arguments, as it was built last.
        op: the operation, if it has no data; else each graph has its own.
        next: the node that followed last.
        empty: whether it has no numbers, because a size is 0: there is nothing to compute then.
        outer_count: how many nodes from before the segment are used so far.
        data_count: how many nodes so far have data.
        plan: how the segment that ends here is evaluated, once that is worked out.
        visits: how many segments have ended here.
    """

    __slots__ = (
        "args", "bound", "carried", "data_count", "dim", "empty", "explicit_id", "first", "fixed", "given", "id",
        "index", "is_parameter", "kind", "next", "next_id", "op", "others", "outer", "outer_count", "parent", "plan",
        "second", "states", "trains", "visits"
    )  # fmt: skip

    def __init__(
        self,
        parent: Node | None,
        kind: object,
        args: tuple[int, ...],
        outer: Outer,
        explicit_id: int | None,
    ) -> None:
        self.parent = parent
        self.kind = kind
        self.args = args
        self.outer = outer
        self.explicit_id = explicit_id
        self.given: tuple[Node, ...] = ()
        self.first: Node | None = None
        self.second: Node | None = None
        self.states: tuple[Node, ...] = ()
        self.fixed: tuple[Node, ...] | None = None
        self.carried: tuple[Node, ...] | None = None
        self.next: Node = (
            self if parent is None else NOTHING
        )  # a root follows itself: equal to no operation
        self.others: dict[Any, Node] | None = None
        self.op: Op | None = None
        self.bound: Any = None
        self.dim: Dim = ((), 1)
        self.empty = False
        self.trains = False
        self.is_parameter = False
        self.index: int = -1 if parent is None else parent.index + 1
        self.id = -1
        self.next_id = 0
        self.outer_count: int = (0 if parent is None else parent.outer_count) + len(outer)
        self.data_count = 0
        self.plan: Plan | None = None
        self.visits = 0

    def describe(self, op: Op, arguments: Sequence[Node]) -> None:
        """Work out what follows from the operation and its arguments; ShapeError if they do not fit."""
        places = self.args
        if places:
            self.given = tuple(arguments)
            if places[0] >= 0:
                self.first = arguments[0]
            if len(places) > 1 and places[1] >= 0:
                self.second = arguments[1]
        dims = [node.dim for node in arguments]
        self.dim = op.dim(*dims)
        self.empty = 0 in self.dim[0]
        self.trains = any(n.trains for n in arguments) if arguments else op.leaf() is not None
        if op.has_data:
            self.bound = op.bound(*dims)
            self.is_parameter = isinstance(op, Leaf)
        else:
            self.op = op
        assert self.parent is not None
        self.data_count = self.parent.data_count + op.has_data
        taken = op.id_count if self.explicit_id is None else 0
        self.next_id = self.parent.next_id + taken
        self.id = self.next_id - 1 if self.explicit_id is None else self.explicit_id

    def find(
        self, kind: object, args: tuple[int, ...], outer: Outer, explicit_id: int | None
    ) -> Node | None:
        """Return the node that such an operation leads to, if it was ever made here."""
        if self.others is None:
            return None
        found = self.others.get((kind, args, outer, explicit_id))
        if found is not None:
            self.next = found
        return found

    def add(self, node: Node) -> None:
        """Note what an operation leads to."""
        first = self.next
        if first is not NOTHING and first is not self:  # one alone needs no table
            if self.others is None:
                self.others = {first.key(): first}
            self.others[node.key()] = node
        self.next = node

    def key(self) -> tuple[object, tuple[int, ...], Outer, int | None]:
        """Return what the node is found by."""
        return self.kind, self.args, self.outer, self.explicit_id

    def path(self, after: int = -1) -> list[Node]:
        """Return the nodes from place ``after`` + 1 to this one."""
        nodes = list(self._upwards(after))
        nodes.reverse()
        return nodes

    def _upwards(self, after: int) -> Iterator[Node]:
        node: Node | None = self
        while node is not None and node.index > after:
            yield node
            node = node.parent


NOTHING = Node(None, None, (), (), None)
"""What follows where nothing has followed yet: equal to no operation."""


class Draft:
    """The nodes that are being appended to a graph: its open segment.

    A new one takes its place when the segment ends and when nodes are deleted; then nothing follows in
    this one any more. So an expression whose draft is another's is of the same segment, and lives.

    Attributes:
        graph: where the nodes are.
        start: the first node's index in the graph.
        first_id: its id, or that of the first of those that it takes.
        epoch: the graph's.
        at: the last node.
        data: the operations that have data, in order.
        outer: the places of nodes from before the segment, by their indices: 0, 1, ... by first use.
    """

    __slots__ = ("at", "data", "epoch", "first_id", "graph", "outer", "start")

    def __init__(self, graph: ComputationGraph, start: int, first_id: int, at: Node) -> None:
        self.graph = graph
        self.start = start
        self.first_id = first_id
        self.epoch = -1 if graph is None else graph.epoch
        self.at = at
        self.data: list[Datum] = []
        self.outer: dict[int, int] = {}

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled or copied, and so whatever has nodes of a graph."""
        raise ArgumentError(
            "an expression cannot be pickled or copied: it is a place in its graph; take its value() or npvalue()"
        )

    def end(self) -> None:
        """Let nothing follow."""
        self.at = NOTHING
        self.data = []
        self.outer = {}

    def leads_to(self, node: Node, operands: Sequence[Expression]) -> bool:
        """Whether an operation of ``node``'s kind on these operands, perhaps from before the segment, is ``node``.

        If so, nodes from before the segment that are used the first time are counted among ``outer``.
        """
        outer = self.outer
        count = len(outer)
        for place, known, x in zip(node.args, node.given, operands, strict=True):
            draft = x.draft
            if known is not x.known or (place >= 0) is not (draft is self):
                break
            if place < 0 and (
                draft.epoch != self.epoch
                or draft.graph is not self.graph
                or outer.setdefault(draft.start + known.index, len(outer)) != -1 - place
            ):
                break
        else:
            return True
        while len(outer) > count:
            outer.popitem()
        return False


class Structures:
    """The tree that graphs share, grown anew when it is large.

    It costs programs that never build a graph twice a third of their time, most of it in the garbage
    collector. So when hardly a graph came again while it grew by ``WATCHED`` nodes, the next ones are not
    recorded, eight for each that was.
    """

    def __init__(self) -> None:
        self.root = Node(None, None, (), (), None)
        self.count = 0
        self.unrecorded = 0  # graphs that are not to be recorded
        self._graphs = 0
        self._again = 0

    def records(self) -> bool:
        """Whether a new graph is to be recorded."""
        if self.unrecorded:
            self.unrecorded -= 1
            return False
        self._graphs += 1
        return True

    def came_again(self, count: int) -> None:
        """Note that a segment of ``count`` nodes was evaluated that was known."""
        self._again += count

    def grown(self) -> None:
        """Count a new node."""
        self.count += 1
        if self.count % WATCHED == 0:
            if self._again < WATCHED // 10:
                self.unrecorded = 8 * self._graphs
            self._graphs = self._again = 0
        if self.count >= LIMIT:  # graphs on the old tree go on with it
            self.root = Node(None, None, (), (), None)
            self.count = 0


SHARED = Structures()

NOWHERE = Draft(None, 0, 0, NOTHING)  # type: ignore[arg-type]
"""The draft of a graph that has ended."""
