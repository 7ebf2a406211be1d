"""Gradients of several batches for one update."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import load_config
from charlm.lm.language_model import CharLM
from charlm.text.corpus import StreamCorpus
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 20
SMALL = ["model.embed_dim=4", "model.hidden_dim=8", "data.batch_size=4", "data.seq_length=16"]
SGD = ["train.trainer=sgd", "train.learning_rate=0.5", "train.clip_norm=0"]


def gradients(model: CharLM) -> dict[str, np.ndarray]:
    return {name: parameter.gradient.copy() for name, parameter in model.parameters().items()}


@pytest.mark.parametrize(
    ("config", "text"),
    [("text", TEXT), ("srnn", "abc\ncab and a cab\nb\n")],
    ids=["stream", "lines"],
)
def test_an_update_takes_the_mean_gradient_of_its_batches(config, text):
    overrides = [*SMALL, *SGD, "train.accumulate=3"]
    if config == "srnn":
        overrides += ["data.batch_size=1", "data.shuffle=false"]
    training = Training(load_config(config, overrides=overrides), text=text)
    model, before = training.model, training.model.arrays()
    loss, characters = training.update()
    after = model.arrays()
    model.load_arrays(before)
    state, losses, sizes = None, [], []
    for index in range(3):  # the weights stay, the state is carried
        inputs, targets, fresh, *_ = training.corpus.batch(index)
        graph = model.graph()
        total, layers = model.loss(graph, inputs, targets, None if fresh else state)
        scale = 1 if config == "srnn" else targets.size
        losses.append(total.scalar_value() / scale)
        (total * (1 / scale)).backward()
        state = model.carried(layers)
        sizes.append(targets.size)
    assert loss == pytest.approx(np.mean(losses), rel=1e-6)
    assert characters == sum(sizes)
    for name, g in gradients(model).items():
        g = g if name == "embedding" else g.T
        expected = before[name] - 0.5 / 3 * g
        np.testing.assert_allclose(after[name], expected, rtol=1e-4, atol=1e-6)


def test_the_next_update_takes_the_next_batches(monkeypatch):
    training = Training(load_config("text", overrides=[*SMALL, "train.accumulate=2"]), text=TEXT)
    batch, seen = StreamCorpus.batch, []
    monkeypatch.setattr(
        StreamCorpus, "batch", lambda c, index: (seen.append(index), batch(c, index))[1]
    )
    training.update()
    training.update()
    assert seen == [0, 1, 2, 3]
