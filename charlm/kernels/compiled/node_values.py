"""Forward and backward of a tape's nodes: what compiled code does for one node.

``y`` and ``dy`` are places of its value and gradient, ``x`` and ``dx`` those of an argument; gradients
are added up.
"""

from __future__ import annotations

import math

from numba import types

from charlm.kernels.compiled import functions as f
from charlm.kernels.compiled.gates import load_four, lstm_memory, store_four
from charlm.kernels.compiled.matvec import add_to, number, plus, plus_product, product, put
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, splat, store, total


@lanewise
def _minus(x: Lanes, y: Lanes) -> Lanes:
    return x - y


@lanewise
def _exp(x: Lanes) -> Lanes:
    return f.exp(x)


@lanewise
def _tanh_back(y: Lanes, dy: Lanes) -> Lanes:
    return dy * (1.0 - y * y)


# ---- number by number


@compiled()
def add_times(m, y, x, a, n):
    """Y += a x."""
    each = splat(a)
    for j in range(0, n, LANES):
        store(m, y + j, plus_product(load(m, y + j, n - j), each, load(m, x + j, n - j)), n - j)


@compiled()
def scale(m, y, a, n):
    """Y = a y."""
    each = splat(a)
    for j in range(0, n, LANES):
        store(m, y + j, product(each, load(m, y + j, n - j)), n - j)


@compiled()
def multiply(m, y, x, z, n):
    """Y = x z."""
    for j in range(0, n, LANES):
        store(m, y + j, product(load(m, x + j, n - j), load(m, z + j, n - j)), n - j)


@compiled()
def add_multiplied(m, y, x, z, n):
    """Y += x z."""
    for j in range(0, n, LANES):
        k = n - j
        store(m, y + j, plus_product(load(m, y + j, k), load(m, x + j, k), load(m, z + j, k)), k)


@compiled()
def add(m, y, x, z, n):
    """Y = x + z."""
    for j in range(0, n, LANES):
        store(m, y + j, plus(load(m, x + j, n - j), load(m, z + j, n - j)), n - j)


@compiled()
def fill(m, y, a, n):
    """Y = a."""
    each = splat(a)
    for j in range(0, n, LANES):
        store(m, y + j, each, n - j)


@compiled()
def dot(m, x, z, n):
    """Return the sum of x z."""
    sum_ = types.float32(0.0)
    for j in range(0, n, LANES):
        sum_ += total(product(load(m, x + j, n - j), load(m, z + j, n - j)))
    return sum_


@compiled()
def sum_of(m, x, n):
    """Return the sum."""
    sum_ = types.float32(0.0)
    for j in range(0, n, LANES):
        sum_ += total(load(m, x + j, n - j))
    return sum_


@compiled()
def add_number(m, y, a, n):
    """Y += a."""
    each = splat(a)
    for j in range(0, n, LANES):
        store(m, y + j, plus(load(m, y + j, n - j), each), n - j)


@compiled()
def squared_distance(m, x, z, n):
    """Return the sum of (x - z)^2."""
    sum_ = types.float32(0.0)
    for j in range(0, n, LANES):
        d = _minus(load(m, x + j, n - j), load(m, z + j, n - j))
        sum_ += total(product(d, d))
    return sum_


# ---- softmax


@compiled()
def softmax(m, y, x, n):
    """Y = exp(x) / sum exp(x); return the logarithm of the sum, and the largest x, which is subtracted first."""
    top = number(m, x)
    for j in range(1, n):
        value = number(m, x + j)
        if value > top or value != value:
            top = value
    shift, sum_ = splat(top), types.float32(0.0)
    for j in range(0, n, LANES):
        store(m, y + j, _exp(_minus(load(m, x + j, n - j), shift)), n - j)
        sum_ += total(load(m, y + j, n - j))
    each = splat(types.float32(1.0) / sum_)
    for j in range(0, n, LANES):
        store(m, y + j, product(load(m, y + j, n - j), each), n - j)
    return types.float32(math.log(sum_)), top


@compiled()
def softmax_back(m, dx, dy, y, n):
    """Dx += y (dy - sum y dy)."""
    shift = splat(dot(m, y, dy, n))
    for j in range(0, n, LANES):
        k = n - j
        d = _minus(load(m, dy + j, k), shift)
        store(m, dx + j, plus_product(load(m, dx + j, k), load(m, y + j, k), d), k)


@compiled()
def log_softmax(m, y, kept, x, n):
    """Y = x - ln sum exp(x); the probabilities are kept."""
    log_sum, top = softmax(m, kept, x, n)
    for j in range(n):
        put(m, y + j, number(m, x + j) - top - log_sum)


@compiled()
def log_softmax_back(m, dx, dy, kept, n):
    """Dx += dy - exp(y) sum dy."""
    add_to(m, dx, dy, n)
    add_times(m, dx, kept, -sum_of(m, dy, n), n)


# ---- steps of cells


@lanewise
def _lstm_gates(
    i: Lanes, f_: Lanes, o: Lanes, g: Lanes, bias: Lanes, c: Lanes
) -> tuple[Lanes, ...]:
    i, f_, o, g, c = lstm_memory(i, f_ + bias, o, g, c)
    t = f.tanh(c)
    return i, f_, o, g, c, t, o * t


@lanewise
def _lstm_gates_back(
    i: Lanes, f_: Lanes, o: Lanes, g: Lanes, t: Lanes, c: Lanes, dc: Lanes, dh: Lanes
) -> tuple[Lanes, ...]:
    dc = dc + dh * o * (1.0 - t * t)
    return (
        dc * g * (i - i * i),
        dc * c * (f_ - f_ * f_),
        dh * t * (o - o * o),
        dc * i * (1.0 - g * g),
        dc * f_,
    )


@compiled()
def tanh_back_to(m, da, dy, y, n):
    """Da = dy (1 - y^2)."""
    for j in range(0, n, LANES):
        store(m, da + j, _tanh_back(load(m, y + j, n - j), load(m, dy + j, n - j)), n - j)


@compiled()
def lstm(m, y_c, y_h, gates, tanh_c, c, has, bias, h):
    """Both states from the gates' sums; ``has`` says whether there was a c. Gates and tanh c' are kept."""
    forget = splat(types.float32(bias))
    for j in range(0, h, LANES):
        k, q = h - j, gates + j
        i, f_, o, g = load_four(m, q, h, k)
        before = load(m, c + j, k if has else 0)
        i, f_, o, g, c_, t, h_ = _lstm_gates(i, f_, o, g, forget, before)
        store_four(m, q, h, k, i, f_, o, g)
        store(m, tanh_c + j, t, k)
        store(m, y_c + j, c_, k)
        store(m, y_h + j, h_, k)


@compiled()
def lstm_back(m, dy_c, dy_h, gates, tanh_c, da, c, dc, has, h):
    """The gradients of the gates' sums; that of c is added."""
    for j in range(0, h, LANES):
        k = h - j
        i, f_, o, g = load_four(m, gates + j, h, k)
        t, before = load(m, tanh_c + j, k), load(m, c + j, k if has else 0)
        i, f_, o, g, c_ = _lstm_gates_back(
            i, f_, o, g, t, before, load(m, dy_c + j, k), load(m, dy_h + j, k)
        )
        store_four(m, da + j, h, k, i, f_, o, g)
        if has:
            store(m, dc + j, plus(load(m, dc + j, k), c_), k)


@lanewise
def _mix(z: Lanes, c: Lanes, h: Lanes) -> Lanes:
    return (1.0 - z) * h + z * c


@lanewise
def _gru_back(z: Lanes, c: Lanes, h: Lanes, dy: Lanes) -> tuple[Lanes, ...]:
    return dy * (c - h) * (z - z * z), dy * z * (1.0 - c * c), dy * (1.0 - z)


@lanewise
def _reset_back(r: Lanes, h: Lanes, drh: Lanes) -> tuple[Lanes, ...]:
    return drh * h * (r - r * r), drh * r


@compiled()
def mix(m, y, z, c, h, has, n):
    """Y = (1 - z) h + z c."""
    for j in range(0, n, LANES):
        k = n - j
        old = load(m, h + j, k if has else 0)
        store(m, y + j, _mix(load(m, z + j, k), load(m, c + j, k), old), k)


@compiled()
def gru_back(m, da_z, da_c, dh, dy, z, c, h, has, n):
    """The gradients of the sums for z and the candidate; that of h, except through the gates, is added."""
    for j in range(0, n, LANES):
        k = n - j
        old = load(m, h + j, k if has else 0)
        a, b, d = _gru_back(load(m, z + j, k), load(m, c + j, k), old, load(m, dy + j, k))
        store(m, da_z + j, a, k)
        store(m, da_c + j, b, k)
        if has:
            store(m, dh + j, plus(load(m, dh + j, k), d), k)


@compiled()
def reset_back(m, da_r, dh, drh, r, h, n):
    """The gradients of the sum for r and of h, from the gradient of r h."""
    for j in range(0, n, LANES):
        k = n - j
        a, d = _reset_back(load(m, r + j, k), load(m, h + j, k), load(m, drh + j, k))
        store(m, da_r + j, a, k)
        store(m, dh + j, plus(load(m, dh + j, k), d), k)
