"""Sampling without a graph, plain and compiled, against the graph."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.config.schema import CELLS
from charlm.engine.random import NumpyStream
from charlm.kernels import NUMPY, sampler, select, with_sampler
from charlm.kernels.reference.sampling import Draws
from charlm.lm.language_model import CharLM
from charlm.lm.predictor import Predictor, StepGraph
from charlm.lm.reader import Reader
from charlm.text.vocab import Vocab

VOCAB = Vocab.from_alphabet("abcdefghijklmnopqrstuvwxyz .,;:!?", eos=True)
KERNELS = ["numpy", "numba 1", "numba 2", "machine code 1", "machine code 2"]


def kernels(name: str, monkeypatch):
    if name == "numpy":
        return NUMPY
    pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")
    monkeypatch.setattr(sampler, "WORTH_SHARING", 0)
    threads = int(name[-1])
    return select("numba", threads) if "numba" in name else with_sampler(NUMPY, threads, wait=True)


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


@pytest.mark.parametrize("dims", [(7,), (40, 33, 12)])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("threads", [1, 2])
def test_machine_code_gives_numbas_numbers_to_the_bit(threads, cell, dims, monkeypatch):
    made, results = model(cell, dims), []
    for name in ("numba", "machine code"):
        made.kernels = kernels(f"{name} {threads}", monkeypatch)
        chance = np.random.default_rng(0)
        with Predictor(made) as predictor:
            state, arrays = None, []
            for texts in (3, 3, 1, 5):
                rows = [0] * texts
                if state is not None:
                    state = [tuple(part[rows] for part in layer) for layer in state]
                read = chance.integers(0, len(VOCAB), (4, texts))
                symbols, state = predictor.sample(
                    read, state, Draws(chance.random((9, texts)), 0.7, -1)
                )
                scores, state = predictor.step(symbols[-1], state)
                arrays += [symbols, scores, *(part for layer in state for part in layer)]
        results.append(b"".join(array.tobytes() for array in arrays))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "how", [{}, {"top_k": 5}, {"top_p": 0.9, "repeat_penalty": 1.2}, {"by_word": True}, {"beam": 3}]
)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_all_kernels_sample_the_same_text(cell, how, monkeypatch):
    made, texts = model(cell, (20, 12)), set()
    for name in KERNELS:
        made.kernels = kernels(name, monkeypatch)
        texts.add(made.sample(60, seed=2, prime="so ", **how))
    assert len(texts) == 1


def test_what_a_call_returned_is_not_changed_by_the_next(monkeypatch):
    made = model("gru", (9,))
    made.kernels = kernels("machine code 1", monkeypatch)
    with Predictor(made) as predictor:
        scores, state = predictor.step(np.array([1, 2]), None)
        before = scores.copy(), state[0][0].copy()
        predictor.step(np.array([3, 4]), state)
    assert np.array_equal(scores, before[0])
    assert np.array_equal(state[0][0], before[1])
