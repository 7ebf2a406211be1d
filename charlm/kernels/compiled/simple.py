"""The simple RNN over a sequence, and one step of it for sampling; ``lstm.py`` says how threads share the work."""

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
def _step(a: Lanes, b: Lanes) -> Lanes:
    return functions.tanh(a + b)


@lanewise
def _step_back(h: Lanes, dh: Lanes, dh_later: Lanes) -> Lanes:
    return (dh + dh_later) * (1.0 - h * h)


@compiled()
def pack_layer(weights, settings, X, H, Px, Ph, bias, first, last):
    """Pack the weights for the input and for h, and the biases, of the pairs ``first`` to ``last`` of units."""
    Wx, Wh, b = weights
    packing.pack(Px, X, 1, 0, Wx, 0, H, H, first, last)
    packing.pack(Ph, H, 1, 0, Wh, 0, H, H, first, last)
    packing.pack_bias(bias, 1, 0, b, 0, H, first, last, 0)


@compiled()
def _forward(x, ids, weights, states, settings, y, kept, work, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (h0,), (A,), (Px, Ph, rows) = states, kept, work
    first, last = share(pairs(H), me, threads)
    pack_layer(weights, settings, X, H, Px, Ph, rows, first, last)
    table = len(ids) > 0
    if table:
        dense.project_rows(Px, X, x, V, rows, 0, Hp, first, last)
    met = 0
    for t in range(T):
        if not table:
            product_of_steps(Px, X, x, A, 0, Hp, first, last, t, T, B, together)
        before, at, width = state_before(h0, y, 0, t, B, H)
        product(Ph, width, before, at, H, B, A, t * B * Hp, Hp, first, last, not table)
        for n in range(t * B, (t + 1) * B):
            row = ids[n] * Hp if table else 0
            for j in range(2 * first, 2 * last):
                h = _step(load(A, n * Hp + j * LANES, LANES), load(rows, row + j * LANES, LANES))
                store(y, n * H + j * LANES, h, H - j * LANES)
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, kept, x, ids, weights, states, dx, gradients, carried, work, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (A,), (Wx, Wh, _), (h0,), (dWx, dWh, db), (dh,) = kept, weights, states, gradients, carried
    Qx, Qh, Dx, Dh, D, sums, scratch = work
    Xp = padded(X)
    first, last = share(pairs(H), me, threads)
    first_in, last_in = share(pairs(X), me, threads)
    packing.pack_transposed(Qx, Hp, 0, 1, 0, Wx, 0, H, H, X, first_in, last_in)
    packing.pack_transposed(Qh, Hp, 0, 1, 0, Wh, 0, H, H, H, first, last)
    table = len(ids) > 0
    if table:
        dense.clear_rows(D, V, Hp, 0, first, last)
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
                    dense.add_to(D, to + j * LANES, da)
        met = meet(meeting, met, threads)
        if t > 0 or len(h0):
            product(Qh, Hp, A, t * B * Hp, Hp, B, dh, 0, Hp, first, last, 0)
        if not table:
            product_of_steps(Qx, Hp, A, dx, 0, Xp, first_in, last_in, t, T, B, together)
    # the input and its weights get the gates' gradients, or their sums for each row of the table
    of_input, positions = (D, V) if table else (A, T * B)
    if table:
        product(Qx, Hp, D, 0, Hp, V, dx, 0, Xp, first_in, last_in, 0)
    base = me * (len(scratch) // threads)
    dense.input_gradients(x, X, of_input, 0, Hp, positions, Dx, first, last, sums, scratch, base)
    dense.recurrent_gradient(Dh, H, h0, y, 0, A, 0, Hp, T, B, first, last, scratch, base)
    packing.unpack(Dx, X, 1, 0, dWx, 0, H, H, first, last)
    packing.unpack(Dh, H, 1, 0, dWh, 0, H, H, first, last)
    packing.unpack_bias(sums, 1, 0, db, 0, H, first, last)
    leave(meeting, me, threads)


@compiled(inline=True)
def sample_layer(packed, source, states, now, then, A, sizes, me, threads):
    """One step for B texts: the state at ``now`` in each text's S numbers becomes the state at ``then``."""
    (Px, Ph, bias), (B, X, H, S) = packed, sizes
    Hp = padded(H)
    first, last = share(pairs(H), me, threads)
    dense.project_symbols(Px, X, source, B, A, 0, Hp, first, last)
    product(Ph, H, states, now, S, B, A, 0, Hp, first, last, 1)
    for n in range(B):
        for j in range(2 * first, 2 * last):
            h = _step(load(A, n * Hp + j * LANES, LANES), load(bias, j * LANES, LANES))
            store(states, then + n * S + j * LANES, h, H - j * LANES)


RNN = SequenceKernels(_forward, _backward, weights=3, gates=1, states=1)
rnn_forward, rnn_backward = RNN.functions(reference.rnn_forward, reference.rnn_backward)
