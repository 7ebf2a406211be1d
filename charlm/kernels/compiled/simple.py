"""The simple RNN over a sequence; how the work is shared is told in ``lstm.py``."""

from __future__ import annotations

from collections.abc import Sequence

from charlm.kernels import reference
from charlm.kernels.compiled import functions
from charlm.kernels.compiled.dense import (
    add_to,
    clear_rows,
    gradient_scratch,
    product,
    project_rows,
    recurrent_gradient,
    weight_gradient,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import (
    pack,
    pack_bias,
    pack_transposed,
    padded,
    unpack,
    unpack_bias,
)
from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.sequence import (
    Call,
    ForwardMemory,
    arrays_like,
    at_once,
    backward_like,
    cropped,
    flat,
    forward_like,
    input_gradient,
    input_parts,
    steps_together,
    threads_for,
)
from charlm.kernels.compiled.team import Team, enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, store
from charlm.kernels.reference.common import Array, Input


@lanewise
def _step(a: Lanes, b: Lanes) -> Lanes:
    return functions.tanh(a + b)


@lanewise
def _step_back(h: Lanes, dh: Lanes, dh_later: Lanes) -> Lanes:
    return (dh + dh_later) * (1.0 - h * h)


@compiled()
def _forward(x, ids, Wx, Wh, b, h0, y, A, Px, Ph, rows, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    first, last = share(Hp // PANEL, me, threads)
    pack(Px, X, 1, 0, Wx, 0, H, H, first, last)
    pack(Ph, H, 1, 0, Wh, 0, H, H, first, last)
    pack_bias(rows, 1, 0, b, 0, H, first, last, 0)
    table = len(ids) > 0
    if table:
        project_rows(Px, X, x, V, rows, 0, Hp, first, last)
    met = 0
    for t in range(T):
        to = t * B * Hp
        if not table and t % together == 0:
            count = min(together, T - t) * B
            product(Px, X, x, t * B * X, X, count, A, to, Hp, first, last, 0)
        # the state before: a row of y, or of h0, or nothing
        state, at, width = (y, (t - 1) * B * H, H) if t > 0 else (h0, 0, min(H, len(h0)))
        product(Ph, width, state, at, H, B, A, to, Hp, first, last, not table)
        for n in range(t * B, (t + 1) * B):
            row = ids[n] * Hp if table else 0
            for j in range(2 * first, 2 * last):
                h = _step(load(A, n * Hp + j * LANES, LANES), load(rows, row + j * LANES, LANES))
                store(y, n * H + j * LANES, h, H - j * LANES)
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, A, x, ids, Wx, Wh, h0, dx, dWx, dWh, db, dh,
    Qx, Qh, Dx, Dh, D, sums, scratch, sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    N = T * B
    first, last = share(Hp // PANEL, me, threads)
    Xp = (X + PANEL - 1) // PANEL * PANEL
    first_in, last_in = share(Xp // PANEL, me, threads)
    pack_transposed(Qx, Hp, 0, 1, 0, Wx, 0, H, H, X, first_in, last_in)
    pack_transposed(Qh, Hp, 0, 1, 0, Wh, 0, H, H, H, first, last)
    table = len(ids) > 0
    if table:
        clear_rows(D, V, Hp, 0, first, last)
    met = 0
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        for n in range(B):
            row = t * B + n
            to = ids[row] * Hp if table else 0
            for j in range(2 * first, 2 * last):
                count = H - j * LANES
                unit = row * H + j * LANES
                da = _step_back(
                    load(y, unit, count), load(dy, unit, count), load(dh, n * Hp + j * LANES, later)
                )
                store(A, row * Hp + j * LANES, da, LANES)
                if table:
                    add_to(D, to + j * LANES, da)
        met = meet(meeting, met, threads)
        if t > 0 or len(h0):
            product(Qh, Hp, A, t * B * Hp, Hp, B, dh, 0, Hp, first, last, 0)
        if not table and t % together == 0:
            rows = min(together, T - t) * B
            product(Qx, Hp, A, t * B * Hp, Hp, rows, dx, t * B * Xp, Xp, first_in, last_in, 0)
    # what the input's weights and the input see: the gates' gradients, or their sums for each row of the table
    of_input, positions = (D, V) if table else (A, N)
    if table:
        product(Qx, Hp, D, 0, Hp, V, dx, 0, Xp, first_in, last_in, 0)
    base = me * (len(scratch) // threads)
    sums[first * PANEL : last * PANEL] = 0
    weight_gradient(
        Dx, X, x, 0, X, 0, X, of_input, 0, Hp, positions, first, last, sums, scratch, base, 0
    )
    unpack(Dx, X, 1, 0, dWx, 0, H, H, first, last)
    unpack_bias(sums, 1, 0, db, 0, H, first, last)
    recurrent_gradient(Dh, H, h0, y, 0, A, 0, Hp, T, B, first, last, scratch, base)
    unpack(Dh, H, 1, 0, dWh, 0, H, H, first, last)
    leave(meeting, me, threads)


def prepare_forward(
    team: Team, x_TBI: Input, Wx_IH: Array, Wh_HH: Array, b_H: Array, h_BH: Array | None
) -> tuple[Call, tuple[Array, ForwardMemory]]:
    """Run a simple RNN over a sequence."""
    T, B, X = x_TBI.shape
    H = len(Wh_HH)
    Hp = padded(H)
    x, ids, V = input_parts(x_TBI)
    y, A = team.empty(1, T, B, H), team.empty(T * B * Hp)
    call = team.call(
        _forward,
        x,
        ids,
        *(flat(a) for a in (Wx_IH, Wh_HH, b_H, h_BH, y)),
        A,
        *team.temporary(*(size * Hp for size in (X, H, V))),
        (T, B, X, H, Hp, V, steps_together(T, B)),
        threads=threads_for(team, 2 * B * H * H, H),
    )
    return call, (y, ForwardMemory(A))


def prepare_backward(
    team: Team,
    dy_STBH: Array,
    y_STBH: Array,
    saved: ForwardMemory,
    x_TBI: Input,
    Wx_IH: Array,
    Wh_HH: Array,
    b_H: Array,
    h_BH: Array | None,
    into: Sequence[Array] | None = None,
) -> tuple[Call, list[Array | None]]:
    """Return the gradients of the forward function's arguments, in their order; weights' ones are in ``into``."""
    T, B, X = x_TBI.shape
    H = len(Wh_HH)
    Hp, Xp = padded(H), padded(X)
    x, ids, V = input_parts(x_TBI)
    (A,) = saved.take(lambda: rnn_forward(team, x_TBI, Wx_IH, Wh_HH, b_H, h_BH))
    threads = threads_for(team, 2 * B * H * H, H)
    dx, dh = input_gradient(team, x_TBI, Xp), team.empty(B, Hp)
    scratch = threads * gradient_scratch(max(X, H))
    found = arrays_like(team, (Wx_IH, Wh_HH, b_H), into)
    call = team.call(
        _backward,
        *(flat(a) for a in (dy_STBH, y_STBH, A)),
        x,
        ids,
        *(flat(a) for a in (Wx_IH, Wh_HH, h_BH, dx, *found, dh)),
        *team.temporary(*(size * Hp for size in (Xp, Hp, X, H, V, 1)), scratch),
        (T, B, X, H, Hp, V, steps_together(T, B)),
        threads=threads,
    )
    return call, [cropped(dx, X), *found, None if h_BH is None else cropped(dh, H)]


rnn_forward = forward_like(reference.rnn_forward)(at_once(prepare_forward))
rnn_backward = backward_like(reference.rnn_backward)(at_once(prepare_backward))
