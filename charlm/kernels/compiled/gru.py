"""The GRU over a sequence; how the work is shared is told in ``lstm.py``.

The gates z and r of a block of units lie next to each other in the first 2 H columns of the saved
array, the candidate in the last H. The reset output r * h goes through the candidate's matrix, so
that the threads meet twice in a step.
"""

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
def _gates(z: Lanes, r: Lanes, bz: Lanes, br: Lanes, h: Lanes) -> tuple[Lanes, ...]:
    z, r = functions.logistic(z + bz), functions.logistic(r + br)
    return z, r, r * h


@lanewise
def _candidate(c: Lanes, bc: Lanes, z: Lanes, h: Lanes) -> tuple[Lanes, ...]:
    c = functions.tanh(c + bc)
    return c, h + z * (c - h)


@lanewise
def _candidate_back(z: Lanes, c: Lanes, h: Lanes, dy: Lanes, dh_later: Lanes) -> tuple[Lanes, ...]:
    """The gradients of the candidate and of z before their functions, and of h around the gates."""
    dy = dy + dh_later
    return dy * z * (1.0 - c * c), dy * (c - h) * z * (1.0 - z), dy * (1.0 - z)


@lanewise
def _reset_back(r: Lanes, h: Lanes, drh: Lanes, dh: Lanes) -> tuple[Lanes, ...]:
    return drh * h * r * (1.0 - r), dh + drh * r


@compiled()
def _forward(
    x, ids, Wxz, Whz, bz, Wxr, Whr, br, Wxc, Whc, bc, h0, y, A, R, Px, Ph, rows,
    sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    lda = 3 * Hp
    first, last = share(Hp // PANEL, me, threads)
    # the candidate's panels come after those of the gates
    Px_c, Ph_c, rows_c = Px[2 * Hp * X :], Ph[2 * Hp * H :], rows[2 * Hp :]
    pack(Px, X, 2, 0, Wxz, 0, H, H, first, last)
    pack(Px, X, 2, 1, Wxr, 0, H, H, first, last)
    pack(Px_c, X, 1, 0, Wxc, 0, H, H, first, last)
    pack(Ph, H, 2, 0, Whz, 0, H, H, first, last)
    pack(Ph, H, 2, 1, Whr, 0, H, H, first, last)
    pack(Ph_c, H, 1, 0, Whc, 0, H, H, first, last)
    pack_bias(rows, 2, 0, bz, 0, H, first, last, 0)
    pack_bias(rows, 2, 1, br, 0, H, first, last, 0)
    pack_bias(rows_c, 1, 0, bc, 0, H, first, last, 0)
    begin, end = 2 * first, 2 * last  # the gates' panels, and the units' blocks
    table = len(ids) > 0
    if table:
        project_rows(Px, X, x, V, rows, 0, lda, begin, end)
        project_rows(Px_c, X, x, V, rows, 2 * Hp, lda, first, last)
    met = 0
    for t in range(T):
        to = t * B * lda
        if not table and t % together == 0:
            count = min(together, T - t) * B
            product(Px, X, x, t * B * X, X, count, A, to, lda, begin, end, 0)
            product(Px_c, X, x, t * B * X, X, count, A, to + 2 * Hp, lda, first, last, 0)
        # the state before: a row of y, or of h0, or nothing
        state, at, width = (y, (t - 1) * B * H, H) if t > 0 else (h0, 0, min(H, len(h0)))
        product(Ph, width, state, at, H, B, A, to, lda, begin, end, not table)
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column = to + n * lda + 2 * j * LANES
                h = load(state, at + n * H + j * LANES, width - j * LANES)
                z, r, rh = _gates(
                    load(A, column, LANES),
                    load(A, column + LANES, LANES),
                    load(rows, row + 2 * j * LANES, LANES),
                    load(rows, row + (2 * j + 1) * LANES, LANES),
                    h,
                )
                store(A, column, z, LANES)
                store(A, column + LANES, r, LANES)
                store(R, (t * B + n) * H + j * LANES, rh, H - j * LANES)
        met = meet(meeting, met, threads)
        product(Ph_c, width, R, t * B * H, H, B, A, to + 2 * Hp, lda, first, last, not table)
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column = to + n * lda + 2 * Hp + j * LANES
                h = load(state, at + n * H + j * LANES, width - j * LANES)
                z = load(A, to + n * lda + 2 * j * LANES, LANES)
                c, h = _candidate(
                    load(A, column, LANES), load(rows_c, row + j * LANES, LANES), z, h
                )
                store(A, column, c, LANES)
                store(y, (t * B + n) * H + j * LANES, h, H - j * LANES)
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, A, R, x, ids, Wxz, Whz, Wxr, Whr, Wxc, Whc, h0,
    dx, dWxz, dWhz, dbz, dWxr, dWhr, dbr, dWxc, dWhc, dbc, dh, drh,
    Qx, Qh, Dx, Dh, D, sums, scratch, sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    N, lda = T * B, 3 * Hp
    first, last = share(Hp // PANEL, me, threads)
    Xp = (X + PANEL - 1) // PANEL * PANEL
    first_in, last_in = share(Xp // PANEL, me, threads)
    pack_transposed(Qx, lda, 0, 2, 0, Wxz, 0, H, H, X, first_in, last_in)
    pack_transposed(Qx, lda, 0, 2, 1, Wxr, 0, H, H, X, first_in, last_in)
    pack_transposed(Qx, lda, 2 * Hp, 1, 0, Wxc, 0, H, H, X, first_in, last_in)
    Qh_c = Qh[2 * Hp * Hp :]
    pack_transposed(Qh, 2 * Hp, 0, 2, 0, Whz, 0, H, H, H, first, last)
    pack_transposed(Qh, 2 * Hp, 0, 2, 1, Whr, 0, H, H, H, first, last)
    pack_transposed(Qh_c, Hp, 0, 1, 0, Whc, 0, H, H, H, first, last)
    begin, end = 2 * first, 2 * last
    table = len(ids) > 0
    if table:
        clear_rows(D, V, lda, 0, begin, end)
        clear_rows(D, V, lda, 2 * Hp, first, last)
    met = 0
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        to = t * B * lda
        state, at, width = (y, (t - 1) * B * H, H) if t > 0 else (h0, 0, min(H, len(h0)))
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column = to + n * lda + 2 * j * LANES
                column_c = to + n * lda + 2 * Hp + j * LANES
                own = n * Hp + j * LANES
                da_c, da_z, dh_around = _candidate_back(
                    load(A, column, LANES),
                    load(A, column_c, LANES),
                    load(state, at + n * H + j * LANES, width - j * LANES),
                    load(dy, (t * B + n) * H + j * LANES, H - j * LANES),
                    load(dh, own, later),
                )
                store(A, column, da_z, LANES)
                store(A, column_c, da_c, LANES)
                store(dh, own, dh_around, LANES)
                if table:
                    add_to(D, row + 2 * j * LANES, da_z)
                    add_to(D, row + 2 * Hp + j * LANES, da_c)
        met = meet(meeting, met, threads)
        product(Qh_c, Hp, A, to + 2 * Hp, lda, B, drh, 0, Hp, first, last, 0)
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column = to + n * lda + (2 * j + 1) * LANES
                own = n * Hp + j * LANES
                da_r, dh_more = _reset_back(
                    load(A, column, LANES),
                    load(state, at + n * H + j * LANES, width - j * LANES),
                    load(drh, own, LANES),
                    load(dh, own, LANES),
                )
                store(A, column, da_r, LANES)
                store(dh, own, dh_more, LANES)
                if table:
                    add_to(D, row + (2 * j + 1) * LANES, da_r)
        met = meet(meeting, met, threads)
        if width:
            product(Qh, 2 * Hp, A, to, lda, B, dh, 0, Hp, first, last, 1)
        if not table and t % together == 0:
            rows = min(together, T - t) * B
            product(Qx, lda, A, to, lda, rows, dx, t * B * Xp, Xp, first_in, last_in, 0)
    # what the input and its weights see: the gates' gradients, or their sums for each row of the table
    of_input, positions = (D, V) if table else (A, N)
    if table:
        product(Qx, lda, D, 0, lda, V, dx, 0, Xp, first_in, last_in, 0)
    base = me * (len(scratch) // threads)
    c = 2 * Hp
    none, sums_c = sums[:0], sums[c:]
    Dx_c, Dh_c = Dx[c * X :], Dh[c * H :]
    sums[begin * PANEL : end * PANEL] = 0
    sums_c[first * PANEL : last * PANEL] = 0
    weight_gradient(
        Dx, X, x, 0, X, 0, X, of_input, 0, lda, positions, begin, end, sums, scratch, base, 0
    )
    weight_gradient(
        Dx_c, X, x, 0, X, 0, X, of_input, c, lda, positions, first, last, sums_c, scratch, base, 0
    )
    weight_gradient(Dh_c, H, R, 0, H, 0, H, A, c, lda, N, first, last, none, scratch, base, 0)
    recurrent_gradient(Dh, H, h0, y, 0, A, 0, lda, T, B, begin, end, scratch, base)
    unpack(Dx, X, 2, 0, dWxz, 0, H, H, first, last)
    unpack(Dx, X, 2, 1, dWxr, 0, H, H, first, last)
    unpack(Dx_c, X, 1, 0, dWxc, 0, H, H, first, last)
    unpack(Dh_c, H, 1, 0, dWhc, 0, H, H, first, last)
    unpack_bias(sums, 2, 0, dbz, 0, H, first, last)
    unpack_bias(sums, 2, 1, dbr, 0, H, first, last)
    unpack_bias(sums_c, 1, 0, dbc, 0, H, first, last)
    unpack(Dh, H, 2, 0, dWhz, 0, H, H, first, last)
    unpack(Dh, H, 2, 1, dWhr, 0, H, H, first, last)
    leave(meeting, me, threads)


def prepare_forward(
    team: Team,
    x_TBI: Input,
    Wxz_IH: Array,
    Whz_HH: Array,
    bz_H: Array,
    Wxr_IH: Array,
    Whr_HH: Array,
    br_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    h_BH: Array | None,
) -> tuple[Call, tuple[Array, ForwardMemory]]:
    """Run DyNet's GRU over a sequence."""
    T, B, X = x_TBI.shape
    H = len(Whz_HH)
    Hp = padded(H)
    x, ids, V = input_parts(x_TBI)
    y, A, R = team.empty(1, T, B, H), team.empty(T * B * 3 * Hp), team.empty(T * B * H)
    gates = (Wxz_IH, Whz_HH, bz_H, Wxr_IH, Whr_HH, br_H, Wxc_IH, Whc_HH, bc_H)
    call = team.call(
        _forward,
        x,
        ids,
        *(flat(a) for a in (*gates, h_BH, y, A, R)),
        *team.temporary(*(size * 3 * Hp for size in (X, H, V))),
        (T, B, X, H, Hp, V, steps_together(T, B)),
        threads=threads_for(team, 6 * B * H * H, H),
    )
    return call, (y, ForwardMemory(A, R))


def prepare_backward(
    team: Team,
    dy_STBH: Array,
    y_STBH: Array,
    saved: ForwardMemory,
    x_TBI: Input,
    Wxz_IH: Array,
    Whz_HH: Array,
    bz_H: Array,
    Wxr_IH: Array,
    Whr_HH: Array,
    br_H: Array,
    Wxc_IH: Array,
    Whc_HH: Array,
    bc_H: Array,
    h_BH: Array | None,
    into: Sequence[Array] | None = None,
) -> tuple[Call, list[Array | None]]:
    """Return the gradients of the forward function's arguments, in their order; weights' ones are in ``into``."""
    T, B, X = x_TBI.shape
    H = len(Whz_HH)
    Hp, Xp = padded(H), padded(X)
    gates = (Wxz_IH, Whz_HH, bz_H, Wxr_IH, Whr_HH, br_H, Wxc_IH, Whc_HH, bc_H)
    x, ids, V = input_parts(x_TBI)
    A, R = saved.take(lambda: gru_forward(team, x_TBI, *gates, h_BH))
    threads = threads_for(team, 6 * B * H * H, H)
    dx, dh, drh = input_gradient(team, x_TBI, Xp), team.empty(B, Hp), team.empty(B, Hp)
    scratch = threads * gradient_scratch(max(X, H))
    found = arrays_like(team, gates, into)
    matrices = (Wxz_IH, Whz_HH, Wxr_IH, Whr_HH, Wxc_IH, Whc_HH)
    call = team.call(
        _backward,
        *(flat(a) for a in (dy_STBH, y_STBH, A, R)),
        x,
        ids,
        *(flat(a) for a in (*matrices, h_BH, dx, *found, dh, drh)),
        *team.temporary(*(size * 3 * Hp for size in (Xp, Hp, X, H, V, 1)), scratch),
        (T, B, X, H, Hp, V, steps_together(T, B)),
        threads=threads,
    )
    return call, [cropped(dx, X), *found, None if h_BH is None else cropped(dh, H)]


gru_forward = forward_like(reference.gru_forward)(at_once(prepare_forward))
gru_backward = backward_like(reference.gru_backward)(at_once(prepare_backward))
