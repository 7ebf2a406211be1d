"""The two ops that run any cell: one step, or a whole sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, show
from charlm.engine.op import BadSample, Context, Gradients, Op, Sample
from charlm.engine.rnn.cell import CELLS, Cell, CellInput, as_sequence, with_batch_axes
from charlm.engine.types import Type
from charlm.kernels import NUMPY
from charlm.kernels.tapes import Form


@dataclass(eq=False)
class Recurrence(Op, abstract=True):
    """Arguments: x, the cell's parameters, the masks if ``masked``, and those initial states that ``given`` marks.

    The masks are that of x and those of the recurrent vectors, the same at every step. They have no gradient.
    """

    cell: Cell
    given: tuple[bool, ...]
    masked: bool = False

    def _split(
        self, rest: Sequence[Array]
    ) -> tuple[Sequence[Array], Sequence[Array], Sequence[Array | None]]:
        """Return the parameters, the masks and every state, None where it is not given."""
        count = len(self.cell.roles)
        after = count + self._mask_count if self.masked else count
        states: Sequence[Array | None] = rest[after:]
        if len(states) != len(self.given):
            remaining = iter(states)
            states = [next(remaining) if given else None for given in self.given]
        return rest[:count], rest[count:after], states

    def _gradients(self, gradients: Gradients) -> Gradients:
        """Return the gradients of all arguments, given those of x, the parameters and every state."""
        if not self.masked and False not in self.given:
            return gradients
        count = 1 + len(self.cell.roles)
        states = [d for d, given in zip(gradients[count:], self.given, strict=True) if given]
        return [*gradients[:count], *[None] * self._mask_count, *states]

    def _state_gradient(self, dy_STBH: Array, inputs: CellInput) -> Array:
        """Return the gradient of every state at every step, later time steps included.

        Few programs ask for it, so the backward pass does not keep it: here the cell runs once more.
        """
        gradient = np.empty_like(dy_STBH)
        with np.errstate(all="ignore"):  # as when the graph is evaluated
            y_STBH, saved = self.cell.forward(NUMPY, inputs)
            self.cell.backward(NUMPY, dy_STBH, y_STBH, saved, inputs, state_gradient_STBH=gradient)
        return gradient

    @property
    def _mask_count(self) -> int:
        return 1 + self.cell.masks if self.masked else 0

    def _hidden(self, input_shape: Shape, dims: tuple[Dim, ...]) -> int:
        """Check the shapes of x, the parameters, the masks and the states, and return H."""
        count = len(self.cell.roles)
        params, others = dims[1 : 1 + count], dims[1 + count :]
        masks, states = others[: self._mask_count], others[self._mask_count :]
        hidden = params[0][0][0] // self.cell.shapes(1, 1)[0][0]
        needed = self.cell.shapes(input_shape[0], hidden)
        if [d[0] for d in params] != needed:
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
    id_count: int = 0  # type: ignore[misc]  # the count of DyNet's nodes for a step

    @property
    def only_state(self) -> bool:
        """Whether the value is one state, which needs no ``StatePart``."""
        return self.cell.states == 1

    @property
    def is_recurrent(self) -> bool:  # type: ignore[override]
        """Whether the value has several parts."""
        return not self.only_state

    def forward(self, ctx: Context, x: Array, *rest: Array) -> Array:
        inputs = self._inputs(x, rest)
        y, saved = self.cell.step(ctx.kernels, inputs)
        ctx.saved = saved, inputs
        return y

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array, *rest: Array) -> Gradients:
        saved, inputs = ctx.saved
        dx: Any
        dx, *others = self.cell.step_backward(ctx.kernels, dy, y, saved, inputs)
        if self.masked:
            dx = dx * rest[len(self.cell.roles)]
        if x.ndim == 3:
            dx = dx.reshape(len(dx), *x.shape[1:])
        return self._gradients([dx, *others])

    def state_gradient(self, dy: Array, x: Array, *rest: Array) -> Array:
        """A gradient of the output reaches the memory too."""
        inputs = as_sequence(self._inputs(x, rest))
        return self._state_gradient(dy[:, np.newaxis], inputs)[:, 0]

    def _inputs(self, x: Array, rest: Sequence[Array]) -> CellInput:
        """Return the arguments of a cell's ``step``."""
        params, masks, states = self._split(rest)
        if x.ndim == 3:  # a column, such as a matrix product, is a vector
            x = x.reshape(len(x), -1)
        if self.masked:
            x, masks = x * masks[0], masks[1:]
        for vectors in (*states, *masks):
            if vectors is not None and len(vectors) != len(x):
                batch = max([len(a) for a in (x, *states, *masks) if a is not None])
                x, states = _repeated(x, batch), [_repeated(state, batch) for state in states]
                break
        return CellInput(x, params, states, masks)

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
        """A step with all states or none, of one batch size; the cell names its form."""
        given, states = sum(self.given), rest[len(self.cell.roles) :]
        if self.masked or given not in (0, self.cell.states):
            return None
        if any(state.batch != x.batch for state in states):
            return None
        inputs, size = x.size // x.batch, y.size // self.cell.states // x.batch
        return self.cell.step_form(inputs, size, x.batch)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for cell in (kind() for kind in CELLS.values()):
            none, every = (False,) * cell.states, (True,) * cell.states
            # without a state some weights have no effect in a single step: only x is differentiated
            only_x = (True, *[False] * len(cell.roles))
            alone = cls._dims(cell, ((2,), 1), 1, none)
            yield Sample(cls(cell, none), alone, differentiable=only_x)
            yield Sample(cls(cell, every), cls._dims(cell, ((2,), 2), 1, every))
            yield from cls._masked(cell, ((2,), 2), 2)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
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
    is_recurrent = True

    def forward(self, ctx: Context, x: Array, *rest: Array) -> Array:
        inputs = self._inputs(x, rest)
        y_STBH, saved = self.cell.forward(ctx.kernels, inputs)
        ctx.saved = saved, inputs
        return y_STBH

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array, *rest: Array) -> Gradients:
        saved, inputs = ctx.saved
        dx, *others = self.cell.backward(ctx.kernels, dy, y, saved, inputs)
        if isinstance(dx, np.ndarray):
            dx = dx * rest[len(self.cell.roles)] if self.masked else dx
            dx = dx[np.newaxis]
        return self._gradients([dx, *with_batch_axes(self.cell, others)])

    def state_gradient(self, dy: Array, x: Array, *rest: Array) -> Array:
        """The states of a step are arguments of the next step."""
        return self._state_gradient(dy, self._inputs(x, rest))

    def gates(self, x: Array, *rest: Array) -> dict[str, Array]:
        """Return the cell's gates at every step, by their names: here the cell is run once more."""
        _, saved = self.cell.forward(NUMPY, self._inputs(x, rest))
        return self.cell.gates(saved)

    def input(self, x: Array) -> Any:
        return x[0]

    def _inputs(self, x: Array, rest: Sequence[Array]) -> CellInput:
        """Return the arguments of a cell's ``forward``."""
        params, masks, states = self._split(rest)
        x_TBI = self.input(x)
        batch = x_TBI.shape[1]
        if self.masked:
            x_TBI, masks = x_TBI * masks[0], masks[1:]
        return CellInput(
            x_TBI, [p[0] for p in params], [_repeated(s, batch) for s in states], masks
        )

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
        for cell in (kind() for kind in CELLS.values()):
            none, every = (False,) * cell.states, (True,) * cell.states
            yield Sample(cls(cell, none), cls._dims(cell, ((2, 1, 4), 1), 1, none))
            yield Sample(cls(cell, every), cls._dims(cell, ((2, 2, 4), 1), 2, every))
            yield Sample(cls(cell, every), cls._dims(cell, ((2, 2, 1), 1), 1, every))
            yield from cls._masked(cell, ((2, 2, 4), 1), 2)

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        for cell in (kind() for kind in CELLS.values()):
            every = (True,) * cell.states
            dims = cls._dims(cell, ((2, 2, 4), 1), 2, every)
            yield BadSample(cls(cell, every), (((2,), 1), *dims[1:]), "a sequence is needed")
            yield BadSample(cls(cell, every), (((2, 2, 4), 3), *dims[1:]), "a sequence is needed")
            yield BadSample(cls(cell, every), (*dims[:-1], ((3,), 3)), "masks must be 2 or 1")


def _repeated(vectors: Array | None, batch: int) -> Any:
    """Return vectors, repeated to this batch size."""
    if vectors is None or len(vectors) == batch:
        return vectors
    return np.broadcast_to(vectors, (batch, vectors.shape[1]))
