"""Whole tapes in one call: a check of every integer, the values in order, and the way back.

Compiled code trusts what it is given, so ``prepare`` looks at each node before it runs: arguments come
earlier and have the sizes that the node's row says, and an index is below its bound.
"""

from __future__ import annotations

from numba import types

from charlm.kernels.compiled import node_values as nodes
from charlm.kernels.compiled.matvec import (
    add_outer,
    add_product,
    add_to,
    add_transposed,
    clear,
    copy,
    number,
    put,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.tapes import ALL_LIKE_FIRST, CODES, COLUMNS, EACH, TOTAL

(
    CODE,
    COUNT,
    EXTENT,
    BOUND,
    SIZE,
    SAVED,
    WORK,
    PRODUCTS,
    TRAINS,
    DATUM,
    RULE,
    FIRST,
    SECOND,
    THIRD,
) = range(len(COLUMNS))
ARGUMENTS = len(COLUMNS)
(
    PYTHON, LOOKUP, MATMUL, AFFINE, ADD, CMULT, NEGATE, TANH, LOGISTIC, RECTIFY, LOG, ADD_SCALAR, SCALAR_MINUS,
    SCALAR_MULTIPLY, SOFTMAX, LOG_SOFTMAX, PICK_NEG_LOG_SOFTMAX, PICK, PART, SUM, CONCATENATE, SQUARED_DISTANCE,
    DOT_PRODUCT, RNN, LSTM, GRU
) = range(len(CODES))  # fmt: skip


@compiled()
def prepare(
    table,
    numbers,
    code,
    starts,
    at,
    grad,
    trains,
    first,
    end,
    p,
    p_end,
    cursor,
    slope,
    waiting,
    found,
):
    """Check nodes and give them places; return how many were good, all of them if the tape may run.

    They end before ``end``, and their integers are from ``p`` to ``p_end``. ``cursor`` and ``slope`` are the first
    free places for values and for gradients, of which the latter count from 0. ``waiting`` takes the nodes with a
    number of their own, ``found`` the next p, cursor and slope, how many nodes wait, and how many products there are.
    """
    count_waiting, products = 0, 0
    for k in range(first, end):
        s = numbers[k]
        if s < 0 or s >= len(table):
            return k - first
        count, extent = table[s, COUNT], table[s, EXTENT]
        if extent < count or p + extent > p_end:
            return k - first
        rule, sizes = table[s, RULE], 0
        for j in range(count):
            a = code[p + j]
            if a < 0 or a >= k:
                return k - first
            size = table[numbers[a], SIZE]
            sizes += size
            if rule == EACH and size != table[s, ARGUMENTS + j]:
                return k - first
            if rule == ALL_LIKE_FIRST and size != table[s, ARGUMENTS]:
                return k - first
        if rule == TOTAL and sizes != table[s, ARGUMENTS]:
            return k - first
        if extent > count and not 0 <= code[p + count] < table[s, BOUND]:
            return k - first
        starts[k] = p
        trains[k] = table[s, TRAINS]
        p += extent
        grad[k] = slope
        slope += table[s, SIZE] + table[s, WORK]
        products += table[s, PRODUCTS]
        if table[s, CODE] != PYTHON:
            at[k] = cursor
            cursor += table[s, SIZE] + table[s, SAVED]
            if table[s, DATUM]:
                waiting[count_waiting] = k
                count_waiting += 1
    found[0], found[1], found[2], found[3], found[4] = p, cursor, slope, count_waiting, products
    return end - first


@compiled()
def _step_sums(m, y, x, w, u, b, h, has, inputs, hidden, n):
    """Y = b + W x + U h, of n numbers."""
    copy(m, y, b, n)
    add_product(m, y, w, x, inputs, n)
    if has:
        add_product(m, y, u, h, hidden, n)


@compiled()
def _gru(m, at, code, p, y, has, i, h):
    """The gates z and r, the candidate and r h are kept behind the value."""
    x, old = at[code[p]], at[code[p + 10]] if has else 0
    z, r, c, rh = y + h, y + 2 * h, y + 3 * h, y + 4 * h
    _step_sums(m, z, x, at[code[p + 1]], at[code[p + 2]], at[code[p + 3]], old, has, i, h, h)
    _step_sums(m, r, x, at[code[p + 4]], at[code[p + 5]], at[code[p + 6]], old, has, i, h, h)
    nodes.map_numbers(m, LOGISTIC, z, z, 0.0, 2 * h)
    if has:
        nodes.multiply(m, rh, r, old, h)
    _step_sums(m, c, x, at[code[p + 7]], at[code[p + 8]], at[code[p + 9]], rh, has, i, h, h)
    nodes.map_numbers(m, TANH, c, c, 0.0, h)
    nodes.mix(m, y, z, c, old, has, h)


@compiled()
def forward(m, table, reals, numbers, code, starts, at, datum, first, last):
    """Evaluate nodes; return the first one that runs in Python, or ``last`` + 1."""
    for k in range(first, last + 1):
        s = numbers[k]
        op = table[s, CODE]
        if op == PYTHON:
            return k
        p, y, n, count = starts[k], at[k], table[s, SIZE], table[s, COUNT]
        x = at[code[p]] if count else 0
        z = at[code[p + 1]] if count > 1 else 0
        if op == LOOKUP:
            copy(m, y, table[s, FIRST] + n * code[p], n)
        elif op == MATMUL:
            clear(m, y, n)
            add_product(m, y, x, z, table[s, FIRST], n)
        elif op == AFFINE:
            copy(m, y, x, n)
            for j in range(1, count, 2):
                v = code[p + j + 1]
                add_product(m, y, at[code[p + j]], at[v], table[numbers[v], SIZE], n)
        elif op == ADD:
            nodes.add(m, y, x, z, n)
        elif op == CMULT:
            nodes.multiply(m, y, x, z, n)
        elif op <= SCALAR_MULTIPLY:
            nodes.map_numbers(m, op, y, x, datum[k], n)
        elif op == SOFTMAX:
            nodes.softmax(m, y, x, n)
        elif op == LOG_SOFTMAX:
            nodes.log_softmax(m, y, x, n)
        elif op == PICK_NEG_LOG_SOFTMAX:
            log_sum, top = nodes.softmax(m, y + 1, x, table[s, FIRST])
            put(m, y, log_sum + top - number(m, x + int(datum[k])))
        elif op == PICK:
            put(m, y, number(m, x + code[p + 1]))
        elif op == PART:
            copy(m, y, x + table[s, FIRST], n)
        elif op == SUM:
            copy(m, y, x, n)
            for j in range(1, count):
                add_to(m, y, at[code[p + j]], n)
        elif op == CONCATENATE:
            for j in range(count):
                size = table[numbers[code[p + j]], SIZE]
                copy(m, y, at[code[p + j]], size)
                y += size
        elif op == SQUARED_DISTANCE:
            put(m, y, nodes.squared_distance(m, x, z, table[s, FIRST]))
        elif op == DOT_PRODUCT:
            put(m, y, nodes.dot(m, x, z, table[s, FIRST]))
        elif op == RNN:
            has = count > 4
            h = at[code[p + 4]] if has else 0
            u, b = at[code[p + 2]], at[code[p + 3]]
            _step_sums(m, y, x, z, u, b, h, has, table[s, FIRST], n, n)
            nodes.map_numbers(m, TANH, y, y, 0.0, n)
        elif op == LSTM:
            has, hidden = count > 4, n // 2
            c, h = (at[code[p + 4]], at[code[p + 5]]) if has else (0, 0)
            u, b = at[code[p + 2]], at[code[p + 3]]
            _step_sums(m, y + n, x, z, u, b, h, has, table[s, FIRST], hidden, 4 * hidden)
            nodes.lstm(m, y, c, has, reals[s, THIRD], hidden)
        elif op == GRU:
            _gru(m, at, code, p, y, count > 10, table[s, FIRST], n)
    return last + 1


@compiled()
def _put_off(links, heads, count, w, x, dy, k, n):
    """Note that the gradient of node ``w`` gets x dy^T; return how many there are."""
    links[count, 0], links[count, 1], links[count, 2], links[count, 3] = x, dy, k, n
    links[count, 4] = heads[w]
    heads[w] = count
    return count + 1


@compiled()
def _matrix_back(m, at, slope, wanted, links, heads, count, w, v, dy, k, n):
    """Y = W v: what goes to v now, and what goes to W later."""
    if wanted[v]:
        add_transposed(m, slope[v], at[w], dy, k, n)
    if wanted[w]:
        count = _put_off(links, heads, count, w, at[v], dy, k, n)
    return count


@compiled()
def _sum_back(m, at, slope, wanted, links, heads, count, code, p, v, h, has, da, i, hidden, n):
    """B + W x + U h, whose nodes W, U, b are at ``p``; the place of h's numbers and gradient may be no node's."""
    b, w, u = code[p + 2], code[p], code[p + 1]
    if wanted[b]:
        add_to(m, slope[b], da, n)
    count = _matrix_back(m, at, slope, wanted, links, heads, count, w, v, da, i, n)
    if has:
        count = _matrix_back(m, at, slope, wanted, links, heads, count, u, h, da, hidden, n)
    return count


@compiled()
def _gru_back(m, at, slope, wanted, links, heads, count, code, p, y, dy, has, i, n):
    v, h = code[p], code[p + 10] if has else -1
    z, r, c, rh = y + n, y + 2 * n, y + 3 * n, y + 4 * n
    da_z, da_r, da_c, drh = dy + n, dy + 2 * n, dy + 3 * n, dy + 4 * n
    old, dh = (at[h], slope[h]) if has else (0, 0)
    nodes.gru_back(m, da_z, da_c, dh, dy, z, c, old, has, n)
    clear(m, da_r, n)
    if has:
        u = code[p + 8]
        clear(m, drh, n)
        add_transposed(m, drh, at[u], da_c, n, n)
        if wanted[u]:
            count = _put_off(links, heads, count, u, rh, da_c, n, n)
        nodes.reset_back(m, da_r, dh, drh, r, old, n)
    for first, da, recurs in ((1, da_z, has), (4, da_r, has), (7, da_c, False)):
        count = _sum_back(
            m, at, slope, wanted, links, heads, count, code, p + first, v, h, recurs, da, i, n, n
        )
    return count


@compiled()
def backward(
    m, table, numbers, code, starts, at, slope, datum, reached, wanted, links, heads, state, k
):
    """Go back from node ``k``; return the first one that runs in Python, or -1.

    ``reached`` says whether a gradient has come to a node, ``wanted`` whether its gradient is wanted; ``state`` has
    how many products are put off.
    """
    count_links = state[0]
    while k >= 0:
        s = numbers[k]
        op, count, p = table[s, CODE], table[s, COUNT], starts[k]
        y, dy, n = at[k], slope[k], table[s, SIZE]
        if heads[k] >= 0:
            add_outer(m, links, heads[k], dy)
            heads[k] = -1
        if op == PYTHON and (reached[k] or not count):
            break
        if not reached[k] or not wanted[k]:
            k -= 1
            continue
        for j in range(count):
            if wanted[code[p + j]]:
                reached[code[p + j]] = 1
        a = code[p] if count else 0
        b = code[p + 1] if count > 1 else 0
        x, dx, z, dz = at[a], slope[a], at[b], slope[b]
        if op == LOOKUP:
            add_to(m, table[s, SECOND] + n * code[p], dy, n)
        elif op == MATMUL:
            count_links = _matrix_back(
                m, at, slope, wanted, links, heads, count_links, a, b, dy, table[s, FIRST], n
            )
        elif op == AFFINE:
            if wanted[a]:
                add_to(m, dx, dy, n)
            for j in range(1, count, 2):
                w, v = code[p + j], code[p + j + 1]
                count_links = _matrix_back(
                    m,
                    at,
                    slope,
                    wanted,
                    links,
                    heads,
                    count_links,
                    w,
                    v,
                    dy,
                    table[numbers[v], SIZE],
                    n,
                )
        elif op == ADD:
            add_to(m, dx, dy, n)
            add_to(m, dz, dy, n)
        elif op == CMULT:
            nodes.add_multiplied(m, dx, dy, z, n)
            nodes.add_multiplied(m, dz, dy, x, n)
        elif op <= SCALAR_MULTIPLY:
            nodes.map_back(m, op, dx, dy, y, x, datum[k], n)
        elif op == SOFTMAX:
            nodes.softmax_back(m, dx, dy, y, n)
        elif op == LOG_SOFTMAX:
            nodes.log_softmax_back(m, dx, dy, y, n)
        elif op == PICK_NEG_LOG_SOFTMAX:
            d, target = number(m, dy), dx + int(datum[k])
            nodes.add_times(m, dx, y + 1, d, table[s, FIRST])
            put(m, target, number(m, target) - d)
        elif op == PICK:
            target = dx + code[p + 1]
            put(m, target, number(m, target) + number(m, dy))
        elif op == PART:
            add_to(m, dx + table[s, FIRST], dy, n)
        elif op == SUM:
            for j in range(count):
                add_to(m, slope[code[p + j]], dy, n)
        elif op == CONCATENATE:
            for j in range(count):
                size = table[numbers[code[p + j]], SIZE]
                add_to(m, slope[code[p + j]], dy, size)
                dy += size
        elif op == SQUARED_DISTANCE:
            twice, size = types.float32(2.0) * number(m, dy), table[s, FIRST]
            nodes.add_times(m, dx, x, twice, size)
            nodes.add_times(m, dx, z, -twice, size)
            nodes.add_times(m, dz, z, twice, size)
            nodes.add_times(m, dz, x, -twice, size)
        elif op == DOT_PRODUCT:
            d, size = number(m, dy), table[s, FIRST]
            nodes.add_times(m, dx, z, d, size)
            nodes.add_times(m, dz, x, d, size)
        elif op == RNN:
            has = count > 4
            nodes.tanh_back_to(m, dy + n, dy, y, n)
            count_links = _sum_back(
                m, at, slope, wanted, links, heads, count_links, code, p + 1, a, code[p + 4] if has else -1, has,
                dy + n, table[s, FIRST], n, n
            )  # fmt: skip
        elif op == LSTM:
            has, hidden = count > 4, n // 2
            c, h = (code[p + 4], code[p + 5]) if has else (0, -1)
            nodes.lstm_back(m, dy, y, at[c], slope[c], has, hidden)
            count_links = _sum_back(
                m, at, slope, wanted, links, heads, count_links, code, p + 1, a, h, has, dy + n, table[s, FIRST],
                hidden, 4 * hidden
            )  # fmt: skip
        elif op == GRU:
            count_links = _gru_back(
                m,
                at,
                slope,
                wanted,
                links,
                heads,
                count_links,
                code,
                p,
                y,
                dy,
                count > 10,
                table[s, FIRST],
                n,
            )
        k -= 1
    state[0] = count_links
    return k
