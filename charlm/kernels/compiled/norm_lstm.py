"""The LSTM with layer normalisation over a sequence.

Every step needs sums over all gates. So a thread owns some of the texts, not of the units as in
``lstm.py``, and the threads meet only between what they own: columns of the weights, rows of the
input, texts. The gates lie as the plain kernel has them, in rows of 4 H numbers and padding.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled import functions
from charlm.kernels.compiled.dense import (
    gradient_scratch,
    product,
    recurrent_gradient,
    sum_by_id,
    weight_gradient,
)
from charlm.kernels.compiled.layer_norm import normalise, normalise_back
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import pack, pack_transposed, padded, unpack
from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.sequence import (
    ForwardMemory,
    backward_like,
    cropped,
    flat,
    forward_like,
    input_gradient,
    input_parts,
    threads_for_texts,
)
from charlm.kernels.compiled.team import Team, enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, store
from charlm.kernels.reference.common import Array, Input


@lanewise
def _gate(nx: Lanes, gx: Lanes, b: Lanes, nh: Lanes, gh: Lanes, bh: Lanes) -> Lanes:
    return gx * nx + b + gh * nh + bh


@lanewise
def _memory(i: Lanes, f: Lanes, o: Lanes, g: Lanes, c: Lanes) -> tuple[Lanes, ...]:
    """Gates before their functions and the memory before: gates and memory."""
    i, f, o = (functions.logistic(a) for a in (i, f, o))
    g = functions.tanh(g)
    return i, f, o, g, f * c + i * g


@lanewise
def _output(o: Lanes, n: Lanes, gain: Lanes, offset: Lanes) -> Lanes:
    return o * functions.tanh(gain * n + offset)


@lanewise
def _output_back(
    o: Lanes, n: Lanes, gain: Lanes, offset: Lanes, dh: Lanes, dh_later: Lanes
) -> tuple[Lanes, ...]:
    """The gradients of gate o before its function, and of what tanh is taken of."""
    dh = dh + dh_later
    t = functions.tanh(gain * n + offset)
    return dh * t * o * (1.0 - o), dh * o * (1.0 - t * t)


@lanewise
def _memory_back(
    i: Lanes, f: Lanes, g: Lanes, before: Lanes, dc: Lanes, dc_later: Lanes, dc_normalised: Lanes
) -> tuple[Lanes, ...]:
    """The gradients of the other gates before their functions, and of the memory before."""
    dc = dc + dc_later + dc_normalised
    return dc * g * i * (1.0 - i), dc * before * f * (1.0 - f), dc * i * (1.0 - g * g), dc * f


@compiled()
def _gate_at(Nx, row, gx, b, Nh, at, gh, bh, column, count, seen):
    """A gate before its function; ``seen`` is 0 or less where there is no h."""
    return _gate(
        load(Nx, row + column, count),
        load(gx, column, count),
        load(b, column, count),
        load(Nh, at + column, seen),
        load(gh, column, seen),
        load(bh, column, seen),
    )


@compiled()
def _forward(
    x, ids, Wx, Wh, b, gh, bh, gx, gc, bc, c0, h0, y, G, Nx, Nh, Nc, sx, sh, sc, Px, Ph,
    sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    T, B, X, H, V, ld = sizes
    panels = ld // PANEL
    first, last = share(panels, me, threads)
    pack(Px, X, 1, 0, Wx, 0, 4 * H, 4 * H, first, last)
    pack(Ph, H, 1, 0, Wh, 0, 4 * H, 4 * H, first, last)
    met = meet(meeting, 0, threads)
    table = len(ids) > 0
    first, last = share(V if table else T * B, me, threads)
    product(Px, X, x, first * X, X, last - first, Nx, first * ld, ld, 0, panels, 0)
    for row in range(first, last):
        sx[row] = normalise(Nx, row * ld, 4 * H)
    meet(meeting, met, threads)
    first, last = share(B, me, threads)
    for t in range(T):
        # the states before: rows of y, or of what was given, or nothing
        cs, at_c, width_c = (y, (t - 1) * B * H, H) if t > 0 else (c0, 0, min(H, len(c0)))
        hs, at_h, width_h = (y, (T + t - 1) * B * H, H) if t > 0 else (h0, 0, min(H, len(h0)))
        to = (t * B + first) * ld
        product(Ph, width_h, hs, at_h + first * H, H, last - first, Nh, to, ld, 0, panels, 0)
        for n in range(first, last):
            position = t * B + n
            at, unit = position * ld, position * H
            row = ids[position] * ld if table else at
            if width_h:
                sh[position] = normalise(Nh, at, 4 * H)
            for j in range(0, H, LANES):
                count, seen = H - j, width_h - j
                i, f, o, g, c = _memory(
                    _gate_at(Nx, row, gx, b, Nh, at, gh, bh, j, count, seen),
                    _gate_at(Nx, row, gx, b, Nh, at, gh, bh, H + j, count, seen),
                    _gate_at(Nx, row, gx, b, Nh, at, gh, bh, 2 * H + j, count, seen),
                    _gate_at(Nx, row, gx, b, Nh, at, gh, bh, 3 * H + j, count, seen),
                    load(cs, at_c + n * H + j, width_c - j),
                )
                store(G, at + j, i, count)
                store(G, at + H + j, f, count)
                store(G, at + 2 * H + j, o, count)
                store(G, at + 3 * H + j, g, count)
                store(y, unit + j, c, count)
                store(Nc, unit + j, c, count)
            sc[position] = normalise(Nc, unit, H)
            for j in range(0, H, LANES):
                count = H - j
                h = _output(
                    load(G, at + 2 * H + j, count),
                    load(Nc, unit + j, count),
                    load(gc, j, count),
                    load(bc, j, count),
                )
                store(y, unit + T * B * H + j, h, count)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, G, Nx, Nh, Nc, sx, sh, sc, x, ids, Wx, Wh, gh, gx, gc, bc, c0, h0,
    dx, dWx, dWh, db, dgh, dbh, dgx, dgc, dbc, dc, dh, Dc, Qx, Qh, Dx, Dh, D, scratch,
    sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    T, B, X, H, V, ld = sizes
    N, panels = T * B, ld // PANEL
    panels_x, panels_h = (X + PANEL - 1) // PANEL, (H + PANEL - 1) // PANEL
    Xp, Hp = panels_x * PANEL, panels_h * PANEL
    first, last = share(panels_x, me, threads)
    pack_transposed(Qx, ld, 0, 1, 0, Wx, 0, 4 * H, 4 * H, X, first, last)
    first, last = share(panels_h, me, threads)
    pack_transposed(Qh, ld, 0, 1, 0, Wh, 0, 4 * H, 4 * H, H, first, last)
    met = meet(meeting, 0, threads)
    first, last = share(B, me, threads)
    for t in range(T - 1, -1, -1):
        later = H if t < T - 1 else 0
        seen = t > 0 or len(h0) > 0
        cs, at_c, width_c = (y, (t - 1) * B * H, H) if t > 0 else (c0, 0, min(H, len(c0)))
        for n in range(first, last):
            position, own = t * B + n, n * Hp
            at, unit = position * ld, position * H
            dn = me * H  # the gradient of what tanh is taken of
            for j in range(0, H, LANES):
                count = H - j
                do, d = _output_back(
                    load(G, at + 2 * H + j, count),
                    load(Nc, unit + j, count),
                    load(gc, j, count),
                    load(bc, j, count),
                    load(dy, unit + N * H + j, count),
                    load(dh, own + j, later - j),
                )
                store(G, at + 2 * H + j, do, count)
                store(Dc, dn + j, d, count)
            normalise_back(Dc, dn, gc, Nc, unit, sc[position], H, dgc, dbc, dn)
            for j in range(0, H, LANES):
                count = H - j
                di, df, dg, dc_before = _memory_back(
                    load(G, at + j, count),
                    load(G, at + H + j, count),
                    load(G, at + 3 * H + j, count),
                    load(cs, at_c + n * H + j, width_c - j),
                    load(dy, unit + j, count),
                    load(dc, own + j, later - j),
                    load(Nc, unit + j, count),
                )
                store(G, at + j, di, count)
                store(G, at + H + j, df, count)
                store(G, at + 3 * H + j, dg, count)
                store(dc, own + j, dc_before, count)
            if seen:
                normalise_back(G, at, gh, Nh, at, sh[position], 4 * H, dgh, dbh, 4 * dn)
        if seen:
            to = (t * B + first) * ld
            product(Qh, ld, Nh, to, ld, last - first, dh, first * Hp, Hp, 0, panels_h, 0)
    met = meet(meeting, met, threads)
    # what the normalised input sees: the gates' gradients, or their sums for each row of the table
    table = len(ids) > 0
    of_input, rows = (D, V) if table else (G, N)
    first, last = share(rows, me, threads)
    if table:
        sum_by_id(D, G, ids, ld, first, last)
    for row in range(first, last):
        normalise_back(of_input, row * ld, gx, Nx, row * ld, sx[row], 4 * H, dgx, db, 4 * me * H)
    product(Qx, ld, Nx, first * ld, ld, last - first, dx, first * Xp, Xp, 0, panels_x, 0)
    meet(meeting, met, threads)
    base = me * (len(scratch) // threads)
    first, last = share(panels, me, threads)
    none = scratch[:0]
    weight_gradient(Dx, X, x, 0, X, 0, X, Nx, 0, ld, rows, first, last, none, scratch, base, 0)
    recurrent_gradient(Dh, H, h0, y, N * H, Nh, 0, ld, T, B, first, last, scratch, base)
    unpack(Dx, X, 1, 0, dWx, 0, 4 * H, 4 * H, first, last)
    unpack(Dh, H, 1, 0, dWh, 0, 4 * H, 4 * H, first, last)
    leave(meeting, me, threads)


@forward_like(reference.norm_lstm_forward)
def norm_lstm_forward(
    team: Team,
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    gh_G: Array,
    bh_G: Array,
    gx_G: Array,
    bx_G: Array,
    gc_H: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
) -> tuple[Array, ForwardMemory]:
    """Run DyNet's LSTM with ``ln_lstm`` over a sequence."""
    T, B, X = x_TBI.shape
    H = len(Wh_HG)
    ld = padded(4 * H)
    x, ids, V = input_parts(x_TBI)
    N = T * B
    rows = V if len(ids) else N
    bias = b_G + bx_G
    bias[H : 2 * H] += forget_bias
    y, G = team.empty(2, T, B, H), team.empty(N * ld)
    kept = [team.empty(size) for size in (rows * ld, N * ld, N * H, rows, N, N)]
    team.run(
        _forward,
        x,
        ids,
        *(flat(a) for a in (Wx_IG, Wh_HG, bias, gh_G, bh_G, gx_G, gc_H, bc_H, c_BH, h_BH, y)),
        G,
        *kept,
        *(team.empty(size * ld) for size in (X, H)),
        (T, B, X, H, V, ld),
        threads=threads_for_texts(team, 8 * T * B * H * H, B),
    )
    return y, ForwardMemory(G, *kept)


@backward_like(reference.norm_lstm_backward)
def norm_lstm_backward(
    team: Team,
    dy_STBH: Array,
    y_STBH: Array,
    saved: ForwardMemory,
    x_TBI: Input,
    Wx_IG: Array,
    Wh_HG: Array,
    b_G: Array,
    gh_G: Array,
    bh_G: Array,
    gx_G: Array,
    bx_G: Array,
    gc_H: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
    forget_bias: float = 1.0,
) -> list[Array | None]:
    """Return the gradients of the forward function's arguments, in their order."""
    T, B, X = x_TBI.shape
    H = len(Wh_HG)
    ld, Xp, Hp = padded(4 * H), padded(X), padded(H)
    x, ids, V = input_parts(x_TBI)
    params = (Wx_IG, Wh_HG, b_G, gh_G, bh_G, gx_G, bx_G, gc_H, bc_H)
    kept = saved.take(lambda: norm_lstm_forward(team, x_TBI, *params, c_BH, h_BH, forget_bias))
    threads = threads_for_texts(team, 8 * T * B * H * H, B)
    dx, dWx, dWh = input_gradient(team, x_TBI, Xp), team.empty(X, 4 * H), team.empty(H, 4 * H)
    # each thread has sums of its own
    sums = [np.zeros((threads, size), np.float32) for size in (*[4 * H] * 4, H, H)]
    dc, dh = team.empty(B, Hp), team.empty(B, Hp)
    team.run(
        _backward,
        *(flat(a) for a in (dy_STBH, y_STBH)),
        *kept,
        x,
        ids,
        *(flat(a) for a in (Wx_IG, Wh_HG, gh_G, gx_G, gc_H, bc_H, c_BH, h_BH)),
        *(flat(a) for a in (dx, dWx, dWh, *sums, dc, dh)),
        team.empty(threads * H),
        *(team.empty(size * ld) for size in (Xp, Hp, X, H, V)),
        team.empty(threads * gradient_scratch(max(X, H))),
        (T, B, X, H, V, ld),
        threads=threads,
    )
    db, dgh, dbh, dgx, dgc, dbc = (of_threads.sum(axis=0) for of_threads in sums)
    dc_BH = None if c_BH is None else cropped(dc, H)
    dh_BH = None if h_BH is None else cropped(dh, H)
    return [cropped(dx, X), dWx, dWh, db, dgh, dbh, dgx, db, dgc, dbc, dc_BH, dh_BH]
