"""States of recurrent layers. Adding an input to a state makes a new state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from charlm.engine.expression import Expression, Node, Operand, apply, at, placed
from charlm.engine.graph import ComputationGraph, GraphTape
from charlm.engine.ops.arguments import each
from charlm.engine.ops.inputs import fill
from charlm.engine.ops.sequences import StackTime, StatePart
from charlm.engine.ops.shaping import Reshape
from charlm.engine.rnn.layers import Layers, LayerStates
from charlm.engine.rnn.stack import UNREGULARIZED, Carried, Stack
from charlm.errors import ArgumentError, ShapeError, StaleBuilderError

_new = object.__new__


class RNNState:
    """A point in a sequence: the states of the layers, and the state before. Adding an input makes a new one."""

    __slots__ = ("_carried", "_indices", "_output", "_previous", "_states", "_tape", "layers")

    _carried: Carried  # the types of the layers' states
    _indices: tuple[tuple[int, ...], ...]  # the places of each layer's states on the tape
    _output: Expression | None
    _previous: RNNState | None
    _states: Sequence[LayerStates] | None  # made on first use
    _tape: GraphTape
    layers: Layers

    def __init__(self) -> None:
        raise ArgumentError(
            "a program cannot make an RNNState: initial_state() and add_input() return it"
        )

    @classmethod
    def of(
        cls,
        layers: Layers,
        states: Sequence[LayerStates],
        previous: RNNState | None = None,
        output: Expression | None = None,
    ) -> RNNState:
        """Return a state with these states of the layers, which are None before the first input."""
        state = _new(cls)
        state.layers = layers
        state._tape = layers.graph.tape
        state._carried = layers.carried(states)
        state._indices = tuple(
            [tuple([s.index for s in layer if s is not None]) for layer in states]
        )
        state._previous = previous
        state._states = states
        state._output = states[-1][-1] if states and output is None else output
        return state

    @property
    def states(self) -> Sequence[LayerStates]:
        """The states of each layer, None before the first input."""
        if self._states is None:
            states = [
                [placed(self._tape, place, t) for place, t in zip(places, types, strict=True) if t]
                for places, types in zip(self._indices, self._carried.types, strict=True)
            ]
            if self._output is not None:
                states[-1][-1] = self._output
            self._states = [tuple(layer) for layer in states]
        return self._states

    def b(self) -> Stack:
        """Return the builder."""
        return self.layers.builder

    def prev(self) -> RNNState | None:
        """Return the state before this one; None for the first."""
        return self._previous

    def h(self) -> tuple[Expression, ...]:
        """Return each layer's output, the lowest first; nothing before the first input."""
        self._check_fresh()
        return tuple(s[-1] for s in self.states if s[-1] is not None)

    def s(self) -> tuple[Expression, ...]:
        """Return all states of the layers: for an LSTM the memories of all layers, then the outputs."""
        self._check_fresh()
        kinds = range(self.b().cell.states)
        states = self.states
        return tuple([e for k in kinds for layer in states if (e := layer[k]) is not None])

    def output(self) -> Expression | None:
        """Return the top layer's output; None before the first input."""
        if not self._tape.quick:
            self._check_fresh()
        return self._output

    def add_input(self, x: Operand) -> RNNState:
        """Return the state after one more input; this one does not change and can be continued again.

        Every step of every program runs this, so there is a fast path for an input like an earlier one.
        """
        layers, tape = self.layers, self._tape
        try:
            if x.tape is not tape or not tape.quick:  # type: ignore[attr-defined]
                return self._first_of_its_kind(x)
            steps, carried = self._carried.steps[x.type]  # type: ignore[attr-defined]
        except (AttributeError, KeyError):
            return self._first_of_its_kind(x)
        signatures, arguments = tape.signatures, tape.arguments
        place: int = x.index  # type: ignore[attr-defined]
        indices: tuple[tuple[int, ...], ...] = ()
        for k, (step, parts) in enumerate(steps):
            arguments.append(place)
            arguments += layers.places[k]
            arguments += self._indices[k]
            place = len(signatures)
            signatures.append(step)
            if parts:
                signatures += parts
                arguments += [place] * len(parts)
                first, place = place + 1, place + len(parts)
                indices += ((first, place) if len(parts) == 2 else tuple(range(first, place + 1)),)
            else:
                indices += ((place,),)
        output = Node()
        output.tape = tape
        output.type = signatures[place].type
        output.index = place
        state = _new(RNNState)
        state.layers = layers
        state._tape = tape
        state._carried = carried
        state._indices = indices
        state._previous = self
        state._states = None
        state._output = output
        return state

    def _first_of_its_kind(self, x: Operand) -> RNNState:
        """Add an input, and store what that appended for the fast path."""
        graph, layers = self._check_fresh(), self.layers
        if layers.tape is not graph.tape:  # nodes were deleted, and those of parameters moved
            layers.find_places()
        node = _node(x, graph, "add_input")
        layers.expect(node.type.batch)
        first = len(graph.tape)
        state = self._go_on(node)
        if layers.builder.regularization == UNREGULARIZED:
            self._carried.steps[node.type] = layers.steps(first), state._carried
        return state

    def add_inputs(self, xs: Iterable[Operand]) -> list[RNNState]:
        """Return the states after each input."""
        states: list[RNNState] = []
        state = self
        for x in each(xs, "add_inputs", "expressions"):
            state = state.add_input(x)
            states.append(state)
        return states

    def transduce(self, xs: Iterable[Operand]) -> list[Expression]:
        """Return the output after each input, with one node for each layer and no states.

        The inputs are added step by step if they or the initial state differ in batch size, or if something is
        drawn at random at every step.
        """
        graph, layers = self._check_fresh(), self.layers
        if layers.builder.regularization.changes_every_step:
            return _outputs(self.add_inputs(xs))
        inputs: list[Expression] = []
        ids: list[list[tuple[int, ...]]] = []
        for x in each(
            xs, "transduce", "expressions"
        ):  # an iterator may make nodes: ids are reserved in DyNet's order
            inputs.append(_vector(_node(x, graph, "transduce")))
            layers.expect(inputs[0].dim()[1])
            ids.append(list(self._ids(begun=len(inputs) > 1)))
        if not inputs:
            return []
        if not self._one_batch(inputs):
            states = [self]
            for node, places in zip(inputs, ids, strict=True):
                states.append(states[-1]._go_on(node, places))
            return _outputs(states[1:])
        _, nodes = layers.sequence(apply(StackTime(), *inputs), self.states)
        output = layers.builder.cell.states - 1
        return [
            at(graph, graph.append(StatePart(output, t), (nodes[-1].index,), places[-1][output]))
            for t, places in enumerate(ids)
        ]

    def set_s(self, vectors: Iterable[Operand]) -> RNNState:
        """Return a state with these vectors, in the order of ``s()``.

        For an LSTM the memories alone are enough; the outputs are then this state's, or zeros.
        """
        graph, values = self._check_fresh(), _several(vectors)
        layers, kinds = len(self._indices), self.b().cell.states
        counts = [layers * k for k in range(1, kinds + 1)]
        if len(values) not in counts:
            raise ShapeError(
                f"a {self.b().cell.name} of {layers} layers needs {' or '.join(map(str, counts))} "
                f"vectors, got {len(values)}"
            )
        nodes = self._vectors(values, graph)
        columns = [nodes[k : k + layers] for k in range(0, len(nodes), layers)]
        states: list[LayerStates] = []
        for layer in range(layers):
            kept = self._kept(graph, layer, slice(len(columns), None))
            states.append((*[column[layer] for column in columns], *kept))
        return RNNState.of(self.layers, states, self)

    def set_h(self, vectors: Iterable[Operand]) -> RNNState:
        """Return a state with these outputs; its other vectors are this state's, or zeros."""
        graph, values = self._check_fresh(), _several(vectors)
        if len(values) != len(self._indices):
            raise ShapeError(
                f"set_h: a vector for each of {len(self._indices)} layers is needed, got {len(values)}"
            )
        nodes = self._vectors(values, graph)
        states: list[LayerStates] = [
            (*self._kept(graph, k, slice(-1)), h) for k, h in enumerate(nodes)
        ]
        return RNNState.of(self.layers, states, self)

    def _kept(self, graph: ComputationGraph, layer: int, which: slice) -> list[Expression]:
        """Return some of a layer's states, zeros before the first input."""
        size = self.b().hidden_dims[layer]
        return [fill(graph, size, 0.0) if s is None else s for s in self.states[layer][which]]

    def _go_on(
        self, below: Expression, ids: Sequence[tuple[int, ...] | None] | None = None
    ) -> RNNState:
        """Return the state after an input; ``ids`` are those of each layer's states, if they are reserved already."""
        layers = self.layers
        after: list[LayerStates] = []
        for k, states in enumerate(self.states):
            parts = layers.step(k, layers.dropped(below), states, ids[k] if ids else None)
            after.append(parts)
            below = parts[-1]
        return RNNState.of(layers, after, self, layers.dropped(below))

    def _ids(self, begun: bool = False) -> Iterator[tuple[int, ...]]:
        """Reserve the ids of DyNet's nodes for one more input, and yield those of each layer's states.

        ``begun``: other inputs come between this state and the input.
        """
        builder, graph = self.b(), self.layers.graph
        for states in self.states:
            first = not begun and not any(states)
            count, places = builder.cell.node_ids(first, builder.regularization.masked)
            first_id = graph.reserve_ids(count)
            yield tuple([first_id + place for place in places])

    def _one_batch(self, inputs: Sequence[Expression]) -> bool:
        """Return whether every step has the batch size of the inputs."""
        batches = {x.dim()[1] for x in inputs}
        others = [s for layer in self.states for s in layer if s is not None]
        if any(self.b().regularization.masked):
            others += [mask for layer in self.layers.masks for mask in layer]
        return len(batches) == 1 and {s.dim()[1] for s in others} <= {1, *batches}

    def _vectors(self, vectors: Sequence[Operand], graph: ComputationGraph) -> list[Expression]:
        """Return the nodes of initial states: one or several for each layer, the lowest first."""
        nodes = [_vector(_node(v, graph, "initial state")) for v in vectors]
        for k, node in enumerate(nodes):
            size = self.b().hidden_dims[k % len(self._indices)]
            if node.dim()[0] != (size,):
                raise ShapeError(
                    f"initial state: vector {k} must have shape ({size},), got {node.dim()[0]}"
                )
        return nodes

    def _check_fresh(self) -> ComputationGraph:
        if not self._indices:
            raise ShapeError("a builder of 0 layers has no states")
        if not self.layers.graph.alive:
            raise StaleBuilderError(
                "this RNN state belongs to a graph that was renewed; call initial_state() again after renew_cg()"
            )
        graph = self.layers.graph
        if graph.tape.epoch:  # nodes were deleted: raise an error if these are among them
            for layer in self.states:
                for state in layer:
                    if state is not None:
                        state.home()
        return graph


def _outputs(states: Iterable[RNNState]) -> list[Expression]:
    return [output for s in states if (output := s.output()) is not None]


def _node(x: Operand, graph: ComputationGraph, where: str) -> Expression:
    if not isinstance(x, Operand):
        raise ArgumentError(f"{where}: expected an expression, got {type(x).__name__}")
    return x.node(graph)


def _vector(node: Expression) -> Expression:
    """Return a column, such as a matrix product, as a vector, which it is in DyNet."""
    (size, *more), batch = node.dim()
    if more != [1]:
        return node
    return at(node.graph, node.graph.append(Reshape((size,), batch), (node.index,), node.id))


def _several(vectors: Iterable[Operand]) -> list[Operand]:
    if isinstance(vectors, Operand):  # iterating over it would give its rows
        raise ShapeError("initial state: expected a list of expressions, got a single one")
    return list(each(vectors, "initial state", "expressions"))
