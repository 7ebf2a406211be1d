"""The LSTM over a sequence, in one entry of every thread for forward and one for backward.

A thread owns some units: their gates' columns of the weights, and their gradients. At every step it
computes its units from all of h, and the threads meet once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
def _step(
    i: Lanes, f: Lanes, o: Lanes, g: Lanes, bi: Lanes, bf: Lanes, bo: Lanes, bg: Lanes, c: Lanes
) -> tuple[Lanes, ...]:
    """Gates before their functions, biases and the memory before: gates, memory and output."""
    i, f, o = (functions.logistic(a + b) for a, b in ((i, bi), (f, bf), (o, bo)))
    g = functions.tanh(g + bg)
    c = f * c + i * g
    return i, f, o, g, c, o * functions.tanh(c)


@lanewise
def _step_back(
    i: Lanes, f: Lanes, o: Lanes, g: Lanes, before: Lanes, c: Lanes,
    dc: Lanes, dc_later: Lanes, dh: Lanes, dh_later: Lanes,
) -> tuple[Lanes, ...]:  # fmt: skip
    """The gradients of the four gates before their functions, and of the memory before."""
    dh = dh + dh_later
    t = functions.tanh(c)
    dc = dc + dc_later + dh * o * (1.0 - t * t)
    di = dc * g * i * (1.0 - i)
    df = dc * before * f * (1.0 - f)
    do = dh * t * o * (1.0 - o)
    dg = dc * i * (1.0 - g * g)
    return di, df, do, dg, dc * f


@compiled()
def _forward(
    x, ids, Wx, Wh, b, c0, h0, forget_bias, y, G, Px, Ph, rows, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    first, last = share(Hp // PANEL, me, threads)
    for gate in range(4):
        pack(Px, X, 4, gate, Wx, gate * H, 4 * H, H, first, last)
        pack(Ph, H, 4, gate, Wh, gate * H, 4 * H, H, first, last)
        pack_bias(rows, 4, gate, b, gate * H, H, first, last, forget_bias if gate == 1 else 0)
    ldg = 4 * Hp
    table = len(ids) > 0
    if table:
        project_rows(Px, X, x, V, rows, 0, ldg, 4 * first, 4 * last)
    met = 0
    for t in range(T):
        to = t * B * ldg
        if not table and t % together == 0:
            count = min(together, T - t) * B
            product(Px, X, x, t * B * X, X, count, G, to, ldg, 4 * first, 4 * last, 0)
        # the states before: rows of y, or of what was given, or nothing
        cs, at_c, width_c = (y, (t - 1) * B * H, H) if t > 0 else (c0, 0, min(H, len(c0)))
        hs, at_h, width_h = (y, (T + t - 1) * B * H, H) if t > 0 else (h0, 0, min(H, len(h0)))
        for u in range(first, last):
            product(Ph, width_h, hs, at_h, H, B, G, to, ldg, 4 * u, 4 * u + 4, not table)
            for j in range(2 * u, 2 * u + 2):
                column = j * 4 * LANES
                for n in range(B):
                    at = to + n * ldg + column
                    row = (ids[t * B + n] * ldg if table else 0) + column
                    i, f, o, g, c, h = _step(
                        load(G, at, LANES),
                        load(G, at + LANES, LANES),
                        load(G, at + 2 * LANES, LANES),
                        load(G, at + 3 * LANES, LANES),
                        load(rows, row, LANES),
                        load(rows, row + LANES, LANES),
                        load(rows, row + 2 * LANES, LANES),
                        load(rows, row + 3 * LANES, LANES),
                        load(cs, at_c + n * H + j * LANES, width_c - j * LANES),
                    )
                    store(G, at, i, LANES)
                    store(G, at + LANES, f, LANES)
                    store(G, at + 2 * LANES, o, LANES)
                    store(G, at + 3 * LANES, g, LANES)
                    unit = (t * B + n) * H + j * LANES
                    store(y, unit, c, H - j * LANES)
                    store(y, unit + T * B * H, h, H - j * LANES)
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, G, x, ids, Wx, Wh, c0, h0, dx, dWx, dWh, db, dc, dh,
    Qx, Qh, Dx, Dh, D, sums, scratch, sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    N = T * B
    ldg = 4 * Hp
    first, last = share(Hp // PANEL, me, threads)
    Xp = (X + PANEL - 1) // PANEL * PANEL
    first_in, last_in = share(Xp // PANEL, me, threads)
    for gate in range(4):
        pack_transposed(Qx, ldg, 0, 4, gate, Wx, gate * H, 4 * H, H, X, first_in, last_in)
        pack_transposed(Qh, ldg, 0, 4, gate, Wh, gate * H, 4 * H, H, H, first, last)
    table = len(ids) > 0
    if table:
        clear_rows(D, V, ldg, 0, 4 * first, 4 * last)
    met = 0
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        to = t * B * ldg
        cs, at_c, width_c = (y, (t - 1) * B * H, H) if t > 0 else (c0, 0, min(H, len(c0)))
        for n in range(B):
            row = ids[t * B + n] * ldg if table else 0
            for j in range(2 * first, 2 * last):
                count = H - j * LANES
                at = to + n * ldg + j * 4 * LANES
                unit = (t * B + n) * H + j * LANES
                own = n * Hp + j * LANES
                di, df, do, dg, dc_before = _step_back(
                    load(G, at, LANES),
                    load(G, at + LANES, LANES),
                    load(G, at + 2 * LANES, LANES),
                    load(G, at + 3 * LANES, LANES),
                    load(cs, at_c + n * H + j * LANES, width_c - j * LANES),
                    load(y, unit, count),
                    load(dy, unit, count),
                    load(dc, own, later),
                    load(dy, unit + T * B * H, count),
                    load(dh, own, later),
                )
                store(G, at, di, LANES)
                store(G, at + LANES, df, LANES)
                store(G, at + 2 * LANES, do, LANES)
                store(G, at + 3 * LANES, dg, LANES)
                store(dc, own, dc_before, LANES)
                if table:
                    column = row + j * 4 * LANES
                    add_to(D, column, di)
                    add_to(D, column + LANES, df)
                    add_to(D, column + 2 * LANES, do)
                    add_to(D, column + 3 * LANES, dg)
        met = meet(meeting, met, threads)
        if t > 0 or len(h0):
            product(Qh, ldg, G, to, ldg, B, dh, 0, Hp, first, last, 0)
        if not table and t % together == 0:
            rows = min(together, T - t) * B
            product(Qx, ldg, G, to, ldg, rows, dx, t * B * Xp, Xp, first_in, last_in, 0)
    # what the input and its weights see: the gates' gradients, or their sums for each row of the table
    of_input, positions = (D, V) if table else (G, N)
    if table:
        product(Qx, ldg, D, 0, ldg, V, dx, 0, Xp, first_in, last_in, 0)
    base = me * (len(scratch) // threads)
    begin, end = 4 * first, 4 * last
    sums[begin * PANEL : end * PANEL] = 0
    weight_gradient(
        Dx, X, x, 0, X, 0, X, of_input, 0, ldg, positions, begin, end, sums, scratch, base, 0
    )
    recurrent_gradient(Dh, H, h0, y, N * H, G, 0, ldg, T, B, begin, end, scratch, base)
    for gate in range(4):
        unpack(Dx, X, 4, gate, dWx, gate * H, 4 * H, H, first, last)
        unpack_bias(sums, 4, gate, db, gate * H, H, first, last)
        unpack(Dh, H, 4, gate, dWh, gate * H, 4 * H, H, first, last)
    leave(meeting, me, threads)


def prepare_forward(
    team: Team,
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
) -> tuple[Call, tuple[Array, ForwardMemory]]:
    """Run DyNet's vanilla LSTM over a sequence."""
    T, B, X = x_TBI.shape
    H = len(Wh_HG)
    Hp = padded(H)
    x, ids, V = input_parts(x_TBI)
    y, G = team.empty(2, T, B, H), team.empty(T * B * 4 * Hp)
    call = team.call(
        _forward,
        x,
        ids,
        *(flat(a) for a in (Wx_IG, Wh_HG, b_G, c_BH, h_BH)),
        np.float32(forget_bias),
        flat(y),
        G,
        *team.temporary(*(size * 4 * Hp for size in (X, H, V))),
        (T, B, X, H, Hp, V, steps_together(T, B)),
        threads=threads_for(team, 8 * B * H * H, H),
    )
    return call, (y, ForwardMemory(G))


def prepare_backward(
    team: Team,
    dy_STBH: Array,
    y_STBH: Array,
    saved: ForwardMemory,
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
    into: Sequence[Array] | None = None,
) -> tuple[Call, list[Array | None]]:
    """Return the gradients of the forward function's arguments, in their order; weights' ones are in ``into``."""
    T, B, X = x_TBI.shape
    H = len(Wh_HG)
    Hp, Xp = padded(H), padded(X)
    x, ids, V = input_parts(x_TBI)
    again = (x_TBI, Wx_IG, Wh_HG, b_G, c_BH, h_BH, forget_bias)
    (G,) = saved.take(lambda: lstm_forward(team, *again))
    threads = threads_for(team, 8 * B * H * H, H)
    dx, dc, dh = input_gradient(team, x_TBI, Xp), team.empty(B, Hp), team.empty(B, Hp)
    scratch = threads * gradient_scratch(max(X, H))
    found = arrays_like(team, (Wx_IG, Wh_HG, b_G), into)
    call = team.call(
        _backward,
        *(flat(a) for a in (dy_STBH, y_STBH, G)),
        x,
        ids,
        *(flat(a) for a in (Wx_IG, Wh_HG, c_BH, h_BH)),
        *(flat(a) for a in (dx, *found, dc, dh)),
        *team.temporary(*(size * 4 * Hp for size in (Xp, Hp, X, H, V, 1)), scratch),
        (T, B, X, H, Hp, V, steps_together(T, B)),
        threads=threads,
    )
    dc_BH = None if c_BH is None else cropped(dc, H)
    return call, [cropped(dx, X), *found, dc_BH, None if h_BH is None else cropped(dh, H)]


lstm_forward = forward_like(reference.lstm_forward)(at_once(prepare_forward))
lstm_backward = backward_like(reference.lstm_backward)(at_once(prepare_backward))
