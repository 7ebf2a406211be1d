"""Gates and units of a network while it reads a text: saturated gates and dead units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charlm.engine.rnn.recurrence import RecurrentSequence
from charlm.lm.evaluation import PIECE, lines, pieces
from charlm.lm.model import Model
from charlm.lm.sampling import State
from charlm.text.vocab import Ids

SHUT, OPEN = 0.1, 0.9
"""A gate is saturated below the first (it lets almost nothing through) or above the second (almost everything)."""
STILL = 0.01
"""A unit is dead if the standard deviation of its output is smaller: it tells nothing about the text."""


@dataclass(frozen=True)
class Gate:
    """A gate of a layer, over all its units and a text.

    Attributes:
        mean: its mean value.
        shut: the share of its values that are below ``SHUT``.
        open: the share above ``OPEN``.
    """

    mean: float
    shut: float
    open: float


@dataclass(frozen=True)
class LayerReport:
    """The gates and dead units of a layer.

    Attributes:
        units: how many units it has.
        dead: the numbers of those that are dead, counted from 1.
        gates: its gates, by their names; a simple RNN has none.
    """

    units: int
    dead: tuple[int, ...]
    gates: dict[str, Gate]


def layer_reports(model: Model, ids: Ids) -> list[LayerReport]:
    """Return the gates and dead units of each layer while the model reads a text from its start.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> model = Model(Vocab.from_alphabet("ab", eos=True), ModelConfig(cell="gru", hidden_dim=4))
        >>> [report] = layer_reports(model, np.array([0, 1, 0, 2]))
        >>> report.units, list(report.gates), round(report.gates["reset"].mean, 1)
        (4, ['update', 'reset'], 0.5)
    """
    tallies = [_Tally() for _ in model.config.hidden_dims]
    state: State | None = None
    last = model.vocab.start
    for start, stop in pieces(0, len(ids), PIECE):
        for i, j in lines(ids, start, stop, model.vocab.eos):
            fresh = state is None or last == model.vocab.eos
            graph = model.graph()
            h, layers = model.hidden(graph, ids[i:j, np.newaxis], None if fresh else state)
            h.forward()
            for tally, layer in zip(tallies, layers, strict=True):
                op = graph.op(layer.index)
                assert isinstance(op, RecurrentSequence)
                tally.add(layer.array()[-1, :, 0])
                for name, gate in op.gates(*map(graph.value, graph.args(layer.index))).items():
                    tally.add_gate(name, gate)
            state, last = model.carried(layers), int(ids[j - 1])
            graph.release()
    return [tally.report() for tally in tallies]


class _Tally:
    """Sums over the values of a layer."""

    def __init__(self) -> None:
        self._count = 0
        self._sums = self._squares = np.zeros(1)
        self._gates: dict[str, list[float]] = {}

    def add(self, h_TH: np.ndarray) -> None:
        values_TH = h_TH.astype(np.float64)
        self._count += len(values_TH)
        self._sums = self._sums + values_TH.sum(axis=0)
        self._squares = self._squares + np.square(values_TH).sum(axis=0)

    def add_gate(self, name: str, gate: np.ndarray) -> None:
        sums = (gate.size, gate.sum(dtype=float), (gate < SHUT).sum(), (gate > OPEN).sum())
        before = self._gates.get(name, [0.0] * len(sums))
        self._gates[name] = [a + float(b) for a, b in zip(before, sums, strict=True)]

    def report(self) -> LayerReport:
        mean = self._sums / self._count
        deviation = np.sqrt(np.maximum(self._squares / self._count - mean * mean, 0))
        gates = {
            name: Gate(total / size, shut / size, opened / size)
            for name, (size, total, shut, opened) in self._gates.items()
        }
        dead = tuple((1 + np.flatnonzero(deviation < STILL)).tolist())
        return LayerReport(len(deviation), dead, gates)
