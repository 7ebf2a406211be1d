"""The base of DyNet's builders: the engine's builder, with one initial state for each graph and DyNet's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from charlm.dynet import session
from charlm.dynet.parameters import ParameterCollection, Parameters, collection_of
from charlm.engine import ops
from charlm.engine.expression import Expression, Operand
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import arguments
from charlm.engine.ops.arguments import sizes, unsigned
from charlm.engine.rnn import Cell, RNNBuilder, RNNState
from charlm.errors import StaleArgumentError


class Builder(RNNBuilder):
    """The base class of all builders.

    Args:
        layers: how many; the first reads the inputs, each other one reads the outputs of the one below.
        input_dim: size of the inputs.
        hidden_dim: size of every layer.
        model: where the parameters are added, in a sub-collection of their own.
    """

    collection_name = ""

    def __init__(
        self, cell: Cell, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        where = self.whoami()
        count = unsigned(layers, where)
        below, size = sizes((input_dim, hidden_dim), where)
        own = collection_of(model, where).add_subcollection(self.collection_name)
        super().__init__(cell, below, [size] * count, own)
        self.spec: tuple[Any, ...] = (count, below, size)
        self._model = ParameterCollection.of(own)
        self._initial: tuple[ComputationGraph, RNNState] | None = None

    @classmethod
    def from_spec(cls, spec: tuple[Any, ...], model: ParameterCollection) -> Builder:
        """Return a builder like the one with this ``spec``."""
        layers, input_dim, hidden_dim, *more = spec
        make: Callable[..., Builder] = cls  # a subclass has its cell
        return make(layers, input_dim, hidden_dim, model, *more)

    def initial_state(self, vecs: Iterable[Operand] | None = None, update: bool = True) -> RNNState:
        """Return the initial state of sequences in the current graph: always the same object.

        Args:
            vecs: the initial vectors of the layers, in the order of ``RNNState.s``.
            update: False gives the parameters no gradient; the first call in a graph decides.
        """
        graph = session.cg()
        if self._initial is None or self._initial[0] is not graph:
            self._initial = graph, self.start(graph, update)
        state = self._initial[1]
        return state if vecs is None else state.set_s(vecs)

    def initial_state_from_raw_vectors(self, vecs: Sequence[Any], update: bool = True) -> RNNState:
        """Return an initial state with the numbers of these arrays or lists."""
        return self.initial_state([ops.input_tensor(session.cg(), v) for v in vecs], update)

    def set_dropout(self, f: float) -> None:
        """Drop numbers with this probability; ValueError if it is not in [0, 1]."""
        self.set_rates(f, f)

    def get_parameters(self) -> list[list[Parameters]]:
        """Return each layer's parameters."""
        return [[Parameters(p) for p in layer] for layer in self.layers]

    def get_parameter_expressions(self) -> list[list[Expression]]:
        """Return each layer's parameters as nodes of the current graph; ValueError before ``initial_state``."""
        if self._initial is None or self._initial[0] is not session.cg():
            raise StaleArgumentError(
                f"{self.whoami()}: call initial_state() in this graph before asking for parameter expressions"
            )
        return [list(layer) for layer in self._initial[1].layers.parameters]

    def param_collection(self) -> ParameterCollection:
        """Return the builder's own sub-collection."""
        return self._model

    def whoami(self) -> str:
        """Return the class's name."""
        return type(self).__name__


class MaskedBuilder(Builder):
    """A builder with variational dropout: the same masks for every step of every sequence of a graph."""

    def set_dropouts(self, d: float, d_r: float) -> None:
        """Drop numbers of each layer's input with probability ``d``, of the recurrent vectors with ``d_r``.

        ValueError for a probability that is not in [0, 1].
        """
        self.set_rates(d, d_r)

    def set_dropout_masks(self, batch_size: int = 1) -> None:
        """Draw the masks for later steps of the current graph; by default the first input does, for its batch size."""
        batch = arguments.batch_size(batch_size, "set_dropout_masks")
        layers = self.initial_state().layers
        if any(self.regularization.masked):
            layers.draw_masks(batch)
