"""The LSTM with one gate for input and forgetting: it forgets as much as it lets in. Its gates see the memory."""

from __future__ import annotations

from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.rnn.cell import Masked, NodeIds
from charlm.engine.rnn.kernel_cell import KernelCell


class CoupledLSTMCell(KernelCell):
    """The LSTM of DyNet's CoupledLSTMBuilder: coupled gates, full peephole matrices (Greff et al., 2015).

    i = logistic(bi + Wxi x + Whi h + Wci c); w = tanh(bc + Wxc x + Whc h); c' = (1 - i) * c + i * w;
    o = logistic(bo + Wxo x + Who h + Wco c'); h' = o * tanh(c').
    """

    name = "coupled_lstm"
    kernel = "coupled_lstm"
    states = 2
    roles = ("Wxi", "Whi", "Wci", "bi", "Wxo", "Who", "Wco", "bo", "Wxc", "Whc", "bc")
    masks = 2

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (H, I), Wh and Wc (H, H), b (H,) for i and o; the candidate has no Wc."""
        wx, square, bias = (hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)
        return [wx, square, square, bias, wx, square, square, bias, wx, square, bias]

    def gates(self, saved: Any) -> dict[str, Array]:
        """The input gate, which is also the forget gate, and the output gate."""
        i, o, _ = saved
        return {"input": i, "output": o}

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Without a state nothing is kept: two nodes fewer.

        Masks multiply x, h and c before the gates, and c' before o.
        """
        before = masked[0] + 2 * (masked[1] and not first)
        memory = (5 if first else 7) + before
        output = memory + 4 + masked[1]
        return output + 1, (memory, output)
