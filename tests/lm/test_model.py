"""The language model as an engine program."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.config.schema import CELLS
from charlm.engine.gradcheck import check_parameters
from charlm.engine.graph import ComputationGraph
from charlm.engine.random import NumpyStream
from charlm.errors import CheckpointError
from charlm.lm.language_model import CharLM
from charlm.lm.predictor import Predictor
from charlm.text.vocab import Vocab

VOCAB = Vocab.from_alphabet("abcd", eos=True)


def tiny(cell: str, dtype=np.float32, **sizes) -> CharLM:
    config = ModelConfig(cell=cell, **{"embed_dim": 3, "hidden_dim": 4, **sizes})
    return CharLM(VOCAB, config, NumpyStream(5), dtype)


def ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, len(VOCAB), shape)


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_of_the_whole_model(cell):
    model = tiny(cell, np.float64, layers=2, hidden_dim=[4, 3])
    for p in model.collection.parameters:  # large enough for every weight to count
        p.scale(3.0)
    inputs, targets = ids(5, 2), ids(5, 2)[::-1]
    assert check_parameters(model.collection, lambda g: model.loss(g, inputs, targets)[0]) < 1e-6


@pytest.mark.parametrize("cell", CELLS)
def test_the_loss_is_the_sum_of_the_predictions(cell):
    model = tiny(cell, np.float64, layers=2)
    line = ids(6)
    graph = ComputationGraph(np.float64)
    loss, _ = model.loss(graph, line[:-1, None], line[1:, None])
    state, expected, predict = None, 0.0, Predictor(model)
    for now, after in pairwise(line):
        scores, state = predict.step(np.array([now]), state)
        expected -= scores[0, after] - np.log(np.exp(scores).sum())
    assert loss.scalar_value() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_a_carried_state_continues_the_sequence(cell):
    model = tiny(cell, np.float64)
    inputs, targets = ids(8, 3), ids(8, 3)[::-1]
    whole = model.loss(ComputationGraph(np.float64), inputs, targets)[0].scalar_value()
    first, layers = model.loss(ComputationGraph(np.float64), inputs[:5], targets[:5])
    value = first.scalar_value()
    rest, _ = model.loss(
        ComputationGraph(np.float64), inputs[5:], targets[5:], model.carried(layers)
    )
    assert value + rest.scalar_value() == pytest.approx(whole, rel=1e-12)


def test_texts_side_by_side_are_predicted_as_one_by_one():
    model = tiny("lstm", np.float64, layers=2)
    symbols = ids(3, 4)
    together, each, state = Predictor(model), Predictor(model), None
    for row in symbols:
        scores, state = together.step(row, state)
    # two of the texts go on
    scores, state = together.step(row[1:3], [tuple(p[1:3] for p in layer) for layer in state])
    alone = None
    for symbol in [*symbols[:, 2], symbols[-1, 2]]:
        one, alone = each.step(np.array([symbol]), alone)
    assert one[0] == pytest.approx(scores[1], rel=1e-12)
    fresh, _ = together.step(row[:2], None)
    assert fresh[0] == pytest.approx(Predictor(model).step(row[:1], None)[0][0], rel=1e-12)


def test_sampling_goes_by_the_weights_of_the_moment():
    model, other = tiny("rnn"), CharLM(VOCAB, tiny("rnn").config, NumpyStream(9))
    model.sample(seed=4, length=20)
    model.load_arrays(other.arrays())
    assert model.sample(seed=4, length=20) == other.sample(seed=4, length=20)


def test_weights_go_out_and_in_unchanged():
    one, other = tiny("lstm"), CharLM(VOCAB, tiny("lstm").config, NumpyStream(9))
    assert one.arrays()["rnn.0.Wx"].shape == (16, 3)
    other.load_arrays(one.arrays())
    for name, array in one.arrays().items():
        assert np.array_equal(array, other.arrays()[name]), name
    assert one.sample(seed=4, length=20) == other.sample(seed=4, length=20)


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_weights_that_do_not_fit_are_refused(change):
    arrays = tiny("rnn").arrays()
    if change == "missing":
        del arrays["rnn.0.Wh"]
    else:
        arrays["rnn.0.Wh"] = np.zeros((5, 5), np.float32)
    with pytest.raises(CheckpointError, match=r"rnn\.0\.Wh"):
        tiny("rnn").load_arrays(arrays)


def test_sampling_leaves_the_model_alone_and_follows_the_seed():
    model = tiny("gru")
    before = model.arrays()
    assert model.sample(30, seed=1) == model.sample(30, seed=1)
    assert len({model.sample(30, seed=k) for k in range(8)}) > 1
    assert all(np.array_equal(before[n], a) for n, a in model.arrays().items())
