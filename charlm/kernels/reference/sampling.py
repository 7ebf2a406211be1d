"""A language model as what draws texts: one character at a time, without a graph and with nothing saved for backward.

The states of a model are, for each layer, those of its cell, arrays (B, H); None at the start of a
text. Heights are uniform numbers in [0, 1): which symbol a text's next one is, in the sum of their
probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from charlm.kernels.reference.common import Array, logistic

State: TypeAlias = "list[tuple[Array, ...]]"
COLDEST = 1e-200
"""A lower temperature counts as this one: no quotient overflows, and no two float32 scores are as near."""
Step: TypeAlias = "Callable[[Array, State | None], tuple[Array, State]]"


def draw(scores_BV: Array, temperature: float, uniforms_B: Array) -> Array:
    """Return a symbol for each row of scores, log-probabilities but for a constant of the row.

    They are sharpened by 1/temperature; temperature 0 takes the likeliest. Computed in float64 log
    space, so that no temperature overflows. Where the scores are not numbers it is V,
    which is no symbol.

    Example:
        >>> draw(np.log([[0.1, 0.7, 0.2]]), 1.0, np.array([0.05])).tolist()
        [0]
    """
    scores = scores_BV.astype(np.float64)
    largest = np.maximum.reduce(scores, axis=1, keepdims=True)
    if temperature == 0:
        return np.where(np.isfinite(largest[:, 0]), scores.argmax(axis=1), scores.shape[1])
    scores -= largest
    scores /= max(temperature, COLDEST)
    cumulative = np.add.accumulate(np.exp(scores, out=scores), axis=1)
    above = cumulative > uniforms_B[:, np.newaxis] * cumulative[:, -1:]
    found: Array = scores.shape[1] - np.add.reduce(above, axis=1, dtype=np.intp)
    return found


def draw_on(
    step: Step,
    symbols_TB: Array,
    state: State | None,
    uniforms_NB: Array,
    temperature: float,
    end: int,
) -> tuple[Array, State]:
    """Read symbols, and draw some of those that follow.

    Args:
        step: the model.
        symbols_TB: what the texts go on with, one symbol at least.
        state: the state before that.
        uniforms_NB: a row for each symbol that is to be drawn.
        temperature: see ``draw``.
        end: a symbol at which drawing stops, for all texts; it also stops where scores are not numbers.

    Returns:
        The symbols (n, B), one at least if there are uniforms, and the state, which does not know the last of them.
    """
    for symbols_B in symbols_TB:
        scores_BV, state = step(symbols_B, state)
    drawn: list[Array] = []
    for uniforms_B in uniforms_NB:
        if drawn:
            scores_BV, state = step(drawn[-1], state)
        drawn.append(draw(scores_BV, temperature, uniforms_B))
        symbols = drawn[-1].tolist()
        if end in symbols or scores_BV.shape[1] in symbols:
            break
    assert state is not None
    return np.array(drawn, int).reshape(-1, symbols_TB.shape[1]), state


class Layer:
    """A recurrent layer's weights, of all gates side by side: first a = b + Wx x, then the states from a."""

    states: ClassVar[int]

    def __init__(self, Wx_IG: Array, b_G: Array, hidden: int) -> None:
        self.Wx_IG = Wx_IG
        self.b_G = b_G
        self.hidden = hidden

    def project(self, x_BI: Array) -> Array:
        """Return b + Wx x."""
        a = x_BI @ self.Wx_IG
        a += self.b_G
        return a

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """Return the states after those given; ``a_BG`` is overwritten."""
        raise NotImplementedError


class RnnLayer(Layer):
    """The simple RNN."""

    states = 1

    def __init__(self, Wx_IH: Array, Wh_HH: Array, b_H: Array) -> None:
        super().__init__(Wx_IH.copy(), b_H.copy(), len(Wh_HH))
        self.Wh_HH = Wh_HH.copy()

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """H' = tanh(a + Wh h)."""
        a_BG += states[0] @ self.Wh_HH
        return (np.tanh(a_BG, out=a_BG),)


class GruLayer(Layer):
    """The GRU: the gates z and r, then the candidate."""

    states = 1

    def __init__(
        self,
        Wxz_IH: Array,
        Whz_HH: Array,
        bz_H: Array,
        Wxr_IH: Array,
        Whr_HH: Array,
        br_H: Array,
        Wxc_IH: Array,
        Whc_HH: Array,
        bc_H: Array,
    ) -> None:
        Wx = np.concatenate([Wxz_IH, Wxr_IH, Wxc_IH], axis=1)
        super().__init__(Wx, np.concatenate([bz_H, br_H, bc_H]), len(Whz_HH))
        self.Wh_HG = np.concatenate([Whz_HH, Whr_HH], axis=1)
        self.Whc_HH = Whc_HH.copy()

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """H' = (1 - z) h + z c."""
        (h,), H = states, self.hidden
        gates, c = a_BG[:, : 2 * H], a_BG[:, 2 * H :]
        gates += h @ self.Wh_HG
        gates = logistic(gates)
        z, r = gates[:, :H], gates[:, H:]
        c += (r * h) @ self.Whc_HH
        np.tanh(c, out=c)
        c -= h
        c *= z
        c += h
        return (c,)


class LstmLayer(Layer):
    """The LSTM, with logistic(x) as (1 + tanh(x/2))/2: all gates are one tanh. The halves are in the weights."""

    states = 2

    def __init__(self, Wx_IG: Array, Wh_HG: Array, b_G: Array, forget_bias: float = 1.0) -> None:
        H = len(Wh_HG)
        half = np.ones_like(b_G)
        half[: 3 * H] = 0.5
        b = b_G.copy()
        b[H : 2 * H] += forget_bias
        super().__init__(Wx_IG * half, b * half, H)
        self.Wh_HG = Wh_HG * half

    def step(self, a_BG: Array, *states: Array) -> tuple[Array, ...]:
        """C' = f c + i g; h' = o tanh(c')."""
        (c, h), H = states, self.hidden
        a_BG += h @ self.Wh_HG
        np.tanh(a_BG, out=a_BG)
        gates, admitted = a_BG[:, : 3 * H], a_BG[:, :H]
        gates *= 0.5
        gates += 0.5
        admitted *= a_BG[:, 3 * H :]
        c = c * a_BG[:, H : 2 * H]
        c += admitted
        h = np.tanh(c)
        h *= a_BG[:, 2 * H : 3 * H]
        return c, h


LAYERS: dict[str, Callable[..., Layer]] = {"gru": GruLayer, "lstm": LstmLayer, "rnn": RnnLayer}
"""By the name of the cell's kernels."""


class Sampler:
    """Softmax(b + W h) over the layers of one cell.

    Args:
        cell: the name of its kernels.
        embedding_VE: a vector for each symbol.
        layers: the arguments of each layer's kernel behind the input and without the states, the lowest
            layer first.
        W_HV: of the output layer.
        b_V: its biases.
    """

    def __init__(
        self,
        cell: str,
        embedding_VE: Array,
        layers: Sequence[Sequence[Any]],
        W_HV: Array,
        b_V: Array,
    ) -> None:
        self.embedding_VE = embedding_VE
        self.layers = [LAYERS[cell](*arguments) for arguments in layers]
        self.W_HV, self.b_V = W_HV.copy(), b_V.copy()
        # what a symbol adds to the lowest layer's gates, computed when it is first read
        self.table_VG = np.empty((len(embedding_VE), len(self.layers[0].b_G)), b_V.dtype)
        self.unknown = set(range(len(embedding_VE)))

    def draw(
        self,
        symbols_TB: Array,
        state: State | None,
        uniforms_NB: Array,
        temperature: float,
        end: int,
    ) -> tuple[Array, State]:
        """Read symbols, and draw some of those that follow (see ``draw_on``)."""
        return draw_on(self.step, symbols_TB, state, uniforms_NB, temperature, end)

    def step(self, symbols_B: Array, state: State | None) -> tuple[Array, State]:
        """Read a symbol of each text; return the scores (B, V) of what follows, and the state."""
        if state is None:
            state = self._start(len(symbols_B))
        found: State = []
        h = self._first(symbols_B)
        for layer, states in zip(self.layers, state, strict=True):
            a = layer.project(h) if found else h
            found.append(layer.step(a, *states))
            h = found[-1][-1]
        scores = h @ self.W_HV
        scores += self.b_V
        return scores, found

    def _start(self, texts: int) -> State:
        dtype = self.b_V.dtype
        return [
            tuple(np.zeros((texts, layer.hidden), dtype) for _ in range(layer.states))
            for layer in self.layers
        ]

    def _first(self, symbols_B: Array) -> Array:
        """Return b + Wx x of the lowest layer."""
        for symbol in self.unknown.intersection(symbols_B.tolist()):
            self.table_VG[symbol] = self.layers[0].project(self.embedding_VE[symbol : symbol + 1])
            self.unknown.remove(symbol)
        return self.table_VG[symbols_B]


def sampler(
    cell: str,
    embedding_VE: Array,
    layers: Sequence[Sequence[Any]],
    W_HV: Array,
    b_V: Array,
) -> Sampler:
    """Return what draws from a model (see ``Sampler``)."""
    return Sampler(cell, embedding_VE, layers, W_HV, b_V)
