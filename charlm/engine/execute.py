"""Evaluation of a graph, segment by segment: the one module that all numbers pass through.

A segment is what was appended between two evaluations. Nodes are evaluated in creation order,
whether needed or not: this fixes the order of random draws, as in DyNet. A segment whose structure
was evaluated before is run by a plan (``engine/plan.py``), any other node by node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from charlm.engine.accumulation import Accumulator
from charlm.engine.arrays import Array, array_shape, quietly, show
from charlm.engine.op import Datum, Op, of_datum
from charlm.engine.plan import plan
from charlm.engine.planned import Planned
from charlm.engine.structure import SHARED, Draft, Node
from charlm.errors import EvaluationError, ShapeError

if TYPE_CHECKING:
    from charlm.engine.graph import ComputationGraph


class Run(Protocol):
    """The numbers of one segment; nodes are named by their places in it."""

    def forward(self, graph: ComputationGraph, last: int) -> bool:
        """Evaluate up to place ``last``; return whether the whole segment has values now."""
        ...

    def value(self, place: int) -> Array:
        """Return a value."""
        ...

    def begin_backward(self) -> None:
        """Forget the gradients of the pass before."""
        ...

    def add_gradient(self, place: int, dx: Array) -> None:
        """Add to a node's gradient; ``dx`` may be kept and is not written to."""
        ...

    def gradient_to_write(self, place: int) -> Array:
        """Return a node's gradient, zeros at first, to be added to in place."""
        ...

    def backward(self, graph: ComputationGraph, full: bool, keep: bool) -> None:
        """Pass the gradients that are there on to arguments and parameters."""
        ...

    def gradient(self, place: int) -> Array | None:
        """Return a node's gradient, None where none flowed."""
        ...

    def total_gradient(self, place: int) -> Array | None:
        """Return the gradient of a recurrent node's parts with what flows through later parts, None for others."""
        ...


class Segment:
    """Nodes that are evaluated together.

    Args:
        draft: what they were appended to.
        end: the last node.
        data: the operations that have data, in order.
        outer: the indices of the nodes from before the segment that it uses, by first use.
        planned: see ``ComputationGraph``.
    """

    def __init__(
        self,
        draft: Draft,
        end: Node,
        data: list[Datum],
        outer: list[int],
        planned: bool | None,
    ) -> None:
        self.draft = draft
        self.start = draft.start
        self.end = end
        self.data = data
        self.outer = outer
        self._nodes: list[Node] | None = None
        self._ops: list[Op] | None = None
        self.run: Run = self._make_run(planned)

    def _make_run(self, planned: bool | None) -> Run:
        end = self.end
        if planned is False:
            return OneByOne(self)
        if end.plan is None and (planned or end.visits):
            end.plan = plan(self.nodes, self.ops)
        if end.visits:
            SHARED.came_again(end.index + 1)
        end.visits += 1
        return OneByOne(self) if end.plan is None else Planned(self, end.plan)

    @property
    def nodes(self) -> list[Node]:
        """The nodes, from the first."""
        if self._nodes is None:
            self._nodes = self.end.path()
        return self._nodes

    @property
    def ops(self) -> list[Op]:
        """The nodes' operations."""
        if self._ops is None:
            data = iter(self.data)
            self._ops = [node.op or of_datum(next(data)) for node in self.nodes]
        return self._ops

    def draft_of(self, epoch: int) -> Draft:
        """Return what the nodes' expressions refer to in this epoch of the graph."""
        if self.draft.epoch != epoch:
            self.draft = Draft(self.draft.graph, self.start, self.draft.first_id, self.draft.at)
        return self.draft

    def forward(self, graph: ComputationGraph, index: int) -> bool:
        """Evaluate up to a node of the graph; return whether the whole segment has values now."""
        last = min(index - self.start, self.end.index)
        if isinstance(self.run, Planned):
            try:
                return self.run.forward(graph, last)
            except Exception:  # once more, one by one, for the error of the first bad node
                self.run = OneByOne(self)
        return self.run.forward(graph, last)

    @property
    def done(self) -> int:
        """How many nodes have values, from the first on, while not all have."""
        return self.run.done if isinstance(self.run, OneByOne) else 0

    def touch(self, root: int) -> None:
        """Count the rows of tables that were looked up for node ``root`` of the graph, or before it, as used."""
        place = root - self.start
        end = self.end if place >= self.end.index else self.nodes[place]
        for datum in self.data[: end.data_count]:
            op, index = datum if isinstance(datum, tuple) else (datum, None)
            op.touch(index)

    def set_data(self, index: int, op: Op) -> None:
        """Give a node another operation of its kind."""
        self.data[self.nodes[index - self.start].data_count - 1] = op
        self._ops = None

    def cut(self, end: Node) -> None:
        """Let the segment end earlier; the values that are there stay."""
        self.end = end
        self._nodes = self._ops = None
        del self.data[end.data_count :]
        if isinstance(self.run, OneByOne):
            self.run.cut(end.index + 1)

    def invalidate(self) -> None:
        """Forget the values."""
        self.run = OneByOne(self) if isinstance(self.run, OneByOne) else self._make_run(True)


class OneByOne(Accumulator):
    """Nodes evaluated in creation order, each by its operation."""

    def __init__(self, segment: Segment) -> None:
        super().__init__()
        count = segment.end.index + 1
        self.segment = segment
        self.done = 0
        self.values: list[Array | None] = [None] * count
        self.saved: list[Any] = [None] * count
        self.totals: dict[int, Callable[[], Array]] = {}

    def forward(self, graph: ComputationGraph, last: int) -> bool:
        """Evaluate up to place ``last``."""
        ctx, values, saved, nodes = graph.context, self.values, self.saved, self.segment.nodes
        ops, outer = self.segment.ops, self.segment.outer
        with np.errstate(all="ignore"):  # overflow gives inf, as in DyNet; trainers check gradients
            for k in range(self.done, last + 1):
                ctx.saved = None
                args = nodes[k].args
                xs = [values[p] if p >= 0 else graph.outer_value(outer[-1 - p]) for p in args]
                if nodes[k].empty:
                    values[k] = np.empty(array_shape(nodes[k].dim), ctx.dtype)
                    self.done = k + 1
                    continue
                try:
                    values[k] = ops[k].forward(ctx, *xs)
                except MemoryError as error:
                    at = f"{self.segment.draft.first_id + nodes[k].id}/{graph.version}"
                    raise EvaluationError(
                        f"{ops[k].name()}: there is no memory left to compute expression {at} "
                        f"of shape {show(nodes[k].dim)}"
                    ) from error
                except _OF_EMPTY as error:
                    _check_empty(ops[k], xs, error)
                    raise
                saved[k] = ctx.saved
                self.done = k + 1
        return self.done == len(values)

    def cut(self, count: int) -> None:
        """Forget the nodes from place ``count`` on."""
        self.done = min(self.done, count)
        for part in (self.values, self.saved, self.gradients, self.owned):
            del part[count:]

    def value(self, place: int) -> Array:
        """Return a value."""
        return cast("Array", self.values[place])

    def begin_backward(self) -> None:
        """Forget the gradients of the pass before."""
        self.forget_gradients(len(self.values))
        self.totals.clear()

    def add_gradient(self, place: int, dx: Array) -> None:
        """Add to a node's gradient."""
        self.accumulate(place, dx, self.value(place))

    def gradient_to_write(self, place: int) -> Array:
        """Return a node's gradient as an array of its own."""
        return self.own_gradient(place, self.value(place))

    def gradient(self, place: int) -> Array | None:
        """Return a node's gradient."""
        return self.gradients[place]

    def total_gradient(self, place: int) -> Array | None:
        """Return a recurrent node's, computed when it is first asked for."""
        return self.totals[place]() if place in self.totals else None

    def backward(self, graph: ComputationGraph, full: bool, keep: bool) -> None:
        """Go through the nodes in reverse."""
        ctx, nodes, ops = graph.context, self.segment.nodes, self.segment.ops
        for k in range(self.done - 1, -1, -1):
            dy, node = self.gradients[k], nodes[k]
            if dy is None or node.empty:
                continue
            if not node.args:
                if node.trains:
                    ops[k].receive(ctx, dy)
            elif full or node.trains:
                self._pass_on(graph, k, dy, full, keep)
            if not keep:
                self.gradients[k] = None

    def _pass_on(self, graph: ComputationGraph, k: int, dy: Array, full: bool, keep: bool) -> None:
        ctx, op, segment = graph.context, self.segment.ops[k], self.segment
        ctx.saved = self.saved[k]
        homes: list[tuple[Run, int]] = [
            (self, p) if p >= 0 else graph.home_of(segment.outer[-1 - p])
            for p in segment.nodes[k].args
        ]
        if op.is_view:
            ((run, place),) = homes
            op.add_gradient(ctx, run.gradient_to_write(place), dy)
            return
        given = [
            segment.nodes[p] if p >= 0 else graph.node(segment.outer[-1 - p])
            for p in segment.nodes[k].args
        ]
        ctx.needs = tuple([(full or node.trains) and not node.empty for node in given])
        if not any(ctx.needs):
            return
        xs = [run.value(place) for run, place in homes]
        if keep and op.is_recurrent:
            self.totals[k] = cache(partial(op.total_gradient, dy, *xs))
        try:
            found = op.backward(ctx, dy, self.value(k), *xs)
        except _OF_EMPTY as error:
            _check_empty(op, xs, error)
            raise
        for (run, place), needed, dx in zip(homes, ctx.needs, found, strict=True):
            if needed and dx is not None:
                run.add_gradient(place, dx)


_OF_EMPTY = (
    ValueError,
    IndexError,
    ZeroDivisionError,
)  # what operations raise where numbers are missing


def _check_empty(op: Op, xs: Sequence[Array | None], error: Exception) -> None:
    """Raise EvaluationError in the place of an error if an argument has no numbers."""
    shapes = [x.shape for x in xs if x is not None]
    if any(0 in shape for shape in shapes):
        given = ", ".join(show((shape[:0:-1], shape[0])) for shape in shapes)
        raise EvaluationError(
            f"{op.name()}: is not defined where an argument has no numbers, got {given}"
        ) from error


def backward(graph: ComputationGraph, root: int, full: bool, keep: bool) -> None:
    """Run back from node ``root``; see ``ComputationGraph.backward``."""
    value = graph.value(root)
    if value.size != 1:
        shape, batch = graph.node(root).dim
        raise ShapeError(
            f"backward() needs an expression of one number, this one is {shape} x {batch}"
        )
    segments = [s for s in graph.segments if s.start <= root]
    for segment in segments:
        segment.touch(root)
        segment.run.begin_backward()
    run, place = graph.home_of(root)
    run.add_gradient(place, np.ones_like(value))
    for segment in reversed(segments):
        quietly(segment.run.backward, graph, full, keep)
