"""Products of a matrix and vectors, for tapes: all places are in one flat memory, see ``kernels/tapes.py``.

A matrix W from K to N numbers lies as K rows of N. Wide vectors are cut into stripes of four registers.
"""

from __future__ import annotations

from typing import Any

from numba import types

from charlm.kernels.compiled.options import compiled, instructions
from charlm.kernels.compiled.vectors import (
    LANES,
    Lanes,
    add_totals,
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
def _add_four(m, y, w, x, k, n, left):
    """Y += W x, of four x that lie one after the other, for two registers of each y; a row of W is read once."""
    right = left - LANES
    y1, y2, y3 = y + n, y + 2 * n, y + 3 * n
    a0, b0 = load(m, y, left), load(m, y + LANES, right)
    a1, b1 = load(m, y1, left), load(m, y1 + LANES, right)
    a2, b2 = load(m, y2, left), load(m, y2 + LANES, right)
    a3, b3 = load(m, y3, left), load(m, y3 + LANES, right)
    x1, x2, x3 = x + k, x + 2 * k, x + 3 * k
    if right >= LANES:
        for j in range(k):
            v = w + j * n
            a, b = load(m, v, LANES), load(m, v + LANES, LANES)
            s0, s1 = splat(number(m, x + j)), splat(number(m, x1 + j))
            s2, s3 = splat(number(m, x2 + j)), splat(number(m, x3 + j))
            a0, b0 = plus_product(a0, s0, a), plus_product(b0, s0, b)
            a1, b1 = plus_product(a1, s1, a), plus_product(b1, s1, b)
            a2, b2 = plus_product(a2, s2, a), plus_product(b2, s2, b)
            a3, b3 = plus_product(a3, s3, a), plus_product(b3, s3, b)
    else:
        for j in range(k):
            v = w + j * n
            a, b = load(m, v, left), load(m, v + LANES, right)
            s0, s1 = splat(number(m, x + j)), splat(number(m, x1 + j))
            s2, s3 = splat(number(m, x2 + j)), splat(number(m, x3 + j))
            a0, b0 = plus_product(a0, s0, a), plus_product(b0, s0, b)
            a1, b1 = plus_product(a1, s1, a), plus_product(b1, s1, b)
            a2, b2 = plus_product(a2, s2, a), plus_product(b2, s2, b)
            a3, b3 = plus_product(a3, s3, a), plus_product(b3, s3, b)
    store(m, y, a0, left)
    store(m, y1, a1, left)
    store(m, y2, a2, left)
    store(m, y3, a3, left)
    if right > 0:
        store(m, y + LANES, b0, right)
        store(m, y1 + LANES, b1, right)
        store(m, y2 + LANES, b2, right)
        store(m, y3 + LANES, b3, right)


@compiled()
def add_products(m, y, w, x, k, n, columns):
    """Y += W x, of several x that lie one after the other."""
    fours = columns - columns % 4
    for c in range(0, fours, 4):
        for j in range(0, n, 2 * LANES):
            _add_four(m, y + c * n + j, w + j, x + c * k, k, n, n - j)
    for c in range(fours, columns):
        add_product(m, y + c * n, w, x + c * k, k, n)


@compiled()
def _dots_of_four(m, dx, w, dy, k, n):
    """Dx += W^T dy, of four dy, for two numbers of each dx."""
    y1, y2, y3, u = dy + n, dy + 2 * n, dy + 3 * n, w + n
    zero = splat(types.float32(0.0))
    a0, a1, a2, a3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
    whole = n - n % LANES
    for j in range(0, whole, LANES):
        a, b = load(m, w + j, LANES), load(m, u + j, LANES)
        d = load(m, dy + j, LANES)
        a0, b0 = plus_product(a0, a, d), plus_product(b0, b, d)
        d = load(m, y1 + j, LANES)
        a1, b1 = plus_product(a1, a, d), plus_product(b1, b, d)
        d = load(m, y2 + j, LANES)
        a2, b2 = plus_product(a2, a, d), plus_product(b2, b, d)
        d = load(m, y3 + j, LANES)
        a3, b3 = plus_product(a3, a, d), plus_product(b3, b, d)
    if whole < n:
        rest = n - whole
        a, b = load(m, w + whole, rest), load(m, u + whole, rest)
        d = load(m, dy + whole, rest)
        a0, b0 = plus_product(a0, a, d), plus_product(b0, b, d)
        d = load(m, y1 + whole, rest)
        a1, b1 = plus_product(a1, a, d), plus_product(b1, b, d)
        d = load(m, y2 + whole, rest)
        a2, b2 = plus_product(a2, a, d), plus_product(b2, b, d)
        d = load(m, y3 + whole, rest)
        a3, b3 = plus_product(a3, a, d), plus_product(b3, b, d)
    _add_pair(m, dx, a0, b0)
    _add_pair(m, dx + k, a1, b1)
    _add_pair(m, dx + 2 * k, a2, b2)
    _add_pair(m, dx + 3 * k, a3, b3)


@compiled()
def _add_pair(m, at, a, b):
    put(m, at, number(m, at) + total(a))
    put(m, at + 1, number(m, at + 1) + total(b))


@compiled()
def add_transposed_products(m, dx, w, dy, k, n, columns):
    """Dx += W^T dy, of several dy that lie one after the other."""
    fours, pairs = columns - columns % 4, k - k % 2
    for c in range(0, fours, 4):
        for j in range(0, pairs, 2):
            _dots_of_four(m, dx + c * k + j, w + j * n, dy + c * n, k, n)
        if pairs < k:
            for i in range(c, c + 4):
                add_transposed(m, dx + i * k + pairs, w + pairs * n, dy + i * n, 1, n)
    for c in range(fours, columns):
        add_transposed(m, dx + c * k, w, dy + c * n, k, n)


@compiled()
def _row(m, v, d0, d1, d2, d3, left):
    """The products of a stripe's row, added up but for the lanes."""
    r = product(load(m, v, left), d0)
    if left > LANES:
        r = plus_product(r, load(m, v + LANES, left - LANES), d1)
    if left > 2 * LANES:
        s = product(load(m, v + 2 * LANES, left - 2 * LANES), d2)
        if left > 3 * LANES:
            s = plus_product(s, load(m, v + 3 * LANES, left - 3 * LANES), d3)
        r = plus(r, s)
    return r


@compiled()
def add_transposed(m, dx, w, dy, k, n):
    """Dx += W^T dy."""
    fours = k - k % 4
    for c in range(0, n, STRIPE):
        left = n - c
        d0 = load(m, dy + c, left)
        d1 = load(m, dy + c + LANES, left - LANES)
        d2 = load(m, dy + c + 2 * LANES, left - 2 * LANES)
        d3 = load(m, dy + c + 3 * LANES, left - 3 * LANES)
        v = w + c
        for j in range(0, fours, 4):
            add_totals(
                m,
                dx + j,
                _row(m, v, d0, d1, d2, d3, left),
                _row(m, v + n, d0, d1, d2, d3, left),
                _row(m, v + 2 * n, d0, d1, d2, d3, left),
                _row(m, v + 3 * n, d0, d1, d2, d3, left),
            )
            v += 4 * n
        for j in range(fours, k):
            put(m, dx + j, number(m, dx + j) + total(_row(m, v, d0, d1, d2, d3, left)))
            v += n
