"""What a recurrent cell is.

A cell is one class in a file of its own in ``cells/``: its parameters, its forward and its backward
over a sequence; a step is a sequence of length one, unless the cell has a shorter way. Defining a
subclass registers it and adds it to the gradient checks; configs know it by its file's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.op import Gradients
from charlm.kernels import Kernels
from charlm.kernels.tapes import Form

CELLS: dict[str, type[Cell]] = {}
States: TypeAlias = Sequence["Array | None"]
NodeIds: TypeAlias = tuple[int, tuple[int, ...]]
Masked: TypeAlias = tuple[bool, bool]


class Cell(ABC):
    """A recurrence x, states -> states, the last state being the output h.

    Class variables:
        name: what a config calls it: the name of its file.
        states: how many vectors it carries from step to step.
        roles: the names of its parameters, in DyNet's order.
        masks: how many recurrent vectors have a dropout mask, h first; 0 if its dropout is another one.
        gains: the parameters that start at 1.
        reads_tables: whether forward and backward take ``EmbeddedInput`` for ``x_TBI``.
    """

    name: ClassVar[str]
    states: ClassVar[int]
    roles: ClassVar[tuple[str, ...]]
    masks: ClassVar[int] = 1
    gains: ClassVar[tuple[str, ...]] = ()
    reads_tables: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Register the cell, if it is one and not what several share."""
        if hasattr(cls, "name"):
            CELLS.setdefault(cls.name, cls)

    @abstractmethod
    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Return the DyNet shapes of the parameters, first of all one of (a multiple of H, I).

        Matrices start at Glorot's values, ``gains`` at 1 and other vectors, the biases, at 0.
        """

    def node_ids(self, first: bool, masked: Masked = (False, False)) -> NodeIds:
        """Return how many DyNet nodes a step is, and which of them each state is.

        A cell that DyNet does not have takes one for each state.

        Args:
            first: no state goes in.
            masked: whether dropout masks x, and whether it masks the recurrent vectors.
        """
        return self.states, tuple(range(self.states))

    def step_form(self, input_dim: int, hidden_dim: int, columns: int) -> Form | None:
        """Return what a step of so many vectors is to compiled code, None if it runs in Python."""
        return None

    @abstractmethod
    def forward(
        self,
        k: Kernels,
        x_TBI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
    ) -> tuple[Array, Any]:
        """Return the states ``y_STBH`` of every step, and what backward wants saved.

        ``masks`` are those of the recurrent vectors, (B, H) or (1, H); x is masked before.
        """

    @abstractmethod
    def backward(
        self,
        k: Kernels,
        dy_STBH: Array,
        y_STBH: Array,
        saved: Any,
        x_TBI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
        **total: Array,
    ) -> Gradients:
        """Return the gradients of x, of each parameter and of each state (None where the state was None).

        ``total`` is nothing, or the kernels' ``state_gradient_STBH``.
        """

    def gates(self, saved: Any) -> dict[str, Array]:
        """Return the gates of every step, numbers from 0 to 1 (T, B, H), by their names; none for a cell without.

        ``saved`` is what ``forward`` kept with the plain kernels.
        """
        return {}

    def step(
        self,
        k: Kernels,
        x_BI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
    ) -> tuple[Array, Any]:
        """Return the states after one step, ``y_SBH`` or ``y_BH`` if there is one, and what the way back wants saved.

        Here, and on the way back, ``params`` have a batch axis of 1.
        """
        y_STBH, saved = self.forward(k, x_BI[np.newaxis], [p[0] for p in params], states, masks)
        return (y_STBH[0, 0] if self.states == 1 else y_STBH[:, 0]), saved

    def step_backward(
        self,
        k: Kernels,
        dy: Array,
        y: Array,
        saved: Any,
        x_BI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
    ) -> Gradients:
        """Return the gradients of ``step``'s arguments, in the order of those of ``backward``."""
        shape_STBH = (self.states, 1, *dy.shape[-2:])
        arguments = (x_BI[np.newaxis], [p[0] for p in params], states, masks)
        dy_STBH, y_STBH = dy.reshape(shape_STBH), y.reshape(shape_STBH)
        dx_TBI, *found = self.backward(k, dy_STBH, y_STBH, saved, *arguments)
        assert isinstance(dx_TBI, np.ndarray)
        return [dx_TBI[0], *with_batch_axes(self, found)]


class KernelCell(Cell):
    """A cell whose recurrence is a pair of kernels, ``KERNEL_forward`` and ``KERNEL_backward``.

    Class variables:
        kernel: how their names begin.
    """

    kernel: ClassVar[str]
    reads_tables = True

    def settings(self) -> tuple[float, ...]:
        """Return what the kernels take behind the states."""
        return ()

    def forward(
        self,
        k: Kernels,
        x_TBI: Array,
        params: States,
        states: States,
        masks: Sequence[Array] = (),
    ) -> tuple[Array, Any]:
        run = getattr(k, f"{self.kernel}_forward")
        return run(x_TBI, *params, *states, *self.settings(), *masks)

    def backward(
        self,
        k: Kernels,
        dy_STBH: Array,
        y_STBH: Array,
        saved: Any,
        x_TBI: Array,
        params: States,
        states: States,
        masks: Sequence[Array] = (),
        **total: Array,
    ) -> Gradients:
        run = getattr(k, f"{self.kernel}_backward")
        arguments = (x_TBI, *params, *states, *self.settings(), *masks)
        return run(dy_STBH, y_STBH, saved, *arguments, **total)


class StepCell(KernelCell):
    """A cell that also has a pair of kernels for a single step, ``KERNEL_step`` and ``KERNEL_step_backward``."""

    def step(
        self,
        k: Kernels,
        x_BI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
    ) -> tuple[Array, Any]:
        run = getattr(k, f"{self.kernel}_step")
        return run(x_BI, *params, *states, *self.settings(), *masks)

    def step_backward(
        self,
        k: Kernels,
        dy: Array,
        y: Array,
        saved: Any,
        x_BI: Array,
        params: Sequence[Array],
        states: States,
        masks: Sequence[Array] = (),
    ) -> Gradients:
        run = getattr(k, f"{self.kernel}_step_backward")
        return run(dy, y, saved, x_BI, *params, *states, *self.settings(), *masks)


def with_batch_axes(cell: Cell, gradients: Gradients) -> Gradients:
    """Give the gradients of parameters, which come first, a batch axis; what is put off has one already."""
    count = len(cell.roles)
    params = [d[np.newaxis] if isinstance(d, np.ndarray) else d for d in gradients[:count]]
    return [*params, *gradients[count:]]
