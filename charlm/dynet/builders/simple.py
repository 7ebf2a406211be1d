"""DyNet's simple RNN and GRU."""

from __future__ import annotations

from charlm.dynet.builders.base import Builder, MaskedBuilder
from charlm.dynet.parameters import ParameterCollection
from charlm.engine.rnn.cells.gru import GRUCell
from charlm.engine.rnn.cells.rnn import SimpleRNNCell


class SimpleRNNBuilder(MaskedBuilder):
    """h' = tanh(b + Wx x + Wh h), any number of layers."""

    collection_name = "simple-rnn-builder"

    def __init__(
        self, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        super().__init__(SimpleRNNCell(), layers, input_dim, hidden_dim, model)


class GRUBuilder(Builder):
    """The gated recurrent unit, any number of layers.

    Its dropout is drawn at every step, on each layer's input and on ``output()``. So ``output()`` differs from
    the last of ``h()``.
    """

    collection_name = "gru-builder"

    def __init__(
        self, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        super().__init__(GRUCell(), layers, input_dim, hidden_dim, model)
