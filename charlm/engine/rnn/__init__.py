"""Recurrent cells, and the builders that make sequences of them."""

from charlm.engine.rnn.builder import RNNBuilder
from charlm.engine.rnn.cell import CELLS, Cell
from charlm.engine.rnn.compact_lstm import CompactLSTMCell
from charlm.engine.rnn.coupled_lstm import CoupledLSTMCell
from charlm.engine.rnn.fast_lstm import FastLSTMCell
from charlm.engine.rnn.gru import GRUCell
from charlm.engine.rnn.lstm import LSTMCell
from charlm.engine.rnn.norm_lstm import NormLSTMCell
from charlm.engine.rnn.simple import SimpleRNNCell
from charlm.engine.rnn.state import RNNState

__all__ = [
    "CELLS",
    "Cell",
    "CompactLSTMCell",
    "CoupledLSTMCell",
    "FastLSTMCell",
    "GRUCell",
    "LSTMCell",
    "NormLSTMCell",
    "RNNBuilder",
    "RNNState",
    "SimpleRNNCell",
]
