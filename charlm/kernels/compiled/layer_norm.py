"""Layer normalisation of a row, in place, forward and backward: N(x) = (x - m)/(s + EPSILON)."""

from __future__ import annotations

import math

import numpy as np

from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.vectors import (
    LANES,
    Lanes,
    add,
    head,
    lanewise,
    load,
    splat,
    store,
    total,
)
from charlm.kernels.reference.norm_lstm import EPSILON


@lanewise
def _minus(x: Lanes, mean: Lanes) -> Lanes:
    return x - mean


@lanewise
def _with_square(sums: Lanes, x: Lanes) -> Lanes:
    return sums + x * x


@lanewise
def _scaled(x: Lanes, mean: Lanes, scale: Lanes) -> Lanes:
    return (x - mean) * scale


@lanewise
def _with_products(
    dy: Lanes, gain: Lanes, n: Lanes, sums: Lanes, along: Lanes, dgain: Lanes, doffset: Lanes
) -> tuple[Lanes, ...]:
    dn = dy * gain
    return sums + dn, along + dn * n, dgain + dy * n, doffset + dy


@lanewise
def _back(dy: Lanes, gain: Lanes, n: Lanes, mean: Lanes, scale: Lanes, along: Lanes) -> Lanes:
    return (dy * gain).less(mean) * scale - n * along


@compiled("f4(f4[::1], i8, i8)")
def normalise(a, at, count):
    """Replace ``a[at:][:count]`` by N of it, and return the deviation s."""
    sums = load(a, at, 0)
    for k in range(0, count, LANES):
        sums = add(sums, load(a, at + k, count - k))
    mean = splat(np.float32(total(sums) / count))
    sums = load(a, at, 0)
    for k in range(0, count, LANES):
        sums = _with_square(sums, head(_minus(load(a, at + k, count - k), mean), count - k))
    deviation = np.float32(math.sqrt(total(sums) / count))
    scale = splat(np.float32(1 / (deviation + EPSILON)))
    for k in range(0, count, LANES):
        store(a, at + k, _scaled(load(a, at + k, count - k), mean, scale), count - k)
    return deviation


@compiled("void(f4[::1], i8, f4[::1], f4[::1], i8, f4, i8, f4[::1], f4[::1], i8)")
def normalise_back(dy, iy, gain, n, at, deviation, count, dgain, doffset, to):
    """Replace n = N(x) by the gradient of x.

    ``dy`` is the gradient of gain * n + offset. The gradients of gain and offset are added, from ``to`` on. Where all
    numbers were equal, N has no slope along n.
    """
    sums = along = load(n, at, 0)
    for k in range(0, count, LANES):
        left = count - k
        sums, along, of_gain, of_offset = _with_products(
            load(dy, iy + k, left),
            load(gain, k, left),
            load(n, at + k, left),
            sums,
            along,
            load(dgain, to + k, left),
            load(doffset, to + k, left),
        )
        store(dgain, to + k, of_gain, left)
        store(doffset, to + k, of_offset, left)
    mean = splat(np.float32(total(sums) / count))
    scale = splat(np.float32(1 / (deviation + EPSILON)))
    slope = splat(np.float32(total(along) / count / (deviation if deviation > 0 else 1)))
    for k in range(0, count, LANES):
        left = count - k
        d, normal = load(dy, iy + k, left), load(n, at + k, left)
        store(n, at + k, _back(d, load(gain, k, left), normal, mean, scale, slope), left)
