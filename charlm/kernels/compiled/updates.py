"""The norm of the gradients and the optimisers' updates, each in one pass over memory."""

from __future__ import annotations

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.sequence import HANDOVER, MEMORY, threads_for
from charlm.kernels.compiled.team import enter, leave, share
from charlm.kernels.compiled.vectors import LANES, Lanes, lanewise, load, splat, store, total
from charlm.kernels.memory import FLOAT32
from charlm.kernels.reference.common import Array
from charlm.kernels.team import Team

BLOCK = 64 * LANES
"""Squares of this many numbers are added in float32, and the sums of blocks in float64."""


@lanewise
def _add_square(sums: Lanes, x: Lanes) -> Lanes:
    return sums + x * x


@lanewise
def sgd(p: Lanes, g: Lanes, rate: Lanes) -> Lanes:
    """Return the new p."""
    return p - g * rate


@lanewise
def adam(
    p: Lanes, g: Lanes, m: Lanes, v: Lanes,
    beta_1: Lanes, rest_1: Lanes, beta_2: Lanes, rest_2: Lanes, rate: Lanes, eps: Lanes,
) -> tuple[Lanes, ...]:  # fmt: skip
    """Return the new p, m and v."""
    m = m * beta_1 + rest_1 * g
    v = v * beta_2 + g * g * rest_2
    return p - rate * m / (v.call("sqrt") + eps), m, v


@compiled()
def squares(g, begin, end):
    """Return the sum of squares from one place to another, for at most ``BLOCK`` numbers."""
    sums = splat(np.float32(0))
    for at in range(begin, end, LANES):
        sums = _add_square(sums, load(g, at, end - at))
    return total(sums)


@compiled()
def _squares(g, sums, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    first, last = share((len(g) + BLOCK - 1) // BLOCK, me, threads)
    for block in range(first, last):
        sums[me] += squares(g, block * BLOCK, min((block + 1) * BLOCK, len(g)))
    leave(meeting, me, threads)


@compiled()
def _sgd_update(values, g, rate, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    first, last = share((len(g) + LANES - 1) // LANES, me, threads)
    by = splat(rate)
    for at in range(first * LANES, last * LANES, LANES):
        count = len(g) - at
        store(values, at, sgd(load(values, at, count), load(g, at, count), by), count)
    leave(meeting, me, threads)


@compiled()
def _adam_update(values, g, m, v, settings, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    first, last = share((len(g) + LANES - 1) // LANES, me, threads)
    beta_1, rest_1 = splat(settings[0]), splat(settings[1])
    beta_2, rest_2 = splat(settings[2]), splat(settings[3])
    rate, eps = splat(settings[4]), splat(settings[5])
    for at in range(first * LANES, last * LANES, LANES):
        count = len(g) - at
        new, new_m, new_v = adam(
            load(values, at, count), load(g, at, count), load(m, at, count), load(v, at, count),
            beta_1, rest_1, beta_2, rest_2, rate, eps,
        )  # fmt: skip
        store(values, at, new, count)
        store(m, at, new_m, count)
        store(v, at, new_v, count)
    leave(meeting, me, threads)


def _ours(*arrays: Array) -> bool:
    return all(
        a.dtype == FLOAT32 and a.ndim == 1 and a.flags.c_contiguous and a.size for a in arrays
    )


def _threads(team: Team, size: int) -> int:
    return threads_for(team, MEMORY * size // HANDOVER, size)


def squared_norm(team: Team, g: Array) -> float:
    """Return the sum of squares of a flat array."""
    if not _ours(g):
        return reference.squared_norm(g)
    sums = np.zeros(team.threads)
    team.run(_squares, g, sums, threads=_threads(team, g.size))
    return sum(sums.tolist(), 0.0)


def sgd_update(team: Team, values: Array, g: Array, rate: float) -> None:
    """Values -= rate g."""
    if not _ours(values, g):
        reference.sgd_update(values, g, rate)
        return
    team.run(_sgd_update, values, g, np.float32(rate), threads=_threads(team, g.size))


def adam_update(
    team: Team,
    values: Array,
    g: Array,
    m: Array,
    v: Array,
    beta_1: float,
    beta_2: float,
    rate: float,
    eps: float,
) -> None:
    """Update the averages m and v with ``g``; values -= rate m / (sqrt v + eps)."""
    if not _ours(values, g, m, v):
        reference.adam_update(values, g, m, v, beta_1, beta_2, rate, eps)
        return
    settings = np.array([beta_1, 1 - beta_1, beta_2, 1 - beta_2, rate, eps], np.float32)
    team.run(_adam_update, values, g, m, v, settings, threads=_threads(team, g.size))
