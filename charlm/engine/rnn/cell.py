"""What a recurrent cell is: its parameters, its forward and its backward over a sequence.

A cell is one class in a file of its own in ``cells/``. A step is a sequence of length one, unless the
cell has a faster way. Defining a subclass registers it and adds it to the gradient checks; configs know
it by its file's name. ``recurrence.py`` has the operations that run a cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.op import Gradients
from charlm.kernels import Kernels
from charlm.kernels.tapes import Form

CELLS: dict[str, type[Cell]] = {}
States: TypeAlias = Sequence["Array | None"]
NodeIds: TypeAlias = tuple[int, tuple[int, ...]]
Masked: TypeAlias = tuple[bool, bool]


class CellInput(NamedTuple):
    """The arguments of a cell.

    Attributes:
        x: the inputs, (T, B, I) for a sequence and (B, I) for a step, multiplied by their mask already.
        params: the parameters with their axes reversed, so that ``x @ W`` is the product; with a batch axis of 1
            for a step.
        states: the initial states (B, H), None where one is not given.
        masks: those of the recurrent vectors, (B, H) or (1, H), the same at every step.
    """

    x: Any
    params: Sequence[Array]
    states: States
    masks: Sequence[Array] = ()


class Cell(ABC):
    """A recurrence: it maps an input and the states to new states. The last state is the output h.

    Class variables:
        name: the cell's name in a config: the name of its file.
        states: how many vectors it carries from step to step.
        roles: the names of its parameters, in DyNet's order.
        masks: how many recurrent vectors have a dropout mask, h first. 0: ordinary dropout at every step instead.
        gains: the parameters that start at 1.
        reads_tables: whether ``x`` may be an ``EmbeddedInput`` in forward and backward.
    """

    name: ClassVar[str]
    states: ClassVar[int]
    roles: ClassVar[tuple[str, ...]]
    masks: ClassVar[int] = 1
    gains: ClassVar[tuple[str, ...]] = ()
    reads_tables: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Register the cell; a base class of several cells has no name."""
        if hasattr(cls, "name"):
            CELLS.setdefault(cls.name, cls)

    @abstractmethod
    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Return the DyNet shapes of the parameters. The first is (a multiple of H, I).

        Matrices start with Glorot's initial values, ``gains`` at 1 and other vectors, the biases, at 0.
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
        """Return the form of a step of this many vectors in compiled code, None if it runs in Python."""
        return None

    @abstractmethod
    def forward(self, k: Kernels, inputs: CellInput) -> tuple[Array, Any]:
        """Return the states ``y_STBH`` of every step, and what backward needs."""

    @abstractmethod
    def backward(
        self,
        k: Kernels,
        dy_STBH: Array,
        y_STBH: Array,
        saved: Any,
        inputs: CellInput,
        **more: Array,
    ) -> Gradients:
        """Return the gradients of x, of each parameter and of each state (None where the state was None).

        ``more`` is empty, or has ``state_gradient_STBH``, an array to fill with the gradient of every state at
        every step, later time steps included.
        """

    def gates(self, saved: Any) -> dict[str, Array]:
        """Return the gates of every step, numbers from 0 to 1 (T, B, H), by their names; none for a cell without.

        ``saved`` is what ``forward`` kept with the plain kernels.
        """
        return {}

    def step(self, k: Kernels, inputs: CellInput) -> tuple[Array, Any]:
        """Return the states after one step, ``y_SBH`` or ``y_BH`` if there is one, and what its backward needs."""
        y_STBH, saved = self.forward(k, as_sequence(inputs))
        return (y_STBH[0, 0] if self.states == 1 else y_STBH[:, 0]), saved

    def step_backward(
        self, k: Kernels, dy: Array, y: Array, saved: Any, inputs: CellInput
    ) -> Gradients:
        """Return the gradients for ``step``, in the order of those of ``backward``."""
        shape_STBH = (self.states, 1, *dy.shape[-2:])
        dy_STBH, y_STBH = dy.reshape(shape_STBH), y.reshape(shape_STBH)
        dx_TBI, *others = self.backward(k, dy_STBH, y_STBH, saved, as_sequence(inputs))
        assert isinstance(dx_TBI, np.ndarray)
        return [dx_TBI[0], *with_batch_axes(self, others)]


def as_sequence(inputs: CellInput) -> CellInput:
    """Return the arguments of a step as those of a sequence of length one."""
    return inputs._replace(x=inputs.x[np.newaxis], params=[p[0] for p in inputs.params])


def with_batch_axes(cell: Cell, gradients: Gradients) -> Gradients:
    """Give the gradients of parameters, which come first, a batch axis; a ``Product`` has one already."""
    count = len(cell.roles)
    params = [d[np.newaxis] if isinstance(d, np.ndarray) else d for d in gradients[:count]]
    return [*params, *gradients[count:]]
