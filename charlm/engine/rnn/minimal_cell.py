"""Cells whose gates see only the input (Feng et al., 2024)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.op import Gradients
from charlm.engine.rnn.cell import Cell, CellInput
from charlm.kernels import Kernels
from charlm.kernels.reference.common import project, project_backward
from charlm.kernels.reference.minimal import blend_backward, blend_forward


class MinimalCell(Cell):
    """h' = k * h + (1 - k) * c, where k and c come from one product a = b + Wx x in blocks; the last block is c's.

    There is no matrix for h. The arithmetic is plain numpy with all kernels: a step in time is a few operations on
    vectors, and the product for the input is one for all steps.

    Class variables:
        blocks: how many.
    """

    blocks: ClassVar[int]
    states = 1
    roles = ("Wx", "b")
    masks = 0
    reads_tables = True

    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Wx (blocks H, I), b (blocks H,)."""
        return [(self.blocks * hidden_dim, input_dim), (self.blocks * hidden_dim,)]

    @abstractmethod
    def kept(self, gates_TBG: Array) -> Array:
        """Return d, where logistic(d) is kept, from all blocks but the last."""

    @abstractmethod
    def kept_backward(self, dd_TBH: Array, gates_TBG: Array) -> list[Array]:
        """Return the gradients of the blocks, from that of d."""

    def forward(self, k: Kernels, inputs: CellInput) -> tuple[Array, Any]:
        x, (Wx_IG, b_G), (h_BH,), _ = inputs
        gates_TBG, candidate_TBH = self._split(project(x, Wx_IG, b_G))
        y_STBH, saved = blend_forward(self.kept(gates_TBG), candidate_TBH, h_BH)
        return y_STBH, (*saved, gates_TBG)

    def backward(
        self,
        k: Kernels,
        dy_STBH: Array,
        y_STBH: Array,
        saved: Any,
        inputs: CellInput,
        **more: Array,
    ) -> Gradients:
        x, (Wx_IG, _), (h_BH,), _ = inputs
        *blended, gates_TBG = saved
        dd, dc, dh = blend_backward(dy_STBH, y_STBH, tuple(blended), h_BH, **more)
        da_TBG = np.concatenate([*self.kept_backward(dd, gates_TBG), dc], axis=-1)
        return [*project_backward(da_TBG, x, Wx_IG), None if h_BH is None else dh]

    def _split(self, a_TBG: Array) -> tuple[Array, Array]:
        end = a_TBG.shape[-1] // self.blocks * (self.blocks - 1)
        return a_TBG[..., :end], a_TBG[..., end:]
