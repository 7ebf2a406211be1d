"""A segment evaluated by a plan: a few large operations in the place of many small ones.

A step of a plan is one operation on arrays in which the values of many nodes lie behind each other
along the batch axis. Where a node's numbers are is a ``Source``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from charlm.engine.accumulation import Accumulator
from charlm.engine.arrays import Array, Shape, quietly, reduce_to, zeros_like
from charlm.engine.op import Datum, IndexOp, Op, of_datum

if TYPE_CHECKING:
    from charlm.engine.execute import Segment
    from charlm.engine.graph import ComputationGraph


class Source(Protocol):
    """Where an array is while a plan runs, and where its gradient goes."""

    def get(self, values: list[Array]) -> Array:
        """Return the array."""
        ...

    def put(self, run: Planned, dx: Array) -> None:
        """Add to its gradient."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows, or all, of a step's result; ``flat`` counts rows over all axes but the last."""

    step: int
    start: int
    stop: int
    flat: bool = False
    all: bool = False

    def get(self, values: list[Array]) -> Array:
        """Return a view."""
        return self.of(values[self.step])

    def put(self, run: Planned, dx: Array) -> None:
        """Add to the rows."""
        whole = run.values[self.step]
        if self.all:
            run.accumulate(self.step, dx.reshape(whole.shape) if self.flat else dx, whole)
            return
        if dx.shape[1:] != whole.shape[1:] or len(dx) != self.stop - self.start:
            dx = reduce_to(dx, self.of(whole).shape)
        target = self.to_write(run)
        target += dx

    def to_write(self, run: Planned) -> Array:
        """Return the rows of the whole gradient."""
        return self.of(run.own_gradient(self.step, run.values[self.step]))

    def of(self, whole: Array) -> Array:
        """Return the rows of a step's array."""
        if self.flat:
            whole = whole.reshape(-1, whole.shape[-1])
        return whole if self.all else whole[self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Column:
    """All states of one step in time of a recurrent sequence: ``result[:, time, start:stop]``."""

    step: int
    time: int
    start: int
    stop: int

    def get(self, values: list[Array]) -> Array:
        """Return a view."""
        return self.of(values[self.step])

    def put(self, run: Planned, dx: Array) -> None:
        """Add to the states."""
        target = self.to_write(run)
        target += dx

    def to_write(self, run: Planned) -> Array:
        """Return the states' part of the whole gradient."""
        return self.of(run.own_gradient(self.step, run.values[self.step]))

    def of(self, whole: Array) -> Array:
        """Return the states' part of a sequence's array."""
        part: Array = whole[:, self.time, self.start : self.stop]
        return part


@dataclass(frozen=True, slots=True)
class Outside:
    """A node from before the segment; the values of all of them lie behind the steps' results."""

    slot: int
    step: int

    def get(self, values: list[Array]) -> Array:
        """Return its value."""
        return values[self.step]

    def put(self, run: Planned, dx: Array) -> None:
        """Add to its gradient."""
        home, place = run.graph.home_of(run.segment.outer[self.slot])
        home.add_gradient(place, dx)

    def to_write(self, run: Planned) -> Array:
        """Return its gradient."""
        home, place = run.graph.home_of(run.segment.outer[self.slot])
        return home.gradient_to_write(place)


@dataclass(frozen=True, slots=True)
class Picked:
    """Rows of one result in any order, perhaps repeated."""

    step: int
    rows: Array
    flat: bool
    distinct: bool

    def get(self, values: list[Array]) -> Array:
        """Return a copy."""
        return self._of(values[self.step])[self.rows]

    def put(self, run: Planned, dx: Array) -> None:
        """Add to the rows, as often as they were taken."""
        target = self._of(run.own_gradient(self.step, run.values[self.step]))
        if self.distinct:
            target[self.rows] += dx
        else:
            np.add.at(target, self.rows, dx)

    def _of(self, whole: Array) -> Array:
        return whole.reshape(-1, whole.shape[-1]) if self.flat else whole


@dataclass(frozen=True, slots=True)
class Pieces:
    """Arrays from several places, one behind the other."""

    parts: tuple[Source, ...]
    rows: tuple[int, ...]

    def get(self, values: list[Array]) -> Array:
        """Return a copy."""
        return np.concatenate([part.get(values) for part in self.parts])

    def put(self, run: Planned, dx: Array) -> None:
        """Add to each."""
        start = 0
        for part, rows in zip(self.parts, self.rows, strict=True):
            part.put(run, dx[start : start + rows])
            start += rows


@dataclass(frozen=True, slots=True)
class Shaped:
    """A source under another shape."""

    source: Source
    shape: Shape

    def get(self, values: list[Array]) -> Array:
        """Return it in the shape."""
        return self.source.get(values).reshape(self.shape)

    def put(self, run: Planned, dx: Array) -> None:
        """Add to it."""
        self.source.put(run, dx.reshape(-1, *dx.shape[3:]))


@dataclass(slots=True)
class Step:
    """One operation on the values of one node, or of many equal ones.

    Attributes:
        op: the operation; None where it has data, and is then made of those of the nodes.
        kind: the operation's class.
        data: the places of the nodes' operations among the segment's with data.
        batch: the batch size of each node.
        args: the arguments.
        trains: whether a parameter is behind the result.
        needs: whether one is behind each argument.
    """

    op: Op | None
    kind: type[Op]
    data: tuple[int, ...]
    batch: int
    args: list[Source]
    trains: bool
    needs: tuple[bool, ...]


Reader = Callable[[list[Array]], Sequence[Array]]


class Plan:
    """The steps in their order, and where each node's value is then."""

    __slots__ = ("places", "readers", "steps")

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.places: dict[int, Rows | Column] = {}
        self.readers: list[Reader] = []

    def add(self, step: Step) -> None:
        """Take one more step."""
        self.steps.append(step)
        self.readers.append(_reader(step.args))


def _reader(args: Sequence[Source]) -> Reader:
    """Return a function that finds the arguments among the values, quick where they lie there as they are."""
    wholes = [
        source.step
        for source in args
        if isinstance(source, Outside)
        or (isinstance(source, Rows) and source.all and not source.flat)
    ]
    if not args:
        return lambda values: ()
    if len(wholes) < len(args):
        return lambda values: [source.get(values) for source in args]
    if len(wholes) == 1:
        (only,) = wholes
        return lambda values: (values[only],)
    return itemgetter(*wholes)


class Planned(Accumulator):
    """The numbers of a segment that is evaluated by a plan: ``values`` are the steps' results, then those outside."""

    def __init__(self, segment: Segment, plan: Plan) -> None:
        super().__init__()
        self.segment = segment
        self.plan = plan
        self.graph: ComputationGraph
        self.values: list[Array] = []
        self.ops: list[Op] = []
        self.inputs: list[Sequence[Array]] = []
        self.saved: list[Any] = []
        self.totals: dict[int, Callable[[], Array]] = {}
        self.full = False

    def forward(self, graph: ComputationGraph, last: int) -> bool:
        """Take all steps."""
        return quietly(self._forward, graph)

    def _forward(self, graph: ComputationGraph) -> bool:
        self.graph = graph
        ctx, data, plan = graph.context, self.segment.data, self.plan
        values: list[Any] = [None] * len(plan.steps)
        values += map(graph.outer_value, self.segment.outer)
        ops, inputs, saved = self.ops, self.inputs, self.saved
        for s, (step, read) in enumerate(zip(plan.steps, plan.readers, strict=True)):
            op = step.op or _of_data(step, data)
            xs = read(values)
            ctx.saved = None
            values[s] = op.forward(ctx, *xs)
            ops.append(op)
            inputs.append(xs)
            saved.append(ctx.saved)
        self.values = values
        return True

    def value(self, place: int) -> Array:
        """Return a node's part of a step's result."""
        return self.plan.places[place].get(self.values)

    def begin_backward(self) -> None:
        """Forget the gradients of the pass before."""
        self.forget_gradients(len(self.plan.steps))
        self.totals.clear()

    def add_gradient(self, place: int, dx: Array) -> None:
        """Add to a node's gradient."""
        self.plan.places[place].put(self, dx)

    def gradient_to_write(self, place: int) -> Array:
        """Return a node's gradient."""
        return self.plan.places[place].to_write(self)

    def gradient(self, place: int) -> Array | None:
        """Return a node's gradient."""
        if not (self.full or self.segment.nodes[place].trains):
            return None  # what it has was computed along with that of nodes which train
        source = self.plan.places[place]
        whole = self.gradients[source.step]
        return None if whole is None else source.of(whole)

    def total_gradient(self, place: int) -> Array | None:
        """Return a recurrent node's, computed when it is first asked for."""
        source = self.plan.places[place]
        return source.of(self.totals[source.step]()) if source.step in self.totals else None

    def backward(self, graph: ComputationGraph, full: bool, keep: bool) -> None:
        """Go through the steps in reverse."""
        ctx, steps = graph.context, self.plan.steps
        self.full = full
        for s in range(len(steps) - 1, -1, -1):
            dy = self.gradients[s]
            if dy is None:
                continue
            step, op = steps[s], self.ops[s]
            if not step.args:
                if step.trains:
                    op.receive(ctx, dy)
            elif full or step.trains:
                ctx.saved = self.saved[s]
                if op.is_view:
                    self._add_view(op, step.args[0], self.inputs[s][0], dy)
                else:
                    ctx.needs = (True,) * len(step.args) if full else step.needs
                    if keep and op.is_recurrent:
                        self.totals[s] = cache(partial(op.total_gradient, dy, *self.inputs[s]))
                    found = op.backward(ctx, dy, self.values[s], *self.inputs[s])
                    for source, needed, dx in zip(step.args, ctx.needs, found, strict=True):
                        if needed and dx is not None:
                            source.put(self, dx)
            if not keep:
                self.gradients[s] = None

    def _add_view(self, op: Op, source: Source, x: Array, dy: Array) -> None:
        if isinstance(source, (Rows, Column, Outside)):
            op.add_gradient(self.graph.context, source.to_write(self), dy)
        else:  # x was put together: so is its gradient
            dx = zeros_like(x)
            op.add_gradient(self.graph.context, dx, dy)
            source.put(self, dx)


def _of_data(step: Step, data: Sequence[Datum]) -> Op:
    if len(step.data) == 1:
        return of_datum(data[step.data[0]])
    found = [data[i] for i in step.data]
    indices = [datum[1] for datum in found if isinstance(datum, tuple)]
    if len(indices) == len(found):
        stands_for_all: IndexOp = found[0][0]  # type: ignore[index]
        return stands_for_all.at_all(indices, step.batch)
    return step.kind.merged([of_datum(datum) for datum in found], step.batch)
