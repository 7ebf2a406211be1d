"""The values of a tape's nodes, one after the other."""

from __future__ import annotations

from numba import types

from charlm.kernels.compiled import maps, reductions
from charlm.kernels.compiled import node_values as nodes
from charlm.kernels.compiled.addresses import floats_at
from charlm.kernels.compiled.layout import *
from charlm.kernels.compiled.matvec import (
    add_products,
    add_to,
    clear,
    copy,
    number,
    put,
    real_of,
)
from charlm.kernels.compiled.options import compiled
from charlm.kernels.tapes import DONE
from charlm.kernels.tapes import PYTHON as RUNS_IN_PYTHON


@compiled()
def each_size(table, number, shared, elements):
    """Return how many numbers an argument has for each batch element; all elements may share it."""
    size = table[number, SIZE]
    return size if shared else size // elements


@compiled()
def _bias(m, table, r, numbers, y, b, node, n):
    """Y = b, repeated over columns and the batch."""
    block, shared = table[r, FIRST] * table[r, SECOND], table[r, THIRD] & 1
    size = each_size(table, numbers[node], shared, n // block)
    for j in range(0, n, size):
        copy(m, y + j, b if shared else b + j // block * size, size)


@compiled()
def _products(m, table, r, numbers, values, code, p, begin, count, y, n):
    """Y += W x for all pairs, for each batch element; the bits of the third number say which arguments these share."""
    columns, rows, shared = table[r, FIRST], table[r, SECOND], table[r, THIRD]
    elements = n // (columns * rows)
    for j in range(begin, count, 2):
        w, v = code[p + j], code[p + j + 1]
        same_w, same_x = shared >> j & 1, shared >> (j + 1) & 1
        of_w = each_size(table, numbers[w], same_w, elements)
        of_x = each_size(table, numbers[v], same_x, elements)
        for e in range(elements):
            at_w, at_x = values[w] + (1 - same_w) * e * of_w, values[v] + (1 - same_x) * e * of_x
            add_products(m, y + e * columns * rows, at_w, at_x, of_x // columns, rows, columns)


@compiled()
def repeated(j, times, inner):
    """Return the place of number j of a result in which each block of ``inner`` numbers is repeated ``times`` times."""
    return j // (times * inner) * inner + j % inner


@compiled()
def transposed(j, rows, columns):
    """Return the place of row j of a result in which each block of ``rows`` and ``columns`` is transposed."""
    block, rest = j // (rows * columns), j % (rows * columns)
    return block * rows * columns + rest % rows * columns + rest // rows


@compiled()
def _pair(m, table, r, op, y, x, z, n):
    """A function of two arguments; either may be repeated."""
    times_x, of_x = table[r, FIRST], table[r, SECOND]
    times_z, of_z = table[r, THIRD], table[r, FOURTH]
    step = min(of_x, of_z)
    for j in range(0, n, step):
        at_x, at_z = x + repeated(j, times_x, of_x), z + repeated(j, times_z, of_z)
        maps.pair(m, op, y + j, at_x, at_z, 0.0, step)


@compiled()
def _sums(m, y, x, w, u, b, h, has, inputs, hidden, n, columns):
    """Y = b + W x + U h, n numbers for each x."""
    for c in range(columns):
        copy(m, y + c * n, b, n)
    add_products(m, y, w, x, inputs, n, columns)
    if has:
        add_products(m, y, u, h, hidden, n, columns)


@compiled()
def _gru(m, values, code, p, y, has, i, h, n):
    """After the value come z, r, the candidate and r h, kept for backward."""
    x, old = values[code[p]], values[code[p + 10]] if has else 0
    columns = n // h
    z, r, c, rh = y + n, y + 2 * n, y + 3 * n, y + 4 * n
    w, u, b = values[code[p + 1]], values[code[p + 2]], values[code[p + 3]]
    _sums(m, z, x, w, u, b, old, has, i, h, h, columns)
    w, u, b = values[code[p + 4]], values[code[p + 5]], values[code[p + 6]]
    _sums(m, r, x, w, u, b, old, has, i, h, h, columns)
    maps.logistic(m, z, z, 2 * n)
    if has:
        nodes.multiply(m, rh, r, old, n)
    w, u, b = values[code[p + 7]], values[code[p + 8]], values[code[p + 9]]
    _sums(m, c, x, w, u, b, rh, has, i, h, h, columns)
    maps.tanh(m, c, c, n)
    nodes.mix(m, y, z, c, old, has, n)


@compiled()
def _lstm(m, values, code, p, y, has, bias, i, size, n):
    """After c and h come the four gates and tanh c of each column, kept for backward."""
    c, h = (values[code[p + 4]], values[code[p + 5]]) if has else (0, 0)
    columns = n // 2 // size
    gates = y + n
    w, u, b = values[code[p + 1]], values[code[p + 2]], values[code[p + 3]]
    _sums(m, gates, values[code[p]], w, u, b, h, has, i, size, 4 * size, columns)
    for j in range(columns):
        k = j * size
        nodes.lstm(
            m, y + k, y + n // 2 + k, gates + 4 * k, gates + 2 * n + k, c + k, has, bias, size
        )


@compiled()
def forward(s, table, reals, numbers, code, starts, values):
    """Evaluate the nodes up to the last, and return why it ends."""
    m = floats_at(s[ORIGIN], (1,))
    for k in range(s[EVALUATED], s[LAST] + 1):
        r = numbers[k]
        op = table[r, CODE]
        if op == PYTHON:
            s[EVALUATED] = k
            return RUNS_IN_PYTHON
        if op <= GIVEN:
            continue
        p, y, n, count = starts[k], values[k], table[r, SIZE], table[r, COUNT]
        first, second = table[r, FIRST], table[r, SECOND]
        x = values[code[p]] if count else 0
        z = values[code[p + 1]] if count > 1 else 0
        if op == FILL:
            nodes.fill(m, y, types.float32(reals[r, FIRST]), n)
        elif op == LOOKUP:
            for j in range(table[r, EXTENT]):
                copy(m, y + j * second, first + second * code[p + j], second)
        elif op == MATMUL:
            clear(m, y, n)
            _products(m, table, r, numbers, values, code, p, 0, count, y, n)
        elif op == AFFINE:
            _bias(m, table, r, numbers, y, x, code[p], n)
            _products(m, table, r, numbers, values, code, p, 1, count, y, n)
        elif op <= CDIV:
            _pair(m, table, r, op, y, x, z, n)
        elif op <= PAIRWISE_RANK_LOSS:
            maps.pair(m, op, y, x, z, reals[r, FIRST], n)
        elif op <= SCALAR_MULTIPLY:
            constant = real_of(code[p + 1]) if op >= ADD_SCALAR else 0.0
            maps.map_numbers(m, op, y, x, constant, n)
        elif op == SOFTMAX:
            for j in range(0, n, first):
                nodes.softmax(m, y + j, x + j, first)
        elif op == LOG_SOFTMAX:
            for j in range(0, n, first):
                nodes.log_softmax(m, y + j, y + n + j, x + j, first)
        elif op == PICK_NEG_LOG_SOFTMAX:
            for j in range(n):
                scores = x + j * first
                log_sum, top = nodes.softmax(m, y + n + j * first, scores, first)
                put(m, y + j, log_sum + top - number(m, scores + code[p + 1 + j]))
        elif op == HINGE:
            reductions.hinge(m, y, x, code, p + 1, n, first, reals[r, SECOND])
        elif op == PICK:
            outer, indices = n // second, table[r, EXTENT] - count
            for j in range(outer):
                index = code[p + count + j * indices // outer]
                at = x + j % table[r, THIRD] * first + index * second
                copy(m, y + j * second, at, second)
        elif op == SELECT:
            indices = table[r, EXTENT] - count
            for j in range(n // second):
                at = x + j // indices * first + code[p + count + j % indices] * second
                copy(m, y + j * second, at, second)
        elif op == PART:
            third = table[r, THIRD]
            for j in range(n // third):
                copy(m, y + j * third, x + first + j * second, third)
        elif op == TRANSPOSE:
            third = table[r, THIRD]
            for j in range(0, n, third):
                copy(m, y + j, x + transposed(j // third, first, second) * third, third)
        elif op == SUM:
            clear(m, y, n)
            for j in range(count):
                size = table[numbers[code[p + j]], SIZE]
                for c in range(0, n, size):
                    add_to(m, y + c, values[code[p + j]], size)
            if reals[r, FIRST] != 1.0:
                nodes.scale(m, y, types.float32(reals[r, FIRST]), n)
        elif op == LOG_SUM_EXP:
            reductions.log_sum_exp_of(m, y, values, code, p, count, n)
        elif op == CONCATENATE:
            times, third = n // first, table[r, THIRD]
            for j in range(count):
                repeats = third if second >> j & 1 else times
                size = table[numbers[code[p + j]], SIZE] // repeats
                x = values[code[p + j]]
                for c in range(times):
                    copy(m, y + c * first, x + c % repeats * size, size)
                y += size
        elif op == SUM_OVER:
            reductions.sum_over(m, y, x, n, first, second)
        elif op == MOMENT:
            scale = types.float32(reals[r, FOURTH])
            reductions.moment(m, y, x, n, first, second, table[r, THIRD], scale)
        elif op in (MAX_DIM, MIN_DIM):
            reductions.extreme(m, op, y, x, n, first, second)
        elif op == LOG_SUM_EXP_DIM:
            reductions.log_sum_exp(m, y, x, n, first, second)
        elif op in (SQUARED_NORM, L2_NORM):
            reductions.norms(m, y, x, n, first, op == L2_NORM)
        elif op == BINARY_LOG_LOSS:
            reductions.binary_log_loss(m, y, x, z, first, reals[r, SECOND])
        elif op == L1_DISTANCE:
            reductions.l1_distance(m, y, x, z, first)
        elif op == SQUARED_DISTANCE:
            reductions.distances(m, y, x, z, n, first, second, table[r, THIRD])
        elif op == DOT_PRODUCT:
            reductions.dots(m, y, x, z, n, first, second, table[r, THIRD])
        elif op == RNN:
            has = count > 4
            h = values[code[p + 4]] if has else 0
            u, b = values[code[p + 2]], values[code[p + 3]]
            _sums(m, y, x, z, u, b, h, has, first, second, second, n // second)
            maps.tanh(m, y, y, n)
        elif op == LSTM:
            _lstm(m, values, code, p, y, count > 4, reals[r, THIRD], first, second, n)
        elif op == GRU:
            _gru(m, values, code, p, y, count > 10, first, second, n)
    s[EVALUATED] = s[LAST] + 1
    return DONE
