"""The GRU over a sequence, and one step of it for sampling; ``lstm.py`` says how threads share the work.

The gates z and r of a block of units lie next to each other in the first 2 H columns of the kept array, and the
candidate in the last H. The reset output r * h goes through the candidate's matrix, so the threads meet
twice in a step.
"""

from __future__ import annotations

from charlm.kernels import reference
from charlm.kernels.compiled import dense, functions, packing
from charlm.kernels.compiled.cells import SequenceKernels
from charlm.kernels.compiled.dense import product, product_of_steps, state_before
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import padded, pairs
from charlm.kernels.compiled.team import enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, store


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
    """Return the gradients of the candidate's and z's pre-activations, and of h without the gates' part."""
    dy = dy + dh_later
    return dy * z * (1.0 - c * c), dy * (c - h) * z * (1.0 - z), dy * (1.0 - z)


@lanewise
def _reset_back(r: Lanes, h: Lanes, drh: Lanes, dh: Lanes) -> tuple[Lanes, ...]:
    return drh * h * r * (1.0 - r), dh + drh * r


@compiled()
def pack_layer(weights, settings, X, H, Px, Ph, bias, first, last):
    """Pack the weights for the input and for h, and the biases, of the pairs ``first`` to ``last`` of units."""
    Wxz, Whz, bz, Wxr, Whr, br, Wxc, Whc, bc = weights
    c = 2 * padded(H)  # the candidate's columns come after those of the gates
    for P, K, Wz, Wr, Wc in ((Px, X, Wxz, Wxr, Wxc), (Ph, H, Whz, Whr, Whc)):
        packing.pack(P, K, 2, 0, Wz, 0, H, H, first, last)
        packing.pack(P, K, 2, 1, Wr, 0, H, H, first, last)
        packing.pack(P[c * K :], K, 1, 0, Wc, 0, H, H, first, last)
    packing.pack_bias(bias, 2, 0, bz, 0, H, first, last, 0)
    packing.pack_bias(bias, 2, 1, br, 0, H, first, last, 0)
    packing.pack_bias(bias[c:], 1, 0, bc, 0, H, first, last, 0)


@compiled()
def _gates_at(A, at, rows, row, h, at_h, count):
    """Both gates of one register of units, which lie one after the other, and the reset output."""
    return _gates(
        load(A, at, LANES),
        load(A, at + LANES, LANES),
        load(rows, row, LANES),
        load(rows, row + LANES, LANES),
        load(h, at_h, count),
    )


@compiled()
def _forward(x, ids, weights, states, settings, y, kept, work, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (h0,), (A, R), (Px, Ph, rows) = states, kept, work
    lda, c_at = 3 * Hp, 2 * Hp
    first, last = share(pairs(H), me, threads)
    pack_layer(weights, settings, X, H, Px, Ph, rows, first, last)
    Px_c, Ph_c, rows_c = Px[c_at * X :], Ph[c_at * H :], rows[c_at:]
    begin, end = 2 * first, 2 * last  # the gates' panels, and the units' blocks
    table = len(ids) > 0
    if table:
        dense.project_rows(Px, X, x, V, rows, 0, lda, begin, end)
        dense.project_rows(Px_c, X, x, V, rows, c_at, lda, first, last)
    met = 0
    for t in range(T):
        to = t * B * lda
        if not table:
            product_of_steps(Px, X, x, A, 0, lda, begin, end, t, T, B, together)
            product_of_steps(Px_c, X, x, A, c_at, lda, first, last, t, T, B, together)
        before, at, width = state_before(h0, y, 0, t, B, H)
        product(Ph, width, before, at, H, B, A, to, lda, begin, end, not table)
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column, unit = 2 * j * LANES, n * H + j * LANES
                z, r, rh = _gates_at(
                    A,
                    to + n * lda + column,
                    rows,
                    row + column,
                    before,
                    at + unit,
                    width - j * LANES,
                )
                store(A, to + n * lda + column, z, LANES)
                store(A, to + n * lda + column + LANES, r, LANES)
                store(R, t * B * H + unit, rh, H - j * LANES)
        met = meet(meeting, met, threads)
        product(Ph_c, width, R, t * B * H, H, B, A, to + c_at, lda, first, last, not table)
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column, unit = to + n * lda + c_at + j * LANES, n * H + j * LANES
                c, h = _candidate(
                    load(A, column, LANES),
                    load(rows_c, row + j * LANES, LANES),
                    load(A, to + n * lda + 2 * j * LANES, LANES),
                    load(before, at + unit, width - j * LANES),
                )
                store(A, column, c, LANES)
                store(y, t * B * H + unit, h, H - j * LANES)
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, kept, x, ids, weights, states, dx, gradients, carried, work, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (A, R), (h0,), (dh, drh) = kept, states, carried
    Wxz, Whz, _, Wxr, Whr, _, Wxc, Whc, _ = weights
    dWxz, dWhz, dbz, dWxr, dWhr, dbr, dWxc, dWhc, dbc = gradients
    Qx, Qh, Dx, Dh, D, sums, scratch = work
    N, lda, c_at, Xp = T * B, 3 * Hp, 2 * Hp, padded(X)
    first, last = share(pairs(H), me, threads)
    first_in, last_in = share(pairs(X), me, threads)
    packing.pack_transposed(Qx, lda, 0, 2, 0, Wxz, 0, H, H, X, first_in, last_in)
    packing.pack_transposed(Qx, lda, 0, 2, 1, Wxr, 0, H, H, X, first_in, last_in)
    packing.pack_transposed(Qx, lda, c_at, 1, 0, Wxc, 0, H, H, X, first_in, last_in)
    Qh_c = Qh[c_at * Hp :]
    packing.pack_transposed(Qh, c_at, 0, 2, 0, Whz, 0, H, H, H, first, last)
    packing.pack_transposed(Qh, c_at, 0, 2, 1, Whr, 0, H, H, H, first, last)
    packing.pack_transposed(Qh_c, Hp, 0, 1, 0, Whc, 0, H, H, H, first, last)
    begin, end = 2 * first, 2 * last
    table = len(ids) > 0
    if table:
        dense.clear_rows(D, V, lda, 0, begin, end)
        dense.clear_rows(D, V, lda, c_at, first, last)
    met = 0
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        to = t * B * lda
        before, at, width = state_before(h0, y, 0, t, B, H)
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column = to + n * lda + 2 * j * LANES
                column_c = to + n * lda + c_at + j * LANES
                own = n * Hp + j * LANES
                da_c, da_z, dh_around = _candidate_back(
                    load(A, column, LANES),
                    load(A, column_c, LANES),
                    load(before, at + n * H + j * LANES, width - j * LANES),
                    load(dy, (t * B + n) * H + j * LANES, H - j * LANES),
                    load(dh, own, later),
                )
                store(A, column, da_z, LANES)
                store(A, column_c, da_c, LANES)
                store(dh, own, dh_around, LANES)
                if table:
                    dense.add_to(D, row + 2 * j * LANES, da_z)
                    dense.add_to(D, row + c_at + j * LANES, da_c)
        met = meet(meeting, met, threads)
        product(Qh_c, Hp, A, to + c_at, lda, B, drh, 0, Hp, first, last, 0)
        for n in range(B):
            row = ids[t * B + n] * lda if table else 0
            for j in range(begin, end):
                column = to + n * lda + (2 * j + 1) * LANES
                own = n * Hp + j * LANES
                da_r, dh_more = _reset_back(
                    load(A, column, LANES),
                    load(before, at + n * H + j * LANES, width - j * LANES),
                    load(drh, own, LANES),
                    load(dh, own, LANES),
                )
                store(A, column, da_r, LANES)
                store(dh, own, dh_more, LANES)
                if table:
                    dense.add_to(D, row + (2 * j + 1) * LANES, da_r)
        met = meet(meeting, met, threads)
        if width:
            product(Qh, c_at, A, to, lda, B, dh, 0, Hp, first, last, 1)
        if not table:
            product_of_steps(Qx, lda, A, dx, 0, Xp, first_in, last_in, t, T, B, together)
    # the input and its weights get the gates' gradients, or their sums for each row of the table
    of_input, positions = (D, V) if table else (A, N)
    if table:
        product(Qx, lda, D, 0, lda, V, dx, 0, Xp, first_in, last_in, 0)
    base = me * (len(scratch) // threads)
    for column, a, b in ((0, begin, end), (c_at, first, last)):
        dense.input_gradients(x, X, of_input, column, lda, positions, Dx, a, b, sums, scratch, base)
    none, Dx_c, Dh_c = sums[:0], Dx[c_at * X :], Dh[c_at * H :]
    dense.weight_gradient(
        Dh_c, H, R, 0, H, 0, H, A, c_at, lda, N, first, last, none, scratch, base, 0
    )
    dense.recurrent_gradient(Dh, H, h0, y, 0, A, 0, lda, T, B, begin, end, scratch, base)
    for P, P_c, K, dz, dr, dc in ((Dx, Dx_c, X, dWxz, dWxr, dWxc), (Dh, Dh_c, H, dWhz, dWhr, dWhc)):
        packing.unpack(P, K, 2, 0, dz, 0, H, H, first, last)
        packing.unpack(P, K, 2, 1, dr, 0, H, H, first, last)
        packing.unpack(P_c, K, 1, 0, dc, 0, H, H, first, last)
    packing.unpack_bias(sums, 2, 0, dbz, 0, H, first, last)
    packing.unpack_bias(sums, 2, 1, dbr, 0, H, first, last)
    packing.unpack_bias(sums[c_at:], 1, 0, dbc, 0, H, first, last)
    leave(meeting, me, threads)


@compiled(inline=True)
def sample_layer(packed, source, states, now, then, A, R, sizes, meeting, met, me, threads):
    """One step for B texts: the state at ``now`` in each text's S numbers becomes the state at ``then``."""
    (Px, Ph, bias), (B, X, H, S) = packed, sizes
    Hp = padded(H)
    lda, c_at = 3 * Hp, 2 * Hp
    first, last = share(pairs(H), me, threads)
    begin, end = 2 * first, 2 * last
    dense.project_symbols(Px, X, source, B, A, 0, lda, begin, end)
    dense.project_symbols(Px[c_at * X :], X, source, B, A, c_at, lda, first, last)
    product(Ph, H, states, now, S, B, A, 0, lda, begin, end, 1)
    for n in range(B):
        for j in range(begin, end):
            column, unit, count = 2 * j * LANES, n * S + j * LANES, H - j * LANES
            at = n * lda + column
            z, _, rh = _gates_at(A, at, bias, column, states, now + unit, count)
            store(A, at, z, LANES)
            store(R, n * H + j * LANES, rh, count)
    met = meet(meeting, met, threads)
    product(Ph[c_at * H :], H, R, 0, H, B, A, c_at, lda, first, last, 1)
    for n in range(B):
        for j in range(begin, end):
            unit, count = n * S + j * LANES, H - j * LANES
            _, h = _candidate(
                load(A, n * lda + c_at + j * LANES, LANES),
                load(bias, c_at + j * LANES, LANES),
                load(A, n * lda + 2 * j * LANES, LANES),
                load(states, now + unit, count),
            )
            store(states, then + unit, h, count)
    return met


GRU = SequenceKernels(_forward, _backward, weights=9, gates=3, states=1, resets=1)
gru_forward, gru_backward = GRU.functions(reference.gru_forward, reference.gru_backward)
