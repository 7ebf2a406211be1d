"""Products over many positions: of a layer's input, and for the gradients of its weights.

With an embedded input, the positions are the rows of the embedding table.
"""

from __future__ import annotations

from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.product import PANEL, TILE, multiply
from charlm.kernels.compiled.vectors import LANES, add, load, prefetch, store

CHUNK = 512
"""The weight gradients of this many positions are summed in registers, then added to memory."""

AHEAD = 16
"""Rows that are fetched in advance where a column is read: the processor does not predict steps of a page or more."""


def gradient_scratch(inputs: int) -> int:
    """Return the size of the memory in which ``weight_gradient`` works."""
    # a copy of TILE numbers stores LANES
    return CHUNK * (PANEL + -(-inputs // TILE) * TILE) + LANES


@compiled("void(f4[::1], i8, f4[::1], i8, i8, i8, f4[::1], i8, i8, i8, i8, i8)")
def product(P, K, b, at, ldb, N, c, to, ldc, first, last, more):
    """Panels ``first`` to ``last`` of C (+)= b A for N rows; b's rows begin at ``at`` and C's at ``to``."""
    for p in range(first, last):
        multiply(P, p * K * PANEL, K, b, at, ldb, 1, N, c, to + p * PANEL, ldc, more)


@compiled("void(f4[::1], i8, f4[::1], f4[::1], i8, i8, i8, i8, i8, i8, i8, i8)")
def product_of_steps(P, K, b, c, at, ldc, first, last, t, T, B, together):
    """At every ``together``-th step t: ``product`` for all rows of this step and the next ones, B rows each."""
    if t % together == 0:
        count = min(together, T - t) * B
        product(P, K, b, t * B * K, K, count, c, t * B * ldc + at, ldc, first, last, 0)


@compiled()
def state_before(start, y, first, t, B, H):
    """The states before step t: rows of y, whose step 0 is row ``first``; or ``start``, which may be empty.

    Returns the array, the place where they begin, and their width: 0 where there are none.
    """
    if t > 0:
        return y, (first + t - 1) * B * H, H
    return start, 0, min(H, len(start))


@compiled(inline=True)
def project_symbols(P, X, source, B, A, at, ld, first, last):
    """Panels ``first`` to ``last`` of A = Wx x for B texts, from A's column ``at`` on.

    ``source`` is x, where it begins, and the length of its rows. If x is a table of embeddings, each text's
    symbol follows, then a table of Wx x for all symbols, and a mark for each symbol that the table has.
    """
    x, at_x, ldx, symbols, table, computed = source
    if not len(computed):
        product(P, X, x, at_x, ldx, B, A, at, ld, first, last, 0)
        return
    for n in range(B):
        symbol = symbols[n]
        row = symbol * ld + at
        if not computed[symbol]:
            product(P, X, x, symbol * X, X, 1, table, row, ld, first, last, 0)
        for column in range(first * PANEL, last * PANEL, LANES):
            store(A, n * ld + at + column, load(table, row + column, LANES), LANES)


@compiled()
def input_gradients(x, X, da, at, ld, positions, Dx, begin, end, sums, scratch, base):
    """Panels ``begin`` to ``end`` of the gradients of input weights and biases, from da's columns ``at`` on."""
    columns = sums[at:]
    columns[begin * PANEL : end * PANEL] = 0
    weight_gradient(
        Dx[at * X :], X, x, 0, X, 0, X, da, at, ld, positions, begin, end, columns, scratch, base, 0
    )


@compiled("void(f4[::1], i8, f4[::1], i8, f4[::1], i8, i8, i8, i8)")
def project_rows(P, K, table, V, rows, at, ld, first, last):
    """Panels ``first`` to ``last`` of row (v) = row (0) + table (v) A for V rows, which begin at ``at``."""
    for v in range(1, V):
        for column in range(at + first * PANEL, at + last * PANEL, LANES):
            store(rows, v * ld + column, load(rows, column, LANES), LANES)
    product(P, K, table, 0, K, V, rows, at, ld, first, last, 1)


@compiled("void(f4[::1], i8, i8, i8, i8, i8)")
def clear_rows(rows, V, ld, at, first, last):
    """Panels ``first`` to ``last`` of V rows = 0."""
    for v in range(V):
        rows[v * ld + at + first * PANEL : v * ld + at + last * PANEL] = 0


@compiled()
def add_to(array, at, value):
    """Add a vector to the numbers at an index."""
    store(array, at, add(load(array, at, LANES), value), LANES)


@compiled(
    "void(f4[::1], i8, f4[::1], i8, i8, i8, i8, f4[::1], i8, i8, i8, i8, i8, f4[::1], f4[::1], i8, i8)"
)
def weight_gradient(
    D, M, x, ix, ldx, begin, end, da, ia, ldda, N, first, last, sums, scratch, base, more
):
    """Panels ``first`` to ``last`` of D (M, columns) (+)= x' da over N positions, for rows ``begin`` to ``end`` of D.

    With ``sums`` not empty the column sums of da are added to it.
    """
    tiles = (end - begin + TILE - 1) // TILE
    inputs = base + CHUNK * PANEL
    for start in range(0, N, CHUNK):
        count = min(CHUNK, N - start)
        for tile in range(tiles):
            # a whole register is copied for each TILE numbers: the next copy overwrites the rest
            i = begin + tile * (end - begin) // tiles
            width = begin + (tile + 1) * (end - begin) // tiles - i
            to = inputs + tile * count * TILE
            source = ix + start * ldx + i
            for k in range(count):
                store(scratch, to + k * TILE, load(x, source + k * ldx, width), TILE)
        for p in range(first, last):
            source = ia + start * ldda + p * PANEL
            for half in range(2):
                total = load(scratch, 0, 0)
                for k in range(count):
                    prefetch(da, source + (k + AHEAD) * ldda + half * LANES)
                    value = load(da, source + k * ldda + half * LANES, LANES)
                    store(scratch, base + k * PANEL + half * LANES, value, LANES)
                    total = add(total, value)
                if len(sums):
                    column = p * PANEL + half * LANES
                    store(sums, column, add(load(sums, column, LANES), total), LANES)
            for tile in range(tiles):
                i = begin + tile * (end - begin) // tiles
                width = begin + (tile + 1) * (end - begin) // tiles - i
                source = inputs + tile * count * TILE
                to = (p * M + i) * PANEL
                adds = more or start > 0
                multiply(scratch, base, count, scratch, source, 1, TILE, width, D, to, PANEL, adds)


@compiled("void(f4[::1], i8, f4[::1], f4[::1], i8, f4[::1], i8, i8, i8, i8, i8, i8, f4[::1], i8)")
def recurrent_gradient(D, H, start, y, iy, da, ia, ldda, T, B, first, last, scratch, base):
    """Panels ``first`` to ``last`` of D (H, columns) = the sum over steps of (a state before the step)' da.

    The states are ``start``, which may be empty, and those that begin at ``iy``.
    """
    none, more = scratch[:0], 0
    if len(start):
        weight_gradient(
            D, H, start, 0, H, 0, H, da, ia, ldda, B, first, last, none, scratch, base, 0
        )
        more = 1
    if T > 1:
        to, N = ia + B * ldda, (T - 1) * B
        weight_gradient(
            D, H, y, iy, H, 0, H, da, to, ldda, N, first, last, none, scratch, base, more
        )
    elif not more:
        D[first * H * PANEL : last * H * PANEL] = 0


@compiled("void(f4[::1], f4[::1], i8[::1], i8, i8, i8)")
def sum_by_id(D, da, ids, ld, first, last):
    """D's rows ``first`` to ``last`` = for each, the sum of the rows of da with its id."""
    D[first * ld : last * ld] = 0
    for position in range(len(ids)):
        if first <= ids[position] < last:
            for column in range(0, ld, LANES):
                value = load(da, position * ld + column, LANES)
                add_to(D, ids[position] * ld + column, value)
