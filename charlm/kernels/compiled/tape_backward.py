"""The backward pass of a tape: each node passes its gradient on to its arguments, the last node first.

``tape`` is what most functions here need: the memory, the state, and for each node its value's place, its
gradient's place, its flags, the products that are put off, and the first of them.
"""

from __future__ import annotations

from numba import types

from charlm.kernels.compiled import maps, reductions
from charlm.kernels.compiled import node_values as nodes
from charlm.kernels.compiled.addresses import floats_at, put_byte
from charlm.kernels.compiled.layout import *
from charlm.kernels.compiled.matvec import (
    add_to,
    add_transposed_products,
    clear,
    number,
    put,
    real_of,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.outer import add_outer
from charlm.kernels.compiled.tape_forward import each_size, repeated, transposed
from charlm.kernels.tapes import DONE, REACHED, WANTED
from charlm.kernels.tapes import PYTHON as RUNS_IN_PYTHON


@compiled()
def _begin(m, s, table, numbers, slopes, flags, heads):
    """Note which gradients are wanted; set the last node's to 1 and all others to 0."""
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
def _matrix_back(tape, w, v, at, dy, k, n, columns):
    """Y = W v, v from place ``at`` on: add v's gradient now, and put off W's."""
    m, s, values, slopes, flags, links, heads = tape
    if flags[v] & WANTED:
        dx = s[FIRST_SLOPE] + slopes[v] + at
        add_transposed_products(m, dx, values[w], dy, k, n, columns)
    if flags[w] & WANTED:
        for c in range(columns):
            _put_off(s, links, heads, w, values[v] + at + c * k, dy + c * n, k, n)


@compiled()
def _sums_back(tape, code, p, v, h, da, i, hidden, n, columns):
    """A = b + W x + U h, with the nodes W, U and b at ``p``; there is no h if it is below 0."""
    m, s, _, slopes, flags, _, _ = tape
    w, u, b = code[p], code[p + 1], code[p + 2]
    if flags[b] & WANTED:
        for c in range(columns):
            add_to(m, s[FIRST_SLOPE] + slopes[b], da + c * n, n)
    _matrix_back(tape, w, v, 0, da, i, n, columns)
    if h >= 0:
        _matrix_back(tape, u, h, 0, da, hidden, n, columns)


@compiled()
def _bias_back(m, table, r, numbers, db, node, dy, n):
    block, shared = table[r, FIRST] * table[r, SECOND], table[r, THIRD] & 1
    size = each_size(table, numbers[node], shared, n // block)
    for j in range(0, n, size):
        add_to(m, db if shared else db + j // block * size, dy + j, size)


@compiled()
def _products_back(tape, table, r, numbers, code, p, begin, count, dy, n):
    """Y += W x for all pairs, for each batch element: W's gradient is put off if these share W."""
    columns, rows, shared = table[r, FIRST], table[r, SECOND], table[r, THIRD]
    elements = n // (columns * rows)
    for j in range(begin, count, 2):
        w, v = code[p + j], code[p + j + 1]
        same_w, same_x = shared >> j & 1, shared >> (j + 1) & 1
        of_w = each_size(table, numbers[w], same_w, elements)
        of_x = each_size(table, numbers[v], same_x, elements)
        k = of_x // columns
        for e in range(elements):
            at_x, d = (1 - same_x) * e * of_x, dy + e * columns * rows
            if same_w:
                _matrix_back(tape, w, v, at_x, d, k, rows, columns)
            else:
                _one_matrix_back(tape, w, e * of_w, v, at_x, d, k, rows, columns)


@compiled()
def _one_matrix_back(tape, w, at_w, v, at_x, dy, k, n, columns):
    """Y = W v, of a matrix of one batch element."""
    m, s, values, slopes, flags, _, _ = tape
    x, dx = values[v] + at_x, s[FIRST_SLOPE] + slopes[v] + at_x
    dw = s[FIRST_SLOPE] + slopes[w] + at_w
    if flags[v] & WANTED:
        add_transposed_products(m, dx, values[w] + at_w, dy, k, n, columns)
    if flags[w] & WANTED:
        for c in range(columns):
            for i in range(k):
                nodes.add_times(m, dw + i * n, dy + c * n, number(m, x + c * k + i), n)


@compiled()
def _pair_back(m, table, r, op, dx, dz, dy, y, x, z, n):
    times_x, of_x = table[r, FIRST], table[r, SECOND]
    times_z, of_z = table[r, THIRD], table[r, FOURTH]
    step = min(of_x, of_z)
    for j in range(0, n, step):
        at_x, at_z = repeated(j, times_x, of_x), repeated(j, times_z, of_z)
        maps.pair_back(m, op, dx + at_x, dz + at_z, dy + j, y + j, x + at_x, z + at_z, step)


@compiled()
def _lstm_back(tape, code, p, y, dy, has, i, size, n):
    m, s, values, slopes, _, _, _ = tape
    columns, half = n // 2 // size, n // 2
    c, dc = (values[code[p + 4]], s[FIRST_SLOPE] + slopes[code[p + 4]]) if has else (0, 0)
    gates, da = y + n, dy + n
    for j in range(columns):
        k = j * size
        nodes.lstm_back(
            m, dy + k, dy + half + k, gates + 4 * k, gates + 2 * n + k, da + 4 * k, c + k, dc + k, has, size
        )  # fmt: skip
    h = code[p + 5] if has else -1
    _sums_back(tape, code, p + 1, code[p], h, da, i, size, 4 * size, columns)


@compiled()
def _gru_back(tape, code, p, y, dy, has, i, h, n):
    m, s, values, slopes, flags, links, heads = tape
    columns = n // h
    z, r, c, rh = y + n, y + 2 * n, y + 3 * n, y + 4 * n
    da_z, da_r, da_c, drh = dy + n, dy + 2 * n, dy + 3 * n, dy + 4 * n
    v, before = code[p], code[p + 10] if has else -1
    old, dh = (values[before], s[FIRST_SLOPE] + slopes[before]) if has else (0, 0)
    nodes.gru_back(m, da_z, da_c, dh, dy, z, c, old, has, n)
    if has:
        u = code[p + 8]
        add_transposed_products(m, drh, values[u], da_c, h, h, columns)
        for j in range(columns):
            if flags[u] & WANTED:
                _put_off(s, links, heads, u, rh + j * h, da_c + j * h, h, h)
        nodes.reset_back(m, da_r, dh, drh, r, old, n)
    for first, da, recurs in ((1, da_z, before), (4, da_r, before), (7, da_c, -1)):
        _sums_back(tape, code, p + first, v, recurs, da, i, h, h, columns)


@compiled()
def backward(s, table, numbers, code, starts, values, slopes, gradients, flags, heads, links):
    """Run backward from the current node, which is the last one at first, and return why it ends."""
    m, base = floats_at(s[ORIGIN], (1,)), s[FIRST_SLOPE]
    tape = m, s, values, slopes, flags, links, heads
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
        if flags[k] != REACHED | WANTED or op == FILL:
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
            _products_back(tape, table, r, numbers, code, p, 0, count, dy, n)
        elif op == AFFINE:
            if flags[a] & WANTED:
                _bias_back(m, table, r, numbers, dx, a, dy, n)
            _products_back(tape, table, r, numbers, code, p, 1, count, dy, n)
        elif op <= CDIV:
            _pair_back(m, table, r, op, dx, dz, dy, y, x, z, n)
        elif op <= PAIRWISE_RANK_LOSS:
            maps.pair_back(m, op, dx, dz, dy, y, x, z, n)
        elif op <= SCALAR_MULTIPLY:
            constant = real_of(code[p + 1]) if op >= ADD_SCALAR else 0.0
            maps.map_back(m, op, dx, dy, y, x, constant, n)
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
        elif op == HINGE:
            reductions.hinge_back(m, dx, dy, x, code, p + 1, n, first, real_of(second))
        elif op == PICK:
            outer, indices = n // second, table[r, EXTENT] - count
            for j in range(outer):
                index = code[p + count + j * indices // outer]
                to = dx + j % table[r, THIRD] * first + index * second
                add_to(m, to, dy + j * second, second)
        elif op == SELECT:
            indices = table[r, EXTENT] - count
            for j in range(n // second):
                to = dx + j // indices * first + code[p + count + j % indices] * second
                add_to(m, to, dy + j * second, second)
        elif op == PART:
            third = table[r, THIRD]
            for j in range(n // third):
                add_to(m, dx + first + j * second, dy + j * third, third)
        elif op == TRANSPOSE:
            third = table[r, THIRD]
            for j in range(0, n, third):
                add_to(m, dx + transposed(j // third, first, second) * third, dy + j, third)
        elif op == SUM:
            scale = types.float32(real_of(first))
            for j in range(count):
                v = code[p + j]
                size = table[numbers[v], SIZE]
                for c in range(0, n, size):
                    nodes.add_times(m, base + slopes[v], dy + c, scale, size)
        elif op == LOG_SUM_EXP:
            for j in range(count):
                v = code[p + j]
                reductions.log_sum_exp_back(m, base + slopes[v], dy, y, values[v], n, 1, 1)
        elif op == CONCATENATE:
            times, third = n // first, table[r, THIRD]
            for j in range(count):
                v = code[p + j]
                repeats = third if second >> j & 1 else times
                size = table[numbers[v], SIZE] // repeats
                for c in range(times):
                    add_to(m, base + slopes[v] + c % repeats * size, dy + c * first, size)
                dy += size
        elif op == SUM_OVER:
            reductions.sum_over_back(m, dx, dy, n, first, second, types.float32(1.0))
        elif op == MOMENT:
            scale = types.float32(real_of(table[r, FOURTH]))
            reductions.moment_back(m, dx, dy, x, n, first, second, table[r, THIRD], scale)
        elif op in (MAX_DIM, MIN_DIM):
            reductions.extreme_back(m, op, dx, dy, x, n, first, second)
        elif op == LOG_SUM_EXP_DIM:
            reductions.log_sum_exp_back(m, dx, dy, y, x, n, first, second)
        elif op in (SQUARED_NORM, L2_NORM):
            reductions.norms_back(m, dx, dy, y, x, n, first, op == L2_NORM)
        elif op == BINARY_LOG_LOSS:
            reductions.binary_log_loss_back(m, dx, dz, dy, x, z, first, real_of(second))
        elif op == L1_DISTANCE:
            reductions.l1_distance_back(m, dx, dz, dy, x, z, first)
        elif op == SQUARED_DISTANCE:
            reductions.distances_back(m, dx, dz, dy, x, z, n, first, second, table[r, THIRD])
        elif op == DOT_PRODUCT:
            reductions.dots_back(m, dx, dz, dy, x, z, n, first, second, table[r, THIRD])
        elif op == RNN:
            nodes.tanh_back_to(m, dy + n, dy, y, n)
            h = code[p + 4] if count > 4 else -1
            _sums_back(tape, code, p + 1, a, h, dy + n, first, second, second, n // second)
        elif op == LSTM:
            _lstm_back(tape, code, p, y, dy, count > 4, first, second, n)
        elif op == GRU:
            _gru_back(tape, code, p, y, dy, count > 10, first, second, n)
        k -= 1
    return DONE
