"""Drawing texts: all layers, the output layer and the draw in one compiled function, for some characters at a time.

The weights are packed once for all characters. What a symbol adds to the lowest layer's gates is computed
when it is first read, and kept. The threads share each layer's units and the alphabet, and meet
behind each layer (twice in a GRU), behind the scores and behind the draw. A text's numbers are the
same to the last bit whatever its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from charlm.kernels import reference
from charlm.kernels.compiled import functions
from charlm.kernels.compiled.dense import product
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.packing import pack, pack_bias, padded
from charlm.kernels.compiled.product import PANEL
from charlm.kernels.compiled.sequence import flat
from charlm.kernels.compiled.team import Team, enter, leave, meet, share
from charlm.kernels.compiled.vectors import LANES, Lanes, add, lanewise, load, store
from charlm.kernels.reference.common import Array
from charlm.kernels.reference.sampling import State

WORTH_SHARING = 1e6
"""Multiplications and additions of a step; a smaller one is done by one thread."""
KINDS = {"rnn": 0, "gru": 1, "lstm": 2}
GATES = (1, 3, 4)
STATES = (1, 1, 2)


@lanewise
def _rnn(a: Lanes, b: Lanes) -> Lanes:
    return functions.tanh(a + b)


@lanewise
def _gru_gates(z: Lanes, r: Lanes, bz: Lanes, br: Lanes, h: Lanes) -> tuple[Lanes, ...]:
    return functions.logistic(z + bz), functions.logistic(r + br) * h


@lanewise
def _gru(c: Lanes, bc: Lanes, z: Lanes, h: Lanes) -> Lanes:
    return h + z * (functions.tanh(c + bc) - h)


@lanewise
def _lstm(
    i: Lanes, f: Lanes, o: Lanes, g: Lanes, bi: Lanes, bf: Lanes, bo: Lanes, bg: Lanes, c: Lanes
) -> tuple[Lanes, ...]:
    c = functions.logistic(f + bf) * c + functions.logistic(i + bi) * functions.tanh(g + bg)
    return c, functions.logistic(o + bo) * functions.tanh(c)


@compiled()
def _copy(x, source, y, to, count):
    for at in range(0, count, LANES):
        store(y, to + at, load(x, source + at, LANES), LANES)


@compiled()
def _input(Px, X, x, at_x, ldx, B, A, lda, symbols, row, table, known, begin, end):
    """Panels ``begin`` to ``end`` of A = Wx x. Without x it is the table's row of each symbol."""
    if not len(known):
        product(Px, X, x, at_x, ldx, B, A, 0, lda, begin, end, 0)
        return
    for n in range(B):
        symbol = symbols[row + n]
        to = symbol * lda
        if not known[symbol]:
            product(Px, X, x, symbol * X, X, 1, table, to, lda, begin, end, 0)
        _copy(table, to + begin * PANEL, A, n * lda + begin * PANEL, (end - begin) * PANEL)


@compiled()
def _pick(scores, at, V, temperature, uniform, cumulative, to):
    """What the plain ``draw`` does, for one text."""
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
def _draw(
    weights, layers, embedding, table, known, states, A, R, scores, cumulative,
    symbols, uniforms, drawn, temperature, end, sizes, meeting, me, threads,
):  # fmt: skip
    if not enter(meeting, me, threads):
        return
    kind, T, N, B, V, S, at_W, at_b = sizes
    H_top = layers[-1, 1]
    Vp = (V + PANEL - 1) // PANEL * PANEL
    first_v, last_v = share(Vp // PANEL, me, threads)
    met = 0
    now, then = 0, B * S  # where the states are read and where they are written
    steps = T if N == 0 else T + N - 1
    for t in range(steps):
        below = 0
        for k in range(len(layers)):
            X, H, at_Wx, at_Wh, at_bias, at_state = layers[k]
            Hp = (H + PANEL - 1) // PANEL * PANEL
            first, last = share(Hp // PANEL, me, threads)
            Px, Ph, bias = weights[at_Wx:], weights[at_Wh:], weights[at_bias:]
            x, at_x, ldx, seen = states, then + below, S, known[:0]
            if k == 0:
                x, at_x, ldx, seen = embedding, 0, X, known
            at_h = now + at_state
            if kind == 0:
                _input(Px, X, x, at_x, ldx, B, A, Hp, symbols, t * B, table, seen, first, last)
                product(Ph, H, states, at_h, S, B, A, 0, Hp, first, last, 1)
                for n in range(B):
                    for j in range(2 * first, 2 * last):
                        h = _rnn(load(A, n * Hp + j * LANES, LANES), load(bias, j * LANES, LANES))
                        store(states, then + n * S + at_state + j * LANES, h, H - j * LANES)
            elif kind == 1:
                lda = 3 * Hp
                begin, stop = 2 * first, 2 * last
                c = 2 * Hp
                _input(Px, X, x, at_x, ldx, B, A, lda, symbols, t * B, table, seen, begin, stop)
                begin_c, stop_c = 2 * Hp // PANEL + first, 2 * Hp // PANEL + last
                _input(Px, X, x, at_x, ldx, B, A, lda, symbols, t * B, table, seen, begin_c, stop_c)
                product(Ph, H, states, at_h, S, B, A, 0, lda, begin, stop, 1)
                for n in range(B):
                    for j in range(begin, stop):
                        column = n * lda + 2 * j * LANES
                        z, rh = _gru_gates(
                            load(A, column, LANES),
                            load(A, column + LANES, LANES),
                            load(bias, 2 * j * LANES, LANES),
                            load(bias, (2 * j + 1) * LANES, LANES),
                            load(states, at_h + n * S + j * LANES, H - j * LANES),
                        )
                        store(A, column, z, LANES)
                        store(R, n * H + j * LANES, rh, H - j * LANES)
                met = meet(meeting, met, threads)
                product(Ph[2 * Hp * H :], H, R, 0, H, B, A, c, lda, first, last, 1)
                for n in range(B):
                    for j in range(begin, stop):
                        h = _gru(
                            load(A, n * lda + c + j * LANES, LANES),
                            load(bias, c + j * LANES, LANES),
                            load(A, n * lda + 2 * j * LANES, LANES),
                            load(states, at_h + n * S + j * LANES, H - j * LANES),
                        )
                        store(states, then + n * S + at_state + j * LANES, h, H - j * LANES)
            else:
                lda = 4 * Hp
                at_c = at_h - H
                begin, stop = 4 * first, 4 * last
                _input(Px, X, x, at_x, ldx, B, A, lda, symbols, t * B, table, seen, begin, stop)
                product(Ph, H, states, at_h, S, B, A, 0, lda, begin, stop, 1)
                for n in range(B):
                    for j in range(2 * first, 2 * last):
                        column = 4 * j * LANES
                        at = n * lda + column
                        c_after, h = _lstm(
                            load(A, at, LANES),
                            load(A, at + LANES, LANES),
                            load(A, at + 2 * LANES, LANES),
                            load(A, at + 3 * LANES, LANES),
                            load(bias, column, LANES),
                            load(bias, column + LANES, LANES),
                            load(bias, column + 2 * LANES, LANES),
                            load(bias, column + 3 * LANES, LANES),
                            load(states, at_c + n * S + j * LANES, H - j * LANES),
                        )
                        unit = then + n * S + at_state + j * LANES
                        store(states, unit - H, c_after, H - j * LANES)
                        store(states, unit, h, H - j * LANES)
            below = at_state
            met = meet(meeting, met, threads)
            if k == 0 and me == 0:
                for n in range(B):
                    known[symbols[t * B + n]] = 1
        now, then = then, now
        if t < T - 1 or (N == 0):
            continue
        W, b = weights[at_W:], weights[at_b:]
        product(W, H_top, states, now + below, S, B, scores, 0, Vp, first_v, last_v, 0)
        for n in range(B):
            for v in range(first_v * PANEL, last_v * PANEL, LANES):
                store(
                    scores,
                    n * Vp + v,
                    add(load(scores, n * Vp + v, LANES), load(b, v, LANES)),
                    LANES,
                )
        met = meet(meeting, met, threads)
        place = (t + 1) * B
        for n in range(me, B, threads):
            uniform = uniforms[place - T * B + n]
            symbols[place + n] = _pick(scores, n * Vp, V, temperature, uniform, cumulative, me * V)
        met = meet(meeting, met, threads)
        over = False
        for n in range(B):
            over = over or symbols[place + n] == V or symbols[place + n] == end
        if me == 0:
            drawn[0] = t + 2 - T
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
    """Return what draws; for float64 it is the plain one."""
    if b_V.dtype != np.float32:
        return reference.sampler(cell, embedding_VE, layers, W_HV, b_V)
    return Sampler(team, cell, embedding_VE, layers, W_HV, b_V)


class Sampler:
    """What the plain ``Sampler`` is."""

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
        self.kind = KINDS[cell]
        self.embedding = flat(embedding_VE)
        self.W_HV = W_HV
        pack_layer: Callable[..., tuple[Array, Array, Array]] = (_pack_rnn, _pack_gru, _pack_lstm)[
            self.kind
        ]
        packed: list[Array] = []
        shapes, at, self.state_size = [], 0, 0
        for arguments in layers:
            Wx, Wh, bias = pack_layer(*arguments)
            X, H = len(arguments[0]), len(arguments[1])
            self.state_size += STATES[self.kind] * H
            shapes.append((X, H, at, at + Wx.size, at + Wx.size + Wh.size, self.state_size - H))
            packed += [Wx, Wh, bias]
            at += Wx.size + Wh.size + bias.size
        self.shapes = np.array(shapes)
        V = len(b_V)
        self.output = (at, at + padded(V) * len(W_HV))
        packed += [_panels(1, [(W_HV, 0)], V), _bias(1, [(b_V, 0, 0.0)], V)]
        self.weights = np.concatenate(packed)
        widths = [GATES[self.kind] * padded(H) for H in self.shapes[:, 1]]
        self.width = max(widths)
        self.table = np.empty(V * widths[0], np.float32)
        self.known = np.zeros(V, np.uint8)
        # the lowest layer's input is looked up
        self.work = 2 * (len(self.weights) - widths[0] * self.shapes[0, 0])

    def draw(
        self,
        symbols_TB: Array,
        state: State | None,
        uniforms_NB: Array,
        temperature: float,
        end: int,
    ) -> tuple[Array, State]:
        """Read symbols, and draw some of those that follow."""
        symbols_NB, _, state = self._run(symbols_TB, state, uniforms_NB, temperature, end)
        return symbols_NB, state

    def step(self, symbols_B: Array, state: State | None) -> tuple[Array, State]:
        """Read a symbol of each text; return the scores of what follows, and the state."""
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
        N, V, S = len(uniforms_NB), len(self.known), self.state_size
        states = np.zeros((2, B, S), np.float32)
        if state is not None:
            np.concatenate([part for layer in state for part in layer], axis=1, out=states[0])
        symbols = np.empty((T + N, B), np.int64)
        symbols[:T] = symbols_TB
        scores = np.empty((B, padded(V)), np.float32)
        drawn = np.zeros(1, np.int64)
        threads = self.team.threads if self.work * B > WORTH_SHARING else 1
        self.team.run(
            _draw,
            self.weights,
            self.shapes,
            self.embedding,
            self.table,
            self.known,
            states.reshape(-1),
            np.empty(B * self.width, np.float32),
            np.empty(B * self.width, np.float32),
            scores.reshape(-1),
            np.empty(threads * V),
            symbols.reshape(-1),
            np.ascontiguousarray(uniforms_NB).reshape(-1),
            drawn,
            float(temperature),
            end,
            (self.kind, T, N, B, V, S, *self.output),
            threads=threads,
        )
        sizes = [H for H in self.shapes[:, 1] for _ in range(STATES[self.kind])]
        parts = iter(np.split(states[0], np.cumsum(sizes)[:-1], axis=1))
        found = [tuple(next(parts) for _ in range(STATES[self.kind])) for _ in self.shapes]
        return symbols[T : T + drawn[0]], scores[:, :V], found


def _panels(gates: int, matrices: Sequence[tuple[Array, int]], H: int) -> Array:
    """Pack matrices of some gates of H units; of each, the column where the gate begins is given."""
    K = len(matrices[0][0])
    found = np.empty(K * gates * padded(H), np.float32)
    for gate, (matrix, at) in enumerate(matrices):
        pack(found, K, gates, gate, flat(matrix), at, matrix.shape[1], H, 0, padded(H) // PANEL)
    return found


def _bias(gates: int, vectors: Sequence[tuple[Array, int, float]], H: int) -> Array:
    found = np.empty(gates * padded(H), np.float32)
    for gate, (vector, at, more) in enumerate(vectors):
        pack_bias(found, gates, gate, flat(vector), at, H, 0, padded(H) // PANEL, np.float32(more))
    return found


def _pack_rnn(Wx_IH: Array, Wh_HH: Array, b_H: Array) -> tuple[Array, Array, Array]:
    H = len(Wh_HH)
    return _panels(1, [(Wx_IH, 0)], H), _panels(1, [(Wh_HH, 0)], H), _bias(1, [(b_H, 0, 0.0)], H)


def _pack_gru(
    Wxz: Array, Whz: Array, bz: Array, Wxr: Array, Whr: Array, br: Array,
    Wxc: Array, Whc: Array, bc: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    H = len(bz)
    gates = [
        np.concatenate([_panels(2, [(z, 0), (r, 0)], H), _panels(1, [(c, 0)], H)])
        for z, r, c in ((Wxz, Wxr, Wxc), (Whz, Whr, Whc))
    ]
    bias = np.concatenate([_bias(2, [(bz, 0, 0.0), (br, 0, 0.0)], H), _bias(1, [(bc, 0, 0.0)], H)])
    return gates[0], gates[1], bias


def _pack_lstm(
    Wx_IG: Array, Wh_HG: Array, b_G: Array, forget_bias: float = 1.0
) -> tuple[Array, Array, Array]:
    H = len(Wh_HG)
    places = range(0, 4 * H, H)
    biases = [(b_G, at, forget_bias if at == H else 0.0) for at in places]
    return (
        _panels(4, [(Wx_IG, at) for at in places], H),
        _panels(4, [(Wh_HG, at) for at in places], H),
        _bias(4, biases, H),
    )
