"""The GRU of PyTorch over a sequence, and one step of it for sampling; ``lstm.py`` says how threads share the work.

Four columns of a block of units lie next to each other: r, z, the candidate n, and u = Whn h + bn, which r multiplies.
n gets nothing from h, and u nothing from the input: their parts of the packed weights are 0.
"""

from __future__ import annotations

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
    r: Lanes, z: Lanes, n: Lanes, u: Lanes, br: Lanes, bz: Lanes, bn: Lanes, bu: Lanes, h: Lanes
) -> tuple[Lanes, ...]:
    """Compute r, z, n, u and the output from products, biases and the previous output."""
    r, z, u = functions.logistic(r + br), functions.logistic(z + bz), u + bu
    n = functions.tanh(n + bn + r * u)
    return r, z, n, u, n + z * (h - n)


@lanewise
def _step_back(
    r: Lanes, z: Lanes, n: Lanes, u: Lanes, h: Lanes, dy: Lanes, dh_later: Lanes
) -> tuple[Lanes, ...]:
    """Return the gradients of the pre-activations of r, z and n, of u, and of h around the matrix."""
    dy = dy + dh_later
    dn = dy * (1.0 - z) * (1.0 - n * n)
    return dn * u * r * (1.0 - r), dy * (h - n) * z * (1.0 - z), dn, dn * r, dy * z


@compiled()
def _step_at(A, at, rows, row, h, at_h, count):
    """The step of one register of units, whose four columns lie one after the other."""
    r, z, n, u = gates.load_four(A, at, LANES, LANES)
    br, bz, bn, bu = gates.load_four(rows, row, LANES, LANES)
    return _step(r, z, n, u, br, bz, bn, bu, load(h, at_h, count))


@compiled()
def pack_layer(weights, settings, X, H, Px, Ph, bias, first, last):
    """Pack the weights for the input and for h, and the biases, of the pairs ``first`` to ``last`` of units."""
    Wx, Wh, b, bn = weights
    for gate in range(3):
        packing.pack(Px, X, 4, gate, Wx, gate * H, 3 * H, H, first, last)
        packing.pack_bias(bias, 4, gate, b, gate * H, H, first, last, 0)
    for gate, block in ((0, 0), (1, 1), (3, 2)):
        packing.pack(Ph, H, 4, gate, Wh, block * H, 3 * H, H, first, last)
    packing.pack(Px, X, 4, 3, Wx, 0, 3 * H, 0, first, last)  # of no units: zeros
    packing.pack(Ph, H, 4, 2, Wh, 0, 3 * H, 0, first, last)
    packing.pack_bias(bias, 4, 3, bn, 0, H, first, last, 0)


@compiled()
def _forward(x, ids, weights, states, settings, y, kept, work, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (h0,), (A,), (Px, Ph, rows) = states, kept, work
    first, last = share(pairs(H), me, threads)
    pack_layer(weights, settings, X, H, Px, Ph, rows, first, last)
    lda = 4 * Hp
    table = len(ids) > 0
    if table:
        dense.project_rows(Px, X, x, V, rows, 0, lda, 4 * first, 4 * last)
    met = 0
    for t in range(T):
        to = t * B * lda
        if not table:
            product_of_steps(Px, X, x, A, 0, lda, 4 * first, 4 * last, t, T, B, together)
        before, at_h, width = state_before(h0, y, 0, t, B, H)
        for pair in range(first, last):
            product(Ph, width, before, at_h, H, B, A, to, lda, 4 * pair, 4 * pair + 4, not table)
            for j in range(2 * pair, 2 * pair + 2):
                column = j * 4 * LANES
                for k in range(B):
                    at = to + k * lda + column
                    row = (ids[t * B + k] * lda if table else 0) + column
                    r, z, n, u, h = _step_at(
                        A, at, rows, row, before, at_h + k * H + j * LANES, width - j * LANES
                    )
                    gates.store_four(A, at, LANES, LANES, r, z, n, u)
                    store(y, (t * B + k) * H + j * LANES, h, H - j * LANES)
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, kept, x, ids, weights, states, dx, gradients, carried, work, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, together = sizes
    (A,), (Wx, Wh, _, _), (h0,), (dh,) = kept, weights, states, carried
    dWx, dWh, db, dbn = gradients
    Qx, Qh, Dx, Dh, D, sums, scratch = work
    N, lda, Xp = T * B, 4 * Hp, padded(X)
    first, last = share(pairs(H), me, threads)
    first_in, last_in = share(pairs(X), me, threads)
    for gate in range(3):
        packing.pack_transposed(Qx, lda, 0, 4, gate, Wx, gate * H, 3 * H, H, X, first_in, last_in)
    for gate, block in ((0, 0), (1, 1), (3, 2)):
        packing.pack_transposed(Qh, lda, 0, 4, gate, Wh, block * H, 3 * H, H, H, first, last)
    packing.pack_transposed(Qx, lda, 0, 4, 3, Wx, 0, 3 * H, H, 0, first_in, last_in)  # zeros
    packing.pack_transposed(Qh, lda, 0, 4, 2, Wh, 0, 3 * H, H, 0, first, last)
    table = len(ids) > 0
    if table:
        dense.clear_rows(D, V, lda, 0, 4 * first, 4 * last)
    met = 0
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        to = t * B * lda
        before, at_h, width = state_before(h0, y, 0, t, B, H)
        for k in range(B):
            row = ids[t * B + k] * lda if table else 0
            for j in range(2 * first, 2 * last):
                at, own = to + k * lda + j * 4 * LANES, k * Hp + j * LANES
                r, z, n, u = gates.load_four(A, at, LANES, LANES)
                dr, dz, dn, du, dh_around = _step_back(
                    r, z, n, u,
                    load(before, at_h + k * H + j * LANES, width - j * LANES),
                    load(dy, (t * B + k) * H + j * LANES, H - j * LANES),
                    load(dh, own, later),
                )  # fmt: skip
                gates.store_four(A, at, LANES, LANES, dr, dz, dn, du)
                store(dh, own, dh_around, LANES)
                if table:
                    column = row + j * 4 * LANES
                    dense.add_to(D, column, dr)
                    dense.add_to(D, column + LANES, dz)
                    dense.add_to(D, column + 2 * LANES, dn)
                    dense.add_to(D, column + 3 * LANES, du)
        met = meet(meeting, met, threads)
        if width:
            product(Qh, lda, A, to, lda, B, dh, 0, Hp, first, last, 1)
        if not table:
            product_of_steps(Qx, lda, A, dx, 0, Xp, first_in, last_in, t, T, B, together)
    # the input and its weights get the gates' gradients, or their sums for each row of the table
    of_input, positions = (D, V) if table else (A, N)
    if table:
        product(Qx, lda, D, 0, lda, V, dx, 0, Xp, first_in, last_in, 0)
    base = me * (len(scratch) // threads)
    begin, end = 4 * first, 4 * last
    dense.input_gradients(x, X, of_input, 0, lda, positions, Dx, begin, end, sums, scratch, base)
    dense.recurrent_gradient(Dh, H, h0, y, 0, A, 0, lda, T, B, begin, end, scratch, base)
    for gate in range(3):
        packing.unpack(Dx, X, 4, gate, dWx, gate * H, 3 * H, H, first, last)
        packing.unpack_bias(sums, 4, gate, db, gate * H, H, first, last)
    for gate, block in ((0, 0), (1, 1), (3, 2)):
        packing.unpack(Dh, H, 4, gate, dWh, block * H, 3 * H, H, first, last)
    packing.unpack_bias(sums, 4, 3, dbn, 0, H, first, last)
    leave(meeting, me, threads)


@compiled(inline=True)
def sample_layer(packed, source, states, now, then, A, sizes, me, threads):
    """One step for B texts: the state at ``now`` in each text's S numbers becomes the state at ``then``."""
    (Px, Ph, bias), (B, X, H, S) = packed, sizes
    lda = 4 * padded(H)
    first, last = share(pairs(H), me, threads)
    dense.project_symbols(Px, X, source, B, A, 0, lda, 4 * first, 4 * last)
    product(Ph, H, states, now, S, B, A, 0, lda, 4 * first, 4 * last, 1)
    for k in range(B):
        for j in range(2 * first, 2 * last):
            column, unit, count = 4 * j * LANES, k * S + j * LANES, H - j * LANES
            _, _, _, _, h = _step_at(A, k * lda + column, bias, column, states, now + unit, count)
            store(states, then + unit, h, count)


GRU_AFTER = SequenceKernels(_forward, _backward, weights=4, gates=4, states=1)
gru_after_forward, gru_after_backward = GRU_AFTER.functions(
    reference.gru_after_forward, reference.gru_after_backward
)
