"""Gradients of matrices, for tapes: sums of products x dy^T, put off until all pairs are known."""

from __future__ import annotations

from charlm.kernels.compiled.matvec import (
    STRIPE,
    load_pairs,
    number,
    plus_pairs,
    plus_product,
    store_pairs,
    store_stripe,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.vectors import LANES, load, splat, store

CHUNK = 64
"""The products of this many pairs are summed in registers, then added to memory: they fit into the first cache."""


@compiled()
def add_outer(m, links, link, dw):
    """DW += the sum of x dy^T over linked pairs.

    A link is the places of x and dy, their sizes, and the next link.
    """
    k, n = links[link, 2], links[link, 3]
    while link >= 0:
        after, count = link, 0
        while after >= 0 and count < CHUNK:
            after, count = links[after, 4], count + 1
        fours = k - k % 4
        c = 0
        while c < n:
            # with fewer lanes there are fewer registers
            wide = LANES == 16 and n - c > 2 * LANES
            for j in range(0, fours, 4):
                if wide:
                    _outer_wide(m, links, link, after, dw + c + j * n, j, c, n)
                else:
                    _outer_four(m, links, link, after, dw + c + j * n, j, c, n)
            c += STRIPE if wide else 2 * LANES
        for c in range(0, n, 2 * LANES):
            for j in range(fours, k):
                _outer_one(m, links, link, after, dw + c + j * n, j, c, n)
        link = after


@compiled(inline=True)
def _factors(m, x):
    """Return four numbers, each in all lanes."""
    return (
        splat(number(m, x)), splat(number(m, x + 1)),
        splat(number(m, x + 2)), splat(number(m, x + 3)),
    )  # fmt: skip


@compiled()
def _outer_wide(m, links, link, after, v, j, c, n):
    """Add to four rows of DW, a stripe in each, from row j and column c."""
    left, left_1, left_2, left_3 = n - c, n - c - LANES, n - c - 2 * LANES, n - c - 3 * LANES
    a0, b0, a1, b1, a2, b2, a3, b3 = load_pairs(m, v, n, left, left_1)
    g0, h0, g1, h1, g2, h2, g3, h3 = load_pairs(m, v + 2 * LANES, n, left_2, left_3)
    while link != after:
        x, dy = links[link, 0] + j, links[link, 1] + c
        link = links[link, 4]
        s0, s1, s2, s3 = _factors(m, x)
        a, b = load(m, dy, left), load(m, dy + LANES, left_1)
        a0, b0, a1, b1, a2, b2, a3, b3 = plus_pairs(
            a0, b0, a1, b1, a2, b2, a3, b3, s0, s1, s2, s3, a, b
        )
        a, b = load(m, dy + 2 * LANES, left_2), load(m, dy + 3 * LANES, left_3)
        g0, h0, g1, h1, g2, h2, g3, h3 = plus_pairs(
            g0, h0, g1, h1, g2, h2, g3, h3, s0, s1, s2, s3, a, b
        )
    store_stripe(m, v, a0, b0, g0, h0, left)
    store_stripe(m, v + n, a1, b1, g1, h1, left)
    store_stripe(m, v + 2 * n, a2, b2, g2, h2, left)
    store_stripe(m, v + 3 * n, a3, b3, g3, h3, left)


@compiled()
def _outer_four(m, links, link, after, v, j, c, n):
    """Add to four rows of DW, two registers in each, from row j and column c."""
    left, right = n - c, n - c - LANES
    a0, b0, a1, b1, a2, b2, a3, b3 = load_pairs(m, v, n, left, right)
    while link != after:
        x, dy = links[link, 0] + j, links[link, 1] + c
        link = links[link, 4]
        s0, s1, s2, s3 = _factors(m, x)
        a, b = load(m, dy, left), load(m, dy + LANES, right)
        a0, b0, a1, b1, a2, b2, a3, b3 = plus_pairs(
            a0, b0, a1, b1, a2, b2, a3, b3, s0, s1, s2, s3, a, b
        )
    store_pairs(m, v, n, left, right, a0, b0, a1, b1, a2, b2, a3, b3)


@compiled()
def _outer_one(m, links, link, after, v, j, c, n):
    left, right = n - c, n - c - LANES
    a, b = load(m, v, left), load(m, v + LANES, right)
    while link != after:
        s, dy = splat(number(m, links[link, 0] + j)), links[link, 1] + c
        a = plus_product(a, s, load(m, dy, left))
        b = plus_product(b, s, load(m, dy + LANES, right))
        link = links[link, 4]
    store(m, v, a, left)
    if right > 0:
        store(m, v + LANES, b, right)
