"""Affine map, softmax and cross-entropy in one kernel. The threads share the positions, in parts for the cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled import functions
from charlm.kernels.compiled.dense import gradient_scratch, product, weight_gradient
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import (
    pack,
    pack_bias,
    pack_transposed,
    padded,
    unpack,
    unpack_bias,
)
from charlm.kernels.compiled.product import PANEL, multiply
from charlm.kernels.compiled.sequence import (
    HANDOVER,
    TOGETHER,
    Call,
    ForwardMemory,
    arrays_like,
    at_once,
    backward_like,
    cropped,
    flat,
    forward_like,
    threads_for,
)
from charlm.kernels.compiled.team import enter, leave, meet, share
from charlm.kernels.compiled.vectors import (
    LANES,
    Lanes,
    add,
    lanewise,
    largest,
    load,
    splat,
    store,
    total,
)
from charlm.kernels.reference.common import Array
from charlm.kernels.team import Team

NEVER = np.float32(-1e30)
"""The bias of the padding columns after the alphabet: their probability is 0."""


@lanewise
def _larger(x: Lanes, y: Lanes) -> Lanes:
    return x.larger(y)


@lanewise
def _exp_below(x: Lanes, top: Lanes) -> Lanes:
    return functions.exp(x - top)


@lanewise
def _times(x: Lanes, y: Lanes) -> Lanes:
    return x * y


@compiled()
def _forward(h, W, b, targets, losses, p, P, bias, sizes, meeting, me, threads):
    if not enter(meeting, me, threads):
        return
    N, H, V, Vp = sizes
    first, last = share(Vp // PANEL, me, threads)
    pack(P, H, 1, 0, W, 0, V, V, first, last)
    pack_bias(bias, 1, 0, b, 0, V, first, last, 0)
    for v in range(max(V, first * PANEL), last * PANEL):
        bias[v] = NEVER
    meet(meeting, 0, threads)
    begin, end = share(N, me, threads)
    for start in range(begin, end, TOGETHER):
        stop = min(start + TOGETHER, end)
        product(P, H, h, start * H, H, stop - start, p, start * Vp, Vp, 0, Vp // PANEL, 0)
        for n in range(start, stop):
            tops = splat(NEVER)
            for v in range(0, Vp, LANES):
                a = add(load(p, n * Vp + v, LANES), load(bias, v, LANES))
                store(p, n * Vp + v, a, LANES)
                tops = _larger(tops, a)
            top = largest(tops)  # exp overflows above 88
            picked = p[n * Vp + targets[n]] - top
            sums = splat(np.float32(0))
            for v in range(0, Vp, LANES):
                a = _exp_below(load(p, n * Vp + v, LANES), splat(top))
                store(p, n * Vp + v, a, LANES)
                sums = add(sums, a)
            whole = total(sums)
            losses[n] = np.log(whole) - picked
            part = splat(np.float32(1) / whole)
            for v in range(0, Vp, LANES):
                store(p, n * Vp + v, _times(load(p, n * Vp + v, LANES), part), LANES)
    leave(meeting, me, threads)


@compiled()
def _backward(
    dloss, a, h, W, targets, dh, dW, db, Q, D, sums, scratch, sizes, meeting, me, threads
):
    if not enter(meeting, me, threads):
        return
    N, H, V, Vp = sizes
    panels = Vp // PANEL
    Hp = padded(H)
    first, last = share(Hp // PANEL, me, threads)
    pack_transposed(Q, Vp, 0, 1, 0, W, 0, V, V, H, first, last)
    met = meet(meeting, 0, threads)
    begin, end = share(N, me, threads)
    for start in range(begin, end, TOGETHER):
        stop = min(start + TOGETHER, end)
        for n in range(start, stop):
            factor = splat(dloss[n])
            for v in range(0, Vp, LANES):
                store(a, n * Vp + v, _times(load(a, n * Vp + v, LANES), factor), LANES)
            a[n * Vp + targets[n]] -= dloss[n]
        for q in range(Hp // PANEL):
            to = start * Hp + q * PANEL
            at = q * Vp * PANEL
            multiply(Q, at, V, a, start * Vp, Vp, 1, stop - start, dh, to, Hp, 0)
    met = meet(meeting, met, threads)
    # the alphabet has few panels, so the threads share the rows of the weights instead
    base = me * (len(scratch) // threads)
    begin, end = share(H, me, threads)
    own = sums if me == 0 else sums[:0]
    own[:] = 0
    weight_gradient(D, H, h, 0, H, begin, end, a, 0, Vp, N, 0, panels, own, scratch, base, 0)
    meet(meeting, met, threads)
    first, last = share(panels, me, threads)
    unpack(D, H, 1, 0, dW, 0, V, V, first, last)
    unpack_bias(sums, 1, 0, db, 0, V, first, last)
    leave(meeting, me, threads)


def prepare_forward(
    team: Team, h_NH: Array, W_HV: Array, b_V: Array, targets_N: Array
) -> tuple[Call, tuple[Array, ForwardMemory]]:
    """Return -log softmax(b + W h)[target] for each position, and the probabilities."""
    N, H = h_NH.shape
    V = len(b_V)
    Vp = padded(V)
    losses, p = team.empty(N), team.empty(N * Vp)
    call = team.call(
        _forward,
        *(flat(a) for a in (h_NH, W_HV, b_V)),
        np.ascontiguousarray(targets_N, np.int64),
        losses,
        p,
        *team.temporary(Vp * H, Vp),
        (N, H, V, Vp),
        threads=threads_for(team, 2 * N * H * V // HANDOVER, N * PANEL),
    )
    return call, (losses, ForwardMemory(p))


def prepare_backward(
    team: Team,
    dloss_N: Array,
    saved: ForwardMemory,
    h_NH: Array,
    W_HV: Array,
    b_V: Array,
    targets_N: Array,
    into: Sequence[Array] | None = None,
) -> tuple[Call, tuple[Array, Array, Array]]:
    """Return the gradients of h, W and b; those of W and b are written to ``into``."""
    N, H = h_NH.shape
    V = len(b_V)
    Vp, Hp = padded(V), padded(H)
    (p,) = saved.take(lambda: affine_softmax_nll_forward(team, h_NH, W_HV, b_V, targets_N))
    threads = threads_for(team, 2 * N * H * V // HANDOVER, N * PANEL)
    dh, (dW, db) = team.empty(N, Hp), arrays_like(team, (W_HV, b_V), into)
    call = team.call(
        _backward,
        *(flat(a) for a in (dloss_N, p, h_NH, W_HV)),
        np.ascontiguousarray(targets_N, np.int64),
        *(flat(a) for a in (dh, dW, db)),
        *team.temporary(Vp * Hp, Vp * H, Vp, threads * gradient_scratch(H)),
        (N, H, V, Vp),
        threads=threads,
    )
    return call, (cropped(dh, H), dW, db)


affine_softmax_nll_forward = forward_like(
    reference.affine_softmax_nll_forward, 3, at_once(prepare_forward)
)
affine_softmax_nll_backward = backward_like(
    reference.affine_softmax_nll_backward, at_once(prepare_backward)
)
