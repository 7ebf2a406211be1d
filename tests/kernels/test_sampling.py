"""Sampling without a graph, plain and compiled, against the graph."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.config.schema import CELLS
from charlm.engine.random import NumpyStream
from charlm.kernels import NUMPY, select
from charlm.lm.language_model import CharLM
from charlm.lm.predictor import Predictor, StepGraph
from charlm.lm.reader import Reader
from charlm.text.vocab import Vocab

VOCAB = Vocab.from_alphabet("abcdefghijklmnopqrstuvwxyz .,;:!?", eos=True)
KERNELS = ["numpy", "numba 1", "numba 2"]


def kernels(name: str, monkeypatch):
    if name == "numpy":
        return NUMPY
    pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")
    from charlm.kernels.compiled import sampling

    monkeypatch.setattr(sampling, "WORTH_SHARING", 0)
    return select("numba", int(name[-1]))


def model(cell: str, dims, dtype=np.float32) -> CharLM:
    config = ModelConfig(cell=cell, layers=len(dims), hidden_dim=list(dims), embed_dim=19)
    made = CharLM(VOCAB, config, NumpyStream(1), dtype)
    for p in made.collection.parameters:
        p.scale(1.5)
    return made


def normal(scores):
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dims", [(7,), (40, 33)])
@pytest.mark.parametrize("cell", ["lstm", "norm_lstm", "gru", "gru_after", "rnn"])
@pytest.mark.parametrize("name", KERNELS)
def test_scores_and_states_are_those_of_the_graph(name, cell, dims, dtype, monkeypatch):
    made = model(cell, dims, dtype)
    graph = StepGraph(made)
    made.kernels = kernels(name, monkeypatch)
    with Predictor(made) as predictor:
        a = b = None
        for row in np.random.default_rng(0).integers(0, len(VOCAB), (6, 3)):
            expected, a = graph.step(row, a)
            scores, b = predictor.step(row, b)
            assert np.allclose(normal(scores), expected, atol=1e-5)
        for one, other in zip(a, b, strict=True):
            assert all(np.allclose(x, y, atol=1e-5) for x, y in zip(one, other, strict=True))
    graph.release()


@pytest.mark.parametrize("cell", CELLS)
def test_the_first_step_is_that_of_the_training(cell):
    """Without a state, norm_lstm leaves out terms which it has where the state is zeros."""
    made, rng = model(cell, (7, 5)), np.random.default_rng(0)
    arrays = made.arrays()  # with biases, which are zero before a training
    made.load_arrays(
        {n: a + rng.normal(0, 0.3, a.shape).astype(a.dtype) for n, a in arrays.items()}
    )
    (piece,) = Reader(made).read(np.array([3, 1]))
    with made.predictor() as predictor:
        state = None
        for symbol, expected in zip(piece.read_T, piece.log_p_TV, strict=True):
            scores, state = predictor.step(np.array([symbol]), state)
            assert np.allclose(normal(scores)[0], expected, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_after", "rnn"])
@pytest.mark.parametrize("name", KERNELS)
def test_the_same_seed_gives_the_same_text_alone_or_with_others(name, cell, monkeypatch):
    made = model(cell, (20, 12))
    plain = [made.sample(40, seed=seed, prime="so ", stop="qz") for seed in range(5)]
    greedy = made.sample(40, seed=0, temperature=0)
    made.kernels = kernels(name, monkeypatch)
    texts = [""] * 5
    for part in made.streams(range(5), 40, prime="so ", stop="qz"):
        texts[part.text] += part.characters
    assert texts == plain
    assert made.sample(40, seed=0, temperature=0) == greedy
