"""Recurrent cells, and the builders that make sequences of them."""

from charlm.engine.rnn.builder import RNNBuilder, RNNState
from charlm.engine.rnn.cell import CELLS, Cell
from charlm.engine.rnn.gru import GRUCell
from charlm.engine.rnn.lstm import LSTMCell
from charlm.engine.rnn.simple import SimpleRNNCell

__all__ = ["CELLS", "Cell", "GRUCell", "LSTMCell", "RNNBuilder", "RNNState", "SimpleRNNCell"]
