"""The LSTM over a sequence, and one step of it for sampling.

Each thread calls forward once for the whole sequence, and so backward. A thread owns some units: their gates'
columns of the weights, and their gradients. At every step it computes its units from all of h, and the
threads meet once.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled import dense, functions, gates, packing
from charlm.kernels.compiled.cells import SequenceKernels
from charlm.kernels.compiled.dense import product, product_of_steps, state_before
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import padded, pairs
from charlm.kernels.compiled.team import enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, store


@lanewise
def _step(
    i: Lanes, f: Lanes, o: Lanes, g: Lanes, bi: Lanes, bf: Lanes, bo: Lanes, bg: Lanes, c: Lanes
) -> tuple[Lanes, ...]:
    """Compute the gates, the memory and the output from products, biases and the previous memory."""
    i, f, o, g, c = gates.lstm_memory(i + bi, f + bf, o + bo, g + bg, c)
    return i, f, o, g, c, o * functions.tanh(c)


@lanewise
def _step_back(
    i: Lanes, f: Lanes, o: Lanes, g: Lanes, before: Lanes, c: Lanes,
    dc: Lanes, dc_later: Lanes, dh: Lanes, dh_later: Lanes,
) -> tuple[Lanes, ...]:  # fmt: skip
    """Return the gradients of the four pre-activations and of the previous memory."""
    do, through_h = gates.output_back(o, functions.tanh(c), dh + dh_later)
    di, df, dg, dc = gates.lstm_memory_back(i, f, g, before, dc + dc_later + through_h)
    return di, df, do, dg, dc


@compiled()
def _step_at(G, at, rows, row, c, at_c, count):
    """The step of one register of units, whose four gates lie one after the other."""
    i, f, o, g = gates.load_four(G, at, LANES, LANES)
    bi, bf, bo, bg = gates.load_four(rows, row, LANES, LANES)
    return _step(i, f, o, g, bi, bf, bo, bg, load(c, at_c, count))


@compiled()
def pack_layer(weights, settings, X, H, Px, Ph, bias, first, last):
    """Pack the weights for the input and for h, and the biases, of the pairs ``first`` to ``last`` of units."""
    (Wx, Wh, b), (forget_bias,) = weights, settings
    for gate in range(4):
        packing.pack(Px, X, 4, gate, Wx, gate * H, 4 * H, H, first, last)
        packing.pack(Ph, H, 4, gate, Wh, gate * H, 4 * H, H, first, last)
        packing.pack_bias(
            bias, 4, gate, b, gate * H, H, first, last, forget_bias if gate == 1 else 0
        )


@compiled()
def _forward(x, ids, weights, states, settings, y, kept, work, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (c0, h0), (G,), (Px, Ph, rows) = states, kept, work
    first, last = share(pairs(H), me, threads)
    pack_layer(weights, settings, X, H, Px, Ph, rows, first, last)
    ldg = 4 * Hp
    table = len(ids) > 0
    if table:
        dense.project_rows(Px, X, x, V, rows, 0, ldg, 4 * first, 4 * last)
    met = 0
    for t in range(T):
        to = t * B * ldg
        if not table:
            product_of_steps(Px, X, x, G, 0, ldg, 4 * first, 4 * last, t, T, B, together)
        cs, at_c, width_c = state_before(c0, y, 0, t, B, H)
        hs, at_h, width_h = state_before(h0, y, T, t, B, H)
        for u in range(first, last):
            product(Ph, width_h, hs, at_h, H, B, G, to, ldg, 4 * u, 4 * u + 4, not table)
            for j in range(2 * u, 2 * u + 2):
                column = j * 4 * LANES
                for n in range(B):
                    at = to + n * ldg + column
                    row = (ids[t * B + n] * ldg if table else 0) + column
                    i, f, o, g, c, h = _step_at(
                        G, at, rows, row, cs, at_c + n * H + j * LANES, width_c - j * LANES
                    )
                    gates.store_four(G, at, LANES, LANES, i, f, o, g)
                    unit = (t * B + n) * H + j * LANES
                    store(y, unit, c, H - j * LANES)
                    store(y, unit + T * B * H, h, H - j * LANES)
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, kept, x, ids, weights, states, dx, gradients, carried, work, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (G,), (Wx, Wh, _), (c0, h0), (dWx, dWh, db) = kept, weights, states, gradients
    (dc, dh), (Qx, Qh, Dx, Dh, D, sums, scratch) = carried, work
    N, ldg, Xp = T * B, 4 * Hp, padded(X)
    first, last = share(pairs(H), me, threads)
    first_in, last_in = share(pairs(X), me, threads)
    for gate in range(4):
        packing.pack_transposed(Qx, ldg, 0, 4, gate, Wx, gate * H, 4 * H, H, X, first_in, last_in)
        packing.pack_transposed(Qh, ldg, 0, 4, gate, Wh, gate * H, 4 * H, H, H, first, last)
    table = len(ids) > 0
    if table:
        dense.clear_rows(D, V, ldg, 0, 4 * first, 4 * last)
    met = 0
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        to = t * B * ldg
        cs, at_c, width_c = state_before(c0, y, 0, t, B, H)
        for n in range(B):
            row = ids[t * B + n] * ldg if table else 0
            for j in range(2 * first, 2 * last):
                count = H - j * LANES
                at = to + n * ldg + j * 4 * LANES
                unit = (t * B + n) * H + j * LANES
                own = n * Hp + j * LANES
                i, f, o, g = gates.load_four(G, at, LANES, LANES)
                di, df, do, dg, dc_before = _step_back(
                    i, f, o, g,
                    load(cs, at_c + n * H + j * LANES, width_c - j * LANES),
                    load(y, unit, count), load(dy, unit, count), load(dc, own, later),
                    load(dy, unit + N * H, count), load(dh, own, later),
                )  # fmt: skip
                gates.store_four(G, at, LANES, LANES, di, df, do, dg)
                store(dc, own, dc_before, LANES)
                if table:
                    column = row + j * 4 * LANES
                    dense.add_to(D, column, di)
                    dense.add_to(D, column + LANES, df)
                    dense.add_to(D, column + 2 * LANES, do)
                    dense.add_to(D, column + 3 * LANES, dg)
        met = meet(meeting, met, threads)
        if t > 0 or len(h0):
            product(Qh, ldg, G, to, ldg, B, dh, 0, Hp, first, last, 0)
        if not table:
            product_of_steps(Qx, ldg, G, dx, 0, Xp, first_in, last_in, t, T, B, together)
    # the input and its weights get the gates' gradients, or their sums for each row of the table
    of_input, positions = (D, V) if table else (G, N)
    if table:
        product(Qx, ldg, D, 0, ldg, V, dx, 0, Xp, first_in, last_in, 0)
    base = me * (len(scratch) // threads)
    begin, end = 4 * first, 4 * last
    dense.input_gradients(x, X, of_input, 0, ldg, positions, Dx, begin, end, sums, scratch, base)
    dense.recurrent_gradient(Dh, H, h0, y, N * H, G, 0, ldg, T, B, begin, end, scratch, base)
    for gate in range(4):
        packing.unpack(Dx, X, 4, gate, dWx, gate * H, 4 * H, H, first, last)
        packing.unpack(Dh, H, 4, gate, dWh, gate * H, 4 * H, H, first, last)
        packing.unpack_bias(sums, 4, gate, db, gate * H, H, first, last)
    leave(meeting, me, threads)


@compiled(inline=True)
def sample_layer(packed, source, states, now, then, A, sizes, me, threads):
    """One step for B texts: h at ``now`` in each text's S numbers becomes h at ``then``; c is H numbers before h."""
    (Px, Ph, bias), (B, X, H, S) = packed, sizes
    lda = 4 * padded(H)
    first, last = share(pairs(H), me, threads)
    dense.project_symbols(Px, X, source, B, A, 0, lda, 4 * first, 4 * last)
    product(Ph, H, states, now, S, B, A, 0, lda, 4 * first, 4 * last, 1)
    for n in range(B):
        for j in range(2 * first, 2 * last):
            column, unit, count = 4 * j * LANES, n * S + j * LANES, H - j * LANES
            _, _, _, _, c, h = _step_at(
                A, n * lda + column, bias, column, states, now - H + unit, count
            )
            store(states, then - H + unit, c, count)
            store(states, then + unit, h, count)


LSTM = SequenceKernels(
    _forward, _backward, weights=3, gates=4, states=2, settings=(np.float32(1.0),)
)
lstm_forward, lstm_backward = LSTM.functions(reference.lstm_forward, reference.lstm_backward)
