"""How far back a model looks: gradients against differences, contexts against reading them alone, gates by hand."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.config.schema import CELLS
from charlm.engine.random import NumpyStream
from charlm.lm.gates import OPEN, SHUT, STILL, layer_reports
from charlm.lm.horizon import KEPT, gradients, horizon, places_of, prediction
from charlm.lm.model import Model
from charlm.lm.reader import Reader
from charlm.text.vocab import Vocab

IDS = np.random.default_rng(1).integers(0, 4, 400)


def model_of(cell: str, eos: bool = False, dtype: type = np.float64, **sizes) -> Model:
    sizes = {"hidden_dim": (6, 5), "layers": 2, "embed_dim": 4, **sizes}
    alphabet = "abc" if eos else "abcd"
    vocab = Vocab.from_alphabet(alphabet, eos=eos)
    return Model(vocab, ModelConfig(cell=cell, **sizes), NumpyStream(3), dtype=dtype)


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_is_that_of_a_character_s_vector(cell):
    """The symbols of the context are all different, so that each has a row of the table of its own."""
    model = model_of(cell)
    context, target = np.array([[2], [0], [3]]), np.array([1])
    _, norms = gradients(model, context, target)
    table = model.embedding.value
    for lag in (1, 2, 3):
        row = table[context[-lag, 0]]
        slopes = []
        for place in range(len(row)):
            there, nlls = row[place], []
            for step in (1e-5, -1e-5):
                row[place] = there + step
                nlls.append(gradients(model, context, target)[0][0])
            row[place] = there
            slopes.append((nlls[0] - nlls[1]) / 2e-5)
        assert norms[lag - 1, 0] == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


def test_one_prediction_in_a_line_rests_on_its_line():
    model = model_of("lstm", eos=True)
    ids = np.array([0, 1, 3, 2, 0, 1])
    found = prediction(model, ids, 5)
    assert found.read.tolist() == [2, 0]
    assert found.target == 1
    alone = prediction(model, ids[3:], 2)
    assert (found.bits, found.norms.tolist()) == (alone.bits, alone.norms.tolist())
    assert prediction(model, ids, 3).norms.shape == (0,)


@pytest.mark.parametrize("eos", [False, True])
def test_less_context_is_an_empty_state_nearer_by(eos):
    model = model_of("gru", eos=eos)
    places = places_of(1, len(IDS), 30)
    found = horizon(model, IDS, places)
    assert list(found.context) == list(KEPT)
    assert found.places == 30
    expected = []
    for place in places:
        context = IDS[max(0, place - 5) : place]
        if eos and (context == 3).any():
            context = context[np.flatnonzero(context == 3)[-1] :]
        graph = model.graph()
        h, _ = model.hidden(graph, context[:, None], None)
        w, b = model.output_layer(graph)
        scores = h.array()[0, -1, 0] @ w.array()[0] + b.array()[0]
        expected.append(np.log(np.exp(scores).sum()) - scores[IDS[place]])
    assert found.context[5] == pytest.approx(np.mean(expected) / np.log(2))


def test_a_model_that_sees_one_character_needs_one():
    """Without recurrent weights nothing flows back, and one character is enough."""
    model = model_of("rnn", hidden_dim=5, layers=1)
    model.parameters()["rnn.0.Wh"].write()[...] = 0
    found = horizon(model, IDS, places_of(1, len(IDS), 50))
    assert found.gradients[0] > 0
    assert abs(found.gradients[1:]).max() < 1e-12
    assert found.lag_of(0.9) == 1
    assert found.enough() == 1
    assert max(found.context.values()) == pytest.approx(min(found.context.values()))


@pytest.mark.parametrize("cell", CELLS)
def test_gates_are_those_of_the_formula(cell):
    model = model_of(cell, layers=1, hidden_dim=5)
    (report,) = layer_reports(model, IDS)
    assert report.units == 5
    expected = {"rnn": (), **dict.fromkeys(("gru", "gru_after"), ("update", "reset"))}
    if cell in ("coupled_lstm", "fast_lstm"):
        expected[cell] = ("input", "output")
    expected |= {"min_gru": ("update",), "min_lstm": ("forget", "input")}
    assert tuple(report.gates) == expected.get(cell, ("input", "forget", "output"))
    for gate in report.gates.values():
        assert 0 < gate.mean < 1
        assert 0 <= gate.shut + gate.open <= 1
    states = np.concatenate([p.states[0][-1] for p in Reader(model).read(np.append(IDS[:-1], 0))])
    assert report.dead == tuple(1 + np.flatnonzero(states.std(axis=0) < STILL))


def test_a_gate_that_is_held_open_or_shut_is_counted():
    model = model_of("lstm", layers=1, hidden_dim=2)
    bias = model.parameters()["rnn.0.b"].write()
    bias[...] = [-9, -9, 9, 9, 0, 0, 0, 0]  # input, forget, output, candidate
    (report,) = layer_reports(model, IDS)
    assert (report.gates["input"].shut, report.gates["input"].open) == (1, 0)
    assert (report.gates["forget"].shut, report.gates["forget"].open) == (0, 1)
    assert SHUT < report.gates["output"].mean < OPEN
    assert report.dead == (1, 2)  # nothing comes in
