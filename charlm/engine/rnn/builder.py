"""Builders: a stack of recurrent layers that starts sequences (DyNet's interface)."""

from __future__ import annotations

from collections.abc import Sequence

from charlm.engine.arrays import Array
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops.sequences import lookup_sequence
from charlm.engine.parameters import LookupParameter
from charlm.engine.rnn.layers import After, Layers, LayerStates
from charlm.engine.rnn.lookup import Symbols, symbols
from charlm.engine.rnn.stack import UNREGULARIZED, Stack
from charlm.engine.rnn.state import RNNState


class RNNBuilder(Stack):
    """A stack of layers of one cell that starts sequences; ``Stack`` has the arguments."""

    def start(self, graph: ComputationGraph, update: bool = True) -> RNNState:
        """Return the empty state of a new sequence; without ``update`` the parameters get no gradient."""
        return RNNState.of(
            Layers(self, graph, update), [(None,) * self.cell.states for _ in self.layers]
        )

    def read(
        self, graph: ComputationGraph, table: LookupParameter, ids_TB: Array
    ) -> Expression | Symbols:
        """Return the rows of a (T, B) matrix of ids, for ``sequence``.

        If the cell allows it and there are at least as many positions as rows, the first layer multiplies the table.
        """
        plain = self.cell.reads_tables and self.regularization == UNREGULARIZED
        if plain and ids_TB.size >= table.rows:
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
            after: a function of a layer's number and its outputs; its result is the input of the next layer, or the
                result of the top layer. By default, the outputs are not changed.
            weight_rate: the probability of dropping a number of a recurrent matrix, for the whole sequence
                (DropConnect; Wan et al., 2013; in language models Merity et al., 2018).

        Returns:
            The outputs as a sequence node, and for each layer the node of all its states.
        """
        graph = (xs.table if isinstance(xs, Symbols) else xs).home()
        state = self.start(graph)
        if weight_rate:
            state.layers.drop_recurrent_weights(weight_rate)
        return state.layers.sequence(xs, initial or state.states, after)
