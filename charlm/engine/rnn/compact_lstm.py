"""The LSTM as DyNet's fused nodes make it."""

from __future__ import annotations

from charlm.engine.rnn.cell import Masked, NodeIds
from charlm.engine.rnn.lstm import LSTMCell


class CompactLSTMCell(LSTMCell):
    """The LSTM of DyNet's CompactVanillaLSTMBuilder: the same numbers with 1 as the forget bias, fewer node ids."""

    name = "compact_lstm"

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Gates, memory and output, the masks inside; without a state a node of zeros goes before."""
        return 3 + first, (1 + first, 2 + first)
