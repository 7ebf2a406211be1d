"""The parts of a vanilla LSTM step as separate ops, for cells that a program builds itself.

Gates are one vector (4H,) of the blocks i, f, o, g after their non-linearities. The builders do not use
these ops: a cell's whole step is one op (``engine/rnn``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Op, Sample
from charlm.engine.ops.arguments import real
from charlm.engine.ops.linear import product, product_gradients
from charlm.errors import ArgumentError, ShapeError
from charlm.kernels.reference.common import quarters

__all__ = [
    "vanilla_lstm_c",
    "vanilla_lstm_gates",
    "vanilla_lstm_gates_concat",
    "vanilla_lstm_gates_dropout",
    "vanilla_lstm_gates_dropout_concat",
    "vanilla_lstm_h",
]


@dataclass(eq=False)
class VanillaLstmGates(Op):
    """y = [s(a_i), s(a_f + 1), s(a_o), tanh(a_g)], a = b + Wx (m_x x) + Wh (m_h h), s the logistic function.

    The arguments are x1, ..., xn, h, Wx, Wh, b and, with ``dropout``, the masks m_x and m_h; x is
    the concatenation of x1 to xn. With ``noise``, numbers from N(0, noise^2) are drawn at every
    evaluation and added to Wx, Wh and b, in this order.
    """

    inputs: int = 1
    dropout: bool = False
    noise: float = 0.0

    def shape(self, *shapes: Shape) -> Shape:
        xs, (h, wx, wh, b, *masks) = shapes[: self.inputs], shapes[self.inputs :]
        vectors = (*xs, h, b, *masks)
        if any(len(v) != 1 for v in vectors):
            raise self.error(
                f"x, h, b and masks must be vectors, got {', '.join(map(str, vectors))}"
            )
        size, hidden = sum(x[0] for x in xs), h[0]
        expected = [(4 * hidden, size), (4 * hidden, hidden), (4 * hidden,), (size,), (hidden,)]
        names = ("Wx", "Wh", "b", "the mask of x", "the mask of h")
        for name, got, needed in zip(names, (wx, wh, b, *masks), expected, strict=False):
            if got != needed:
                raise self.error(
                    f"{name} must have shape {needed} for {size} inputs and {hidden} hidden units, "
                    f"got {got}"
                )
        return b

    def forward(self, ctx: Context, *arrays: Array) -> Array:
        """``ctx.saved`` is x and h times their masks, and Wx and Wh with their noise."""
        xs, (h, wx, wh, b, *masks) = arrays[: self.inputs], arrays[self.inputs :]
        x = _joined(xs)
        if self.dropout:
            x, h = x * masks[0], h * masks[1]
        if self.noise > 0:
            wx, wh, b = (
                w + ctx.stream.normal(0.0, self.noise, w.shape, w.dtype) for w in (wx, wh, b)
            )
        ctx.saved = x, h, wx, wh
        y = product(wx, x) + product(wh, h) + b
        _, f, _, g = quarters(y)
        f += 1
        ifo = y[:, : 3 * g.shape[1]]
        ifo[...] = ctx.kernels.logistic(ifo)
        np.tanh(g, out=g)
        return y

    def backward(self, ctx: Context, dy: Array, y: Array, *arrays: Array) -> list[Array]:
        xs, (h, _, _, _, *masks) = arrays[: self.inputs], arrays[self.inputs :]
        used_x, used_h, wx, wh = ctx.saved
        slope = y * (1 - y)
        quarters(slope)[3][...] = 1 - np.square(quarters(y)[3])
        da = dy * slope
        dwx, dx = _gradients(da, wx, used_x)
        dwh, dh = _gradients(da, wh, used_h)
        dmasks = []
        if self.dropout:
            dmasks = [dx * _joined(xs), dh * h]
            dx, dh = dx * masks[0], dh * masks[1]
        ends = np.cumsum([x.shape[1] for x in xs])[:-1]
        return [*np.split(dx, ends, axis=1), dh, dwx, dwh, da, *dmasks]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        step = (((2,), 1), ((8, 3), 1), ((8, 2), 1), ((8,), 1))
        batch = (((2,), 2), *step[1:])
        masks = (((3,), 1), ((2,), 1))
        yield Sample(cls(), (((3,), 1), *step))
        yield Sample(cls(), (((3,), 1), *batch))
        yield Sample(cls(2), (((1,), 2), ((2,), 1), *step))
        yield Sample(cls(1, True), (((3,), 2), *batch, *masks))
        yield Sample(cls(2, True), (((2,), 2), ((1,), 2), *step, ((3,), 2), ((2,), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        good = [((3,), 1), ((2,), 1), ((8, 3), 1), ((8, 2), 1), ((8,), 1), ((3,), 1), ((2,), 1)]
        for place, shape, match in (
            (0, (3, 1), "must be vectors"),
            (0, (2,), "Wx must have shape"),
            (2, (6, 3), "Wx must have shape"),
            (3, (8, 3), "Wh must have shape"),
            (4, (6,), "b must have shape"),
            (5, (2,), "the mask of x"),
            (6, (3,), "the mask of h"),
        ):
            yield BadSample(cls(1, True), (*good[:place], (shape, 1), *good[place + 1 :]), match)


def _joined(xs: Sequence[Array]) -> Array:
    batch = max(map(len, xs))
    return np.concatenate([np.broadcast_to(x, (batch, x.shape[1])) for x in xs], axis=1)


def _gradients(da: Array, w: Array, x: Array) -> tuple[Array, Array]:
    return cast("tuple[Array, Array]", product_gradients(da, w, x, (True, True)))


class OfGates(Op, abstract=True):
    """A function of a cell state (H,) and gates (4H,)."""

    def shape(self, c: Shape, gates: Shape) -> Shape:
        if len(c) != 1 or gates != (4 * c[0],):
            raise self.error(f"a state (H,) and gates (4H,) are needed, got {c} and {gates}")
        return c

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2,), 1), ((8,), 1)))
        yield Sample(cls(), (((2,), 2), ((8,), 2)))
        yield Sample(cls(), (((2,), 1), ((8,), 2)))
        yield Sample(cls(), (((2,), 2), ((8,), 1)))

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2,), 1), ((9,), 1)), "are needed")
        yield BadSample(cls(), (((2, 1), 1), ((8,), 1)), "are needed")


class VanillaLstmC(OfGates):
    """y = f c + i g."""

    def forward(self, ctx: Context, c: Array, gates: Array) -> Array:
        i, f, _, g = quarters(gates)
        return f * c + i * g

    def backward(self, ctx: Context, dy: Array, y: Array, c: Array, gates: Array) -> list[Array]:
        i, f, _, g = quarters(gates)
        return [dy * f, np.concatenate([dy * g, dy * c, np.zeros_like(dy), dy * i], axis=1)]


class VanillaLstmH(OfGates):
    """y = o tanh(c)."""

    def forward(self, ctx: Context, c: Array, gates: Array) -> Array:
        return quarters(gates)[2] * np.tanh(c)

    def backward(self, ctx: Context, dy: Array, y: Array, c: Array, gates: Array) -> list[Array]:
        t = np.tanh(c)
        dgates = np.zeros((len(dy), gates.shape[1]), dy.dtype)
        quarters(dgates)[2][...] = dy * t
        return [dy * quarters(gates)[2] * (1 - t * t), dgates]


def vanilla_lstm_gates(
    x_t: Operand, h_tm1: Operand, Wx: Operand, Wh: Operand, b: Operand, weightnoise_std: float = 0
) -> Expression:
    """Return the gates (4H,) of an LSTM step; 1 is added to the forget gate before the logistic function.

    Numbers from N(0, weightnoise_std^2) are drawn at every evaluation and added to Wx, Wh and b.
    """
    return apply(
        VanillaLstmGates(noise=real(weightnoise_std, "weightnoise_std")), x_t, h_tm1, Wx, Wh, b
    )


def vanilla_lstm_gates_concat(
    x_t: Sequence[Operand],
    h_tm1: Operand,
    Wx: Operand,
    Wh: Operand,
    b: Operand,
    weightnoise_std: float = 0,
) -> Expression:
    """Return ``vanilla_lstm_gates`` of the concatenation of a list of inputs."""
    count = _count(x_t, "vanilla_lstm_gates_concat")
    op = VanillaLstmGates(count, noise=real(weightnoise_std, "weightnoise_std"))
    return apply(op, *x_t, h_tm1, Wx, Wh, b)


def vanilla_lstm_gates_dropout(
    x_t: Operand,
    h_tm1: Operand,
    Wx: Operand,
    Wh: Operand,
    b: Operand,
    dropout_mask_x: Operand,
    dropout_mask_h: Operand,
    weightnoise_std: float = 0,
) -> Expression:
    """Return ``vanilla_lstm_gates`` of the input and the state times their masks."""
    op = VanillaLstmGates(1, True, real(weightnoise_std, "weightnoise_std"))
    return apply(op, x_t, h_tm1, Wx, Wh, b, dropout_mask_x, dropout_mask_h)


def vanilla_lstm_gates_dropout_concat(
    x_t: Sequence[Operand],
    h_tm1: Operand,
    Wx: Operand,
    Wh: Operand,
    b: Operand,
    dropout_mask_x: Operand,
    dropout_mask_h: Operand,
    weightnoise_std: float = 0,
) -> Expression:
    """Return ``vanilla_lstm_gates_dropout`` of the concatenation of a list of inputs; the mask has its size."""
    count = _count(x_t, "vanilla_lstm_gates_dropout_concat")
    op = VanillaLstmGates(count, True, real(weightnoise_std, "weightnoise_std"))
    return apply(op, *x_t, h_tm1, Wx, Wh, b, dropout_mask_x, dropout_mask_h)


def vanilla_lstm_c(c_tm1: Operand, gates_t: Operand) -> Expression:
    """Return the cell state after a step, f c + i g."""
    return apply(VanillaLstmC(), c_tm1, gates_t)


def vanilla_lstm_h(c_t: Operand, gates_t: Operand) -> Expression:
    """Return the hidden state after a step, o tanh(c)."""
    return apply(VanillaLstmH(), c_t, gates_t)


def _count(xs: Sequence[Operand], where: str) -> int:
    if not isinstance(xs, (list, tuple)):
        raise ArgumentError(f"{where}: a list of inputs is needed, got {xs!r}")
    if not xs:
        raise ShapeError(f"{where}: the list of inputs is empty; give at least one")
    return len(xs)
