"""A model's network in exact arithmetic (see ``fixed_point``): from symbols to frequencies, the same on every machine.

Arrays are named by their axes: T positions, H units, G gates of H units each, V symbols. Weights are multiplied by
the scale of the table in which their sum is looked up, so a sum is an index of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from charlm.compression.fixed_point import (
    ONE,
    SCORE_BITS,
    STATE_BITS,
    TABLE_BITS,
    WEIGHT_BITS,
    Table,
    frequencies,
    logistic,
    rounded,
    tanh,
)
from charlm.config.schema import CELLS as NAMES
from charlm.engine.arrays import Array
from charlm.engine.rnn.cell import CELLS
from charlm.engine.rnn.kernel_cell import KernelCell
from charlm.errors import InputError
from charlm.lm.language_model import CharLM

_MOST = 2.0**19
"""The limit for a sum of absolute values. The last bit of a sum is 2**-30, and its index in a table has 32 bits."""
_STATE_SCALE = 2.0 ** (TABLE_BITS - STATE_BITS)


class ExactLayer:
    """A recurrent layer and its state.

    Args:
        Wx_IG: input weights of all gates, side by side.
        b_G: the biases.
        tables: for each gate, the table in which its sum is looked up.
    """

    def __init__(self, Wx_IG: Array, b_G: Array, tables: Sequence[Table]) -> None:
        self.Wx_IG = Wx_IG
        H = len(b_G) // len(tables)
        self.b_G = b_G + np.repeat([table.offset for table in tables], H)
        self.h_H = np.zeros(H)
        self._sum_G = np.empty(len(b_G))
        self._place_G = np.empty(len(b_G), np.intp)
        self.logistic, self.tanh = logistic(), tanh()

    def reset(self) -> None:
        """Set the state to that at the start of a text."""
        self.h_H = np.zeros(len(self.h_H))

    def project(self, x_TI: Array) -> Array:
        """Return the inputs' part of the gates' sums: b + Wx x."""
        sums_TG: Array = np.dot(x_TI, self.Wx_IG)
        sums_TG += self.b_G
        return sums_TG

    def read(self, sums_TG: Array) -> Array:
        """Compute some steps; return the outputs (T, H)."""
        h_TH = np.empty((len(sums_TG), len(self.h_H)))
        for sum_G, h_H in zip(sums_TG, h_TH, strict=True):
            self.step(sum_G, h_H)
            self.h_H = h_H
        return h_TH

    def step(self, sum_G: Array, h_H: Array) -> None:
        """Write the next output into ``h_H``."""
        raise NotImplementedError


class ExactRnn(ExactLayer):
    """The simple RNN: h' = tanh(a + Wh h)."""

    def __init__(self, Wx: Array, Wh: Array, b: Array) -> None:
        super().__init__(_weights(Wx), _biases(b), [tanh()])
        self.Wh_HG = _weights(Wh)

    def step(self, sum_G: Array, h_H: Array) -> None:
        np.dot(self.h_H, self.Wh_HG, out=self._sum_G)
        np.add(self._sum_G, sum_G, out=self._place_G, casting="unsafe")
        self.tanh.look_up(self._place_G, h_H)


class ExactGru(ExactLayer):
    """The GRU: the gates z and r, then the candidate c; h' = h + z (c - h)."""

    def __init__(self, *weights: Array) -> None:
        Wx, Wh, b = weights[0::3], weights[1::3], weights[2::3]
        tables = [logistic(), logistic(), tanh()]
        super().__init__(_weights(np.concatenate(Wx)), _biases(np.concatenate(b)), tables)
        self.Wh_HG = _weights(np.concatenate(Wh[:2]))
        self.Whc_HH = _weights(Wh[2])

    def step(self, sum_G: Array, h_H: Array) -> None:
        H, sums, places = len(h_H), self._sum_G, self._place_G
        gates, before, c = 2 * H, self.h_H, h_H
        np.dot(before, self.Wh_HG, out=sums[:gates])
        np.add(sums[:gates], sum_G[:gates], out=places[:gates], casting="unsafe")
        self.logistic.look_up(places[:gates], sums[:gates])
        z, r = sums[:H], sums[H:gates]
        r *= before
        np.rint(r, out=r)
        np.dot(r, self.Whc_HH, out=sums[gates:])
        np.add(sums[gates:], sum_G[gates:], out=places[gates:], casting="unsafe")
        self.tanh.look_up(places[gates:], c)
        c -= before
        c *= z
        c += before
        np.rint(c, out=c)


class ExactLstm(ExactLayer):
    """The LSTM: c' = f c + i g; h' = o tanh(c')."""

    def __init__(self, Wx: Array, Wh: Array, b: Array, forget_bias: float = 1.0) -> None:
        H = Wh.shape[1]
        b_G = _biases(b)
        b_G[H : 2 * H] += _biases(np.array(forget_bias))
        super().__init__(_weights(Wx), b_G, [logistic(), logistic(), logistic(), tanh()])
        self.Wh_HG = _weights(Wh)
        self.c_H = np.zeros(H)
        gates_GH = np.empty((4, H))
        self._gates = gates_GH[:3].reshape(-1), *gates_GH
        self._places = self._place_G[: 3 * H], self._place_G[3 * H :]

    def reset(self) -> None:
        super().reset()
        self.c_H[...] = 0

    def step(self, sum_G: Array, h_H: Array) -> None:
        c_H, (ifo, i, f, o, g), (places_ifo, places_g) = self.c_H, self._gates, self._places
        np.dot(self.h_H, self.Wh_HG, out=self._sum_G)
        np.add(self._sum_G, sum_G, out=self._place_G, casting="unsafe")
        self.logistic.look_up(places_ifo, ifo)
        self.tanh.look_up(places_g, g)
        g *= i
        c_H *= f
        c_H += g
        np.rint(c_H, out=c_H)
        np.multiply(c_H, _STATE_SCALE, out=g)
        np.add(g, self.tanh.offset, out=places_g, casting="unsafe")
        self.tanh.look_up(places_g, h_H)
        h_H *= o
        np.rint(h_H, out=h_H)


EXACT_CELLS: dict[str, Callable[..., ExactLayer]] = {
    "gru": ExactGru,
    "lstm": ExactLstm,
    "rnn": ExactRnn,
}
"""By the name of the cell's kernels."""


class Network:
    """Reads symbols, and returns the frequencies of the next one.

    Args:
        model: a model with a cell of ``EXACT_CELLS``, without layer normalisation.

    Attributes:
        cell: the name of the cell's kernels and its settings.

    Raises:
        InputError: the model has another cell or layer normalisation, or its weights are too large for exact sums.
    """

    def __init__(self, model: CharLM) -> None:
        cell = model.rnn.cell
        if not (isinstance(cell, KernelCell) and cell.kernel in EXACT_CELLS) or model.norms:
            can = [name for name in NAMES if getattr(CELLS[name], "kernel", "") in EXACT_CELLS]
            what = "layer normalisation" if model.norms else f"the cell {cell.name}"
            raise InputError(
                f"this model cannot compress, because it has {what}: charlm computes the same numbers on every "
                f"machine for the cells {', '.join(can)}, without model.layer_norm; train one of these"
            )
        weights = model.arrays()
        _check(weights, cell.settings())
        self.cell: list[str | float] = [cell.kernel, *cell.settings()]
        self.eos = model.vocab.eos
        self.layers = [
            EXACT_CELLS[cell.kernel](
                *(weights[f"rnn.{k}.{role}"] for role in cell.roles), *cell.settings()
            )
            for k in range(model.config.layers)
        ]
        vectors_VI = rounded(weights["embedding"], STATE_BITS) * ONE
        self._first_VG = self.layers[0].project(vectors_VI)
        self._W_HV = _weights(weights.get("softmax.W", weights["embedding"]), SCORE_BITS)
        self._b_V = _biases(weights["softmax.b"], SCORE_BITS)
        self._table = frequencies()

    def reset(self) -> None:
        """Set the state to that at the start of a text."""
        for layer in self.layers:
            layer.reset()

    def read(self, symbols: Sequence[int]) -> Array:
        """Read symbols; return after each the cumulative frequencies of the next one: whole numbers (T, V).

        In a model of lines each line begins with an empty state.
        """
        h_TH = np.concatenate([self._outputs(line) for line in self._lines(symbols)])
        scores_TV = np.dot(h_TH, self._W_HV)
        scores_TV += self._b_V
        np.subtract(
            scores_TV.max(axis=1, keepdims=True) + self._table.offset, scores_TV, out=scores_TV
        )
        sizes_TV = np.empty(scores_TV.shape, np.int64)
        self._table.look_up(scores_TV.astype(np.intp), sizes_TV)
        return sizes_TV.cumsum(axis=1)

    def _lines(self, symbols: Sequence[int]) -> Iterator[Sequence[int]]:
        """Yield the symbols in parts. A part begins at each end of a line, where the state is reset."""
        begin = 0
        if self.eos is not None:
            for place, symbol in enumerate(symbols):
                if symbol == self.eos:
                    if place > begin:
                        yield symbols[begin:place]
                    self.reset()
                    begin = place
        yield symbols[begin:]

    def _outputs(self, symbols: Sequence[int]) -> Array:
        """Return the top layer's outputs."""
        h_TH = self.layers[0].read(self._first_VG[symbols])
        for layer in self.layers[1:]:
            h_TH = layer.read(layer.project(h_TH))
        return h_TH


def _weights(W: Array, bits: int = TABLE_BITS) -> Array:
    """Return rounded weights (inputs, outputs) for sums that are indices of a table of 2**bits entries for each 1."""
    return np.ascontiguousarray(rounded(W, WEIGHT_BITS).T * 2.0 ** (bits - STATE_BITS))


def _biases(b: Array, bits: int = TABLE_BITS) -> Array:
    """Return rounded biases as indices of a table of 2**bits entries for each 1."""
    return rounded(b, WEIGHT_BITS + STATE_BITS) * 2.0**bits


def _check(weights: Mapping[str, Array], settings: Sequence[float]) -> None:
    """Refuse weights whose sums may not be exact."""
    largest = {name: np.abs(w.astype(np.float64)) for name, w in weights.items()}
    sums = [float(w.sum(axis=-1).max()) if w.ndim > 1 else float(w.max()) for w in largest.values()]
    reach = max(1.0, float(largest["embedding"].max()))
    if reach * (sum(sums) + sum(map(abs, settings))) >= _MOST:
        name = max(largest, key=lambda name: float(largest[name].max()))
        raise InputError(
            f"the model's weights are too large to compress with: {name} has one of "
            f"{largest[name].max():.3g}, and sums that are exact on every machine have to stay below {_MOST:,.0f}; "
            "train with a smaller train.learning_rate"
        )
