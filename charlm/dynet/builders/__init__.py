"""DyNet's RNN builders."""

from charlm.dynet.builders.birnn import BiRNNBuilder
from charlm.dynet.builders.lstm import (
    CompactVanillaLSTMBuilder,
    CoupledLSTMBuilder,
    FastLSTMBuilder,
    LSTMBuilder,
    VanillaLSTMBuilder,
)
from charlm.dynet.builders.simple import GRUBuilder, SimpleRNNBuilder
from charlm.dynet.builders.sparse import SparseLSTMBuilder
from charlm.dynet.builders.stacked import StackedRNNState

__all__ = [
    "BiRNNBuilder",
    "CompactVanillaLSTMBuilder",
    "CoupledLSTMBuilder",
    "FastLSTMBuilder",
    "GRUBuilder",
    "LSTMBuilder",
    "SimpleRNNBuilder",
    "SparseLSTMBuilder",
    "StackedRNNState",
    "VanillaLSTMBuilder",
]
