"""Sampling: all layers, the output layer and the choice of a symbol in one compiled function, for many characters.

The threads share each layer's units and the alphabet. They meet after each layer (twice in a GRU), after the scores
and after the choice. A text's numbers are the same to the last bit, whatever texts are sampled beside it.

``kernels/sampler.py`` names the integers that these functions get.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels.compiled import gru, gru_after, lstm, simple, team
from charlm.kernels.compiled.addresses import (
    bytes_at,
    floats_at,
    integer_rows_at,
    integers_at,
    reals_at,
)
from charlm.kernels.compiled.dense import product
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import pack as pack_matrix
from charlm.kernels.compiled.packing import pack_bias, padded, pairs
from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.team import enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, add, load, store
from charlm.kernels.sampler import CALL, CELLS, LAYER, MOST_WEIGHTS, OUTPUT, PACKING, PLAN
from charlm.kernels.team import LOCKS

RNN, GRU, GRU_AFTER, LSTM = range(len(CELLS))
KIND, INPUTS, UNITS, SETTING, TO_INPUT, TO_RECURRENT, TO_BIASES, FIRST = range(len(PACKING))
(
    CELL, LAYER_COUNT, LAYERS, WEIGHT_COUNT, WEIGHTS, OUTPUT_WEIGHTS, OUTPUT_BIASES, SYMBOL_COUNT, EMBEDDING,
    TABLE_SIZE, TABLE, COMPUTED, STATE_SIZE, TEXTS, STATES, WORK_SIZE, FIRST_WORK, SECOND_WORK, SCORES,
    CUMULATIVE, READ_COUNT, SAMPLED_COUNT, SYMBOLS, UNIFORMS, SAMPLED, TEMPERATURE, END
) = range(len(PLAN))  # fmt: skip
THE_PLAN, MEETING, ME, THREADS = range(len(CALL))
CALL_SIZE, PLAN_SIZE, LAYER_SIZE = len(CALL), len(PLAN), len(LAYER)


@compiled(inline=True)
def _layers(
    kind, weights, layers, embedding, table, computed, states, now, then, A, R, symbols, B, S,
    meeting, met, me, threads,
):  # fmt: skip
    """Read a symbol of each text, and turn the states at ``now`` into those at ``then``."""
    below = 0
    for k in range(len(layers)):
        X, H, at_Wx, at_Wh, at_bias, at = layers[k]
        packed, sizes = (weights[at_Wx:], weights[at_Wh:], weights[at_bias:]), (B, X, H, S)
        source = states, then + below, S, symbols, table, computed[:0]
        if k == 0:
            source = embedding, 0, X, symbols, table, computed
        if kind == RNN:
            simple.sample_layer(packed, source, states, now + at, then + at, A, sizes, me, threads)
        elif kind == GRU:
            met = gru.sample_layer(
                packed, source, states, now + at, then + at, A, R, sizes, meeting, met, me, threads
            )
        elif kind == GRU_AFTER:
            gru_after.sample_layer(
                packed, source, states, now + at, then + at, A, sizes, me, threads
            )
        else:
            lstm.sample_layer(packed, source, states, now + at, then + at, A, sizes, me, threads)
        below = at
        met = meet(meeting, met, threads)
        if k == 0 and me == 0:
            for n in range(B):
                computed[symbols[n]] = 1
    return met


@compiled(inline=True)
def _scores(W, b, H, states, at, S, B, scores, V, me, threads):
    """Scores = b + W h, of the highest layer's h."""
    Vp = padded(V)
    first, last = share(pairs(V), me, threads)
    product(W, H, states, at, S, B, scores, 0, Vp, first, last, 0)
    for n in range(B):
        for v in range(first * PANEL, last * PANEL, LANES):
            score = add(load(scores, n * Vp + v, LANES), load(b, v, LANES))
            store(scores, n * Vp + v, score, LANES)


@compiled()
def _pick(scores, at, V, temperature, uniform, cumulative, to):
    """Choose one text's symbol, as the plain ``sample_symbols`` does: where the uniform number falls in the sum."""
    best, top = 0, np.float64(scores[at])
    for v in range(V):
        score = np.float64(scores[at + v])
        if score > top or np.isnan(score):
            best, top = v, score
    if not np.isfinite(top):
        return V
    if temperature == 0:
        return best
    whole = 0.0
    for v in range(V):
        whole += np.exp((np.float64(scores[at + v]) - top) / temperature)
        cumulative[to + v] = whole
    uniform *= whole
    for v in range(V):
        if cumulative[to + v] > uniform:
            return v
    return V - 1


@compiled()
def _sample(
    weights, layers, embedding, table, computed, states, A, R, scores, cumulative,
    symbols, uniforms, sampled, temperature, end, sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    kind, T, N, B, V, S, at_W, at_b = sizes
    H, at_h = layers[-1, 1], layers[-1, 5]
    met = 0
    now, then = 0, B * S  # the places where states are read and written
    for t in range(T if N == 0 else T + N - 1):
        read = symbols[t * B : (t + 1) * B]
        met = _layers(
            kind, weights, layers, embedding, table, computed, states, now, then, A, R, read, B, S,
            meeting, met, me, threads,
        )  # fmt: skip
        now, then = then, now
        if t < T - 1 or N == 0:
            continue
        _scores(weights[at_W:], weights[at_b:], H, states, now + at_h, S, B, scores, V, me, threads)
        met = meet(meeting, met, threads)
        place, row = (t + 1) * B, (t + 1 - T) * B
        for n in range(me, B, threads):
            symbols[place + n] = _pick(
                scores, n * padded(V), V, temperature, uniforms[row + n], cumulative, me * V
            )
        met = meet(meeting, met, threads)
        over = False
        for n in range(B):
            over = over or symbols[place + n] == V or symbols[place + n] == end
        if me == 0:
            sampled[0] = t + 2 - T
        if over:
            break
    if me == 0 and now:
        for i in range(B * S):
            states[i] = states[B * S + i]
    leave(meeting, me, threads)


def panel(_):
    """Return the number of columns in a panel of packed weights."""
    return PANEL


@compiled()
def _three(p, gates):
    """The arrays of weights of a layer that has one matrix for all gates."""
    X, H, W = p[INPUTS], p[UNITS], p[FIRST:]
    width = gates * H
    return floats_at(W[0], (X * width,)), floats_at(W[1], (H * width,)), floats_at(W[2], (width,))


@compiled()
def _of_gate(p, gate):
    """The arrays of weights of one of a GRU's gates."""
    X, H, W = p[INPUTS], p[UNITS], p[FIRST + 3 * gate :]
    return floats_at(W[0], (X * H,)), floats_at(W[1], (H * H,)), floats_at(W[2], (H,))


@compiled()
def pack(address):
    """Pack the weights of a layer: at the address is ``PACKING``."""
    p = integers_at(address, (FIRST + MOST_WEIGHTS,))
    kind, X, H = p[KIND], p[INPUTS], p[UNITS]
    setting = np.float32(reals_at(address, (FIRST,))[SETTING])
    width = padded(H) * (4 if kind in (LSTM, GRU_AFTER) else 3 if kind == GRU else 1)
    Px, Ph = floats_at(p[TO_INPUT], (X * width,)), floats_at(p[TO_RECURRENT], (H * width,))
    bias = floats_at(p[TO_BIASES], (width,))
    if kind == RNN:
        simple.pack_layer(_three(p, 1), (), X, H, Px, Ph, bias, 0, pairs(H))
    elif kind == LSTM:
        lstm.pack_layer(_three(p, 4), (setting,), X, H, Px, Ph, bias, 0, pairs(H))
    elif kind == GRU:
        weights = _of_gate(p, 0) + _of_gate(p, 1) + _of_gate(p, 2)
        gru.pack_layer(weights, (), X, H, Px, Ph, bias, 0, pairs(H))
    elif kind == GRU_AFTER:
        Wx, Wh, b = _three(p, 3)
        arrays = Wx, Wh, b, floats_at(p[FIRST + 3], (H,))
        gru_after.pack_layer(arrays, (), X, H, Px, Ph, bias, 0, pairs(H))
    elif kind == OUTPUT:
        pack_matrix(Px, X, 1, 0, floats_at(p[FIRST], (X * H,)), 0, H, H, 0, pairs(H))
        pack_bias(bias, 1, 0, floats_at(p[FIRST + 1], (H,)), 0, H, 0, pairs(H), 0)
    return 0


@compiled()
def sample(address):
    """Do a thread's part of ``_sample``: at the address is ``CALL``."""
    call = integers_at(address, (CALL_SIZE,))
    p, threads = integers_at(call[THE_PLAN], (PLAN_SIZE,)), call[THREADS]
    B, T, N, V, S = p[TEXTS], p[READ_COUNT], p[SAMPLED_COUNT], p[SYMBOL_COUNT], p[STATE_SIZE]
    layers = integer_rows_at(p[LAYERS], (p[LAYER_COUNT], LAYER_SIZE))
    _sample(
        floats_at(p[WEIGHTS], (p[WEIGHT_COUNT],)),
        layers,
        floats_at(p[EMBEDDING], (V * layers[0, 0],)),
        floats_at(p[TABLE], (p[TABLE_SIZE],)),
        bytes_at(p[COMPUTED], (V,)),
        floats_at(p[STATES], (2 * B * S,)),
        floats_at(p[FIRST_WORK], (p[WORK_SIZE],)),
        floats_at(p[SECOND_WORK], (p[WORK_SIZE],)),
        floats_at(p[SCORES], (B * padded(V),)),
        reals_at(p[CUMULATIVE], (threads * V,)),
        integers_at(p[SYMBOLS], ((T + N) * B,)),
        reals_at(p[UNIFORMS], (N * B,)),
        integers_at(p[SAMPLED], (1,)),
        reals_at(call[THE_PLAN], (PLAN_SIZE,))[TEMPERATURE],
        p[END],
        (p[CELL], T, N, B, V, S, p[OUTPUT_WEIGHTS], p[OUTPUT_BIASES]),
        integers_at(call[MEETING], (LOCKS + threads,)),
        call[ME],
        threads,
    )
    return 0


ENTRIES = {**team.ENTRIES, **{f.__name__: f for f in (pack, panel, sample)}}
