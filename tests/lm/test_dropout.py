"""Dropout in the language model: where it drops, what it repeats, and where it must not be."""

from __future__ import annotations

import json

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.config.schema import CELLS
from charlm.engine.random import NumpyStream
from charlm.errors import ConfigError, SettingError
from charlm.lm.evaluation import evaluate
from charlm.lm.language_model import CharLM
from charlm.text.batch import Batch
from charlm.text.vocab import Vocab

VOCAB = Vocab.from_alphabet("abcd", eos=True)
WITHOUT_RECURRENT_WEIGHTS = ("min_gru", "min_lstm")
PLACES = ["dropout", "input_dropout", "output_dropout", "recurrent_dropout"]
SIZES = {"embed_dim": 12, "hidden_dim": 16}


def tiny(seed=5, dtype=np.float32, **settings) -> CharLM:
    config = ModelConfig(**{"layers": 2, **SIZES, **settings})
    return CharLM(VOCAB, config, NumpyStream(seed), dtype)


def ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, len(VOCAB), shape)


def loss(model, train=True) -> float:
    return model.loss(model.graph(), ids(7, 3), ids(7, 3)[::-1], train=train)[0].scalar_value()


class Recording(NumpyStream):
    """A stream that remembers the masks that were drawn."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.masks: list[np.ndarray] = []

    def bernoulli(self, p, scale, shape, dtype):
        """Draw a mask, and keep it."""
        drawn = super().bernoulli(p, scale, shape, dtype)
        self.masks.append(drawn)  # scaled in place by who asked
        return drawn


@pytest.mark.parametrize("variational", [False, True])
def test_losses_and_gradients_are_pytorch_s_with_the_same_masks(variational):
    torch = pytest.importorskip("torch", reason="PyTorch differentiates the same formula")
    rates = {"dropout": 0.4, "input_dropout": 0.2, "output_dropout": 0.5}
    config = ModelConfig(layers=2, **SIZES, **rates, variational=variational)
    model = CharLM(VOCAB, config, Recording(5), np.float64)
    inputs, targets = ids(7, 3), ids(7, 3)[::-1].copy()
    graph = model.graph()
    found, _ = model.loss(graph, inputs, targets, train=True)
    value = found.scalar_value()
    graph.backward(found.index)
    masks = [torch.tensor(m[0]) for m in model.collection.stream.masks]
    time = 1 if variational else 7
    assert [tuple(m.shape) for m in masks] == [(time, 3, 12), (time, 3, 16), (time, 3, 16)]
    weights = {n: torch.tensor(a, requires_grad=True) for n, a in model.arrays().items()}
    x = weights["embedding"][torch.tensor(inputs)] * masks[0]
    for layer in range(2):
        Wx, Wh, b = (weights[f"rnn.{layer}.{role}"] for role in ("Wx", "Wh", "b"))
        h, states = torch.zeros(3, 16, dtype=torch.float64), []
        for x_BI in x:
            h = torch.tanh(x_BI @ Wx.T + h @ Wh.T + b)
            states.append(h)
        x = torch.stack(states) * masks[layer + 1]
    logits = x @ weights["softmax.W"].T + weights["softmax.b"]
    loss = torch.nn.functional.cross_entropy(
        logits.reshape(-1, len(VOCAB)), torch.tensor(targets.ravel()), reduction="sum"
    )
    loss.backward()
    assert value == pytest.approx(loss.item(), rel=1e-12)
    for name, parameter in model.parameters().items():
        gradient = parameter.gradient if name == "embedding" else parameter.gradient.T
        np.testing.assert_allclose(gradient, weights[name].grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("place", PLACES)
def test_every_place_drops_in_training_and_nowhere_else(cell, place):
    if place == "recurrent_dropout" and cell in WITHOUT_RECURRENT_WEIGHTS:
        with pytest.raises(ConfigError, match=f"the cell {cell} has no recurrent weights to drop"):
            tiny(cell=cell, recurrent_dropout=0.5)
        return
    model, plain = tiny(cell=cell, **{place: 0.5}), tiny(cell=cell)
    assert loss(model, train=False) == loss(plain, train=False) == loss(plain)
    assert len({loss(model) for _ in range(3)} | {loss(plain)}) == 4
    pieces = [Batch(ids(7, 3), ids(7, 3)[::-1], fresh=False)]
    assert evaluate(model, pieces) == evaluate(plain, pieces)
    assert model.sample(30, seed=1) == plain.sample(30, seed=1)


def test_outputs_are_dropped_at_their_rate_and_the_others_scaled_up():
    model = tiny(output_dropout=0.3, hidden_dim=64)
    top, layers = model.hidden(model.graph(), ids(50, 8), None, train=True)
    kept = top.array()[0] != 0
    assert 1 - kept.mean() == pytest.approx(0.3, abs=0.01)
    h = layers[-1].array()[-1]
    np.testing.assert_allclose(top.array()[0], np.where(kept, h / np.float32(0.7), 0), rtol=1e-6)
    assert (kept[:-1] != kept[1:]).any()


def test_variational_dropout_has_a_mask_for_each_sequence():
    model = tiny(output_dropout=0.5, variational=True)
    top, _ = model.hidden(model.graph(), ids(20, 4), None, train=True)
    kept = top.array()[0] != 0
    assert (kept == kept[:1]).all()
    assert len({row.tobytes() for row in kept[0]}) == 4


@pytest.mark.parametrize("cell", [c for c in CELLS if c not in WITHOUT_RECURRENT_WEIGHTS])
def test_recurrent_dropout_drops_weights_between_two_steps_for_a_whole_sequence(cell):
    rates = {"recurrent_dropout": 0.5}
    config = ModelConfig(cell=cell, layers=2, embed_dim=3, hidden_dim=4, **rates)
    model = CharLM(VOCAB, config, Recording(5), np.float64)
    dropped = loss(model)
    masks = iter(model.collection.stream.masks)
    arrays = model.arrays()
    for name in arrays:
        if name.split(".")[-1].startswith("Wh"):
            mask = next(masks)[0].T
            assert mask.shape == arrays[name].shape
            assert set(mask.ravel()) == {0, 2}
            arrays[name] *= mask
    assert next(masks, None) is None
    model.load_arrays(arrays)
    assert loss(model, train=False) == pytest.approx(dropped, rel=1e-12)


def test_the_outputs_rate_is_that_between_layers_unless_it_is_given():
    assert ModelConfig(layers=3, dropout=0.2).dropout_rates == (0, 0.2, 0.2, 0.2)
    config = ModelConfig(layers=3, dropout=0.2, input_dropout=0.1, output_dropout=0)
    assert config.dropout_rates == (0.1, 0.2, 0.2, 0)


def test_a_seed_gives_its_masks_and_they_go_on_from_a_saved_state():
    first, again, other = tiny(dropout=0.5), tiny(dropout=0.5), tiny(seed=6, dropout=0.5)
    other.load_arrays(first.arrays())
    assert loss(first) == loss(again) != loss(other)
    state = json.loads(json.dumps(first.collection.stream.state()))
    following = [loss(first) for _ in range(2)]
    other.collection.stream.restore(state)
    assert [loss(other) for _ in range(2)] == following


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"dropout": 1}, "0 or more and below 1, got 1"),
        ({"input_dropout": -0.1}, "0 or more and below 1"),
        ({"output_dropout": "much"}, "expected a number"),
        ({"variational": 1}, "expected true or false, got 1"),
    ],
)
def test_what_is_no_rate_is_refused(settings, match):
    with pytest.raises(SettingError, match=match):
        ModelConfig(**settings)
