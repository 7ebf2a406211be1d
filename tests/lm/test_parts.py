"""The parts of a model that are there on request: tied weights, layer norm, forget bias."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.config.schema import CELLS
from charlm.engine.gradcheck import check_parameters
from charlm.engine.random import NumpyStream
from charlm.errors import CheckpointError, ConfigError, SettingError
from charlm.kernels import select
from charlm.lm.language_model import CharLM
from charlm.lm.predictor import Predictor
from charlm.text.vocab import Vocab

VOCAB = Vocab.from_alphabet("abcd", eos=True)
PARTS = {
    "tied": {"tied": True},
    "layer norm": {"layer_norm": True},
    "both": {"tied": True, "layer_norm": True},
}


def tiny(dtype=np.float64, **settings) -> CharLM:
    config = ModelConfig(**{"layers": 2, "embed_dim": 4, "hidden_dim": [3, 4], **settings})
    model = CharLM(VOCAB, config, NumpyStream(5), dtype)
    rng = np.random.default_rng(0)  # gains and biases at which mistakes show
    arrays = {name: a + rng.uniform(-0.7, 0.7, a.shape) for name, a in model.arrays().items()}
    # norm_lstm adds bh where there is a state, and the predictor begins with one of zeros
    model.load_arrays({n: a * (not n.endswith(".bh")) for n, a in arrays.items()})
    return model


def ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, len(VOCAB), shape)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_of_the_whole_model(cell, part):
    model = tiny(cell=cell, **part)
    inputs, targets = ids(5, 2), ids(5, 2)[::-1]
    assert check_parameters(model.collection, lambda g: model.loss(g, inputs, targets)[0]) < 1e-6


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_loss_is_the_sum_of_the_predictions(cell, part):
    model = tiny(cell=cell, **part)
    line = ids(6)
    loss, _ = model.loss(model.graph(), line[:-1, None], line[1:, None])
    state, expected, predict = None, 0.0, Predictor(model)
    for now, after in pairwise(line):
        scores, state = predict.step(np.array([now]), state)
        expected -= scores[0, after] - np.log(np.exp(scores).sum())
    assert loss.scalar_value() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_losses_and_gradients_are_pytorch_s(part):
    torch = pytest.importorskip("torch", reason="PyTorch differentiates the same formula")
    model = tiny(**part)
    inputs, targets = ids(7, 3), ids(7, 3)[::-1].copy()
    graph = model.graph()
    found, _ = model.loss(graph, inputs, targets)
    value = found.scalar_value()
    graph.backward(found.index)
    weights = {n: torch.tensor(a, requires_grad=True) for n, a in model.arrays().items()}
    x = weights["embedding"][torch.tensor(inputs)]
    for layer, size in enumerate((3, 4)):
        Wx, Wh, b = (weights[f"rnn.{layer}.{role}"] for role in ("Wx", "Wh", "b"))
        h, states = torch.zeros(3, size, dtype=torch.float64), []
        for x_BI in x:
            h = torch.tanh(x_BI @ Wx.T + h @ Wh.T + b)
            states.append(h)
        x = torch.stack(states)
        if "layer_norm" in part:
            gain, offset = weights[f"norm.{layer}.g"], weights[f"norm.{layer}.b"]
            x = torch.nn.functional.layer_norm(x, (size,), gain, offset, eps=1e-12)
    logits = x @ weights.get("softmax.W", weights["embedding"]).T + weights["softmax.b"]
    loss = torch.nn.functional.cross_entropy(
        logits.reshape(-1, len(VOCAB)), torch.tensor(targets.ravel()), reduction="sum"
    )
    loss.backward()
    assert value == pytest.approx(loss.item(), rel=1e-6)
    for name, parameter in model.parameters().items():
        gradient = parameter.gradient if name == "embedding" else parameter.gradient.T
        np.testing.assert_allclose(gradient, weights[name].grad.numpy(), rtol=1e-4, atol=1e-6)


def test_the_compiled_kernels_compute_tied_models_too():
    pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")
    settings = {"cell": "lstm", "embed_dim": 20, "hidden_dim": [20, 20], "tied": True}
    found = []
    for kernels in ("numpy", "numba"):
        model = tiny(np.float32, **settings)
        model.kernels = select(kernels, 2)
        graph = model.graph()
        loss, _ = model.loss(graph, ids(9, 3), ids(9, 3)[::-1])
        value = loss.scalar_value()
        graph.backward(loss.index)
        found.append((value, model.embedding.gradient.copy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-4)


def test_a_tied_model_has_one_table():
    tied, apart = tiny(tied=True), tiny()
    assert "softmax.W" not in tied.arrays()
    assert apart.parameter_count() - tied.parameter_count() == len(VOCAB) * 4
    with pytest.raises(CheckpointError, match=r"softmax\.W is missing"):
        apart.load_arrays(tied.arrays())


def test_tied_weights_of_two_sizes_are_refused():
    message = "tied: .*embed_dim is 5.* top layer is 4; make them equal"
    with pytest.raises(SettingError, match=message):
        ModelConfig(tied=True, layers=2, embed_dim=5, hidden_dim=[5, 4])


def test_a_forget_bias_is_what_the_gate_s_bias_could_be_too():
    inputs, targets = ids(7, 3), ids(7, 3)[::-1]

    def loss(model):
        return model.loss(model.graph(), inputs, targets)[0].scalar_value()

    dynets = tiny(cell="lstm", layers=1, hidden_dim=4)
    assert loss(dynets) == loss(tiny(cell="lstm", layers=1, hidden_dim=4, forget_bias=1))
    shifted = tiny(cell="lstm", layers=1, hidden_dim=4, forget_bias=-0.5)
    assert loss(shifted) != pytest.approx(loss(dynets))
    arrays = dynets.arrays()
    arrays["rnn.0.b"][4:8] += 1.5
    shifted.load_arrays(arrays)
    assert loss(shifted) == pytest.approx(loss(dynets), rel=1e-12)


def test_a_forget_bias_of_a_cell_without_one_is_refused():
    message = "the cell gru has no such bias; leave it out .* or choose lstm or norm_lstm"
    with pytest.raises(ConfigError, match=message):
        tiny(cell="gru", forget_bias=1)
