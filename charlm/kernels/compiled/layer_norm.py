"""Layer normalisation of a row, in its place, and the way back: N(x) = (x - m)/(s + EPSILON)."""

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
def _with_square(found: Lanes, x: Lanes) -> Lanes:
    return found + x * x


@lanewise
def _scaled(x: Lanes, mean: Lanes, scale: Lanes) -> Lanes:
    return (x - mean) * scale


@lanewise
def _with_products(
    dy: Lanes, gain: Lanes, n: Lanes, found: Lanes, along: Lanes, dgain: Lanes, doffset: Lanes
) -> tuple[Lanes, ...]:
    dn = dy * gain
    return found + dn, along + dn * n, dgain + dy * n, doffset + dy


@lanewise
def _back(dy: Lanes, gain: Lanes, n: Lanes, mean: Lanes, scale: Lanes, along: Lanes) -> Lanes:
    return (dy * gain).less(mean) * scale - n * along


@compiled("f4(f4[::1], i8, i8)")
def normalise(a, at, count):
    """Put N of ``a[at:][:count]`` in its place, and return the deviation s."""
    found = load(a, at, 0)
    for k in range(0, count, LANES):
        found = add(found, load(a, at + k, count - k))
    mean = splat(np.float32(total(found) / count))
    found = load(a, at, 0)
    for k in range(0, count, LANES):
        found = _with_square(found, head(_minus(load(a, at + k, count - k), mean), count - k))
    deviation = np.float32(math.sqrt(total(found) / count))
    scale = splat(np.float32(1 / (deviation + EPSILON)))
    for k in range(0, count, LANES):
        store(a, at + k, _scaled(load(a, at + k, count - k), mean, scale), count - k)
    return deviation


@compiled("void(f4[::1], i8, f4[::1], f4[::1], i8, f4, i8, f4[::1], f4[::1], i8)")
def normalise_back(dy, iy, gain, n, at, deviation, count, dgain, doffset, to):
    """Put the gradient of what was normalised in the place of n = N of it.

    ``dy`` is the gradient of gain * n + offset, whose own gradients are added to those that begin at
    ``to``. Where all numbers were equal, N has no slope along n.
    """
    found = along = load(n, at, 0)
    for k in range(0, count, LANES):
        left = count - k
        found, along, of_gain, of_offset = _with_products(
            load(dy, iy + k, left),
            load(gain, k, left),
            load(n, at + k, left),
            found,
            along,
            load(dgain, to + k, left),
            load(doffset, to + k, left),
        )
        store(dgain, to + k, of_gain, left)
        store(doffset, to + k, of_offset, left)
    mean = splat(np.float32(total(found) / count))
    scale = splat(np.float32(1 / (deviation + EPSILON)))
    slope = splat(np.float32(total(along) / count / (deviation if deviation > 0 else 1)))
    for k in range(0, count, LANES):
        left = count - k
        d, normal = load(dy, iy + k, left), load(n, at + k, left)
        store(n, at + k, _back(d, load(gain, k, left), normal, mean, scale, slope), left)
