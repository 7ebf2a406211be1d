"""The LSTM with one gate for input and forgetting, whose gates do not see the memory."""

from __future__ import annotations

from typing import Any

from charlm.engine.arrays import Array, Shape
from charlm.engine.op import Gradients
from charlm.engine.rnn.cell import CellInput, Masked, NodeIds
from charlm.engine.rnn.kernel_cell import KernelCell
from charlm.kernels import Kernels


class FastLSTMCell(KernelCell):
    """The LSTM of DyNet's FastLSTMBuilder: the coupled one whose gates do not see the memory.

    i = logistic(bi + Wxi x + Whi h); w = tanh(bc + Wxc x + Whc h); c' = (1 - i) * c + i * w;
    o = logistic(bo + Wxo x + Who h); h' = o * tanh(c').
    """

    name = "fast_lstm"
    kernel = "coupled_lstm"
    states = 2
    roles = ("Wxi", "Whi", "bi", "Wxo", "Who", "bo", "Wxc", "Whc", "bc")
    masks = 0

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (H, I), Wh (H, H), b (H,) for each of i, o and the candidate."""
        return [(hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)] * 3

    def gates(self, saved: Any) -> dict[str, Array]:
        """The input gate, which is also the forget gate, and the output gate."""
        i, o, _ = saved
        return {"input": i, "output": o}

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Without a state nothing is kept: two nodes fewer."""
        return (10, (5, 9)) if first else (12, (7, 11))

    def arguments(self, inputs: CellInput) -> tuple[Any, ...]:
        """Pass None for the peepholes."""
        params = inputs.params
        coupled: list[Any] = [*params[:2], None, *params[2:5], None, *params[5:]]
        return super().arguments(inputs._replace(params=coupled))

    def backward(
        self,
        k: Kernels,
        dy_STBH: Array,
        y_STBH: Array,
        saved: Any,
        inputs: CellInput,
        **more: Array,
    ) -> Gradients:
        """Leave out the gradients of the peepholes, which are None."""
        gradients = super().backward(k, dy_STBH, y_STBH, saved, inputs, **more)
        return [*gradients[:3], *gradients[4:7], *gradients[8:]]
