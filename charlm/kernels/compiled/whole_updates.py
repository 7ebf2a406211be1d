"""A trainer's update of a whole collection in two calls: the norm of the gradients, and the step.

``kernels/reference/updates.py`` describes the array of integers; both calls get its address.
"""

from __future__ import annotations

import numpy as np
from numba import types

from charlm.kernels.compiled.addresses import bytes_at, floats_at, integers_at, reals_at
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.updates import BLOCK, adam, sgd, squares
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, splat, store
from charlm.kernels.reference.updates import RULES, TABLE, UPDATE

(
    ORIGIN, VALUES, GRADIENTS, RULE, ALL_ROWS, PARTS, UPDATED_PARTS, TABLES, NORM, SCALE,
    FIRST, SECOND, THIRD, FOURTH, FIRST_MOMENT, SECOND_MOMENT
) = range(len(UPDATE))  # fmt: skip
ROWS, WIDTH, VALUE, GRADIENT, TOUCHED, UPDATED, FIRST_AVERAGE, SECOND_AVERAGE = range(len(TABLE))
SGD, MOMENTUM, _ = range(len(RULES))
HEAD, OF_A_TABLE = len(UPDATE), len(TABLE)
WORD = 8  # marks that are checked together


@lanewise
def _times(x: Lanes, by: Lanes) -> Lanes:
    return x * by


@lanewise
def _momentum(p: Lanes, g: Lanes, v: Lanes, rate: Lanes, momentum: Lanes) -> tuple[Lanes, ...]:
    v = v * momentum - g * rate
    return p + v, v


@compiled()
def _size(address):
    s = integers_at(address, (HEAD,))
    return HEAD + 2 * (s[PARTS] + s[UPDATED_PARTS]) + OF_A_TABLE * s[TABLES]


@compiled()
def _next(marks, words, row, every):
    """Return the next marked row, or with ``every`` the next row; the number of rows if there is none."""
    while row < len(marks) and not every and not marks[row]:
        row += (
            WORD if row % WORD == 0 and row // WORD < len(words) and not words[row // WORD] else 1
        )
    return min(row, len(marks))


@compiled()
def _sum_of_squares(m, begin, count):
    """Add up blocks in float64; each block is a sum in float32."""
    sum_ = 0.0
    for at in range(begin, begin + count, BLOCK):
        sum_ += squares(m, at, min(at + BLOCK, begin + count))
    return sum_


@compiled()
def update_norm(address):
    """Write the norm of all gradients."""
    s = integers_at(address, (_size(address),))
    m = floats_at(s[ORIGIN], (1,))
    sum_, at = 0.0, HEAD
    for _ in range(s[PARTS]):
        sum_ += _sum_of_squares(m, s[GRADIENTS] + s[at], s[at + 1] - s[at])
        at += 2
    at += 2 * s[UPDATED_PARTS]
    for _ in range(s[TABLES]):
        rows, width, gradient = s[at + ROWS], s[at + WIDTH], s[at + GRADIENT]
        marks = bytes_at(s[at + TOUCHED], (rows,))
        words = integers_at(s[at + TOUCHED], (rows // WORD,))
        row = _next(marks, words, 0, s[ALL_ROWS])
        while row < rows:
            sum_ += _sum_of_squares(m, gradient + row * width, width)
            row = _next(marks, words, row + 1, s[ALL_ROWS])
        at += OF_A_TABLE
    reals_at(address, (HEAD,))[NORM] = np.sqrt(np.float32(sum_))
    return 0


@compiled()
def _step(m, rule, r, p, g, first, second, n):
    """Update numbers and their averages by the rule, and clear the gradients."""
    zero, by = splat(types.float32(0.0)), splat(types.float32(r[SCALE]))
    a, b = splat(types.float32(r[FIRST])), splat(types.float32(r[SECOND]))
    if rule == SGD:
        for j in range(0, n, LANES):
            d = _times(load(m, g + j, n - j), by)
            store(m, p + j, sgd(load(m, p + j, n - j), d, a), n - j)
            store(m, g + j, zero, n - j)
    elif rule == MOMENTUM:
        for j in range(0, n, LANES):
            d = _times(load(m, g + j, n - j), by)
            x, v = _momentum(load(m, p + j, n - j), d, load(m, first + j, n - j), a, b)
            store(m, p + j, x, n - j)
            store(m, first + j, v, n - j)
            store(m, g + j, zero, n - j)
    else:
        rest_a = splat(types.float32(1.0 - r[FIRST]))
        rest_b = splat(types.float32(1.0 - r[SECOND]))
        rate, eps = splat(types.float32(r[THIRD])), splat(types.float32(r[FOURTH]))
        for j in range(0, n, LANES):
            d = _times(load(m, g + j, n - j), by)
            u, v = load(m, first + j, n - j), load(m, second + j, n - j)
            x, u, v = adam(load(m, p + j, n - j), d, u, v, a, rest_a, b, rest_b, rate, eps)
            store(m, p + j, x, n - j)
            store(m, first + j, u, n - j)
            store(m, second + j, v, n - j)
            store(m, g + j, zero, n - j)


@compiled()
def update_step(address):
    """Update all parts and tables, and clear their gradients and marks."""
    s, r = integers_at(address, (_size(address),)), reals_at(address, (HEAD,))
    m = floats_at(s[ORIGIN], (1,))
    rule, at = s[RULE], HEAD + 2 * s[PARTS]
    for _ in range(s[UPDATED_PARTS]):
        begin, n = s[at], s[at + 1] - s[at]
        p, g = s[VALUES] + begin, s[GRADIENTS] + begin
        _step(m, rule, r, p, g, s[FIRST_MOMENT] + begin, s[SECOND_MOMENT] + begin, n)
        at += 2
    for _ in range(s[TABLES]):
        rows, width = s[at + ROWS], s[at + WIDTH]
        marks = bytes_at(s[at + TOUCHED], (rows,))
        words = integers_at(s[at + TOUCHED], (rows // WORD,))
        row = _next(marks, words, 0, s[ALL_ROWS]) if s[at + UPDATED] else rows
        while row < rows:
            p, g = s[at + VALUE] + row * width, s[at + GRADIENT] + row * width
            u, v = s[at + FIRST_AVERAGE] + row * width, s[at + SECOND_AVERAGE] + row * width
            _step(m, rule, r, p, g, u, v, width)
            marks[row] = 0
            row = _next(marks, words, row + 1, s[ALL_ROWS])
        at += OF_A_TABLE
    return 0


ENTRIES = {f.__name__: f for f in (update_norm, update_step)}
