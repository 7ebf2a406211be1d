"""Cells whose arithmetic is in kernels."""

from __future__ import annotations

from typing import Any, ClassVar

from charlm.engine.arrays import Array
from charlm.engine.op import Gradients
from charlm.engine.rnn.cell import Cell, CellInput
from charlm.kernels import Kernels


class KernelCell(Cell):
    """A cell with a pair of kernels for a sequence, ``KERNEL_forward`` and ``KERNEL_backward``.

    Class variables:
        kernel: the first part of their names.
    """

    kernel: ClassVar[str]
    reads_tables = True

    def settings(self) -> tuple[float, ...]:
        """Return the numbers that the kernels take after the states."""
        return ()

    def arguments(self, inputs: CellInput) -> tuple[Any, ...]:
        x, params, states, masks = inputs
        return (x, *params, *states, *self.settings(), *masks)

    def forward(self, k: Kernels, inputs: CellInput) -> tuple[Array, Any]:
        return getattr(k, f"{self.kernel}_forward")(*self.arguments(inputs))

    def backward(
        self,
        k: Kernels,
        dy_STBH: Array,
        y_STBH: Array,
        saved: Any,
        inputs: CellInput,
        **more: Array,
    ) -> Gradients:
        run = getattr(k, f"{self.kernel}_backward")
        return run(dy_STBH, y_STBH, saved, *self.arguments(inputs), **more)


class StepCell(KernelCell):
    """A cell that also has a pair of kernels for a single step, ``KERNEL_step`` and ``KERNEL_step_backward``."""

    def step(self, k: Kernels, inputs: CellInput) -> tuple[Array, Any]:
        return getattr(k, f"{self.kernel}_step")(*self.arguments(inputs))

    def step_backward(
        self, k: Kernels, dy: Array, y: Array, saved: Any, inputs: CellInput
    ) -> Gradients:
        return getattr(k, f"{self.kernel}_step_backward")(dy, y, saved, *self.arguments(inputs))
