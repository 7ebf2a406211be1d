"""Reductions of many numbers to one, for tapes: along axes, over lists of nodes, and distances.

The argument consists of blocks of ``count`` rows of ``inner`` numbers. Each block becomes a row of the value.
``y`` and ``dy`` are places of the value and its gradient, ``x`` and ``dx`` those of the argument.
"""

from __future__ import annotations

import math

from numba import types

from charlm.kernels.compiled import node_values as nodes
from charlm.kernels.compiled.layout import MAX_DIM
from charlm.kernels.compiled.matvec import add_to, clear, number, put
from charlm.kernels.compiled.options import compiled

BELOW_ONE = 0.9999999
"""Replaces 1 in the denominator of a slope, which must not be 0."""


@compiled()
def _power(x, order):
    power = types.float32(1.0)
    for _ in range(order):
        power *= x
    return power


@compiled()
def sum_over(m, y, x, n, count, inner):
    """Y = the sums."""
    if inner == 1:
        for j in range(n):
            put(m, y + j, nodes.sum_of(m, x + j * count, count))
        return
    clear(m, y, n)
    for j in range(0, n, inner):
        for c in range(count):
            add_to(m, y + j, x + j * count + c * inner, inner)


@compiled()
def sum_over_back(m, dx, dy, n, count, inner, scale):
    """Dx += scale dy."""
    if inner == 1:
        for j in range(n):
            nodes.add_number(m, dx + j * count, scale * number(m, dy + j), count)
        return
    for j in range(0, n, inner):
        for c in range(count):
            nodes.add_times(m, dx + j * count + c * inner, dy + j, scale, inner)


@compiled()
def moment(m, y, x, n, count, inner, order, scale):
    """Y = scale * the sums of x^order."""
    if order == 1:
        sum_over(m, y, x, n, count, inner)
    else:
        for j in range(n):
            at, total = x + j // inner * inner * count + j % inner, types.float32(0.0)
            for c in range(count):
                total += _power(number(m, at + c * inner), order)
            put(m, y + j, total)
    nodes.scale(m, y, scale, n)


@compiled()
def moment_back(m, dx, dy, x, n, count, inner, order, scale):
    """Dx += dy scale order x^(order - 1)."""
    if order == 1:
        sum_over_back(m, dx, dy, n, count, inner, scale)
        return
    for j in range(n):
        start, d = j // inner * inner * count + j % inner, scale * order * number(m, dy + j)
        for c in range(start, start + count * inner, inner):
            slope = types.float32(d * _power(number(m, x + c), order - 1))
            put(m, dx + c, number(m, dx + c) + slope)


@compiled()
def place_of_extreme(m, code, x, count, inner):
    """Return where the first largest or smallest number is; NaN counts as both."""
    best, place = number(m, x), 0
    for c in range(1, count):
        value = number(m, x + c * inner)
        better = value > best if code == MAX_DIM else value < best
        if better or (value != value and best == best):
            best, place = value, c
    return place * inner


@compiled()
def extreme(m, code, y, x, n, count, inner):
    """Y = the largest or smallest numbers."""
    for j in range(n):
        at = x + j // inner * inner * count + j % inner
        put(m, y + j, number(m, at + place_of_extreme(m, code, at, count, inner)))


@compiled()
def extreme_back(m, code, dx, dy, x, n, count, inner):
    """The gradient goes to the number taken."""
    for j in range(n):
        start = j // inner * inner * count + j % inner
        to = dx + start + place_of_extreme(m, code, x + start, count, inner)
        put(m, to, number(m, to) + number(m, dy + j))


@compiled()
def finite(x):
    """Return x, but 0 for infinities and NaN."""
    return x if abs(x) < math.inf else types.float32(0.0)


@compiled()
def log_sum_exp(m, y, x, n, count, inner):
    """Y = ln sum exp(x), shifted by the largest."""
    for j in range(n):
        at, total = x + j // inner * inner * count + j % inner, types.float32(0.0)
        top = finite(number(m, at + place_of_extreme(m, MAX_DIM, at, count, inner)))
        for c in range(count):
            total += math.exp(number(m, at + c * inner) - top)
        put(m, y + j, types.float32(top + math.log(total)))


@compiled()
def log_sum_exp_back(m, dx, dy, y, x, n, count, inner):
    """Dx += dy exp(x - y)."""
    for j in range(n):
        start, d = j // inner * inner * count + j % inner, number(m, dy + j)
        shift = finite(number(m, y + j))
        for c in range(start, start + count * inner, inner):
            slope = types.float32(math.exp(number(m, x + c) - shift))
            put(m, dx + c, number(m, dx + c) + d * slope)


# ---- of lists of nodes, all of one size


@compiled()
def log_sum_exp_of(m, y, values, code, p, count, n):
    """Y = ln (exp x1 + exp x2 + ...), shifted by the largest."""
    for j in range(n):
        top, total = number(m, values[code[p]] + j), types.float32(0.0)
        for i in range(1, count):
            value = number(m, values[code[p + i]] + j)
            if value > top or value != value:
                top = value
        top = finite(top)
        for i in range(count):
            total += math.exp(number(m, values[code[p + i]] + j) - top)
        put(m, y + j, types.float32(top + math.log(total)))


# ---- norms and distances


@compiled()
def norms(m, y, x, n, size, root):
    """Y = the sum of the squares of each ``size`` numbers, or its root."""
    for j in range(n):
        squares = nodes.dot(m, x + j * size, x + j * size, size)
        put(m, y + j, types.float32(math.sqrt(squares)) if root else squares)


@compiled()
def norms_back(m, dx, dy, y, x, n, size, root):
    """Dx += dy 2 x, or dy x / y for the root; 0 where the root is 0."""
    for j in range(n):
        d, length = number(m, dy + j), number(m, y + j)
        slope = d / (length if length != 0 else types.float32(1.0)) if root else d + d
        nodes.add_times(m, dx + j * size, x + j * size, slope, size)


@compiled()
def dots(m, y, x, z, n, size, of_x, of_z):
    """Y = n dot products of x and z, which move on by ``of_x`` and ``of_z`` numbers."""
    for j in range(n):
        put(m, y + j, nodes.dot(m, x + j * of_x, z + j * of_z, size))


@compiled()
def dots_back(m, dx, dz, dy, x, z, n, size, of_x, of_z):
    """Dx += dy z, and dz += dy x."""
    for j in range(n):
        d = number(m, dy + j)
        nodes.add_times(m, dx + j * of_x, z + j * of_z, d, size)
        nodes.add_times(m, dz + j * of_z, x + j * of_x, d, size)


@compiled()
def distances(m, y, x, z, n, size, of_x, of_z):
    """Y = the sums of (x - z)^2."""
    for j in range(n):
        put(m, y + j, nodes.squared_distance(m, x + j * of_x, z + j * of_z, size))


@compiled()
def distances_back(m, dx, dz, dy, x, z, n, size, of_x, of_z):
    """Dx += 2 dy (x - z), and dz gets the opposite."""
    for j in range(n):
        twice, a, b = types.float32(2.0) * number(m, dy + j), j * of_x, j * of_z
        nodes.add_times(m, dx + a, x + a, twice, size)
        nodes.add_times(m, dx + a, z + b, -twice, size)
        nodes.add_times(m, dz + b, z + b, twice, size)
        nodes.add_times(m, dz + b, x + a, -twice, size)


@compiled()
def l1_distance(m, y, x, z, n):
    """Y = the sum of |x - z|."""
    distance = types.float32(0.0)
    for j in range(n):
        distance += abs(number(m, x + j) - number(m, z + j))
    put(m, y, distance)


@compiled()
def l1_distance_back(m, dx, dz, dy, x, z, n):
    """Dx += dy times the sign of x - z, and dz gets the opposite."""
    d = number(m, dy)
    for j in range(n):
        a, b = number(m, x + j), number(m, z + j)
        slope = d if a > b else (-d if a < b else types.float32(0.0))
        put(m, dx + j, number(m, dx + j) + slope)
        put(m, dz + j, number(m, dz + j) - slope)


# ---- losses


@compiled()
def binary_log_loss(m, y, x, z, n, floor):
    """Y = the costs of the outcomes z under the probabilities x, as in ``engine/ops/log_losses.py``."""
    loss = types.float32(0.0)
    for j in range(n):
        a, b = number(m, x + j), number(m, z + j)
        if a == 0 or a == 1:
            loss -= types.float32(0.0 if a == b else floor)
            continue
        if b != 0:
            loss -= b * types.float32(math.log(a))
        if b != 1:
            loss -= (types.float32(1.0) - b) * types.float32(math.log1p(-a))
    put(m, y, loss)


@compiled()
def binary_log_loss_back(m, dx, dz, dy, x, z, n, floor):
    """Add both gradients; probabilities of 0 and 1 are moved just inside the interval."""
    d, one = number(m, dy), types.float32(1.0)
    for j in range(n):
        a, b = number(m, x + j), number(m, z + j)
        inside = a
        if a == 0:
            inside = types.float32(math.exp(floor))
        elif a == 1:
            inside = types.float32(BELOW_ONE)
        if a != b:
            slope = (one - b) / (one - inside) - b / inside
            put(m, dx + j, number(m, dx + j) + d * slope)
        yes, no = max(math.log(a), floor), max(math.log1p(-a), floor)
        put(m, dz + j, number(m, dz + j) + d * types.float32(no - yes))


@compiled()
def hinge(m, y, x, code, p, n, size, margin):
    """Y = the sum over the other scores of max(0, margin - the target's + theirs)."""
    for j in range(n):
        threshold = types.float32(margin) - number(m, x + j * size + code[p + j])
        total = types.float32(0.0)
        for i in range(size):
            over = threshold + number(m, x + j * size + i)
            if i != code[p + j] and not over < 0:
                total += over
        put(m, y + j, total)


@compiled()
def hinge_back(m, dx, dy, x, code, p, n, size, margin):
    """Each score that is too large gets dy; the target's gets -dy for each of them."""
    for j in range(n):
        to, d = dx + j * size + code[p + j], number(m, dy + j)
        threshold = types.float32(margin) - number(m, x + j * size + code[p + j])
        for i in range(size):
            if i != code[p + j] and threshold + number(m, x + j * size + i) > 0:
                put(m, dx + j * size + i, number(m, dx + j * size + i) + d)
                put(m, to, number(m, to) - d)
