"""Pack weights into the order in which the product reads them, and unpack their gradients.

The units of a cell are in blocks of LANES, and a block's gates lie next to each other: gate g of block j is
column block ``j gates + g``. So a thread that owns neighbouring units owns neighbouring columns. The number of
blocks is even, and the columns after the last unit are 0: ``H`` units make ``padded(H)`` numbers per gate.
"""

from __future__ import annotations

from numba.extending import register_jitable

from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.vectors import LANES, load, store, transpose


@register_jitable
def pairs(units: int) -> int:
    """Return the number of pairs of blocks: a pair is the smallest part that a thread can own."""
    return -(-units // PANEL)


@register_jitable
def padded(units: int) -> int:
    """Return the number of units, rounded up to whole pairs of blocks."""
    return pairs(units) * PANEL


@compiled("void(f4[::1], i8, i8, i8, f4[::1], i8, i8, i8, i8, i8)")
def pack(P, K, gates, gate, W, at, ldw, H, first, last):
    """Panels for ``b W``: of one gate, whose row k is ``W[at + k ldw :][:H]``, the pairs ``first`` to ``last``."""
    for j in range(2 * first, 2 * last):
        column = j * gates + gate
        to = (column // 2) * K * PANEL + (column % 2) * LANES
        count = H - j * LANES
        for k in range(K):
            store(P, to + k * PANEL, load(W, at + k * ldw + j * LANES, count), LANES)


@compiled("void(f4[::1], i8, i8, i8, f4[::1], i8, i8, i8, i8, i8)")
def unpack(D, K, gates, gate, dW, at, ldw, H, first, last):
    """The opposite of ``pack``."""
    for j in range(2 * first, 2 * last):
        column = j * gates + gate
        source = (column // 2) * K * PANEL + (column % 2) * LANES
        count = H - j * LANES
        if count > 0:
            for k in range(K):
                store(dW, at + k * ldw + j * LANES, load(D, source + k * PANEL, LANES), count)


@compiled("void(f4[::1], i8, i8, i8, i8, f4[::1], i8, i8, i8, i8, i8, i8)")
def pack_transposed(P, Q, q, gates, gate, W, at, ldw, H, M, first, last):
    """Panels for ``da W'``: pairs ``first`` to ``last`` of the M rows; one gate of H columns.

    Q is the number of rows in a panel; this cell's gates begin at row ``q``.
    """
    for p in range(first, last):
        for j in range(2 * pairs(H)):
            to = (p * Q + q + (j * gates + gate) * LANES) * PANEL
            for m in range(p * PANEL, (p + 1) * PANEL, LANES):
                source = at + m * ldw + j * LANES
                transpose(W, source, ldw, M - m, H - j * LANES, P, to + m - p * PANEL, PANEL)


@compiled("void(f4[::1], i8, i8, f4[::1], i8, i8, i8, i8, f4)")
def pack_bias(bias, gates, gate, b, at, H, first, last, more):
    """One gate's ``b[at:][:H] + more``, padded with zeros."""
    for j in range(2 * first, 2 * last):
        for lane in range(LANES):
            unit = j * LANES + lane
            bias[(j * gates + gate) * LANES + lane] = b[at + unit] + more if unit < H else 0


@compiled("void(f4[::1], i8, i8, f4[::1], i8, i8, i8, i8)")
def unpack_bias(bias, gates, gate, db, at, H, first, last):
    """The opposite of ``pack_bias``."""
    for j in range(2 * first, 2 * last):
        for lane in range(LANES):
            unit = j * LANES + lane
            if unit < H:
                db[at + unit] = bias[(j * gates + gate) * LANES + lane]
