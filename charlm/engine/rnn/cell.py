"""What a recurrent cell is, and the two ops that run any cell: one step, or a whole sequence.

A cell is one class in a file of its own in ``cells/``: its parameters, its forward and its backward
over a sequence; a step is a sequence of length one. Defining a subclass registers it and adds it to
the gradient checks; configs know it by its file's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.op import BadSample, Context, Gradients, Op, Sample
from charlm.engine.types import Type
from charlm.kernels import NUMPY, Kernels
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
        reads_tables: whether forward and backward take ``Looked`` for ``x_TBI``.
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

        ``total`` is nothing, or the kernels' ``total_STBH``.
        """


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
        """Run over time."""
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
        """Back through time."""
        run = getattr(k, f"{self.kernel}_backward")
        arguments = (x_TBI, *params, *states, *self.settings(), *masks)
        return run(dy_STBH, y_STBH, saved, *arguments, **total)


@dataclass(eq=False)
class Recurrence(Op, abstract=True):
    """Arguments: x, the cell's parameters, the masks if ``masked``, and those initial states that ``given`` marks.

    The masks are that of x and those of the recurrent vectors, the same at every step. They have no
    gradient: they are drawn, not computed.
    """

    cell: Cell
    given: tuple[bool, ...]
    masked: bool = False
    single: ClassVar[bool]

    @property
    def only_state(self) -> bool:
        """Whether the value is one state of one step, so that nobody has to take it out."""
        return self.single and self.cell.states == 1

    @property
    def is_recurrent(self) -> bool:  # type: ignore[override]
        """Whether the value has several parts."""
        return not self.only_state

    def forward(self, ctx: Context, x: Array, *rest: Array) -> Array:
        """Run the cell over time."""
        arguments, x_mask = self._split(x, rest)
        y, saved = self.cell.forward(ctx.kernels, *arguments)
        ctx.saved = saved, arguments, x_mask
        if self.single:
            return y[0, 0] if self.cell.states == 1 else y[:, 0]
        return y

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array, *rest: Array) -> Gradients:
        """Back through time."""
        saved, arguments, x_mask = ctx.saved
        if self.single:
            dy, y = (
                (dy[np.newaxis, np.newaxis], y[np.newaxis, np.newaxis])
                if self.cell.states == 1
                else (dy[:, np.newaxis], y[:, np.newaxis])
            )
        dx, *found = self.cell.backward(ctx.kernels, dy, y, saved, *arguments)
        if isinstance(dx, np.ndarray):
            dx = dx if x_mask is None else dx * x_mask
            dx = dx[0].reshape(dx.shape[1], *x.shape[1:]) if self.single else dx[np.newaxis]
        count = len(self.cell.roles)
        for i, d in enumerate(found[:count]):
            if isinstance(d, np.ndarray):  # not one that is put off
                found[i] = d[np.newaxis]
        if not self.masked and all(self.given):
            return [dx, *found]
        dstates = [d for d, given in zip(found[count:], self.given, strict=True) if given]
        return [dx, *found[:count], *[None] * self._mask_count, *dstates]

    def total_gradient(self, dy: Array, x: Array, *rest: Array) -> Array:
        """Return the gradient of every state at every step through all that follows it.

        Few programs ask for it, so the backward pass does not keep it: here the cell is run once
        more.
        """
        arguments, _ = self._split(x, rest)
        dy = dy[:, np.newaxis] if self.single else dy
        total = np.empty_like(dy)
        with np.errstate(all="ignore"):  # as when the graph is evaluated
            y, saved = self.cell.forward(NUMPY, *arguments)
            self.cell.backward(NUMPY, dy, y, saved, *arguments, total_STBH=total)
        return total[:, 0] if self.single else total

    def input(self, x: Array) -> Any:
        """Return what the cell reads in a sequence."""
        return x[0]

    @property
    def _mask_count(self) -> int:
        return 1 + self.cell.masks if self.masked else 0

    def _split(
        self, x: Array, rest: tuple[Array, ...]
    ) -> tuple[tuple[Array, list[Array], list[Array | None], list[Array]], Array | None]:
        """Return what a cell's forward takes, and x's mask."""
        count = len(self.cell.roles)
        if self.single and not self.masked:
            states_in = rest[count:]
            none = [None] * (self.cell.states - len(states_in))
            alike = x.ndim == 2 and all(len(state) == len(x) for state in states_in)
            if alike and not (none and states_in):  # nearly always: all states are there, or none
                params = [p[0] for p in rest[:count]]
                return (x[np.newaxis], params, [*states_in, *none], []), None
        after = count + self._mask_count
        if self.single:
            batch = max(len(x), *map(len, rest))
            # a column, such as a matrix product makes, is the vector
            x_TBI = x.reshape(1, len(x), -1)
            if len(x) != batch:
                x_TBI = np.broadcast_to(x_TBI, (1, batch, x_TBI.shape[-1]))
        else:
            x_TBI = self.input(x)
            batch = x_TBI.shape[1]
        found = iter(rest[after:])
        states: list[Array | None] = [None] * self.cell.states
        for i, given in enumerate(self.given):
            if given:
                state = next(found)
                if len(state) != batch:
                    state = np.broadcast_to(state, (batch, state.shape[-1]))
                states[i] = state
        params = [p[0] for p in rest[:count]]
        if not self.masked:
            return (x_TBI, params, states, []), None
        x_mask, *masks = rest[count:after]
        return (x_TBI * x_mask, params, states, masks), x_mask

    def _hidden(self, input_shape: Shape, dims: tuple[Dim, ...]) -> int:
        """Check x, the parameters, the masks and the states against each other and return H."""
        count = len(self.cell.roles)
        params, others = dims[1 : 1 + count], dims[1 + count :]
        masks, states = others[: self._mask_count], others[self._mask_count :]
        hidden = params[0][0][0] // self.cell.shapes(1, 1)[0][0]
        wanted = self.cell.shapes(input_shape[0], hidden)
        if [d[0] for d in params] != wanted:
            expected = params[0][0][1]
            raise self.error(
                f"{self.cell.name}: an input of size {expected} is needed, got {show(dims[0])}"
            )
        for mask, size in zip(masks, (input_shape[0], *[hidden] * self.cell.masks), strict=False):
            if mask[0] != (size,):
                raise self.error(
                    f"{self.cell.name}: a mask of size {size} is needed, got {show(mask)}"
                )
        for state in states:
            if state[0] != (hidden,):
                raise self.error(
                    f"{self.cell.name}: a state of size {hidden} is needed, got {show(state)}"
                )
        return hidden

    @classmethod
    def _masked(cls, cell: Cell, x: Dim, batch: int) -> Iterator[Sample]:
        """Yield a sample with masks, for the cells that have them."""
        if cell.masks:
            every = (True,) * cell.states
            x_, *others = cls._dims(cell, x, batch, every)
            count = len(cell.roles)
            masks = [((x[0][0],), batch), *[((3,), batch)] * cell.masks]
            dims = (x_, *others[:count], *masks, *others[count:])
            flags = [True] * (1 + count) + [False] * len(masks) + [True] * cell.states
            yield Sample(cls(cell, every, True), dims, differentiable=tuple(flags))

    @classmethod
    def _dims(cls, cell: Cell, x: Dim, batch: int, given: tuple[bool, ...]) -> tuple[Dim, ...]:
        params = [(shape, 1) for shape in cell.shapes(x[0][0], 3)]
        return (x, *params, *[((3,), batch)] * sum(given))


@dataclass(eq=False)
class RecurrentStep(Recurrence):
    """states' = cell(x, states): a node of shape (H, batch), its states in the batch axis; the state, if it is one."""

    id_back: int = 0  # type: ignore[misc]
    id_count: int = 0  # type: ignore[misc]  # those of DyNet's nodes for a step
    single = True

    def dim(self, *dims: Dim) -> Dim:
        """(H, batch) for each state, or (H,) for the only one."""
        x, batches = dims[0], {d[1] for d in dims}
        batch = max(batches)
        if not batches <= {1, batch}:
            raise self.error(f"batch sizes must be equal or 1, got {', '.join(map(show, dims))}")
        if x[0][1:] not in ((), (1,)):
            raise self.error(f"{self.cell.name}: the input must be a vector, got {show(x)}")
        hidden = self._hidden(x[0], dims)
        return ((hidden,), batch) if self.only_state else ((hidden, batch), self.cell.states)

    def compiled(self, y: Type, x: Type, *rest: Type) -> Form | None:  # type: ignore[override]
        """A step with all states or none, of one batch size; a cell names the form that it has."""
        given, states = sum(self.given), rest[len(self.cell.roles) :]
        if self.masked or given not in (0, self.cell.states):
            return None
        if any(state.batch != x.batch for state in states):
            return None
        inputs, size = x.size // x.batch, y.size // self.cell.states // x.batch
        return self.cell.step_form(inputs, size, x.batch)

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
            yield from cls._masked(cell, ((2,), 2), 2)

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
    single = False

    def dim(self, *dims: Dim) -> Dim:
        """(H, batch, time) for each state."""
        shape, batch = dims[0]
        if len(shape) != 3 or batch != 1:
            raise self.error(f"{self.cell.name}: a sequence is needed, got {show(dims[0])}")
        count = 1 + len(self.cell.roles)
        if any(d[1] not in (1, shape[1]) for d in dims[count:]):
            raise self.error(
                f"{self.cell.name}: the batch size of states and masks must be {shape[1]} or 1"
            )
        return (self._hidden(shape, dims), *shape[1:]), self.cell.states

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Every cell over four steps, with and without states."""
        for cell in (kind() for kind in CELLS.values()):
            none, every = (False,) * cell.states, (True,) * cell.states
            yield Sample(cls(cell, none), cls._dims(cell, ((2, 1, 4), 1), 1, none))
            yield Sample(cls(cell, every), cls._dims(cell, ((2, 2, 4), 1), 2, every))
            yield Sample(cls(cell, every), cls._dims(cell, ((2, 2, 1), 1), 1, every))
            yield from cls._masked(cell, ((2, 2, 4), 1), 2)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        """A vector or a batch where a sequence is needed, states of another batch."""
        for cell in (kind() for kind in CELLS.values()):
            every = (True,) * cell.states
            dims = cls._dims(cell, ((2, 2, 4), 1), 2, every)
            yield BadSample(cls(cell, every), (((2,), 1), *dims[1:]), "a sequence is needed")
            yield BadSample(cls(cell, every), (((2, 2, 4), 3), *dims[1:]), "a sequence is needed")
            yield BadSample(cls(cell, every), (*dims[:-1], ((3,), 3)), "masks must be 2 or 1")
