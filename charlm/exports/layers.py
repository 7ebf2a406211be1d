"""The recurrent layers of a model as other programs know them: a simple RNN, an LSTM or a GRU, with its gates by name.

* LSTM: c' = f c + i g; h' = o tanh(c'). The gates are i, f, o, g.
* GRU: h' = (1 - z) n + z h, where z keeps the old state. The gates are r, z, n.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import InputError
from charlm.exports.content import weights
from charlm.lm.model import Model


class Gate(NamedTuple):
    """What a gate applies its function to: bx + Wx x + bh + Wh h. In a GRU, r may multiply bh + Wh h."""

    Wx_HI: Array
    Wh_HH: Array
    bx_H: Array
    bh_H: Array


class Layer(NamedTuple):
    """A layer of one of the usual kinds.

    Attributes:
        kind: RNN, LSTM or GRU.
        gates: by a letter each.
        resets_after: of a GRU: r multiplies Wh h + bh. In the other kind, r multiplies h before the matrix.
    """

    kind: str
    gates: dict[str, Gate]
    resets_after: bool = False

    def stacked(self, order: str) -> Gate:
        """Return the weights of all gates, one below the other in an order of their letters."""
        parts = zip(*(self.gates[letter] for letter in order), strict=True)
        return Gate(*(np.concatenate(part) for part in parts))


def usual_layers(model: Model, what: str) -> list[Layer]:
    """Return a model's layers in the usual form; ``what`` names the format in the error.

    Raises:
        InputError: the cell has another formula.
    """
    cell = model.config.cell
    if cell not in _FORMS:
        raise InputError(
            f"{what} has no cell like {cell}, which {_OTHERS.get(cell, 'has its own formula')}: use --to npz, or "
            "train with the cell lstm"
        )
    arrays = weights(model)
    layers = []
    for k in range(model.config.layers):
        w = {role: arrays[f"rnn.{k}.{role}"] for role in model.rnn.cell.roles}
        layers.append(_FORMS[cell](w))
    return layers


_OTHERS = {
    "coupled_lstm": "reads its memory in the gates through whole matrices",
    "norm_lstm": "normalises inside the recurrence",
    "min_gru": "has no matrix for its state",
    "min_lstm": "has no matrix for its state",
}


def _gate(Wx_HI: Array, Wh_HH: Array, bx_H: Array, bh_H: Array | None = None) -> Gate:
    return Gate(Wx_HI, Wh_HH, bx_H, np.zeros_like(bx_H) if bh_H is None else bh_H)


def _negated(gate: Gate) -> Gate:
    """Return the gate that is 1 minus this one, because 1 - logistic(a) = logistic(-a)."""
    return Gate(*(-part for part in gate))


def _rnn(w: dict[str, Array]) -> Layer:
    return Layer("RNN", {"h": _gate(w["Wx"], w["Wh"], w["b"])})


def _blocks(w: dict[str, Array], letters: str) -> dict[str, Gate]:
    parts = [np.split(w[role], len(letters)) for role in ("Wx", "Wh", "b")]
    return {letter: _gate(*part) for letter, *part in zip(letters, *parts, strict=True)}


def _lstm(w: dict[str, Array]) -> Layer:
    return Layer("LSTM", _blocks(w, "ifog"))


def _fast_lstm(w: dict[str, Array]) -> Layer:
    i, o, g = (_gate(w[f"Wx{x}"], w[f"Wh{x}"], w[f"b{x}"]) for x in "ioc")
    return Layer("LSTM", {"i": i, "f": _negated(i), "o": o, "g": g})


def _gru(w: dict[str, Array]) -> Layer:
    z, r, n = (_gate(w[f"Wx{x}"], w[f"Wh{x}"], w[f"b{x}"]) for x in "zrh")
    return Layer("GRU", {"r": r, "z": _negated(z), "n": n})


def _gru_after(w: dict[str, Array]) -> Layer:
    gates = _blocks(w, "rzn")
    return Layer("GRU", {**gates, "n": gates["n"]._replace(bh_H=w["bn"])}, resets_after=True)


_FORMS = {
    "rnn": _rnn,
    "lstm": _lstm,
    "fast_lstm": _fast_lstm,
    "gru": _gru,
    "gru_after": _gru_after,
}
