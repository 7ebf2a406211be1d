"""DyNet's RNN builders: the engine's, with one initial state for each graph and DyNet's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from charlm.dynet import session
from charlm.dynet.parameters import ParameterCollection, Parameters
from charlm.engine import ops
from charlm.engine.graph import ComputationGraph, Expression, Operand
from charlm.engine.rnn import Cell, GRUCell, LSTMCell, RNNBuilder, RNNState, SimpleRNNCell
from charlm.errors import StaleArgumentError


class _RNNBuilder(RNNBuilder):
    """What all builders share."""

    collection_name = ""

    def __init__(
        self, cell: Cell, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        self.spec: tuple[Any, ...] = (int(layers), int(input_dim), int(hidden_dim))
        self._model = ParameterCollection(model.engine.add_subcollection(self.collection_name))
        sizes = [int(hidden_dim)] * int(layers)
        super().__init__(cell, int(input_dim), sizes, self._model.engine)
        self._initial: tuple[ComputationGraph, RNNState] | None = None

    @classmethod
    def from_spec(cls, spec: tuple[Any, ...], model: ParameterCollection) -> _RNNBuilder:
        """Return a builder made as the one with this ``spec`` was."""
        layers, input_dim, hidden_dim, *more = spec
        return cls(layers, input_dim, hidden_dim, model, *more)

    def initial_state(
        self, vecs: Sequence[Operand] | None = None, update: bool = True
    ) -> RNNState:
        """Return the state that sequences of the current graph start from: always the same object.

        Args:
            vecs: what the layers carry at the start, in the order of ``RNNState.s``.
            update: False gives the parameters no gradient; the first call in a graph decides.
        """
        graph = session.cg()
        if self._initial is None or self._initial[0] is not graph:
            self._initial = graph, self.start(graph, update)
        state = self._initial[1]
        return state if vecs is None else state.set_s(vecs)

    def initial_state_from_raw_vectors(
        self, vecs: Sequence[Any], update: bool = True
    ) -> RNNState:
        """Return an initial state that carries these arrays."""
        self.initial_state(update=update)
        return self.initial_state([ops.input_tensor(session.cg(), v) for v in vecs], update)

    def get_parameters(self) -> list[list[Parameters]]:
        """Return each layer's parameters."""
        return [[Parameters(p) for p in layer] for layer in self.layers]

    def get_parameter_expressions(self) -> list[list[Expression]]:
        """Return each layer's parameters as nodes of the current graph; ValueError before ``initial_state``."""
        if self._initial is None or self._initial[0] is not session.cg():
            raise StaleArgumentError(
                f"{self.whoami()}: call initial_state() in this graph before asking for parameter expressions"
            )
        return self._initial[1].parameters

    def param_collection(self) -> ParameterCollection:
        """Return the builder's own sub-collection."""
        return self._model

    def whoami(self) -> str:
        """Return the class's name."""
        return type(self).__name__


class SimpleRNNBuilder(_RNNBuilder):
    """h' = tanh(b + Wx x + Wh h), any number of layers."""

    collection_name = "simple-rnn-builder"

    def __init__(
        self, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        super().__init__(SimpleRNNCell(), layers, input_dim, hidden_dim, model)


class GRUBuilder(_RNNBuilder):
    """The gated recurrent unit, any number of layers."""

    collection_name = "gru-builder"

    def __init__(
        self, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        super().__init__(GRUCell(), layers, input_dim, hidden_dim, model)


class VanillaLSTMBuilder(_RNNBuilder):
    """The LSTM with a forget gate and no peepholes, any number of layers."""

    collection_name = "vanilla-lstm-builder"

    def __init__(
        self,
        layers: int,
        input_dim: int,
        hidden_dim: int,
        model: ParameterCollection,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(LSTMCell(forget_bias), layers, input_dim, hidden_dim, model)
        self.spec = (*self.spec, forget_bias)


LSTMBuilder = VanillaLSTMBuilder
