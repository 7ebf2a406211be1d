"""Muon's update of a matrix. All threads share each product, and one half of a symmetric matrix is computed.

Matrices are kept as the panels that ``product.py`` reads. A panel of a symmetric matrix is also a block of its rows, so
the two factors of a product are read in the same order. The factors are polynomials of one symmetric matrix: so their
product is symmetric too.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import padded, pairs
from charlm.kernels.compiled.product import PANEL, multiply
from charlm.kernels.compiled.sequence import HANDOVER, threads_for
from charlm.kernels.compiled.team import enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, splat, store, transpose
from charlm.kernels.memory import FLOAT32
from charlm.kernels.reference.common import Array
from charlm.kernels.reference.muon import POLYNOMIAL, ROUNDS
from charlm.kernels.team import Team

CHUNK = 512
"""Columns of the gradients that are multiplied at once: their panels stay in the second cache."""


@lanewise
def _averaged(g: Lanes, m: Lanes, scale: Lanes, momentum: Lanes) -> tuple[Lanes, ...]:
    """Return the new g and m."""
    g = g * scale
    m = m * momentum + g
    return g + m * momentum, m


@lanewise
def _combined(x: Lanes, by_x: Lanes, y: Lanes, by_y: Lanes) -> Lanes:
    return x * by_x + y * by_y


@compiled()
def _is_mine(panel, me, threads):
    """Deal the panels out, the longer ones first, to threads 0, 1, ..., and then back: ..., 1, 0."""
    place = panel % (2 * threads)
    return place == me or place == 2 * threads - 1 - me


@compiled()
def _finish_panel(C, p, M, A, factor, own, diagonal):
    """C = factor C + own A + diagonal I in panel p, from its own rows down; and mirror it."""
    begin = (p * M + p * PANEL) * PANEL
    by, by_own = splat(factor), splat(own)
    for at in range(begin, (p + 1) * M * PANEL, LANES):
        store(C, at, _combined(load(C, at, LANES), by, load(A, at, LANES), by_own), LANES)
    for k in range(PANEL):
        C[begin + k * PANEL + k] += diagonal
    for q in range(p + 1, M // PANEL):
        for row in range(0, PANEL, LANES):
            for column in range(0, PANEL, LANES):
                below = (p * M + q * PANEL + row) * PANEL + column
                right = (q * M + p * PANEL + column) * PANEL + row
                transpose(C, below, PANEL, LANES, LANES, C, right, PANEL)


@compiled()
def _product(C, A, B, M, factor, own, diagonal, meeting, met, me, threads):
    """C = factor A B + own A + diagonal I, of symmetric (M, M) matrices whose product is symmetric; then meet."""
    for p in range(M // PANEL):
        if _is_mine(p, me, threads):
            for q in range(p, M // PANEL):
                to = (p * M + q * PANEL) * PANEL
                multiply(A, p * M * PANEL, M, B, q * M * PANEL, 1, PANEL, PANEL, C, to, PANEL, 0)
            _finish_panel(C, p, M, A, factor, own, diagonal)
    return meet(meeting, met, threads)


@compiled()
def _average(g, m, X, rows, columns, N, p, scale, momentum):
    """Rows of panel p: the new g and m, and g again as a panel of X, (N, PANEL)."""
    first, last = p * PANEL, min((p + 1) * PANEL, rows)
    by, of_m = splat(scale), splat(momentum)
    for at in range(first * columns, last * columns, LANES):
        count = last * columns - at
        new_g, new_m = _averaged(load(g, at, count), load(m, at, count), by, of_m)
        store(g, at, new_g, count)
        store(m, at, new_m, count)
    for row in range(first, first + PANEL, LANES):
        for column in range(0, columns, LANES):
            to = (p * N + column) * PANEL + row - first
            transpose(
                g, row * columns + column, columns, rows - row, columns - column, X, to, PANEL
            )


@compiled()
def _gram(A, X, M, N, p):
    """Panel p of A = X' X, from its own rows down."""
    for k in range(0, N, CHUNK):
        count = min(CHUNK, N - k)
        x = (p * N + k) * PANEL
        for q in range(p, M // PANEL):
            y, to = (q * N + k) * PANEL, (p * M + q * PANEL) * PANEL
            multiply(X, x, count, X, y, 1, PANEL, PANEL, A, to, PANEL, k > 0)


@compiled()
def _step(values, g, S, rows, columns, M, c, kept, rate, mine):
    """Columns of panel c: values = kept values - rate S g, and g = 0."""
    result = M * PANEL
    for k in range(rows):
        for column in range(0, PANEL, LANES):
            at = c * PANEL + column
            store(mine, k * PANEL + column, load(g, k * columns + at, columns - at), LANES)
            store(g, k * columns + at, splat(np.float32(0)), columns - at)
    for q in range(M // PANEL):
        to = result + q * PANEL * PANEL
        if rate > 0:
            multiply(mine, 0, rows, S, q * M * PANEL, 1, PANEL, PANEL, mine, to, PANEL, 0)
        else:
            mine[to : to + PANEL * PANEL] = 0
    by, by_step = splat(kept), splat(-rate)
    for k in range(rows):
        for column in range(0, PANEL, LANES):
            at = c * PANEL + column
            step = load(mine, result + k * PANEL + column, LANES)
            new = _combined(load(values, k * columns + at, columns - at), by, step, by_step)
            store(values, k * columns + at, new, columns - at)


@compiled()
def _muon_update(values, g, m, sizes, settings, X, matrices, mine, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    rows, columns, M, N, rounds = sizes
    momentum, scale, kept, rate, a, b, c = settings
    A, P, S, T = matrices[0], matrices[1], matrices[2], matrices[3]
    mine = mine[me]
    one, zero = np.float32(1), np.float32(0)
    first, last = share(pairs(rows), me, threads)
    for p in range(first, last):
        _average(g, m, X, rows, columns, N, p, scale, momentum)
    met = meet(meeting, 0, threads)
    for p in range(pairs(rows)):
        if _is_mine(p, me, threads):
            _gram(A, X, M, N, p)
    met = meet(meeting, met, threads)
    squares = zero
    for k in range(rows):
        squares += A[((k // PANEL) * M + k) * PANEL + k % PANEL]
    met = meet(meeting, met, threads)
    if squares > 0:
        for p in range(pairs(rows)):
            if _is_mine(p, me, threads):
                _finish_panel(A, p, M, A, one / squares, zero, zero)
        met = meet(meeting, met, threads)
        met = _product(S, A, A, M, c, b, a, meeting, met, me, threads)
        for done in range(1, rounds):
            last_polynomial = S if done == 1 else P
            met = _product(T, A, last_polynomial, M, one, zero, zero, meeting, met, me, threads)
            met = _product(A, T, last_polynomial, M, one, zero, zero, meeting, met, me, threads)
            met = _product(P, A, A, M, c, b, a, meeting, met, me, threads)
            met = _product(T, S, P, M, one, zero, zero, meeting, met, me, threads)
            S, T = T, S
        rate /= np.float32(sqrt(squares))
    else:
        rate = zero
    first, last = share(pairs(columns), me, threads)
    for column in range(first, last):
        _step(values, g, S, rows, columns, M, column, kept, rate, mine)
    leave(meeting, me, threads)


def muon_update(
    team: Team,
    values_IO: Array,
    g_IO: Array,
    m_IO: Array,
    momentum: float,
    scale: float,
    kept: float,
    rate: float,
) -> None:
    """Do what ``reference.muon_update`` does."""
    arrays = values_IO, g_IO, m_IO
    rows, columns = g_IO.shape
    if rows > columns or not all(a.dtype == FLOAT32 and a.flags.c_contiguous for a in arrays):
        reference.muon_update(*arrays, momentum, scale, kept, rate)
        return
    M, N = padded(rows), -(-columns // LANES) * LANES
    threads = threads_for(team, rows * rows * (columns + 4 * rows) // HANDOVER, rows)
    X, matrices, mine = team.temporary(M * N, 4 * M * M, threads * 2 * M * PANEL)
    team.run(
        _muon_update,
        *(array.reshape(-1) for array in arrays),
        (rows, columns, M, N, ROUNDS),
        tuple(map(np.float32, (momentum, scale, kept, rate, *POLYNOMIAL))),
        X,
        matrices.reshape(4, -1),
        mine.reshape(threads, -1),
        threads=threads,
    )
