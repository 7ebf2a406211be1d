"""A builder's layers in one graph: what all its states there share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from charlm.engine.expression import Expression, apply
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops.noise import Dropout
from charlm.engine.ops.random_inputs import RandomBernoulli
from charlm.engine.ops.sequences import OutputSequence, StatePart
from charlm.engine.rnn.cell import RecurrentSequence, RecurrentStep
from charlm.engine.rnn.lookup import LookupRecurrence, Symbols
from charlm.engine.structure import Draft, Node

if TYPE_CHECKING:
    from charlm.engine.rnn.builder import RNNBuilder

NO_DROPOUT = (0.0, 0.0)
NOT_MASKED = (False, False)

LayerStates: TypeAlias = "tuple[Expression | None, ...]"
After: TypeAlias = Callable[[int, Expression], Expression]


@cache
def _state_part(state: int) -> StatePart:
    """Return the one operation for a state, by which a graph recognises it quickly."""
    return StatePart(state)


def _the_same(nodes: list[Node]) -> tuple[Node, ...]:
    """Return a tuple of these nodes, as long as it can be the one that was returned for them before."""
    found, last = tuple(nodes), nodes[-1]
    if last.fixed != found:
        last.fixed = found
    return last.fixed


class Layers:
    """The nodes of a builder's parameters and of its dropout masks.

    Masks are drawn when the first input comes and serve every step of every sequence of the graph
    (variational dropout; Gal and Ghahramani, 2016). Cells without masks have ordinary dropout on
    what goes into each layer and on what comes out of the last, drawn at every step.
    """

    def __init__(self, builder: RNNBuilder, graph: ComputationGraph, update: bool) -> None:
        self.builder = builder
        self.graph = graph
        self.parameters = [builder.nodes(graph, layer, update) for layer in builder.layers]
        self.masks: list[list[Expression]] = []
        self._parts = [_state_part(state) for state in range(builder.cell.states)]
        self._find_places()
        none, every = (False,) * builder.cell.states, (True,) * builder.cell.states
        self._first = self._step(True, NOT_MASKED, none)
        self._later = self._step(True, NOT_MASKED, every)

    def draw_masks(self, batch: int) -> None:
        """Draw the masks of every layer, of x and then of the recurrent vectors, perhaps anew."""
        builder, (x_rate, rate) = self.builder, self.builder.rates
        below = (builder.input_dim, *builder.hidden_dims)
        self.masks = [
            [
                self._mask(in_size, batch, x_rate),
                *[self._mask(size, batch, rate) for _ in range(builder.cell.masks)],
            ]
            for in_size, size in zip(below, builder.hidden_dims, strict=False)
        ]

    def drop_recurrent_weights(self, rate: float) -> None:
        """Multiply the matrices between two steps by masks, for all that follows in this graph."""
        for layer in self.parameters:
            for i, role in enumerate(self.builder.cell.roles):
                if role.startswith("Wh"):
                    layer[i] = apply(Dropout(rate), layer[i])

    def expect(self, batch: int) -> None:
        """Draw the masks for a first input of this batch size, if there are to be any and they are not there."""
        if any(self.builder.masked) and not self.masks:
            self.draw_masks(batch)

    def step(
        self, k: int, x: Expression, states: LayerStates, ids: tuple[int, ...] | None = None
    ) -> tuple[Expression, ...]:
        """Return the states of layer ``k`` after one more input: this runs for every step of every program.

        ``ids`` are those of the states, if they were taken before.
        """
        builder, graph, parameters = self.builder, self.graph, self.parameters[k]
        if graph.epoch != self._epoch:  # nodes were deleted, and the parameters' moved
            self._find_places()
        if builder.plain and ids is None:
            return self._plain_step(k, x, states)
        nodes = builder.arguments(parameters)
        masked = builder.masked if any(builder.rates) else NOT_MASKED
        given = tuple([s is not None for s in states])
        op, places = self._step(ids is None, masked, given)
        fixed = self._places[k] if nodes is parameters else tuple([node.index for node in nodes])
        if op.masked:
            fixed += tuple([mask.index for mask in self.masks[k]])
        carried = [s.index for s in states if s is not None]
        node: Expression = graph.append(op, (x.index, *fixed, *carried))
        first_id, args = node.id + 1 - op.id_count, (node.index,)
        if ids is None:
            ids = tuple([first_id + place for place in places])
        return tuple(
            [graph.append(part, args, id_) for part, id_ in zip(self._parts, ids, strict=True)]
        )

    def _find_places(self) -> None:
        self._epoch = self.graph.epoch
        for layer in self.parameters:
            for node in layer:
                node.home()  # which notes where it is now
        self._places = [tuple([node.index for node in layer]) for layer in self.parameters]
        self._known = [_the_same([node.known for node in layer]) for layer in self.parameters]

    def _plain_step(self, k: int, x: Expression, states: LayerStates) -> tuple[Expression, ...]:
        """``step`` without anything special, quick where the graph is like an earlier one."""
        graph = self.graph
        draft = graph.draft
        node = draft.at.next
        carried = [s for s in states if s is not None]
        op, places = self._later if carried else self._first
        if node.kind is op.kind and draft.leads_to(node, (x, *self.parameters[k], *carried)):
            after = node.states
            if after:
                draft.at = after[-1]
                return tuple([Expression(draft, state) for state in after])
            draft.at = node
        else:
            node = graph.append(op, (x.index, *self._places[k], *[s.index for s in carried])).known
        index, first_id = draft.start + node.index, draft.first_id + node.id + 1 - op.id_count
        found = [
            graph.append(part, (index,), first_id + place)
            for part, place in zip(self._parts, places, strict=True)
        ]
        node.states = tuple([state.known for state in found])
        return tuple(found)

    def after(
        self, draft: Draft, below: Node, before: Sequence[tuple[Node, ...]]
    ) -> Sequence[tuple[Node, ...]]:
        """Return the states' nodes after one more input in a graph's first segment, if these follow there."""
        at, found = draft.at, []
        for fixed, carried in zip(self._known, before, strict=False):
            node = at.next
            if node.first is not below or node.fixed is not fixed or node.carried is not carried:
                if node.given != (below, *fixed, *carried) or not node.states:
                    return ()
                node.fixed, node.carried = fixed, carried
            op = self._later[0] if carried else self._first[0]
            if node.kind is not op.kind:
                return ()
            states = node.states
            found.append(states)
            at = below = states[-1]
        draft.at = at
        return found

    def _step(
        self, takes_ids: bool, masked: tuple[bool, bool], given: tuple[bool, ...]
    ) -> tuple[RecurrentStep, tuple[int, ...]]:
        """Return the operation of a step, one for all graphs, and which of its ids are the states'."""
        cell, steps = self.builder.cell, self.builder.steps
        found = steps.get((takes_ids, masked, given))
        if found is None:
            count, places = cell.node_ids(not any(given), masked)
            step = RecurrentStep(cell, given, any(masked), count if takes_ids else 0)
            found = steps[takes_ids, masked, given] = step, places
        return found

    def _run(self, k: int, x: Expression | Symbols, states: LayerStates) -> Expression:
        """Return the node of layer ``k`` for a whole sequence."""
        builder = self.builder
        given = tuple([s is not None for s in states])
        masks = self.masks[k] if any(builder.masked) else []
        before = [s for s in states if s is not None]
        arguments = builder.arguments(self.parameters[k])
        if isinstance(x, Symbols):
            op = LookupRecurrence(builder.cell, given, ids_TB=x.ids_TB)
            return apply(op, x.table, *arguments, *before)
        return apply(
            RecurrentSequence(builder.cell, given, bool(masks)), x, *arguments, *masks, *before
        )

    def sequence(
        self, xs: Expression | Symbols, states: Sequence[LayerStates], after: After | None = None
    ) -> tuple[Expression, list[Expression]]:
        """Return the outputs for a sequence, and for each layer the node of all its states."""
        nodes: list[Expression] = []
        for k, given in enumerate(states):
            x = xs if isinstance(xs, Symbols) else self.dropped(xs)
            nodes.append(self._run(k, x, given))
            xs = apply(OutputSequence(), nodes[-1])
            if after is not None:
                xs = after(k, xs)
        assert isinstance(xs, Expression)
        return self.dropped(xs), nodes

    def dropped(self, x: Expression) -> Expression:
        """Return x after ordinary dropout, if it is this that the cell has."""
        rate = self.builder.step_rate
        return apply(Dropout(rate), x) if rate else x

    def _mask(self, size: int, batch: int, rate: float) -> Expression:
        kept = np.float32(1) - np.float32(rate)  # in float32, as DyNet computes them
        scale = float(np.float32(1) / kept) if kept else 0.0
        return self.graph.append(RandomBernoulli((size,), batch, float(kept), scale), ())
