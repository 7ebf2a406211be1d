"""Builders own the parameters of a stack of recurrent layers; states grow sequences from them (DyNet's interface)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from charlm.engine.graph import ComputationGraph, Expression, Operand, apply
from charlm.engine.initializers import Constant, Glorot
from charlm.engine.ops.inputs import ParameterLeaf, fill
from charlm.engine.ops.sequences import OutputSequence, StackTime, StatePart
from charlm.engine.ops.shaping import Reshape
from charlm.engine.parameters import Parameter, ParameterCollection
from charlm.engine.rnn.cell import Cell, RecurrentSequence, RecurrentStep
from charlm.errors import ArgumentError, ShapeError, StaleBuilderError

LayerStates = tuple["Expression | None", ...]


class RNNBuilder:
    """A stack of layers of one cell.

    Args:
        cell: the recurrence.
        input_dim: size of the input vectors.
        hidden_dims: size of each layer, the lowest first.
        collection: where the parameters are added.
    """

    def __init__(
        self,
        cell: Cell,
        input_dim: int,
        hidden_dims: Sequence[int],
        collection: ParameterCollection,
    ) -> None:
        self.cell = cell
        self.input_dim = input_dim
        self.hidden_dims = tuple(hidden_dims)
        self.layers: list[list[Parameter]] = []
        for below, size in zip((input_dim, *hidden_dims), hidden_dims, strict=False):
            shapes = cell.shapes(below, size)
            self.layers.append(
                [
                    collection.add_parameters(s, Glorot() if len(s) > 1 else Constant(0.0))
                    for s in shapes
                ]
            )

    def start(self, graph: ComputationGraph, update: bool = True) -> RNNState:
        """Return the empty state of a new sequence; without ``update`` the parameters get no gradient."""
        parameters = [
            [graph.leaf(ParameterLeaf(p), update) for p in layer] for layer in self.layers
        ]
        return RNNState(self, parameters, [(None,) * self.cell.states for _ in self.layers], None)

    def sequence(
        self,
        xs: Expression,
        initial: Sequence[LayerStates] | None = None,
    ) -> tuple[Expression, list[Expression]]:
        """Run a whole sequence, a node of shape (input_dim, batch, time).

        Returns:
            The outputs as a sequence node, and for each layer the node of all its states.
        """
        state = self.start(xs.home())
        layers = []
        for parameters, states in zip(state.parameters, initial or state.states, strict=True):
            given = tuple(s is not None for s in states)
            op = RecurrentSequence(self.cell, given)
            layer = apply(op, xs, *parameters, *[s for s in states if s is not None])
            layers.append(layer)
            xs = apply(OutputSequence(), layer)
        return xs, layers


class RNNState:
    """A point in a sequence: what the layers carry, and the way back. Adding inputs makes new states."""

    def __init__(
        self,
        builder: RNNBuilder,
        parameters: list[list[Expression]],
        states: list[LayerStates],
        previous: RNNState | None,
    ) -> None:
        self._builder = builder
        self.parameters = parameters
        self.states = states
        self._previous = previous

    def b(self) -> RNNBuilder:
        """Return the builder."""
        return self._builder

    def prev(self) -> RNNState | None:
        """Return the state that this one was made from; None for the first."""
        return self._previous

    def h(self) -> tuple[Expression, ...]:
        """Return each layer's output, the lowest first; nothing before the first input."""
        self._check_fresh()
        return tuple(s[-1] for s in self.states if s[-1] is not None)

    def s(self) -> tuple[Expression, ...]:
        """Return everything carried on: for an LSTM the memories of all layers, then the outputs."""
        self._check_fresh()
        carried = [layer[k] for k in range(self._builder.cell.states) for layer in self.states]
        return tuple(e for e in carried if e is not None)

    def output(self) -> Expression | None:
        """Return the top layer's output; None before the first input."""
        self._check_fresh()
        return self.states[-1][-1] if self.states else None

    def add_input(self, x: Operand) -> RNNState:
        """Return the state after one more input; this one stays as it is and can be continued again."""
        graph = self._check_fresh()
        below = _node(x, graph, "add_input")
        cell = self._builder.cell
        after: list[LayerStates] = []
        for parameters, states in zip(self.parameters, self.states, strict=True):
            given = tuple(s is not None for s in states)
            before = [s for s in states if s is not None]
            step = apply(RecurrentStep(cell, given), below, *parameters, *before)
            count, places = cell.node_ids(first=not any(given))
            first_id = graph.reserve_ids(count)
            parts = tuple(
                graph.append(StatePart(k), (step.index,), first_id + place)
                for k, place in enumerate(places)
            )
            after.append(parts)
            below = parts[-1]
        return RNNState(self._builder, self.parameters, after, self)

    def add_inputs(self, xs: Iterable[Operand]) -> list[RNNState]:
        """Return the states after each input."""
        states: list[RNNState] = []
        state = self
        for x in xs:
            state = state.add_input(x)
            states.append(state)
        return states

    def transduce(self, xs: Iterable[Operand]) -> list[Expression]:
        """Return the outputs after each input, without making a state for any: one node for each layer.

        Where batches are broadcast over time or by the initial state, the outputs differ in batch size:
        they are then computed step by step.
        """
        graph = self._check_fresh()
        inputs: list[Expression] = []
        ids: list[int] = []
        for x in xs:  # which may make nodes as it goes: ids are taken in DyNet's order
            inputs.append(_node(x, graph, "transduce"))
            ids.append(self._output_id(graph, first=len(inputs) == 1))
        if not inputs:
            return []
        batches = {x.dim()[1] for x in inputs}
        carried = {s.dim()[1] for layer in self.states for s in layer if s is not None}
        if len(batches) > 1 or not carried <= {1, *batches}:
            return [state.states[-1][-1] for state in self.add_inputs(inputs)]  # type: ignore[misc]
        builder = self._builder
        below = apply(StackTime(), *inputs)
        top = below
        for parameters, states in zip(self.parameters, self.states, strict=True):
            given = tuple(s is not None for s in states)
            before = [s for s in states if s is not None]
            top = apply(RecurrentSequence(builder.cell, given), below, *parameters, *before)
            below = apply(OutputSequence(), top)
        output = builder.cell.states - 1
        return [
            graph.append(StatePart(output, t), (top.index,), node_id)
            for t, node_id in enumerate(ids)
        ]

    def set_s(self, vectors: Iterable[Operand]) -> RNNState:
        """Return a state that carries these: the order is that of ``s()``.

        An LSTM also takes the memories alone; the outputs are then this state's, or zeros.
        """
        graph, given = self._check_fresh(), _several(vectors)
        layers, kinds = len(self.states), self._builder.cell.states
        counts = [layers * k for k in range(1, kinds + 1)]
        if len(given) not in counts:
            raise ShapeError(
                f"a {self._builder.cell.name} of {layers} layers starts from {' or '.join(map(str, counts))} "
                f"vectors, got {len(given)}"
            )
        nodes = self._vectors(given, graph)
        columns = [nodes[k : k + layers] for k in range(0, len(nodes), layers)]
        states: list[LayerStates] = []
        for layer in range(layers):
            kept = self._kept(graph, layer, slice(len(columns), None))
            states.append((*[column[layer] for column in columns], *kept))
        return RNNState(self._builder, self.parameters, states, self)

    def set_h(self, vectors: Iterable[Operand]) -> RNNState:
        """Return a state with these outputs and otherwise what this one carries, or zeros."""
        graph, given = self._check_fresh(), _several(vectors)
        if len(given) != len(self.states):
            raise ShapeError(
                f"set_h: a vector for each of {len(self.states)} layers is needed, got {len(given)}"
            )
        nodes = self._vectors(given, graph)
        states: list[LayerStates] = [
            (*self._kept(graph, k, slice(-1)), h) for k, h in enumerate(nodes)
        ]
        return RNNState(self._builder, self.parameters, states, self)

    def _kept(self, graph: ComputationGraph, layer: int, which: slice) -> list[Expression]:
        """Return some of what a layer carries, zeros where there is nothing yet."""
        size = self._builder.hidden_dims[layer]
        return [fill(graph, size, 0.0) if s is None else s for s in self.states[layer][which]]

    def _output_id(self, graph: ComputationGraph, first: bool) -> int:
        """Take the ids of DyNet's nodes for one more input and return that of the top layer's output."""
        node_id = 0
        for states in self.states:
            count, places = self._builder.cell.node_ids(first and not any(states))
            node_id = graph.reserve_ids(count) + places[-1]
        return node_id

    def _vectors(self, vectors: Sequence[Operand], graph: ComputationGraph) -> list[Expression]:
        """Return the nodes of given states: one or several for each layer, the lowest first."""
        nodes = [_node(v, graph, "initial state") for v in vectors]
        for k, node in enumerate(nodes):
            size = self._builder.hidden_dims[k % len(self.states)]
            if node.dim()[0] != (size,):
                raise ShapeError(
                    f"initial state: vector {k} must have shape ({size},), got {node.dim()[0]}"
                )
        return nodes

    def _check_fresh(self) -> ComputationGraph:
        graph = self.parameters[0][0].graph if self.parameters else None
        if graph is None:
            raise ShapeError("a builder of 0 layers has no states")
        if not graph.alive:
            raise StaleBuilderError(
                "this RNN state belongs to a graph that was renewed; call initial_state() again after renew_cg()"
            )
        return graph


def _node(x: Operand, graph: ComputationGraph, where: str) -> Expression:
    """Return an operand's node; a column, such as a matrix product makes, is the vector, as in DyNet."""
    if not isinstance(x, Operand):
        raise ArgumentError(f"{where}: expected an expression, got {type(x).__name__}")
    node = x.node(graph)
    (size, *more), batch = node.dim()
    return graph.append(Reshape((size,), batch), (node.index,), node.id) if more == [1] else node


def _several(vectors: Iterable[Operand]) -> list[Operand]:
    if isinstance(vectors, Operand):  # whose rows could be taken for the vectors
        raise ShapeError("initial state: expected a list of expressions, got a single one")
    return list(vectors)
