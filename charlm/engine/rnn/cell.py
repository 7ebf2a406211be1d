"""What a recurrent cell is, and the two ops that run any cell: one step, or a whole sequence.

A cell is one class in a file of its own: its parameters, its forward and its backward over a
sequence; a step is a sequence of length one. Defining a subclass registers it under its name, which
configs use, and adds it to the gradient checks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.op import BadSample, Context, Op, Sample, StepOp
from charlm.kernels import Kernels

CELLS: dict[str, type[Cell]] = {}
States = Sequence["Array | None"]


class Cell(ABC):
    """A recurrence x, states -> states, the last state being the output h.

    Class variables:
        name: what a config calls it.
        states: how many vectors it carries from step to step.
        roles: the names of its parameters, in DyNet's order.
    """

    name: ClassVar[str]
    states: ClassVar[int]
    roles: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        """Register the cell."""
        CELLS.setdefault(cls.name, cls)

    @abstractmethod
    def shapes(self, input_dim: int, hidden_dim: int) -> list[Shape]:
        """Return the DyNet shapes of the parameters; vectors are biases and start at 0, matrices at Glorot's."""

    @abstractmethod
    def node_ids(self, first: bool) -> tuple[int, tuple[int, ...]]:
        """Return how many DyNet nodes a step is, and which of them each state is; ``first``: no state goes in."""

    @abstractmethod
    def forward(
        self, k: Kernels, x_TBI: Array, params: Sequence[Array], states: States
    ) -> tuple[Array, Any]:
        """Return the states ``y_STBH`` of every step, and what backward wants saved."""

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
    ) -> list[Array | None]:
        """Return the gradients of x, of each parameter and of each state (None where the state was None)."""


@dataclass(eq=False)
class Recurrence(Op, abstract=True):
    """Arguments: x, the cell's parameters, and those initial states that ``given`` marks."""

    cell: Cell
    given: tuple[bool, ...]

    def _split(self, rest: tuple[Array, ...], batch: int) -> tuple[list[Array], list[Array | None]]:
        count = len(self.cell.roles)
        found = iter(rest[count:])
        states: list[Array | None] = [None] * self.cell.states
        for i, given in enumerate(self.given):
            if given:
                state = next(found)
                states[i] = np.broadcast_to(state, (batch, state.shape[-1]))
        return [p[0] for p in rest[:count]], states

    def _hidden(self, input_shape: Shape, dims: tuple[Dim, ...]) -> int:
        """Check x, the parameters and the states against each other and return H."""
        count = len(self.cell.roles)
        params, states = dims[1 : 1 + count], dims[1 + count :]
        hidden = next(d[0][0] for d in reversed(params) if len(d[0]) == 1)
        bias_gates = self.cell.shapes(1, 1)[-1][0]
        hidden //= bias_gates
        wanted = self.cell.shapes(input_shape[0], hidden)
        if [d[0] for d in params] != wanted:
            expected = params[0][0][1]
            raise self.error(
                f"{self.cell.name}: an input of size {expected} is needed, got {show(dims[0])}"
            )
        for state in states:
            if state[0] != (hidden,):
                raise self.error(
                    f"{self.cell.name}: a state of size {hidden} is needed, got {show(state)}"
                )
        return hidden

    def _gradients(
        self, ctx: Context, dy: Array, y: Array, x_TBI: Array, rest: tuple[Array, ...]
    ) -> list[Array | None]:
        params, states = self._split(rest, x_TBI.shape[1])
        found = self.cell.backward(ctx.kernels, dy, y, ctx.saved, x_TBI, params, states)
        count = 1 + len(self.cell.roles)
        dparams = [None if d is None else d[np.newaxis] for d in found[1:count]]
        dstates = [d for d, given in zip(found[count:], self.given, strict=True) if given]
        return [found[0], *dparams, *dstates]

    @classmethod
    def _dims(cls, cell: Cell, x: Dim, batch: int, given: tuple[bool, ...]) -> tuple[Dim, ...]:
        params = [(shape, 1) for shape in cell.shapes(x[0][0], 3)]
        return (x, *params, *[((3,), batch)] * sum(given))


class RecurrentStep(Recurrence, StepOp):
    """states' = cell(x, states): a node of shape (H, batch), its states in the batch axis."""

    id_count = 0

    def dim(self, *dims: Dim) -> Dim:
        """(H, batch) for each state."""
        x, batches = dims[0], {d[1] for d in dims}
        batch = max(batches)
        if not batches <= {1, batch}:
            raise self.error(f"batch sizes must be equal or 1, got {', '.join(map(show, dims))}")
        if len(x[0]) != 1:
            raise self.error(f"{self.cell.name}: the input must be a vector, got {show(x)}")
        return (self._hidden(x[0], dims), batch), self.cell.states

    def split(self, args: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The parameters, and the states."""
        count = 1 + len(self.cell.roles)
        return args[1:count], args[count:]

    def continues(self, other: Op) -> bool:
        """Of the same cell."""
        return isinstance(other, RecurrentStep) and other.cell is self.cell and all(self.given)

    def sequence(self) -> RecurrentSequence:
        """Begun with the same states."""
        return RecurrentSequence(self.cell, self.given)

    def forward(self, ctx: Context, x: Array, *rest: Array) -> Array:
        """A sequence of one step."""
        batch = max(len(x), *[len(state) for state in rest])
        params, states = self._split(rest, batch)
        x_TBI = np.broadcast_to(x, (1, batch, x.shape[-1]))
        y, ctx.saved = self.cell.forward(ctx.kernels, x_TBI, params, states)
        return y[:, 0]

    def backward(
        self, ctx: Context, dy: Array, y: Array, x: Array, *rest: Array
    ) -> list[Array | None]:
        """A sequence of one step, backwards."""
        x_TBI = np.broadcast_to(x, (1, y.shape[1], x.shape[-1]))
        found = self._gradients(ctx, dy[:, np.newaxis], y[:, np.newaxis], x_TBI, rest)
        dx = found[0]
        return [None if dx is None else dx[0], *found[1:]]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Every cell, with and without states, batched."""
        for cell in (kind() for kind in CELLS.values()):
            none, every = (False,) * cell.states, (True,) * cell.states
            # without a state some weights do not count in a single step: only x is differentiated
            # there
            only_x = (True, *[False] * len(cell.roles))
            alone = cls._dims(cell, ((2,), 1), 1, none)
            yield Sample(cls(cell, none), alone, differentiable=only_x)
            yield Sample(cls(cell, every), cls._dims(cell, ((2,), 2), 1, every))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        """An input and a state of another size."""
        for cell in (kind() for kind in CELLS.values()):
            every = (True,) * cell.states
            dims = cls._dims(cell, ((2,), 1), 1, every)
            yield BadSample(
                cls(cell, every), (((4,), 1), *dims[1:]), "an input of size 2 is needed"
            )
            yield BadSample(
                cls(cell, every), (*dims[:-1], ((4,), 1)), "a state of size 3 is needed"
            )


class RecurrentSequence(Recurrence):
    """states[t] = cell(x[t], states[t-1]): a node of shape (H, batch, time), its states in the batch axis."""

    id_count = 0

    def dim(self, *dims: Dim) -> Dim:
        """(H, batch, time) for each state."""
        shape, batch = dims[0]
        if len(shape) != 3 or batch != 1:
            raise self.error(f"{self.cell.name}: a sequence is needed, got {show(dims[0])}")
        count = 1 + len(self.cell.roles)
        if any(d[1] not in (1, shape[1]) for d in dims[count:]):
            raise self.error(f"{self.cell.name}: the states' batch size must be {shape[1]} or 1")
        return (self._hidden(shape, dims), *shape[1:]), self.cell.states

    def forward(self, ctx: Context, x: Array, *rest: Array) -> Array:
        """Run the cell over time."""
        params, states = self._split(rest, x.shape[2])
        y, ctx.saved = self.cell.forward(ctx.kernels, x[0], params, states)
        return y

    def backward(
        self, ctx: Context, dy: Array, y: Array, x: Array, *rest: Array
    ) -> list[Array | None]:
        """Back through time."""
        found = self._gradients(ctx, dy, y, x[0], rest)
        dx = found[0]
        return [None if dx is None else dx[np.newaxis], *found[1:]]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Every cell over four steps, with and without states."""
        for cell in (kind() for kind in CELLS.values()):
            none, every = (False,) * cell.states, (True,) * cell.states
            yield Sample(cls(cell, none), cls._dims(cell, ((2, 1, 4), 1), 1, none))
            yield Sample(cls(cell, every), cls._dims(cell, ((2, 2, 4), 1), 2, every))
            yield Sample(cls(cell, every), cls._dims(cell, ((2, 2, 1), 1), 1, every))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        """A vector or a batch where a sequence is needed, states of another batch."""
        for cell in (kind() for kind in CELLS.values()):
            every = (True,) * cell.states
            dims = cls._dims(cell, ((2, 2, 4), 1), 2, every)
            yield BadSample(cls(cell, every), (((2,), 1), *dims[1:]), "a sequence is needed")
            yield BadSample(cls(cell, every), (((2, 2, 4), 3), *dims[1:]), "a sequence is needed")
            yield BadSample(cls(cell, every), (*dims[:-1], ((3,), 3)), "batch size must be 2 or 1")
