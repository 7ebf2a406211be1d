"""The LSTM with one gate i for both keeping and admitting, over a sequence, with peepholes or without.

A thread owns some of the texts, as in ``norm_lstm.py``: with peepholes, gate o needs the memory of all
units. Each gate has its own padded columns: i, o, the candidate w.
"""

from __future__ import annotations

from charlm.kernels import reference
from charlm.kernels.compiled import functions, gates, packing
from charlm.kernels.compiled.cells import SequenceKernels
from charlm.kernels.compiled.dense import (
    input_gradients,
    product,
    recurrent_gradient,
    state_before,
    sum_by_id,
    weight_gradient,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import padded, pairs
from charlm.kernels.compiled.team import enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, store


@lanewise
def _memory(
    i: Lanes, w: Lanes, xi: Lanes, xw: Lanes, bi: Lanes, bw: Lanes, c: Lanes
) -> tuple[Lanes, ...]:
    """Compute gates and memory from the products with states and inputs, the biases and the previous memory."""
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
    """Return the gradients of gate o's pre-activation, and of the memory without the peephole's part."""
    do, through_h = gates.output_back(o, functions.tanh(c), dh + dh_later)
    return do, dc + dc_later + through_h


@lanewise
def _memory_back(i: Lanes, w: Lanes, before: Lanes, dc: Lanes) -> tuple[Lanes, ...]:
    """Return the gradients of the pre-activations of i and w, and of the previous memory."""
    return dc * (w - before) * i * (1.0 - i), dc * i * (1.0 - w * w), dc * (1.0 - i)


@compiled()
def _forward(x, ids, weights, states, settings, y, kept, work, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, _ = sizes
    Wxi, Whi, Wci, bi, Wxo, Who, Wco, bo, Wxw, Whw, bw = weights
    (c0, h0), (A,), (Px, Ph, rows, Pi, Po) = states, kept, work
    Wx, Wh = (Wxi, Wxo, Wxw), (Whi, Who, Whw)
    ld, panels = 3 * Hp, pairs(H)
    first, last = share(panels, me, threads)
    for gate in range(3):
        packing.pack(Px[gate * Hp * X :], X, 1, 0, Wx[gate], 0, H, H, first, last)
        packing.pack(Ph[gate * Hp * H :], H, 1, 0, Wh[gate], 0, H, H, first, last)
    if len(Wci):
        packing.pack(Pi, H, 1, 0, Wci, 0, H, H, first, last)
    if len(Wco):
        packing.pack(Po, H, 1, 0, Wco, 0, H, H, first, last)
    met = meet(meeting, 0, threads)
    table = len(ids) > 0
    first, last = share(V if table else T * B, me, threads)
    to_rows = rows if table else A
    product(Px, X, x, first * X, X, last - first, to_rows, first * ld, ld, 0, 3 * panels, 0)
    meet(meeting, met, threads)
    first, last = share(B, me, threads)
    for t in range(T):
        cs, at_c, width_c = state_before(c0, y, 0, t, B, H)
        hs, at_h, width_h = state_before(h0, y, T, t, B, H)
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
                    load(bi, j, H - j),
                    load(bw, j, H - j),
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
                    load(bo, j, H - j),
                    load(y, position * H + j, H - j),
                )
                store(A, at, o, LANES)
                store(y, (T * B + position) * H + j, h, H - j)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dy, y, kept, x, ids, weights, states, dx, gradients, carried, work, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, _ = sizes
    Wxi, Whi, Wci, _, Wxo, Who, Wco, _, Wxw, Whw, _ = weights
    dWxi, dWhi, dWci, dbi, dWxo, dWho, dWco, dbo, dWxw, dWhw, dbw = gradients
    (A,), (c0, h0), (dc, dh) = kept, states, carried
    Qx, Qh, Dx, Dh, D, sums, scratch, Qi, Di, Qo, Do = work
    Wx, Wh, dWx, dWh = (Wxi, Wxo, Wxw), (Whi, Who, Whw), (dWxi, dWxo, dWxw), (dWhi, dWho, dWhw)
    db = dbi, dbo, dbw
    N, ld, panels = T * B, 3 * Hp, pairs(H)
    panels_x, Xp = pairs(X), padded(X)
    first_x, last_x = share(panels_x, me, threads)
    first_h, last_h = share(panels, me, threads)
    for gate in range(3):
        packing.pack_transposed(Qx, ld, gate * Hp, 1, 0, Wx[gate], 0, H, H, X, first_x, last_x)
        packing.pack_transposed(Qh, ld, gate * Hp, 1, 0, Wh[gate], 0, H, H, H, first_h, last_h)
    if len(Wci):
        packing.pack_transposed(Qi, Hp, 0, 1, 0, Wci, 0, H, H, H, first_h, last_h)
    if len(Wco):
        packing.pack_transposed(Qo, Hp, 0, 1, 0, Wco, 0, H, H, H, first_h, last_h)
    met = meet(meeting, 0, threads)
    first, last = share(B, me, threads)
    for t in range(T - 1, -1, -1):
        later = LANES if t < T - 1 else 0
        cs, at_c, width_c = state_before(c0, y, 0, t, B, H)
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
    # the input and its weights get the gates' gradients, or their sums for each row of the table
    table = len(ids) > 0
    of_input, rows = (D, V) if table else (A, N)
    first, last = share(rows, me, threads)
    if table:
        sum_by_id(D, A, ids, ld, first, last)
    product(Qx, ld, of_input, first * ld, ld, last - first, dx, first * Xp, Xp, 0, panels_x, 0)
    met = meet(meeting, met, threads)
    base = me * (len(scratch) // threads)
    first, last = share(3 * panels, me, threads)
    input_gradients(x, X, of_input, 0, ld, rows, Dx, first, last, sums, scratch, base)
    recurrent_gradient(Dh, H, h0, y, N * H, A, 0, ld, T, B, first, last, scratch, base)
    if len(Wci):
        recurrent_gradient(Di, H, c0, y, 0, A, 0, ld, T, B, first_h, last_h, scratch, base)
        packing.unpack(Di, H, 1, 0, dWci, 0, H, H, first_h, last_h)
    if len(Wco):
        none = sums[:0]
        weight_gradient(Do, H, y, 0, H, 0, H, A, Hp, ld, N, first_h, last_h, none, scratch, base, 0)
        packing.unpack(Do, H, 1, 0, dWco, 0, H, H, first_h, last_h)
    meet(meeting, met, threads)
    for gate in range(3):
        packing.unpack(Dx[gate * Hp * X :], X, 1, 0, dWx[gate], 0, H, H, first_h, last_h)
        packing.unpack(Dh[gate * Hp * H :], H, 1, 0, dWh[gate], 0, H, H, first_h, last_h)
        packing.unpack_bias(sums[gate * Hp :], 1, 0, db[gate], 0, H, first_h, last_h)
    leave(meeting, me, threads)


class CoupledKernels(SequenceKernels):
    """With peepholes there are two more matrices (H, H)."""

    def forward_work(self, H: int) -> list[int]:
        return [H * padded(H)] * 2

    def backward_work(self, H: int, threads: int) -> list[int]:
        return [padded(H) * padded(H), H * padded(H)] * 2


COUPLED = CoupledKernels(_forward, _backward, weights=11, gates=3, states=2, by_text=True)
coupled_lstm_forward, coupled_lstm_backward = COUPLED.functions(
    reference.coupled_lstm_forward, reference.coupled_lstm_backward
)
