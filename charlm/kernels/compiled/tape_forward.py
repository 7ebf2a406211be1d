"""The values of a tape's nodes, one after the other."""

from __future__ import annotations

from charlm.kernels.compiled import node_values as nodes
from charlm.kernels.compiled.addresses import floats_at
from charlm.kernels.compiled.layout import *
from charlm.kernels.compiled.matvec import (
    add_product,
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
def _columns(m, y, w, x, k, n, columns):
    """Y += W x, of several x that lie one after the other."""
    for c in range(columns):
        add_product(m, y + c * n, w, x + c * k, k, n)


@compiled()
def _sums(m, y, x, w, u, b, h, has, inputs, hidden, n, columns):
    """Y = b + W x + U h, of n numbers for each x."""
    for c in range(columns):
        copy(m, y + c * n, b, n)
    _columns(m, y, w, x, inputs, n, columns)
    if has:
        _columns(m, y, u, h, hidden, n, columns)


@compiled()
def _gru(m, values, code, p, y, has, i, h, n):
    """The gates z and r, the candidate and r h are kept behind the value."""
    x, old = values[code[p]], values[code[p + 10]] if has else 0
    columns = n // h
    z, r, c, rh = y + n, y + 2 * n, y + 3 * n, y + 4 * n
    w, u, b = values[code[p + 1]], values[code[p + 2]], values[code[p + 3]]
    _sums(m, z, x, w, u, b, old, has, i, h, h, columns)
    w, u, b = values[code[p + 4]], values[code[p + 5]], values[code[p + 6]]
    _sums(m, r, x, w, u, b, old, has, i, h, h, columns)
    nodes.map_numbers(m, LOGISTIC, z, z, 0.0, 2 * n)
    if has:
        nodes.multiply(m, rh, r, old, n)
    w, u, b = values[code[p + 7]], values[code[p + 8]], values[code[p + 9]]
    _sums(m, c, x, w, u, b, rh, has, i, h, h, columns)
    nodes.map_numbers(m, TANH, c, c, 0.0, n)
    nodes.mix(m, y, z, c, old, has, n)


@compiled()
def _lstm(m, values, code, p, y, has, bias, i, size, n):
    """Behind c and h are kept the four gates and tanh c, for each column."""
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
        if op == GIVEN:
            continue
        p, y, n, count = starts[k], values[k], table[r, SIZE], table[r, COUNT]
        first, second = table[r, FIRST], table[r, SECOND]
        x = values[code[p]] if count else 0
        z = values[code[p + 1]] if count > 1 else 0
        if op == LOOKUP:
            for j in range(table[r, EXTENT]):
                copy(m, y + j * second, first + second * code[p + j], second)
        elif op == MATMUL:
            clear(m, y, n)
            _columns(m, y, x, z, first, second, n // second)
        elif op == AFFINE:
            size = table[numbers[code[p]], SIZE]
            for j in range(0, n, size):
                copy(m, y + j, x, size)
            for j in range(1, count, 2):
                v = code[p + j + 1]
                inner = table[numbers[v], SIZE] // (n // second)
                _columns(m, y, values[code[p + j]], values[v], inner, second, n // second)
        elif op == ADD:
            nodes.add(m, y, x, z, n)
        elif op == CMULT:
            small_x, small_z = table[r, ARGUMENTS], table[r, ARGUMENTS + 1]
            step = min(small_x, small_z)
            for j in range(0, n, step):
                nodes.multiply(m, y + j, x + j % small_x, z + j % small_z, step)
        elif op < ADD_SCALAR:
            nodes.map_numbers(m, op, y, x, 0.0, n)
        elif op <= SCALAR_MULTIPLY:
            nodes.map_numbers(m, op, y, x, real_of(code[p + 1]), n)
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
        elif op == PICK:
            outer, indices = n // second, table[r, EXTENT] - count
            for j in range(outer):
                index = code[p + count + j * indices // outer]
                copy(m, y + j * second, x + j * first + index * second, second)
        elif op == PART:
            third = table[r, THIRD]
            for j in range(n // third):
                copy(m, y + j * third, x + first + j * second, third)
        elif op == SUM:
            clear(m, y, n)
            for j in range(count):
                size = table[numbers[code[p + j]], SIZE]
                for c in range(0, n, size):
                    add_to(m, y + c, values[code[p + j]], size)
        elif op == CONCATENATE:
            times = n // first
            for j in range(count):
                size = table[numbers[code[p + j]], SIZE] // times
                x = values[code[p + j]]
                for c in range(times):
                    copy(m, y + c * first, x + c * size, size)
                y += size
        elif op == SUM_ELEMS:
            for j in range(n):
                put(m, y + j, nodes.sum_of(m, x + j * first, first))
        elif op == SUM_BATCHES:
            clear(m, y, n)
            for j in range(0, table[r, ARGUMENTS], n):
                add_to(m, y, x + j, n)
        elif op == SQUARED_DISTANCE:
            put(m, y, nodes.squared_distance(m, x, z, first))
        elif op == DOT_PRODUCT:
            put(m, y, nodes.dot(m, x, z, first))
        elif op == RNN:
            has = count > 4
            h = values[code[p + 4]] if has else 0
            u, b = values[code[p + 2]], values[code[p + 3]]
            _sums(m, y, x, z, u, b, h, has, first, second, second, n // second)
            nodes.map_numbers(m, TANH, y, y, 0.0, n)
        elif op == LSTM:
            _lstm(m, values, code, p, y, count > 4, reals[r, THIRD], first, second, n)
        elif op == GRU:
            _gru(m, values, code, p, y, count > 10, first, second, n)
    s[EVALUATED] = s[LAST] + 1
    return DONE
