"""Builders own the parameters of a stack of recurrent layers (DyNet's interface)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant, Glorot
from charlm.engine.ops.arguments import real
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.ops.sequences import lookup_sequence
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.engine.rnn.cell import Cell, Masked, RecurrentStep
from charlm.engine.rnn.layers import NO_DROPOUT, After, Layers, LayerStates
from charlm.engine.rnn.lookup import Symbols, symbols
from charlm.engine.rnn.state import RNNState
from charlm.errors import ShapeError


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
        self.rates = NO_DROPOUT
        self.settle()
        self.steps: dict[tuple[Any, ...], tuple[RecurrentStep, tuple[int, ...]]] = {}
        self.layers = [
            self.add_layer(collection, below, size)
            for below, size in zip((input_dim, *hidden_dims), hidden_dims, strict=False)
        ]
        self._leaves = {p: ParameterLeaf(p) for layer in self.layers for p in layer}

    # ---- parameters

    def add_layer(
        self, collection: ParameterCollection, input_dim: int, hidden_dim: int
    ) -> list[Parameter]:
        """Add a layer's parameters."""
        shapes = self.cell.shapes(input_dim, hidden_dim)
        pairs = zip(self.cell.roles, shapes, strict=True)
        return [self.add_parameter(collection, role, shape) for role, shape in pairs]

    def add_parameter(self, collection: ParameterCollection, role: str, shape: Shape) -> Parameter:
        """Add one of the cell's parameters with its first value."""
        start = Constant(1.0) if role in self.cell.gains else Constant(0.0)
        return collection.add_parameters(shape, Glorot() if len(shape) > 1 else start)

    def nodes(
        self, graph: ComputationGraph, layer: list[Parameter], update: bool
    ) -> list[Expression]:
        """Return a layer's parameters as nodes; without ``update`` they get no gradient."""
        return [graph.leaf(self._leaves[p], update) for p in layer]

    def arguments(self, nodes: list[Expression]) -> list[Expression]:
        """Return what the cell takes, of the nodes of a layer; asked for at every step."""
        return nodes

    # ---- dropout

    def set_rates(self, rate: float, recurrent_rate: float) -> None:
        """Drop numbers of each layer's input, and of what it carries, with these probabilities.

        ValueError for a probability that is not in [0, 1].
        """
        rates = real(rate, "set_dropout"), real(recurrent_rate, "set_dropout")
        if not all(0 <= r <= 1 for r in rates):
            raise ShapeError(f"set_dropout: a probability is from 0 to 1, got {rates}")
        self.rates = rates
        self.settle()

    def disable_dropout(self) -> None:
        """Drop nothing from here on."""
        self.rates = NO_DROPOUT
        self.settle()

    def settle(self) -> None:
        """Note whether steps take inputs and parameters as they are: to be called when that may have changed."""
        self.plain = not any(self.rates) and self.takes_all

    @property
    def takes_all(self) -> bool:
        """Whether ``arguments`` returns the nodes that it is given."""
        return True

    @property
    def masked(self) -> Masked:
        """Whether masks are multiplied with each layer's input, and with what it carries."""
        x_rate, rate = self.rates if self.cell.masks else (0.0, 0.0)
        return x_rate > 0, rate > 0

    @property
    def step_rate(self) -> float:
        """The rate of ordinary dropout, of cells that have no masks."""
        return 0.0 if self.cell.masks else self.rates[0]

    @property
    def stepwise(self) -> bool:
        """Whether something is drawn anew at every step, so that steps have to be taken one by one."""
        return self.step_rate > 0

    # ---- sequences

    def start(self, graph: ComputationGraph, update: bool = True) -> RNNState:
        """Return the empty state of a new sequence; without ``update`` the parameters get no gradient."""
        return RNNState(
            Layers(self, graph, update), [(None,) * self.cell.states for _ in self.layers], None
        )

    def read(
        self, graph: ComputationGraph, table: LookupParameter, ids_TB: Array
    ) -> Expression | Symbols:
        """Return the rows of a (T, B) matrix of ids, for ``sequence``.

        Where it is possible and there are as many positions as rows, the first layer multiplies the table.
        """
        dropped = any(self.masked) or self.step_rate > 0
        if self.cell.reads_tables and not dropped and ids_TB.size >= table.rows:
            return symbols(graph, table, ids_TB)
        return lookup_sequence(graph, table, ids_TB)

    def sequence(
        self,
        xs: Expression | Symbols,
        initial: Sequence[LayerStates] | None = None,
        after: After | None = None,
        weight_rate: float = 0.0,
    ) -> tuple[Expression, list[Expression]]:
        """Run a whole sequence, a node of shape (input_dim, batch, time) or what ``read`` returned.

        Args:
            xs: the inputs.
            initial: the states before the first; by default, none.
            after: makes of a layer's number and its outputs what goes on to the next layer and, from the
                top one, out; by default, the outputs themselves.
            weight_rate: the probability that a number of a recurrent matrix is dropped, for all of the
                sequence (DropConnect; Wan et al., 2013; in language models Merity et al., 2018).

        Returns:
            The outputs as a sequence node, and for each layer the node of all its states.
        """
        graph = (xs.table if isinstance(xs, Symbols) else xs).home()
        state = self.start(graph)
        if weight_rate:
            state.layers.drop_recurrent_weights(weight_rate)
        return state.layers.sequence(xs, initial or state.states, after)
