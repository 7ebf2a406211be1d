"""The way back through a tape: each node passes its gradient on to its arguments, the last node first."""

from __future__ import annotations

from numba import types

from charlm.kernels.compiled import node_values as nodes
from charlm.kernels.compiled.addresses import floats_at, put_byte
from charlm.kernels.compiled.layout import *
from charlm.kernels.compiled.matvec import (
    add_outer,
    add_to,
    add_transposed,
    clear,
    number,
    put,
    real_of,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.tapes import DONE, REACHED, WANTED
from charlm.kernels.tapes import PYTHON as RUNS_IN_PYTHON


@compiled()
def _begin(m, s, table, numbers, slopes, flags, heads):
    """Note whose gradients are wanted, and set all to zero but the last node's."""
    last, first, full = s[LAST], s[FIRST_SLOPE], s[FULL]
    for k in range(last + 1):
        r = numbers[k]
        wanted = table[r, SIZE] > 0 if full else table[r, TRAINS]
        flags[k] = WANTED if wanted else 0
        heads[k] = -1
    end = slopes[last] + table[numbers[last], SIZE] + table[numbers[last], WORK]
    clear(m, first, end)
    put(m, first + slopes[last], types.float32(1.0))
    flags[last] |= REACHED
    s[LINKS_USED] = 0


@compiled()
def _put_off(s, links, heads, w, x, dy, k, n):
    """Note that the gradient of node ``w`` gets x dy^T."""
    i = s[LINKS_USED]
    links[i, 0], links[i, 1], links[i, 2], links[i, 3], links[i, 4] = x, dy, k, n, heads[w]
    heads[w] = i
    s[LINKS_USED] = i + 1


@compiled()
def _matrix_back(m, s, values, slopes, flags, links, heads, w, v, dy, k, n, columns):
    """Y = W v: what goes to v now, and what goes to W later."""
    if flags[v] & WANTED:
        dx = s[FIRST_SLOPE] + slopes[v]
        for c in range(columns):
            add_transposed(m, dx + c * k, values[w], dy + c * n, k, n)
    if flags[w] & WANTED:
        for c in range(columns):
            _put_off(s, links, heads, w, values[v] + c * k, dy + c * n, k, n)


@compiled()
def _sums_back(m, s, values, slopes, flags, links, heads, code, p, v, h, da, i, hidden, n, columns):
    """B + W x + U h, whose nodes W, U, b are at ``p``; h is no node where it is less than 0."""
    w, u, b = code[p], code[p + 1], code[p + 2]
    if flags[b] & WANTED:
        for c in range(columns):
            add_to(m, s[FIRST_SLOPE] + slopes[b], da + c * n, n)
    _matrix_back(m, s, values, slopes, flags, links, heads, w, v, da, i, n, columns)
    if h >= 0:
        _matrix_back(m, s, values, slopes, flags, links, heads, u, h, da, hidden, n, columns)


@compiled()
def _lstm_back(m, s, values, slopes, flags, links, heads, code, p, y, dy, has, i, size, n):
    columns, half = n // 2 // size, n // 2
    c, dc = (values[code[p + 4]], s[FIRST_SLOPE] + slopes[code[p + 4]]) if has else (0, 0)
    gates, da = y + n, dy + n
    for j in range(columns):
        k = j * size
        nodes.lstm_back(
            m, dy + k, dy + half + k, gates + 4 * k, gates + 2 * n + k, da + 4 * k, c + k, dc + k, has, size
        )  # fmt: skip
    h = code[p + 5] if has else -1
    _sums_back(
        m, s, values, slopes, flags, links, heads, code, p + 1, code[p], h, da, i, size, 4 * size, columns
    )  # fmt: skip


@compiled()
def _gru_back(m, s, values, slopes, flags, links, heads, code, p, y, dy, has, i, h, n):
    columns = n // h
    z, r, c, rh = y + n, y + 2 * n, y + 3 * n, y + 4 * n
    da_z, da_r, da_c, drh = dy + n, dy + 2 * n, dy + 3 * n, dy + 4 * n
    v, before = code[p], code[p + 10] if has else -1
    old, dh = (values[before], s[FIRST_SLOPE] + slopes[before]) if has else (0, 0)
    nodes.gru_back(m, da_z, da_c, dh, dy, z, c, old, has, n)
    clear(m, da_r, n)
    if has:
        u = code[p + 8]
        clear(m, drh, n)
        for j in range(columns):
            add_transposed(m, drh + j * h, values[u], da_c + j * h, h, h)
            if flags[u] & WANTED:
                _put_off(s, links, heads, u, rh + j * h, da_c + j * h, h, h)
        nodes.reset_back(m, da_r, dh, drh, r, old, n)
    for first, da, recurs in ((1, da_z, before), (4, da_r, before), (7, da_c, -1)):
        _sums_back(
            m, s, values, slopes, flags, links, heads, code, p + first, v, recurs, da, i, h, h, columns
        )  # fmt: skip


@compiled()
def backward(s, table, numbers, code, starts, values, slopes, gradients, flags, heads, links):
    """Go back from a node, the last one at first, and return why it ends."""
    m, base = floats_at(s[ORIGIN], (1,)), s[FIRST_SLOPE]
    if s[NODE] == s[LAST]:
        _begin(m, s, table, numbers, slopes, flags, heads)
    k = s[NODE]
    while k >= 0:
        r = numbers[k]
        op, count, p = table[r, CODE], table[r, COUNT], starts[k]
        y, dy, n = values[k], base + slopes[k], table[r, SIZE]
        if heads[k] >= 0:
            add_outer(m, links, heads[k], dy)
            heads[k] = -1
            flags[k] |= REACHED
        first, second = table[r, FIRST], table[r, SECOND]
        if op == LOOKUP and table[r, TRAINS]:
            for j in range(table[r, EXTENT]):
                put_byte(table[r, FOURTH] + code[p + j], 1)
        if op == PYTHON and (flags[k] & REACHED or not count):
            s[NODE] = k
            return RUNS_IN_PYTHON
        if flags[k] != REACHED | WANTED:
            k -= 1
            continue
        for j in range(count):
            if flags[code[p + j]] & WANTED:
                flags[code[p + j]] |= REACHED
        a = code[p] if count else k
        b = code[p + 1] if count > 1 else a
        x, dx, z, dz = values[a], base + slopes[a], values[b], base + slopes[b]
        if op == GIVEN:
            if gradients[k]:
                add_to(m, gradients[k], dy, n)
        elif op == LOOKUP:
            for j in range(table[r, EXTENT] if table[r, TRAINS] else 0):
                add_to(m, table[r, THIRD] + second * code[p + j], dy + j * second, second)
        elif op == MATMUL:
            _matrix_back(
                m, s, values, slopes, flags, links, heads, a, b, dy, first, second, n // second
            )
        elif op == AFFINE:
            size = table[numbers[a], SIZE]
            if flags[a] & WANTED:
                for j in range(0, n, size):
                    add_to(m, dx, dy + j, size)
            columns = n // second
            for j in range(1, count, 2):
                w, v = code[p + j], code[p + j + 1]
                inner = table[numbers[v], SIZE] // columns
                _matrix_back(
                    m, s, values, slopes, flags, links, heads, w, v, dy, inner, second, columns
                )
        elif op == ADD:
            add_to(m, dx, dy, n)
            add_to(m, dz, dy, n)
        elif op == CMULT:
            small_x, small_z = table[r, ARGUMENTS], table[r, ARGUMENTS + 1]
            step = min(small_x, small_z)
            for j in range(0, n, step):
                of_x, of_z = j % small_x, j % small_z
                nodes.add_multiplied(m, dx + of_x, dy + j, z + of_z, step)
                nodes.add_multiplied(m, dz + of_z, dy + j, x + of_x, step)
        elif op < ADD_SCALAR:
            nodes.map_back(m, op, dx, dy, y, x, 0.0, n)
        elif op <= SCALAR_MULTIPLY:
            nodes.map_back(m, op, dx, dy, y, x, real_of(code[p + 1]), n)
        elif op == SOFTMAX:
            for j in range(0, n, first):
                nodes.softmax_back(m, dx + j, dy + j, y + j, first)
        elif op == LOG_SOFTMAX:
            for j in range(0, n, first):
                nodes.log_softmax_back(m, dx + j, dy + j, y + n + j, first)
        elif op == PICK_NEG_LOG_SOFTMAX:
            for j in range(n):
                d, target = number(m, dy + j), dx + j * first + code[p + 1 + j]
                nodes.add_times(m, dx + j * first, y + n + j * first, d, first)
                put(m, target, number(m, target) - d)
        elif op == PICK:
            outer, indices = n // second, table[r, EXTENT] - count
            for j in range(outer):
                index = code[p + count + j * indices // outer]
                add_to(m, dx + j * first + index * second, dy + j * second, second)
        elif op == PART:
            third = table[r, THIRD]
            for j in range(n // third):
                add_to(m, dx + first + j * second, dy + j * third, third)
        elif op == SUM:
            for j in range(count):
                v = code[p + j]
                size = table[numbers[v], SIZE]
                for c in range(0, n, size):
                    add_to(m, base + slopes[v], dy + c, size)
        elif op == CONCATENATE:
            times = n // first
            for j in range(count):
                v = code[p + j]
                size = table[numbers[v], SIZE] // times
                for c in range(times):
                    add_to(m, base + slopes[v] + c * size, dy + c * first, size)
                dy += size
        elif op == SUM_ELEMS:
            for j in range(n):
                nodes.add_number(m, dx + j * first, number(m, dy + j), first)
        elif op == SUM_BATCHES:
            for j in range(0, table[r, ARGUMENTS], n):
                add_to(m, dx + j, dy, n)
        elif op == SQUARED_DISTANCE:
            twice = types.float32(2.0) * number(m, dy)
            nodes.add_times(m, dx, x, twice, first)
            nodes.add_times(m, dx, z, -twice, first)
            nodes.add_times(m, dz, z, twice, first)
            nodes.add_times(m, dz, x, -twice, first)
        elif op == DOT_PRODUCT:
            d = number(m, dy)
            nodes.add_times(m, dx, z, d, first)
            nodes.add_times(m, dz, x, d, first)
        elif op == RNN:
            nodes.tanh_back_to(m, dy + n, dy, y, n)
            h = code[p + 4] if count > 4 else -1
            _sums_back(
                m, s, values, slopes, flags, links, heads, code, p + 1, a, h, dy + n, first, second, second,
                n // second
            )  # fmt: skip
        elif op == LSTM:
            _lstm_back(
                m, s, values, slopes, flags, links, heads, code, p, y, dy, count > 4, first, second, n
            )  # fmt: skip
        elif op == GRU:
            _gru_back(
                m, s, values, slopes, flags, links, heads, code, p, y, dy, count > 10, first, second, n
            )  # fmt: skip
        k -= 1
    return DONE
