"""A training on documents: its losses and gradients are those of one document at a time, and it resumes anywhere."""

from __future__ import annotations

import random

import attrs
import numpy as np
import pytest

from charlm.config import DataConfig, ModelConfig, load_config
from charlm.engine.random import NumpyStream
from charlm.lm.evaluation import evaluate, read
from charlm.lm.model import Model
from charlm.lm.step import Gradient, state_before
from charlm.text.preparing import corpus_of
from charlm.training.loop import Training

SEPARATOR = "=="
LENGTH = 6
SETTINGS = [
    *("data.framing=documents", "data.separator='=='", "data.alphabet=null", "data.val_frac=0.2"),
    *("data.batch_size=3", "data.seq_length=6", "model.hidden_dim=8", "model.embed_dim=4"),
    *("train.trainer=adam", "train.learning_rate=0.02", "train.steps=25", "train.eval_every=8"),
    *("train.sample_every=0", "train.average=0.9", "train.kernels=numpy"),
]


def texts(count=14, seed=0):
    rng = random.Random(seed)
    return ["a" + "".join(rng.choices("ab\nc", k=rng.randrange(30))) + "c" for _ in range(count)]


TEXT = f"\n{SEPARATOR}\n".join(texts())


def model_and_corpus(cell, **data):
    settings = DataConfig(
        framing="documents",
        separator=SEPARATOR,
        alphabet=None,
        **{"batch_size": 3, "seq_length": LENGTH, **data},
    )
    corpus = corpus_of(settings, TEXT)
    config = ModelConfig(cell=cell, layers=2, hidden_dim=5, embed_dim=4)
    return Model(corpus.vocab, config, NumpyStream(1), np.float64), corpus


def gradients(model):
    parts = [p.gradient.copy() for p in model.collection.parameters]
    return [*parts, model.embedding.gradient.copy()]


def one_at_a_time(model, documents):
    """Return the summed nll of documents, read alone in pieces, and its gradient."""
    gradient, total = Gradient(model), 0.0
    for document in documents:
        ids = model.vocab.encode(document).tolist()
        ids, state = np.array([model.vocab.eos, *ids, model.vocab.eos]), None
        for begin in range(0, len(ids) - 1, LENGTH):
            end = min(begin + LENGTH, len(ids) - 1)
            loss, state = gradient(
                ids[begin:end, np.newaxis], ids[begin + 1 : end + 1, np.newaxis], state
            )
            total += loss
    return total, gradients(model)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "min_gru"])
def test_a_pass_has_the_losses_and_gradients_of_single_documents(cell, shuffle):
    model, corpus = model_and_corpus(cell, shuffle=shuffle)
    expected, parts = one_at_a_time(model, texts())
    model.collection.clear_gradients()
    gradient, total, carried = Gradient(model), 0.0, None
    for k in range(corpus.steps_per_pass):
        batch = corpus.batch(k)
        state = state_before(batch, carried)
        loss, carried = gradient(batch.inputs_TB, batch.targets_TB, state, 1.0, batch.counted_TB)
        total += loss
    assert np.isclose(total, expected, rtol=1e-12)
    for found, part in zip(gradients(model), parts, strict=True):
        np.testing.assert_allclose(found, part, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 4, 50])
def test_the_held_out_score_is_that_of_single_documents(rows, monkeypatch):
    monkeypatch.setattr("charlm.text.packing.HELD_OUT_LENGTH", 5)  # most have several pieces
    model, corpus = model_and_corpus("lstm", val_frac=0.4, batch_size=rows)
    nlls = read(model, np.append(model.vocab.eos, corpus.held_out_ids), 1)
    score = evaluate(model, corpus.held_out_batches())
    assert score.characters == len(nlls) == len(corpus.held_out_ids)
    assert np.isclose(score.nll, nlls.mean(), rtol=1e-12)
    ends = np.flatnonzero(corpus.held_out_ids == model.vocab.eos) + 1
    alone = [
        read(model, np.append(model.vocab.eos, ids), 1)
        for ids in np.split(corpus.held_out_ids, ends[:-1])
    ]
    np.testing.assert_allclose(np.concatenate(alone), nlls, rtol=1e-12)


def trained(**train):
    config = load_config(overrides=SETTINGS)
    config = attrs.evolve(config, train=attrs.evolve(config.train, **train))
    training = Training(config, text=TEXT)
    assert list(training.events())
    return training


@pytest.mark.parametrize("steps", [5, 9])
def test_a_run_resumes_within_documents_to_the_same_bits(steps):
    whole = trained()
    assert 1 < whole.corpus.steps_per_pass < 20
    part = Training(whole.config, text=TEXT)
    for _ in range(steps):
        part.update()
    saved = part.checkpoint()
    rest = Training(whole.config, text=TEXT, resume=saved)
    assert list(rest.events())
    for name, tensor in whole.model.arrays().items():
        np.testing.assert_array_equal(tensor, rest.model.arrays()[name], err_msg=name)


def test_the_loss_is_that_of_a_character():
    training = Training(load_config(overrides=[*SETTINGS, "train.accumulate=2"]), text=TEXT)
    total = characters = 0.0
    for batch in map(training.corpus.batch, (0, 1)):
        model, carried = training.model, None if batch.fresh else carried  # noqa: F821
        loss, layers = model.loss(
            model.graph(),
            batch.inputs_TB,
            batch.targets_TB,
            state_before(batch, carried),
            counted_TB=batch.counted_TB,
        )
        total += loss.scalar_value()
        characters += batch.characters
        carried = model.carried(layers)
    assert np.allclose(training.update(), (total / characters, characters), rtol=1e-5)


def test_a_trained_model_ends_its_documents():
    text = f"\n{SEPARATOR}\n".join(["ab\ncd", "abba\n\nabba"] * 20)
    settings = [*SETTINGS, "train.steps=300", "data.shuffle=false", "train.average=0"]
    training = Training(load_config(overrides=settings), text=text)
    assert list(training.events())
    model = training.model
    samples = {model.sample(seed=seed, temperature=0.3) for seed in range(20)}
    assert samples <= {"ab\ncd", "abba\n\nabba"}
    assert model.sample(prime="ab\n", greedy=True) == "cd"
    assert model.line_limit == 2 * len("abba\n\nabba")
