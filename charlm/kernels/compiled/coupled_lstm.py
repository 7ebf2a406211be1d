"""The LSTM whose gate i both keeps and admits, over a sequence, with peepholes or without.

A thread owns some of the texts, as in ``norm_lstm.py``: with peepholes, gate o waits for the memory of
all units. Each gate has its own padded columns: i, o, the candidate w.
"""

from __future__ import annotations

from charlm.kernels import reference
from charlm.kernels.compiled import functions
from charlm.kernels.compiled.dense import (
    gradient_scratch,
    product,
    recurrent_gradient,
    sum_by_id,
    weight_gradient,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import pack, pack_transposed, padded, unpack, unpack_bias
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
def _memory(
    i: Lanes, w: Lanes, xi: Lanes, xw: Lanes, bi: Lanes, bw: Lanes, c: Lanes
) -> tuple[Lanes, ...]:
    """What a gate gets from the states and from the table, its bias, and the memory before: gates and memory."""
    i, w = functions.logistic(i + xi + bi), functions.tanh(w + xw + bw)
    return i, w, c + i * (w - c)


@lanewise
def _output(o: Lanes, xo: Lanes, bo: Lanes, c: Lanes) -> tuple[Lanes, ...]:
    o = functions.logistic(o + xo + bo)
    return o, o * functions.tanh(c)


@lanewise
def _output_back(
    o: Lanes, c: Lanes, dc: Lanes, dc_later: Lanes, dh: Lanes, dh_later: Lanes
) -> tuple[Lanes, ...]:
    """The gradients of gate o before its function, and of the memory but for what the peephole adds."""
    dh = dh + dh_later
    t = functions.tanh(c)
    return dh * t * o * (1.0 - o), dc + dc_later + dh * o * (1.0 - t * t)


@lanewise
def _memory_back(i: Lanes, w: Lanes, before: Lanes, dc: Lanes) -> tuple[Lanes, ...]:
    """The gradients of i and w before their functions, and of the memory before."""
    return dc * (w - before) * i * (1.0 - i), dc * i * (1.0 - w * w), dc * (1.0 - i)


@compiled()
def _forward(
    x, ids, Wx, Wh, b, Wci, Wco, c0, h0, y, A, rows, Px, Ph, Pi, Po, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V = sizes
    ld, panels = 3 * Hp, Hp // PANEL
    first, last = share(panels, me, threads)
    for gate in range(3):
        pack(Px[gate * Hp * X :], X, 1, 0, Wx[gate], 0, H, H, first, last)
        pack(Ph[gate * Hp * H :], H, 1, 0, Wh[gate], 0, H, H, first, last)
    if len(Wci):
        pack(Pi, H, 1, 0, Wci, 0, H, H, first, last)
    if len(Wco):
        pack(Po, H, 1, 0, Wco, 0, H, H, first, last)
    met = meet(meeting, 0, threads)
    table = len(ids) > 0
    first, last = share(V if table else T * B, me, threads)
    to_rows = rows if table else A
    product(Px, X, x, first * X, X, last - first, to_rows, first * ld, ld, 0, 3 * panels, 0)
    meet(meeting, met, threads)
    first, last = share(B, me, threads)
    for t in range(T):
        # the states before: rows of y, or of what was given, or nothing
        cs, at_c, width_c = (y, (t - 1) * B * H, H) if t > 0 else (c0, 0, min(H, len(c0)))
        hs, at_h, width_h = (y, (T + t - 1) * B * H, H) if t > 0 else (h0, 0, min(H, len(h0)))
        to, own = (t * B + first) * ld, first * H
        product(Ph, width_h, hs, at_h + own, H, last - first, A, to, ld, 0, 3 * panels, not table)
        if len(Wci):
            product(Pi, width_c, cs, at_c + own, H, last - first, A, to, ld, 0, panels, 1)
        for n in range(first, last):
            position = t * B + n
            row, seen = (ids[position] * ld, LANES) if table else (0, 0)
            for j in range(0, H, LANES):
                at = position * ld + j
                i, w, c = _memory(
                    load(A, at, LANES),
                    load(A, at + 2 * Hp, LANES),
                    load(rows, row + j, seen),
                    load(rows, row + 2 * Hp + j, seen),
                    load(b[0], j, H - j),
                    load(b[2], j, H - j),
                    load(cs, at_c + n * H + j, width_c - j),
                )
                store(A, at, i, LANES)
                store(A, at + 2 * Hp, w, LANES)
                store(y, position * H + j, c, H - j)
        if len(Wco):
            product(Po, H, y, t * B * H + own, H, last - first, A, to + Hp, ld, 0, panels, 1)
        for n in range(first, last):
            position = t * B + n
            row, seen = (ids[position] * ld, LANES) if table else (0, 0)
            for j in range(0, H, LANES):
                at = position * ld + Hp + j
                o, h = _output(
                    load(A, at, LANES),
                    load(rows, row + Hp + j, seen),
                    load(b[1], j, H - j),
                    load(y, position * H + j, H - j),
                )
                store(A, at, o, LANES)
                store(y, (T * B + position) * H + j, h, H - j)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, A, x, ids, Wx, Wh, Wci, Wco, c0, h0, dx, dWx, dWh, db, dWci, dWco, dc, dh,
    Qx, Qh, Qi, Qo, Dx, Dh, Di, Do, D, sums, scratch, sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V = sizes
    N, ld, panels = T * B, 3 * Hp, Hp // PANEL
    panels_x = (X + PANEL - 1) // PANEL
    Xp = panels_x * PANEL
    first_x, last_x = share(panels_x, me, threads)
    first_h, last_h = share(panels, me, threads)
    for gate in range(3):
        pack_transposed(Qx, ld, gate * Hp, 1, 0, Wx[gate], 0, H, H, X, first_x, last_x)
        pack_transposed(Qh, ld, gate * Hp, 1, 0, Wh[gate], 0, H, H, H, first_h, last_h)
    if len(Wci):
        pack_transposed(Qi, Hp, 0, 1, 0, Wci, 0, H, H, H, first_h, last_h)
    if len(Wco):
        pack_transposed(Qo, Hp, 0, 1, 0, Wco, 0, H, H, H, first_h, last_h)
    met = meet(meeting, 0, threads)
    first, last = share(B, me, threads)
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        cs, at_c, width_c = (y, (t - 1) * B * H, H) if t > 0 else (c0, 0, min(H, len(c0)))
        to = (t * B + first) * ld
        for n in range(first, last):
            position = t * B + n
            for j in range(0, Hp, LANES):
                at, unit, own = position * ld + Hp + j, position * H + j, n * Hp + j
                do, d = _output_back(
                    load(A, at, LANES),
                    load(y, unit, H - j),
                    load(dy, unit, H - j),
                    load(dc, own, later),
                    load(dy, unit + N * H, H - j),
                    load(dh, own, later),
                )
                store(A, at, do, LANES)
                store(dc, own, d, LANES)
        if len(Wco):
            product(Qo, Hp, A, to + Hp, ld, last - first, dc, first * Hp, Hp, 0, panels, 1)
        for n in range(first, last):
            position = t * B + n
            for j in range(0, Hp, LANES):
                at, own = position * ld + j, n * Hp + j
                di, dw, dc_before = _memory_back(
                    load(A, at, LANES),
                    load(A, at + 2 * Hp, LANES),
                    load(cs, at_c + n * H + j, width_c - j),
                    load(dc, own, LANES),
                )
                store(A, at, di, LANES)
                store(A, at + 2 * Hp, dw, LANES)
                store(dc, own, dc_before, LANES)
        if len(Wci):
            product(Qi, Hp, A, to, ld, last - first, dc, first * Hp, Hp, 0, panels, 1)
        product(Qh, ld, A, to, ld, last - first, dh, first * Hp, Hp, 0, panels, 0)
    met = meet(meeting, met, threads)
    # what the input and its weights see: the gates' gradients, or their sums for each row of the table
    table = len(ids) > 0
    of_input, rows = (D, V) if table else (A, N)
    first, last = share(rows, me, threads)
    if table:
        sum_by_id(D, A, ids, ld, first, last)
    product(Qx, ld, of_input, first * ld, ld, last - first, dx, first * Xp, Xp, 0, panels_x, 0)
    met = meet(meeting, met, threads)
    base = me * (len(scratch) // threads)
    first, last = share(3 * panels, me, threads)
    sums[first * PANEL : last * PANEL] = 0
    weight_gradient(
        Dx, X, x, 0, X, 0, X, of_input, 0, ld, rows, first, last, sums, scratch, base, 0
    )
    recurrent_gradient(Dh, H, h0, y, N * H, A, 0, ld, T, B, first, last, scratch, base)
    if len(Wci):
        recurrent_gradient(Di, H, c0, y, 0, A, 0, ld, T, B, first_h, last_h, scratch, base)
        unpack(Di, H, 1, 0, dWci, 0, H, H, first_h, last_h)
    if len(Wco):
        none = sums[:0]
        weight_gradient(Do, H, y, 0, H, 0, H, A, Hp, ld, N, first_h, last_h, none, scratch, base, 0)
        unpack(Do, H, 1, 0, dWco, 0, H, H, first_h, last_h)
    meet(meeting, met, threads)
    for gate in range(3):
        unpack(Dx[gate * Hp * X :], X, 1, 0, dWx[gate], 0, H, H, first_h, last_h)
        unpack(Dh[gate * Hp * H :], H, 1, 0, dWh[gate], 0, H, H, first_h, last_h)
        unpack_bias(sums[gate * Hp :], 1, 0, db[gate], 0, H, first_h, last_h)
    leave(meeting, me, threads)


@forward_like(reference.coupled_lstm_forward)
def coupled_lstm_forward(
    team: Team,
    x_TBI: Input,
    Wxi_IH: Array,
    Whi_HH: Array,
    Wci_HH: Array | None,
    bi_H: Array,
    Wxo_IH: Array,
    Who_HH: Array,
    Wco_HH: Array | None,
    bo_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
) -> tuple[Array, ForwardMemory]:
    """Run DyNet's coupled LSTM over a sequence."""
    T, B, X = x_TBI.shape
    H = len(Whi_HH)
    Hp = padded(H)
    x, ids, V = input_parts(x_TBI)
    y, A = team.empty(2, T, B, H), team.empty(T * B * 3 * Hp)
    gates = ((Wxi_IH, Wxo_IH, Wxc_IH), (Whi_HH, Who_HH, Whc_HH), (bi_H, bo_H, bc_H))
    team.run(
        _forward,
        x,
        ids,
        *(tuple(map(flat, arrays)) for arrays in gates),
        *(flat(a) for a in (Wci_HH, Wco_HH, c_BH, h_BH, y)),
        A,
        *(team.empty(size * 3 * Hp) for size in (V, X, H)),
        *(team.empty(H * Hp) for _ in range(2)),
        (T, B, X, H, Hp, V),
        threads=threads_for_texts(team, 6 * T * B * H * H, B),
    )
    return y, ForwardMemory(A)


@backward_like(reference.coupled_lstm_backward)
def coupled_lstm_backward(
    team: Team,
    dy_STBH: Array,
    y_STBH: Array,
    saved: ForwardMemory,
    x_TBI: Input,
    Wxi_IH: Array,
    Whi_HH: Array,
    Wci_HH: Array | None,
    bi_H: Array,
    Wxo_IH: Array,
    Who_HH: Array,
    Wco_HH: Array | None,
    bo_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    c_BH: Array | None,
    h_BH: Array | None,
) -> list[Array | None]:
    """Return the gradients of the forward function's arguments, in their order."""
    T, B, X = x_TBI.shape
    H = len(Whi_HH)
    Hp, Xp = padded(H), padded(X)
    x, ids, V = input_parts(x_TBI)
    params = (Wxi_IH, Whi_HH, Wci_HH, bi_H, Wxo_IH, Who_HH, Wco_HH, bo_H, Wxc_IH, Whc_HH, bc_H)
    (A,) = saved.take(lambda: coupled_lstm_forward(team, x_TBI, *params, c_BH, h_BH))
    threads = threads_for_texts(team, 6 * T * B * H * H, B)
    dx, dc, dh = input_gradient(team, x_TBI, Xp), team.empty(B, Hp), team.empty(B, Hp)
    dWx, dWh, db = (tuple(team.empty(*s) for _ in range(3)) for s in ((X, H), (H, H), (H,)))
    dWci, dWco = (None if W is None else team.empty(H, H) for W in (Wci_HH, Wco_HH))
    team.run(
        _backward,
        *(flat(a) for a in (dy_STBH, y_STBH, A)),
        x,
        ids,
        *(tuple(map(flat, W)) for W in ((Wxi_IH, Wxo_IH, Wxc_IH), (Whi_HH, Who_HH, Whc_HH))),
        *(flat(a) for a in (Wci_HH, Wco_HH, c_BH, h_BH, dx)),
        *(tuple(map(flat, found)) for found in (dWx, dWh, db)),
        *(flat(a) for a in (dWci, dWco, dc, dh)),
        *(team.empty(size * 3 * Hp) for size in (Xp, Hp)),
        *(team.empty(Hp * Hp) for _ in range(2)),
        *(team.empty(size * 3 * Hp) for size in (X, H)),
        *(team.empty(H * Hp) for _ in range(2)),
        *(team.empty(size * 3 * Hp) for size in (V, 1)),
        team.empty(threads * gradient_scratch(max(X, H))),
        (T, B, X, H, Hp, V),
        threads=threads,
    )
    (dWxi, dWxo, dWxc), (dWhi, dWho, dWhc), (dbi, dbo, dbc) = dWx, dWh, db
    found = [dWxi, dWhi, dWci, dbi, dWxo, dWho, dWco, dbo, dWxc, dWhc, dbc]
    dc_BH = None if c_BH is None else cropped(dc, H)
    return [cropped(dx, X), *found, dc_BH, None if h_BH is None else cropped(dh, H)]
