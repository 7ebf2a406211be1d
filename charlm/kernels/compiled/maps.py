"""Functions of one and of two numbers, applied to each number of a node, for tapes.

``y`` and ``dy`` are places of its value and gradient, ``x`` and ``dx`` those of an argument; gradients
are added up.
"""

from __future__ import annotations

import math

from numba import types

from charlm.kernels.compiled import functions as f
from charlm.kernels.compiled import node_values as nodes
from charlm.kernels.compiled.layout import (
    ABS,
    ADD,
    ADD_SCALAR,
    CDIV,
    CMULT,
    CUBE,
    EXP,
    LOG,
    LOG_SIGMOID,
    LOGISTIC,
    MAX,
    MIN,
    NEGATE,
    RECTIFY,
    SCALAR_MINUS,
    SCALAR_MULTIPLY,
    SQRT,
    SQUARE,
    TANH,
)
from charlm.kernels.compiled.matvec import add_to, number, plus, put
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, store


@lanewise
def _tanh(x: Lanes) -> Lanes:
    return f.tanh(x)


@lanewise
def _logistic(x: Lanes) -> Lanes:
    return f.logistic(x)


@lanewise
def _rectify(x: Lanes) -> Lanes:
    return x.at_least(0.0)


@lanewise
def _tanh_back(y: Lanes, dy: Lanes) -> Lanes:
    return dy * (1.0 - y * y)


@lanewise
def _logistic_back(y: Lanes, dy: Lanes) -> Lanes:
    return dy * (y - y * y)


# ---- of one number


@compiled()
def _value(code, x):
    """Return f(x), for functions that are computed number by number."""
    one = types.float32(1.0)
    if code == LOG:
        return types.float32(math.log(x))
    if code == EXP:
        return types.float32(math.exp(x))
    if code == SQRT:
        return types.float32(math.sqrt(x))
    if code == ABS:
        return abs(x)
    if code == LOG_SIGMOID:
        below = x if x < 0 else types.float32(0.0)
        return types.float32(below - math.log1p(types.float32(math.exp(-abs(x)))))
    return x / (one + abs(x))  # softsign


@compiled()
def _slope(code, x, y):
    one, zero = types.float32(1.0), types.float32(0.0)
    if code == LOG:
        return one / x
    if code == SQRT:
        return types.float32(0.5) / y
    if code == CUBE:
        return types.float32(3.0) * x * x
    if code == ABS:
        return one if x > 0 else (-one if x < 0 else x)
    if code == RECTIFY:
        return one if x > 0 else zero
    if code == LOG_SIGMOID:
        return types.float32(-math.expm1(y))
    return one / ((one + abs(x)) * (one + abs(x)))


@compiled()
def tanh(m, y, x, n):
    """Y = tanh x."""
    for j in range(0, n, LANES):
        store(m, y + j, _tanh(load(m, x + j, n - j)), n - j)


@compiled()
def logistic(m, y, x, n):
    """Y = 1 / (1 + exp(-x))."""
    for j in range(0, n, LANES):
        store(m, y + j, _logistic(load(m, x + j, n - j)), n - j)


@compiled()
def map_numbers(m, code, y, x, c, n):
    """Y = f(x), for some functions with a number c."""
    if code == TANH:
        tanh(m, y, x, n)
    elif code == LOGISTIC:
        logistic(m, y, x, n)
    elif code == RECTIFY:
        for j in range(0, n, LANES):
            store(m, y + j, _rectify(load(m, x + j, n - j)), n - j)
    elif code == SQUARE:
        nodes.multiply(m, y, x, x, n)
    elif code == CUBE:
        nodes.multiply(m, y, x, x, n)
        nodes.multiply(m, y, y, x, n)
    elif code == NEGATE or code >= ADD_SCALAR:
        a, b = _line(code, c)
        for j in range(n):
            put(m, y + j, a * number(m, x + j) + b)
    else:
        for j in range(n):
            put(m, y + j, _value(code, number(m, x + j)))


@compiled()
def map_back(m, code, dx, dy, y, x, c, n):
    """Dx += dy f'(x)."""
    if code == TANH:
        for j in range(0, n, LANES):
            k = n - j
            slope = _tanh_back(load(m, y + j, k), load(m, dy + j, k))
            store(m, dx + j, plus(load(m, dx + j, k), slope), k)
    elif code == LOGISTIC:
        for j in range(0, n, LANES):
            k = n - j
            slope = _logistic_back(load(m, y + j, k), load(m, dy + j, k))
            store(m, dx + j, plus(load(m, dx + j, k), slope), k)
    elif code == EXP:
        nodes.add_multiplied(m, dx, dy, y, n)
    elif code == SQUARE:
        nodes.add_multiplied(m, dx, dy, x, n)
        nodes.add_multiplied(m, dx, dy, x, n)
    elif code == NEGATE or code >= ADD_SCALAR:
        a, _ = _line(code, c)
        nodes.add_times(m, dx, dy, a, n)
    else:
        for j in range(n):
            slope = _slope(code, number(m, x + j), number(m, y + j))
            put(m, dx + j, number(m, dx + j) + number(m, dy + j) * slope)


@compiled()
def _line(code, c):
    """Return a and b of f(x) = a x + b."""
    a = types.float32(1.0 if code == ADD_SCALAR else c if code == SCALAR_MULTIPLY else -1.0)
    return a, types.float32(c if code in (ADD_SCALAR, SCALAR_MINUS) else 0.0)


# ---- of two


@compiled()
def pair(m, code, y, x, z, c, n):
    """Y = f(x, z), for one function with a number c."""
    if code == ADD:
        nodes.add(m, y, x, z, n)
    elif code == CMULT:
        nodes.multiply(m, y, x, z, n)
    elif code == CDIV:
        for j in range(n):
            put(m, y + j, number(m, x + j) / number(m, z + j))
    elif code in (MAX, MIN):
        for j in range(n):
            a, b = number(m, x + j), number(m, z + j)
            put(m, y + j, a if (a > b if code == MAX else a < b) else b)
    else:
        for j in range(n):
            loss = types.float32(c) - number(m, x + j) + number(m, z + j)
            put(m, y + j, loss if not loss < 0 else types.float32(0.0))


@compiled()
def pair_back(m, code, dx, dz, dy, y, x, z, n):
    """Add the gradients of both arguments."""
    if code == ADD:
        add_to(m, dx, dy, n)
        add_to(m, dz, dy, n)
    elif code == CMULT:
        nodes.add_multiplied(m, dx, dy, z, n)
        nodes.add_multiplied(m, dz, dy, x, n)
    elif code == CDIV:
        for j in range(n):
            d = number(m, dy + j) / number(m, z + j)
            put(m, dx + j, number(m, dx + j) + d)
            put(m, dz + j, number(m, dz + j) - d * number(m, y + j))
    elif code in (MAX, MIN):
        for j in range(n):
            a, b = number(m, x + j), number(m, z + j)
            to = dx + j if (a > b if code == MAX else a < b) else dz + j
            put(m, to, number(m, to) + number(m, dy + j))
    else:
        for j in range(n):
            if number(m, y + j) > 0:
                put(m, dx + j, number(m, dx + j) - number(m, dy + j))
                put(m, dz + j, number(m, dz + j) + number(m, dy + j))
