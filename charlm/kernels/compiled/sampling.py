"""Sampling: all layers, the output layer and the choice of a symbol in one compiled function, for many characters.

The weights are packed once for all characters. What a symbol adds to the lowest layer's gates is computed when
the symbol is first read, and kept. The threads share each layer's units and the alphabet. They meet after each
layer (twice in a GRU), after the scores and after the choice. A text's numbers are the same to the last
bit, whatever texts are sampled beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled import gru, gru_after, lstm, simple
from charlm.kernels.compiled.dense import product
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import pack, pack_bias, padded, pairs
from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.sequence import flat
from charlm.kernels.compiled.team import Team, enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, add, load, store
from charlm.kernels.reference.common import Array
from charlm.kernels.reference.sampling import State

WORTH_SHARING = 1e6
"""Multiplications and additions of a step. One thread alone does a smaller step."""
CELLS = {
    "rnn": simple.RNN,
    "gru": gru.GRU,
    "gru_after": gru_after.GRU_AFTER,
    "lstm": lstm.LSTM,
}
RNN, GRU, GRU_AFTER, _ = range(len(CELLS))


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


def sampler(
    team: Team,
    cell: str,
    embedding_VE: Array,
    layers: Sequence[Sequence[Any]],
    W_HV: Array,
    b_V: Array,
) -> Sampler | reference.Sampler:
    """Return a sampler; for float64 the plain one."""
    if b_V.dtype != np.float32:
        return reference.sampler(cell, embedding_VE, layers, W_HV, b_V)
    return Sampler(team, cell, embedding_VE, layers, W_HV, b_V)


class Sampler:
    """The counterpart of the plain ``Sampler``."""

    def __init__(
        self,
        team: Team,
        cell: str,
        embedding_VE: Array,
        layers: Sequence[Sequence[Any]],
        W_HV: Array,
        b_V: Array,
    ) -> None:
        self.team = team
        self.kind, self.cell = list(CELLS).index(cell), CELLS[cell]
        self.embedding = flat(embedding_VE)
        packed: list[Array] = []
        shapes, at, self.state_size = [], 0, 0
        for arguments in layers:
            X, H = len(arguments[0]), len(arguments[1])
            Wx, Wh, bias = self.cell.packed(arguments)
            self.state_size += self.cell.states * H
            shapes.append((X, H, at, at + Wx.size, at + Wx.size + Wh.size, self.state_size - H))
            packed += [Wx, Wh, bias]
            at += Wx.size + Wh.size + bias.size
        self.shapes = np.array(shapes)
        H, V = W_HV.shape
        W, b = np.empty(H * padded(V), np.float32), np.empty(padded(V), np.float32)
        pack(W, H, 1, 0, flat(W_HV), 0, V, V, 0, pairs(V))
        pack_bias(b, 1, 0, flat(b_V), 0, V, 0, pairs(V), np.float32(0))
        self.output = (at, at + W.size)
        self.weights = np.concatenate([*packed, W, b])
        widths = [self.cell.gates * padded(H) for H in self.shapes[:, 1]]
        self.width = max(widths)
        self.table = np.empty(V * widths[0], np.float32)
        self.computed = np.zeros(V, np.uint8)
        # the lowest layer's input is looked up
        self.work = 2 * (len(self.weights) - widths[0] * self.shapes[0, 0])

    def sample(
        self,
        symbols_TB: Array,
        state: State | None,
        uniforms_NB: Array,
        temperature: float,
        end: int,
    ) -> tuple[Array, State]:
        """Read symbols, and sample the symbols that follow."""
        symbols_NB, _, state = self._run(symbols_TB, state, uniforms_NB, temperature, end)
        return symbols_NB, state

    def step(self, symbols_B: Array, state: State | None) -> tuple[Array, State]:
        """Read a symbol of each text; return the scores of the next symbol, and the state."""
        uniforms_NB = np.zeros((1, len(symbols_B)))
        _, scores, state = self._run(symbols_B[np.newaxis], state, uniforms_NB, 0.0, -1)
        return scores, state

    def _run(
        self,
        symbols_TB: Array,
        state: State | None,
        uniforms_NB: Array,
        temperature: float,
        end: int,
    ) -> tuple[Array, Array, State]:
        T, B = symbols_TB.shape
        N, V, S = len(uniforms_NB), len(self.computed), self.state_size
        states = np.zeros((2, B, S), np.float32)
        if state is not None:
            np.concatenate([part for layer in state for part in layer], axis=1, out=states[0])
        symbols = np.empty((T + N, B), np.int64)
        symbols[:T] = symbols_TB
        scores = np.empty((B, padded(V)), np.float32)
        sampled = np.zeros(1, np.int64)
        threads = self.team.threads if self.work * B > WORTH_SHARING else 1
        self.team.run(
            _sample,
            self.weights,
            self.shapes,
            self.embedding,
            self.table,
            self.computed,
            states.reshape(-1),
            np.empty(B * self.width, np.float32),
            np.empty(B * self.width, np.float32),
            scores.reshape(-1),
            np.empty(threads * V),
            symbols.reshape(-1),
            np.ascontiguousarray(uniforms_NB).reshape(-1),
            sampled,
            float(temperature),
            end,
            (self.kind, T, N, B, V, S, *self.output),
            threads=threads,
        )
        sizes = [H for H in self.shapes[:, 1] for _ in range(self.cell.states)]
        parts = iter(np.split(states[0], np.cumsum(sizes)[:-1], axis=1))
        after = [tuple(next(parts) for _ in range(self.cell.states)) for _ in self.shapes]
        return symbols[T : T + sampled[0]], scores[:, :V], after
