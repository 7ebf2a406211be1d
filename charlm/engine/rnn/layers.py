"""A stack of layers in one graph. All its states in the graph share this object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from charlm.engine.expression import Expression, apply, at, start
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops.noise import Dropout, Noise
from charlm.engine.ops.random_inputs import RandomBernoulli
from charlm.engine.ops.sequences import OutputSequence
from charlm.engine.rnn.lookup import LookupRecurrence, Symbols
from charlm.engine.rnn.recurrence import RecurrentSequence
from charlm.engine.rnn.stack import Carried, Signatures, Stack

LayerStates: TypeAlias = "tuple[Expression | None, ...]"
After: TypeAlias = Callable[[int, Expression], Expression]


class Layers:
    """The nodes of a builder's parameters and of its dropout masks.

    Masks are drawn at the first input and are the same for every step of every sequence of the graph
    (variational dropout; Gal and Ghahramani, 2016). Cells without masks have ordinary dropout on each
    layer's input and on the last layer's output, drawn at every step.
    """

    def __init__(self, builder: Stack, graph: ComputationGraph, update: bool) -> None:
        self.builder = builder
        self.graph = graph
        self.parameters = [builder.nodes(graph, layer, update) for layer in builder.layers]
        self._arguments = [builder.arguments(nodes) for nodes in self.parameters]
        self.masks: list[list[Expression]] = []
        self._types = tuple([node.type for layer in self.parameters for node in layer])
        self.find_places()

    def draw_masks(self, batch: int) -> None:
        """Draw the masks of every layer, of x and then of the recurrent vectors; replace earlier ones."""
        builder, (x_rate, rate) = self.builder, self.builder.regularization.mask_rates
        below = (builder.input_dim, *builder.hidden_dims)
        self.masks = [
            [
                self._mask(in_size, batch, x_rate),
                *[self._mask(size, batch, rate) for _ in range(builder.cell.masks)],
            ]
            for in_size, size in zip(below, builder.hidden_dims, strict=False)
        ]

    def drop_recurrent_weights(self, rate: float) -> None:
        """Multiply the recurrent matrices by masks, for the rest of this graph."""
        for layer in self._arguments:
            for i, role in enumerate(self.builder.cell.roles):
                if role.startswith("Wh"):
                    layer[i] = apply(Dropout(rate), layer[i])

    def expect(self, batch: int) -> None:
        """Draw the masks for a first input of this batch size, if they are needed and not yet drawn."""
        if any(self.builder.regularization.masked) and not self.masks:
            self.draw_masks(batch)

    def step(
        self, k: int, x: Expression, states: LayerStates, ids: tuple[int, ...] | None = None
    ) -> tuple[Expression, ...]:
        """Return the states of layer ``k`` after one more input.

        ``ids`` are node ids that were reserved for the states before.
        """
        builder, graph = self.builder, self.graph
        drawn = builder.regularization
        carried = [state.node(graph).index for state in states if state is not None]
        fixed = [node.node(graph).index for node in self._arguments[k]]
        if drawn.weight_noise:  # its nodes have the ids of the weights: DyNet has none for them
            noise = Noise(drawn.weight_noise)
            fixed = [graph.append(noise, (i,), graph.tape.id(i)) for i in fixed]
        op, parts = builder.step(ids is None, drawn.masked, tuple([s is not None for s in states]))
        if op.masked:
            fixed += [mask.index for mask in self.masks[k]]
        alone = ids[0] if ids and not parts else None
        node = graph.append(op, (x.index, *fixed, *carried), alone)
        indices = [
            graph.append(part, (node,), ids[i] if ids else None) for i, part in enumerate(parts)
        ]
        return tuple([at(graph, i) for i in indices or [node]])

    def carried(self, states: Sequence[LayerStates]) -> Carried:
        """Return the record of layers that carry states of these types."""
        types = tuple([tuple([None if s is None else s.type for s in layer]) for layer in states])
        key, records = (self._types, types), self.builder.carried
        return records.get(key) or records.setdefault(key, Carried(types))

    def steps(self, first: int) -> list[Signatures]:
        """Return the signatures that each layer's step appended, when the first began at node ``first``."""
        signatures, states = self.graph.tape.signatures, self.builder.cell.states
        extent = 1 if states == 1 else 1 + states
        starts = range(first, first + extent * len(self.parameters), extent)
        return [(signatures[k], signatures[k + 1 : k + extent]) for k in starts]

    def find_places(self) -> None:
        """Note where the parameters are on the tape: a deletion of nodes may have moved them."""
        self.places = [
            tuple([node.node(self.graph).index for node in layer]) for layer in self._arguments
        ]
        self.tape = self.graph.tape

    def _run(self, k: int, x: Expression | Symbols, states: LayerStates) -> Expression:
        """Return the node of layer ``k`` for a whole sequence."""
        builder = self.builder
        given = tuple([s is not None for s in states])
        masks = self.masks[k] if any(builder.regularization.masked) else []
        before = [s for s in states if s is not None]
        arguments = self._arguments[k]
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
        for k, initial in enumerate(states):
            x = xs if isinstance(xs, Symbols) else self.dropped(xs)
            nodes.append(self._run(k, x, initial))
            xs = apply(OutputSequence(), nodes[-1])
            if after is not None:
                xs = after(k, xs)
        assert isinstance(xs, Expression)
        return self.dropped(xs), nodes

    def dropped(self, x: Expression) -> Expression:
        """Return x after ordinary dropout, if the builder has it."""
        rate = self.builder.regularization.step_rate
        return apply(Dropout(rate), x) if rate else x

    def _mask(self, size: int, batch: int, rate: float) -> Expression:
        kept = np.float32(1) - np.float32(rate)  # in float32, as DyNet computes them
        scale = float(np.float32(1) / kept) if kept else 0.0
        return start(self.graph, RandomBernoulli((size,), batch, float(kept), scale))
