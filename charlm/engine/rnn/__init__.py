"""Recurrent cells, and the builders that make sequences of them."""

import charlm.engine.rnn.cells  # noqa: F401 - registers them
from charlm.engine.rnn.builder import RNNBuilder
from charlm.engine.rnn.cell import CELLS, Cell
from charlm.engine.rnn.state import RNNState

__all__ = ["CELLS", "Cell", "RNNBuilder", "RNNState"]
