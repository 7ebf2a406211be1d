"""Gradients of matrices, for tapes: sums of products x dy^T, which are put off until all are known."""

from __future__ import annotations

from charlm.kernels.compiled.matvec import STRIPE, number, plus_product
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.vectors import LANES, load, splat, store

CHUNK = 64
"""Pairs whose products are summed in registers before they are added to memory: so many stay in the first cache."""


@compiled()
def add_outer(m, links, link, dw):
    """DW += the sum of x dy^T over linked pairs, which are put off until all are known.

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


@compiled()
def _outer_wide(m, links, link, after, v0, j, c, n):
    """Add to four rows of DW, from row j and column c on, of a stripe each."""
    left = n - c
    v1, v2, v3 = v0 + n, v0 + 2 * n, v0 + 3 * n
    a0, b0 = load(m, v0, left), load(m, v0 + LANES, left - LANES)
    g0, h0 = load(m, v0 + 2 * LANES, left - 2 * LANES), load(m, v0 + 3 * LANES, left - 3 * LANES)
    a1, b1 = load(m, v1, left), load(m, v1 + LANES, left - LANES)
    g1, h1 = load(m, v1 + 2 * LANES, left - 2 * LANES), load(m, v1 + 3 * LANES, left - 3 * LANES)
    a2, b2 = load(m, v2, left), load(m, v2 + LANES, left - LANES)
    g2, h2 = load(m, v2 + 2 * LANES, left - 2 * LANES), load(m, v2 + 3 * LANES, left - 3 * LANES)
    a3, b3 = load(m, v3, left), load(m, v3 + LANES, left - LANES)
    g3, h3 = load(m, v3 + 2 * LANES, left - 2 * LANES), load(m, v3 + 3 * LANES, left - 3 * LANES)
    while link != after:
        x, dy = links[link, 0] + j, links[link, 1] + c
        link = links[link, 4]
        s0, s1 = splat(number(m, x)), splat(number(m, x + 1))
        s2, s3 = splat(number(m, x + 2)), splat(number(m, x + 3))
        d = load(m, dy, left)
        a0, a1 = plus_product(a0, s0, d), plus_product(a1, s1, d)
        a2, a3 = plus_product(a2, s2, d), plus_product(a3, s3, d)
        d = load(m, dy + LANES, left - LANES)
        b0, b1 = plus_product(b0, s0, d), plus_product(b1, s1, d)
        b2, b3 = plus_product(b2, s2, d), plus_product(b3, s3, d)
        d = load(m, dy + 2 * LANES, left - 2 * LANES)
        g0, g1 = plus_product(g0, s0, d), plus_product(g1, s1, d)
        g2, g3 = plus_product(g2, s2, d), plus_product(g3, s3, d)
        d = load(m, dy + 3 * LANES, left - 3 * LANES)
        h0, h1 = plus_product(h0, s0, d), plus_product(h1, s1, d)
        h2, h3 = plus_product(h2, s2, d), plus_product(h3, s3, d)
    _store_stripe(m, v0, a0, b0, g0, h0, left)
    _store_stripe(m, v1, a1, b1, g1, h1, left)
    _store_stripe(m, v2, a2, b2, g2, h2, left)
    _store_stripe(m, v3, a3, b3, g3, h3, left)


@compiled()
def _outer_four(m, links, link, after, v, j, c, n):
    """Add to four rows of DW, from row j and column c on, of two registers each."""
    left, right = n - c, n - c - LANES
    v1, v2, v3 = v + n, v + 2 * n, v + 3 * n
    a0, b0 = load(m, v, left), load(m, v + LANES, right)
    a1, b1 = load(m, v1, left), load(m, v1 + LANES, right)
    a2, b2 = load(m, v2, left), load(m, v2 + LANES, right)
    a3, b3 = load(m, v3, left), load(m, v3 + LANES, right)
    while link != after:
        x, dy = links[link, 0] + j, links[link, 1] + c
        link = links[link, 4]
        a, b = load(m, dy, left), load(m, dy + LANES, right)
        s0, s1 = splat(number(m, x)), splat(number(m, x + 1))
        s2, s3 = splat(number(m, x + 2)), splat(number(m, x + 3))
        a0, b0 = plus_product(a0, s0, a), plus_product(b0, s0, b)
        a1, b1 = plus_product(a1, s1, a), plus_product(b1, s1, b)
        a2, b2 = plus_product(a2, s2, a), plus_product(b2, s2, b)
        a3, b3 = plus_product(a3, s3, a), plus_product(b3, s3, b)
    store(m, v, a0, left)
    store(m, v1, a1, left)
    store(m, v2, a2, left)
    store(m, v3, a3, left)
    if right > 0:
        store(m, v + LANES, b0, right)
        store(m, v1 + LANES, b1, right)
        store(m, v2 + LANES, b2, right)
        store(m, v3 + LANES, b3, right)


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


@compiled()
def _store_stripe(m, at, a0, a1, a2, a3, n):
    store(m, at, a0, n)
    if n > LANES:
        store(m, at + LANES, a1, n - LANES)
    if n > 2 * LANES:
        store(m, at + 2 * LANES, a2, n - 2 * LANES)
    if n > 3 * LANES:
        store(m, at + 3 * LANES, a3, n - 3 * LANES)
