"""Products of a matrix and vectors, for tapes: all places are in one flat memory, see ``kernels/tapes.py``.

A matrix W from K to N numbers is stored as K rows of N. Wide vectors are cut into stripes of four registers.
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


@lanewise
def plus_pairs(
    a0: Lanes, b0: Lanes, a1: Lanes, b1: Lanes, a2: Lanes, b2: Lanes, a3: Lanes, b3: Lanes,
    s0: Lanes, s1: Lanes, s2: Lanes, s3: Lanes, a: Lanes, b: Lanes,
) -> tuple[Lanes, ...]:  # fmt: skip
    """Add to four pairs (a, b) times a factor each."""
    return (
        s0 * a + a0, s0 * b + b0, s1 * a + a1, s1 * b + b1,
        s2 * a + a2, s2 * b + b2, s3 * a + a3, s3 * b + b3,
    )  # fmt: skip


@compiled(inline=True)
def load_pairs(m, y, n, left, right):
    """Return two registers of each of four rows of n numbers; ``left`` and ``right`` numbers count."""
    y1, y2, y3 = y + n, y + 2 * n, y + 3 * n
    return (
        load(m, y, left), load(m, y + LANES, right), load(m, y1, left), load(m, y1 + LANES, right),
        load(m, y2, left), load(m, y2 + LANES, right), load(m, y3, left), load(m, y3 + LANES, right),
    )  # fmt: skip


@compiled(inline=True)
def store_pairs(m, y, n, left, right, a0, b0, a1, b1, a2, b2, a3, b3):
    """The opposite of ``load_pairs``."""
    y1, y2, y3 = y + n, y + 2 * n, y + 3 * n
    store(m, y, a0, left)
    store(m, y1, a1, left)
    store(m, y2, a2, left)
    store(m, y3, a3, left)
    if right > 0:
        store(m, y + LANES, b0, right)
        store(m, y1 + LANES, b1, right)
        store(m, y2 + LANES, b2, right)
        store(m, y3 + LANES, b3, right)


@compiled(inline=True)
def _stripe_row(m, v, s, n0, n1, n2, n3, wide, a0, a1, a2, a3):
    """Add s times a stripe of W; n0 to n3 are the valid numbers of each register."""
    a0 = plus_product(a0, s, load(m, v, n0))
    a1 = plus_product(a1, s, load(m, v + LANES, n1))
    if wide:
        a2 = plus_product(a2, s, load(m, v + 2 * LANES, n2))
        a3 = plus_product(a3, s, load(m, v + 3 * LANES, n3))
    return a0, a1, a2, a3


@compiled(inline=True)
def _stripe_rows(m, w, ld, x, k, n0, n1, n2, n3, wide, a0, a1, a2, a3):
    """Add x[j] W[j] for k rows, an even number: two sums each, so that they need not wait for each other."""
    zero = splat(types.float32(0.0))
    b0, b1, b2, b3 = zero, zero, zero, zero
    for j in range(0, k, 2):
        s, r, v = splat(number(m, x + j)), splat(number(m, x + j + 1)), w + j * ld
        a0, a1, a2, a3 = _stripe_row(m, v, s, n0, n1, n2, n3, wide, a0, a1, a2, a3)
        b0, b1, b2, b3 = _stripe_row(m, v + ld, r, n0, n1, n2, n3, wide, b0, b1, b2, b3)
    return a0, a1, a2, a3, b0, b1, b2, b3


@compiled()
def _add_stripe(m, y, w, ld, x, k, n):
    """Y += sum over j of x[j] W[j], for a stripe; whole registers are read without a mask."""
    n1, n2, n3 = n - LANES, n - 2 * LANES, n - 3 * LANES
    a0, a1 = load(m, y, n), load(m, y + LANES, n1)
    a2, a3 = load(m, y + 2 * LANES, n2), load(m, y + 3 * LANES, n3)
    even = k - k % 2
    if n == STRIPE:
        a0, a1, a2, a3, b0, b1, b2, b3 = _stripe_rows(
            m, w, ld, x, even, LANES, LANES, LANES, LANES, True, a0, a1, a2, a3
        )
    elif n > 2 * LANES:
        a0, a1, a2, a3, b0, b1, b2, b3 = _stripe_rows(
            m, w, ld, x, even, LANES, LANES, n2, n3, True, a0, a1, a2, a3
        )
    else:
        a0, a1, a2, a3, b0, b1, b2, b3 = _stripe_rows(
            m, w, ld, x, even, n, n1, 0, 0, False, a0, a1, a2, a3
        )
    if even < k:
        s = splat(number(m, x + even))
        a0, a1, a2, a3 = _stripe_row(m, w + even * ld, s, n, n1, n2, n3, True, a0, a1, a2, a3)
    store_stripe(m, y, plus(a0, b0), plus(a1, b1), plus(a2, b2), plus(a3, b3), n)


@compiled()
def store_stripe(m, at, a0, a1, a2, a3, n):
    """Write the first n numbers of four registers."""
    store(m, at, a0, n)
    if n > LANES:
        store(m, at + LANES, a1, n - LANES)
    if n > 2 * LANES:
        store(m, at + 2 * LANES, a2, n - 2 * LANES)
    if n > 3 * LANES:
        store(m, at + 3 * LANES, a3, n - 3 * LANES)


@compiled()
def add_product(m, y, w, x, k, n):
    """Y += W x."""
    for j in range(0, n, STRIPE):
        _add_stripe(m, y + j, w + j, n, x, k, min(n - j, STRIPE))


@compiled(inline=True)
def _rows_of_four(m, w, x, k, n, left, right, a0, b0, a1, b1, a2, b2, a3, b3):
    for j in range(k):
        v, at = w + j * n, x + j
        s0, s1 = splat(number(m, at)), splat(number(m, at + k))
        s2, s3 = splat(number(m, at + 2 * k)), splat(number(m, at + 3 * k))
        a0, b0, a1, b1, a2, b2, a3, b3 = plus_pairs(
            a0, b0, a1, b1, a2, b2, a3, b3, s0, s1, s2, s3, load(m, v, left), load(m, v + LANES, right)
        )  # fmt: skip
    return a0, b0, a1, b1, a2, b2, a3, b3


@compiled()
def _add_four(m, y, w, x, k, n, left):
    """Y += W x, of four x that lie one after the other, for two registers of each y; a row of W is read once."""
    right = left - LANES
    a0, b0, a1, b1, a2, b2, a3, b3 = load_pairs(m, y, n, left, right)
    if right >= LANES:
        a0, b0, a1, b1, a2, b2, a3, b3 = _rows_of_four(
            m, w, x, k, n, LANES, LANES, a0, b0, a1, b1, a2, b2, a3, b3
        )
    else:
        a0, b0, a1, b1, a2, b2, a3, b3 = _rows_of_four(
            m, w, x, k, n, left, right, a0, b0, a1, b1, a2, b2, a3, b3
        )
    store_pairs(m, y, n, left, right, a0, b0, a1, b1, a2, b2, a3, b3)


@compiled()
def add_products(m, y, w, x, k, n, columns):
    """Y += W x for several x, which are stored one after another."""
    fours = columns - columns % 4
    for c in range(0, fours, 4):
        for j in range(0, n, 2 * LANES):
            _add_four(m, y + c * n + j, w + j, x + c * k, k, n, n - j)
    for c in range(fours, columns):
        add_product(m, y + c * n, w, x + c * k, k, n)


@compiled(inline=True)
def _products_of_four(m, w, dy, j, n, count, a0, b0, a1, b1, a2, b2, a3, b3):
    """Add the products of two rows of W with four dy, for the register at number j."""
    a, b, d = load(m, w + j, count), load(m, w + n + j, count), load(m, dy + j, count)
    a0, b0 = plus_product(a0, a, d), plus_product(b0, b, d)
    d = load(m, dy + n + j, count)
    a1, b1 = plus_product(a1, a, d), plus_product(b1, b, d)
    d = load(m, dy + 2 * n + j, count)
    a2, b2 = plus_product(a2, a, d), plus_product(b2, b, d)
    d = load(m, dy + 3 * n + j, count)
    a3, b3 = plus_product(a3, a, d), plus_product(b3, b, d)
    return a0, b0, a1, b1, a2, b2, a3, b3


@compiled()
def _dots_of_four(m, dx, w, dy, k, n):
    """Dx += W^T dy, of four dy, for two numbers of each dx."""
    zero = splat(types.float32(0.0))
    a0, a1, a2, a3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
    whole = n - n % LANES
    for j in range(0, whole, LANES):
        a0, b0, a1, b1, a2, b2, a3, b3 = _products_of_four(
            m, w, dy, j, n, LANES, a0, b0, a1, b1, a2, b2, a3, b3
        )
    if whole < n:
        a0, b0, a1, b1, a2, b2, a3, b3 = _products_of_four(
            m, w, dy, whole, n, n - whole, a0, b0, a1, b1, a2, b2, a3, b3
        )
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
    """The products of a stripe's row, added up for each lane."""
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
