"""The LSTM with layer normalisation over a sequence.

Every step needs sums over all gates. So a thread owns some of the texts, and not some of the units as in
``lstm.py``. The threads meet only where they change what they own: columns of the weights, rows of the
input, texts. The gates are in rows of 4 H numbers and padding, in the order of the plain kernel.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled import functions, gates
from charlm.kernels.compiled.cells import SequenceKernels
from charlm.kernels.compiled.dense import (
    product,
    recurrent_gradient,
    state_before,
    sum_by_id,
    weight_gradient,
)
from charlm.kernels.compiled.layer_norm import normalise, normalise_back
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import pack, pack_transposed, padded, pairs, unpack
from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.team import enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, store


@lanewise
def _gate(nx: Lanes, gx: Lanes, b: Lanes, nh: Lanes, gh: Lanes, bh: Lanes) -> Lanes:
    return gx * nx + b + gh * nh + bh


@lanewise
def _memory(i: Lanes, f: Lanes, o: Lanes, g: Lanes, c: Lanes) -> tuple[Lanes, ...]:
    return gates.lstm_memory(i, f, o, g, c)


@lanewise
def _output(o: Lanes, n: Lanes, gain: Lanes, offset: Lanes) -> Lanes:
    return o * functions.tanh(gain * n + offset)


@lanewise
def _output_back(
    o: Lanes, n: Lanes, gain: Lanes, offset: Lanes, dh: Lanes, dh_later: Lanes
) -> tuple[Lanes, ...]:
    """Return the gradients of gate o's pre-activation and of the argument of tanh."""
    return gates.output_back(o, functions.tanh(gain * n + offset), dh + dh_later)


@lanewise
def _memory_back(
    i: Lanes, f: Lanes, g: Lanes, before: Lanes, dc: Lanes, dc_later: Lanes, dc_normalised: Lanes
) -> tuple[Lanes, ...]:
    """Return the gradients of the other pre-activations and of the previous memory."""
    return gates.lstm_memory_back(i, f, g, before, dc + dc_later + dc_normalised)


@compiled()
def _gate_at(Nx, row, gx, b, Nh, at, gh, bh, column, count, seen):
    """Return a gate's pre-activation; ``seen`` is 0 or less if there is no h."""
    return _gate(
        load(Nx, row + column, count),
        load(gx, column, count),
        load(b, column, count),
        load(Nh, at + column, seen),
        load(gh, column, seen),
        load(bh, column, seen),
    )


@compiled()
def _forward(x, ids, weights, states, settings, y, kept, work, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, _, V, _ = sizes
    (Wx, Wh, b_own, gh, bh, gx, bx, gc, bc), (c0, h0) = weights, states
    (G, Nx, Nh, Nc, sx, sh, sc), (Px, Ph, b), (forget_bias,) = kept, work, settings
    ld, panels = padded(4 * H), pairs(4 * H)
    first, last = share(panels, me, threads)
    pack(Px, X, 1, 0, Wx, 0, 4 * H, 4 * H, first, last)
    pack(Ph, H, 1, 0, Wh, 0, 4 * H, 4 * H, first, last)
    for j in range(first * PANEL, min(last * PANEL, 4 * H)):
        b[j] = b_own[j] + bx[j]
        if H <= j < 2 * H:
            b[j] += forget_bias
    met = meet(meeting, 0, threads)
    table = len(ids) > 0
    first, last = share(V if table else T * B, me, threads)
    product(Px, X, x, first * X, X, last - first, Nx, first * ld, ld, 0, panels, 0)
    for row in range(first, last):
        sx[row] = normalise(Nx, row * ld, 4 * H)
    meet(meeting, met, threads)
    first, last = share(B, me, threads)
    for t in range(T):
        cs, at_c, width_c = state_before(c0, y, 0, t, B, H)
        hs, at_h, width_h = state_before(h0, y, T, t, B, H)
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
                gates.store_four(G, at + j, H, count, i, f, o, g)
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
def _add_up(sums, at, size, threads, result):
    """Add up what each thread has at a place of its sums."""
    for j in range(len(result)):
        whole = sums[at + j]
        for other in range(1, threads):
            whole += sums[other * size + at + j]
        result[j] = whole


@compiled()
def _backward(
    dy, y, kept, x, ids, weights, states, dx, gradients, carried, work, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    T, B, X, H, Hp, V, _ = sizes
    (G, Nx, Nh, Nc, sx, sh, sc), (c0, h0), (dc, dh) = kept, states, carried
    Wx, Wh, _, gh, _, gx, _, gc, bc = weights
    dWx, dWh, db, dgh, dbh, dgx, dbx, dgc, dbc = gradients
    Qx, Qh, Dx, Dh, D, _, scratch, tanh_gradients, sums = work
    N, Xp, G4 = T * B, padded(X), 4 * H
    ld, panels, panels_x, panels_h = padded(G4), pairs(G4), pairs(X), pairs(H)
    # each thread has sums of its own, of the gradients of gains and offsets: of h, of x, of the memory
    size = 4 * G4 + 2 * H
    own = sums[me * size : (me + 1) * size]
    own[:] = 0
    gains_h, offsets_h, gains_x, offsets_x = own, own[G4:], own[2 * G4 :], own[3 * G4 :]
    gains_c, offsets_c = own[4 * G4 :], own[4 * G4 + H :]
    Dc = tanh_gradients[me * H : (me + 1) * H]
    first, last = share(panels_x, me, threads)
    pack_transposed(Qx, ld, 0, 1, 0, Wx, 0, 4 * H, 4 * H, X, first, last)
    first, last = share(panels_h, me, threads)
    pack_transposed(Qh, ld, 0, 1, 0, Wh, 0, 4 * H, 4 * H, H, first, last)
    met = meet(meeting, 0, threads)
    first, last = share(B, me, threads)
    for t in range(T - 1, -1, -1):
        later = H if t < T - 1 else 0
        seen = t > 0 or len(h0) > 0
        cs, at_c, width_c = state_before(c0, y, 0, t, B, H)
        for n in range(first, last):
            position, own = t * B + n, n * Hp
            at, unit = position * ld, position * H
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
                store(Dc, j, d, count)
            normalise_back(Dc, 0, gc, Nc, unit, sc[position], H, gains_c, offsets_c, 0)
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
                normalise_back(G, at, gh, Nh, at, sh[position], G4, gains_h, offsets_h, 0)
        if seen:
            to = (t * B + first) * ld
            product(Qh, ld, Nh, to, ld, last - first, dh, first * Hp, Hp, 0, panels_h, 0)
    met = meet(meeting, met, threads)
    # the normalised input gets the gates' gradients, or their sums for each row of the table
    table = len(ids) > 0
    of_input, rows = (D, V) if table else (G, N)
    first, last = share(rows, me, threads)
    if table:
        sum_by_id(D, G, ids, ld, first, last)
    for row in range(first, last):
        at = row * ld
        normalise_back(of_input, at, gx, Nx, at, sx[row], G4, gains_x, offsets_x, 0)
    product(Qx, ld, Nx, first * ld, ld, last - first, dx, first * Xp, Xp, 0, panels_x, 0)
    meet(meeting, met, threads)
    if me == 0:
        parts = (0, dgh), (G4, dbh), (2 * G4, dgx), (3 * G4, db), (3 * G4, dbx)
        for at, result in (*parts, (4 * G4, dgc), (4 * G4 + H, dbc)):
            _add_up(sums, at, size, threads, result)
    base = me * (len(scratch) // threads)
    first, last = share(panels, me, threads)
    none = scratch[:0]
    weight_gradient(Dx, X, x, 0, X, 0, X, Nx, 0, ld, rows, first, last, none, scratch, base, 0)
    recurrent_gradient(Dh, H, h0, y, N * H, Nh, 0, ld, T, B, first, last, scratch, base)
    unpack(Dx, X, 1, 0, dWx, 0, 4 * H, 4 * H, first, last)
    unpack(Dh, H, 1, 0, dWh, 0, 4 * H, 4 * H, first, last)
    leave(meeting, me, threads)


class NormKernels(SequenceKernels):
    """All gates have one padding; what the layer norms made is kept as well."""

    def columns(self, H: int) -> int:
        return padded(4 * H)

    def kept(self, N: int, rows: int, H: int) -> list[int]:
        gates = self.columns(H)
        return [N * gates, rows * gates, N * gates, N * H, rows, N, N]

    def backward_work(self, H: int, threads: int) -> list[int]:
        return [threads * H, threads * 18 * H]


NORM = NormKernels(
    _forward, _backward, weights=9, gates=4, states=2, settings=(np.float32(1.0),), by_text=True
)
norm_lstm_forward, norm_lstm_backward = NORM.functions(
    reference.norm_lstm_forward, reference.norm_lstm_backward
)
