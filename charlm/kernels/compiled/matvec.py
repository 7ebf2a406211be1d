"""Products of a matrix and one vector, for tapes: all places are in one flat memory, see ``kernels/tapes.py``.

A matrix W from K to N numbers lies as K rows of N. Wide vectors are cut into stripes of four registers.
"""

from __future__ import annotations

from typing import Any

from numba import types

from charlm.kernels.compiled.options import compiled, instructions
from charlm.kernels.compiled.vectors import (
    LANES,
    Lanes,
    lanewise,
    load,
    pointer,
    splat,
    store,
    total,
)

STRIPE = 4 * LANES


@instructions
def number(typing: Any, array: Any, index: Any) -> Any:
    """array[index], which may be before its beginning."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(pointer(context, builder, signature.args[0], args[0], args[1]), align=4)

    return types.float32(array, types.intp), generate


@instructions
def put(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index] = value."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], at, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.float32), generate


@instructions
def real_of(typing: Any, bits: Any) -> Any:
    """The float64 with these 64 bits."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_data_type(types.float64))

    return types.float64(types.int64), generate


@lanewise
def plus_product(a: Lanes, x: Lanes, y: Lanes) -> Lanes:
    """A + x y."""
    return x * y + a


@lanewise
def product(x: Lanes, y: Lanes) -> Lanes:
    """X y."""
    return x * y


@lanewise
def plus(x: Lanes, y: Lanes) -> Lanes:
    """X + y."""
    return x + y


@compiled()
def add_to(m, y, x, n):
    """Y += x."""
    for j in range(0, n, LANES):
        store(m, y + j, plus(load(m, y + j, n - j), load(m, x + j, n - j)), n - j)


@compiled()
def copy(m, y, x, n):
    """Y = x."""
    for j in range(0, n, LANES):
        store(m, y + j, load(m, x + j, n - j), n - j)


@compiled()
def clear(m, y, n):
    """Y = 0."""
    zero = splat(types.float32(0.0))
    for j in range(0, n, LANES):
        store(m, y + j, zero, n - j)


@compiled()
def _add_stripe(m, y, w, ld, x, k, n):
    """Y += sum over j of x[j] W[j], for a stripe; two sums each, so that they need not wait for each other."""
    a0 = load(m, y, n)
    a1 = load(m, y + LANES, n - LANES)
    a2 = load(m, y + 2 * LANES, n - 2 * LANES)
    a3 = load(m, y + 3 * LANES, n - 3 * LANES)
    zero = splat(types.float32(0.0))
    b0, b1, b2, b3 = zero, zero, zero, zero
    whole = k - k % 2
    if n == STRIPE:
        for j in range(0, whole, 2):
            s, r, v = splat(number(m, x + j)), splat(number(m, x + j + 1)), w + j * ld
            a0 = plus_product(a0, s, load(m, v, LANES))
            a1 = plus_product(a1, s, load(m, v + LANES, LANES))
            a2 = plus_product(a2, s, load(m, v + 2 * LANES, LANES))
            a3 = plus_product(a3, s, load(m, v + 3 * LANES, LANES))
            v += ld
            b0 = plus_product(b0, r, load(m, v, LANES))
            b1 = plus_product(b1, r, load(m, v + LANES, LANES))
            b2 = plus_product(b2, r, load(m, v + 2 * LANES, LANES))
            b3 = plus_product(b3, r, load(m, v + 3 * LANES, LANES))
    elif n > 2 * LANES:
        for j in range(0, whole, 2):
            s, r, v = splat(number(m, x + j)), splat(number(m, x + j + 1)), w + j * ld
            a0 = plus_product(a0, s, load(m, v, LANES))
            a1 = plus_product(a1, s, load(m, v + LANES, LANES))
            a2 = plus_product(a2, s, load(m, v + 2 * LANES, n - 2 * LANES))
            a3 = plus_product(a3, s, load(m, v + 3 * LANES, n - 3 * LANES))
            v += ld
            b0 = plus_product(b0, r, load(m, v, LANES))
            b1 = plus_product(b1, r, load(m, v + LANES, LANES))
            b2 = plus_product(b2, r, load(m, v + 2 * LANES, n - 2 * LANES))
            b3 = plus_product(b3, r, load(m, v + 3 * LANES, n - 3 * LANES))
    else:
        for j in range(0, whole, 2):
            s, r, v = splat(number(m, x + j)), splat(number(m, x + j + 1)), w + j * ld
            a0 = plus_product(a0, s, load(m, v, n))
            a1 = plus_product(a1, s, load(m, v + LANES, n - LANES))
            v += ld
            b0 = plus_product(b0, r, load(m, v, n))
            b1 = plus_product(b1, r, load(m, v + LANES, n - LANES))
    if whole < k:
        s, v = splat(number(m, x + whole)), w + whole * ld
        a0 = plus_product(a0, s, load(m, v, n))
        a1 = plus_product(a1, s, load(m, v + LANES, n - LANES))
        a2 = plus_product(a2, s, load(m, v + 2 * LANES, n - 2 * LANES))
        a3 = plus_product(a3, s, load(m, v + 3 * LANES, n - 3 * LANES))
    store(m, y, plus(a0, b0), n)
    if n > LANES:
        store(m, y + LANES, plus(a1, b1), n - LANES)
    if n > 2 * LANES:
        store(m, y + 2 * LANES, plus(a2, b2), n - 2 * LANES)
    if n > 3 * LANES:
        store(m, y + 3 * LANES, plus(a3, b3), n - 3 * LANES)


@compiled()
def add_product(m, y, w, x, k, n):
    """Y += W x."""
    for j in range(0, n, STRIPE):
        _add_stripe(m, y + j, w + j, n, x, k, min(n - j, STRIPE))


@compiled()
def add_transposed(m, dx, w, dy, k, n):
    """Dx += W^T dy."""
    for c in range(0, n, STRIPE):
        left = n - c
        d0 = load(m, dy + c, left)
        d1 = load(m, dy + c + LANES, left - LANES)
        d2 = load(m, dy + c + 2 * LANES, left - 2 * LANES)
        d3 = load(m, dy + c + 3 * LANES, left - 3 * LANES)
        if left > 2 * LANES:
            for j in range(k):
                v = w + c + j * n
                r = product(load(m, v, LANES), d0)
                s = product(load(m, v + LANES, LANES), d1)
                r = plus_product(r, load(m, v + 2 * LANES, left - 2 * LANES), d2)
                if left > 3 * LANES:
                    s = plus_product(s, load(m, v + 3 * LANES, left - 3 * LANES), d3)
                put(m, dx + j, number(m, dx + j) + total(plus(r, s)))
        else:
            for j in range(k):
                v = w + c + j * n
                r = product(load(m, v, left), d0)
                if left > LANES:
                    r = plus_product(r, load(m, v + LANES, left - LANES), d1)
                put(m, dx + j, number(m, dx + j) + total(r))


@compiled()
def add_outer(m, links, link, dw):
    """DW += the sum of x dy^T over linked pairs, of two rows at once: they are put off until all are known.

    A link is the places of x and dy, their sizes, and the next link.
    """
    k, n = links[link, 2], links[link, 3]
    for c in range(0, n, STRIPE):
        left = n - c
        for j in range(0, k, 2):
            two = j + 1 < k
            v = dw + c + j * n
            u = v + n if two else v
            step = 1 if two else 0
            a0, a1 = load(m, v, left), load(m, v + LANES, left - LANES)
            a2, a3 = (
                load(m, v + 2 * LANES, left - 2 * LANES),
                load(m, v + 3 * LANES, left - 3 * LANES),
            )
            b0, b1 = load(m, u, left), load(m, u + LANES, left - LANES)
            b2, b3 = (
                load(m, u + 2 * LANES, left - 2 * LANES),
                load(m, u + 3 * LANES, left - 3 * LANES),
            )
            q = link
            while q >= 0:
                x, dy = links[q, 0] + j, links[q, 1] + c
                q = links[q, 4]
                s, r = splat(number(m, x)), splat(number(m, x + step))
                d = load(m, dy, left)
                a0, b0 = plus_product(a0, s, d), plus_product(b0, r, d)
                if left > LANES:
                    d = load(m, dy + LANES, left - LANES)
                    a1, b1 = plus_product(a1, s, d), plus_product(b1, r, d)
                if left > 2 * LANES:
                    d = load(m, dy + 2 * LANES, left - 2 * LANES)
                    a2, b2 = plus_product(a2, s, d), plus_product(b2, r, d)
                if left > 3 * LANES:
                    d = load(m, dy + 3 * LANES, left - 3 * LANES)
                    a3, b3 = plus_product(a3, s, d), plus_product(b3, r, d)
            _store_stripe(m, v, a0, a1, a2, a3, left)
            if two:
                _store_stripe(m, u, b0, b1, b2, b3, left)


@compiled()
def _store_stripe(m, at, a0, a1, a2, a3, n):
    store(m, at, a0, n)
    if n > LANES:
        store(m, at + LANES, a1, n - LANES)
    if n > 2 * LANES:
        store(m, at + 2 * LANES, a2, n - 2 * LANES)
    if n > 3 * LANES:
        store(m, at + 3 * LANES, a3, n - 3 * LANES)
