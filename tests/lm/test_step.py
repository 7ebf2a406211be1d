"""A training step does not depend on kernels, tables or plans."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import (
    affine_transform,
    esum,
    lookup_sequence,
    pickneglogsoftmax_batch,
    sequence_neg_log_softmax,
    sum_batches,
)
from charlm.engine.ops.leaves import lookup
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import AdamTrainer
from charlm.kernels import NUMPY, Kernels, select
from charlm.lm.model import CharLM
from charlm.text.vocab import Vocab

Array = np.ndarray
Loss = Callable[[CharLM, ComputationGraph, Array, Array], Expression]
ALPHABET, T, B = "abcdefg", 6, 3
CELLS = ["rnn", "gru", "lstm", "coupled_lstm", "norm_lstm"]


def as_in_training(model: CharLM, graph: ComputationGraph, x: Array, y: Array) -> Expression:
    """The first layer multiplies the table, as there are more positions than symbols."""
    return model.loss(graph, x, y)[0]


def by_positions(model: CharLM, graph: ComputationGraph, x: Array, y: Array) -> Expression:
    """The first layer multiplies what is looked up."""
    h, _ = model.rnn.sequence(lookup_sequence(graph, model.embedding, x))
    return sequence_neg_log_softmax(h, *model.output_layer(graph), y)


def by_steps(model: CharLM, graph: ComputationGraph, x: Array, y: Array) -> Expression:
    """Step by step, as a program of DyNet's does it."""
    state = model.rnn.start(graph)
    w, b = model.output_layer(graph)
    losses = []
    for now, following in zip(x, y, strict=True):
        state = state.add_input(lookup(graph, model.embedding, now.tolist()))
        scores = affine_transform([b, w, state.output()])
        losses.append(pickneglogsoftmax_batch(scores, following.tolist()))
    return sum_batches(esum(losses))


def train(
    cell: str,
    dtype: type,
    steps: int,
    loss: Loss = as_in_training,
    kernels: Kernels = NUMPY,
) -> tuple[list[float], Array, list[Array]]:
    """Return the loss of every step, the last gradients, and the weights after the steps."""
    config = ModelConfig(cell=cell, layers=2, hidden_dim=[9, 7], embed_dim=5)
    model = CharLM(Vocab.from_alphabet(ALPHABET, eos=False), config, NumpyStream(1), dtype)
    trainer = AdamTrainer(model.collection, kernels=kernels)
    rng, losses = np.random.default_rng(2), []
    for _ in range(steps):
        ids = rng.integers(0, len(ALPHABET), (T + 1, B))
        graph = ComputationGraph(dtype, kernels=kernels)
        total = loss(model, graph, ids[:-1], ids[1:])
        losses.append(total.scalar_value())
        graph.backward(total.index, keep=False)
        graph.release()
        gradients = [model.collection.storage.gradients, model.embedding.gradient.ravel()]
        last = np.concatenate(gradients)
        trainer.update()
    return losses, last, list(model.arrays().values())


def compiled() -> Kernels:
    pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")
    return select("numba", 2)


@pytest.fixture(
    params=[
        (by_positions, False),
        (by_steps, False),
        (as_in_training, True),
        (by_positions, True),
    ],
    ids=["positions", "steps", "compiled", "compiled positions"],
)
def other_way(request: pytest.FixtureRequest) -> dict[str, object]:
    loss, fast = request.param
    kernels = compiled() if fast else NUMPY
    return {"loss": loss, "kernels": kernels}


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_in_float32(cell, other_way):
    (loss,), gradients, _ = train(cell, np.float32, 1)
    (other_loss,), others, _ = train(cell, np.float32, 1, **other_way)
    assert other_loss == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(others, gradients, rtol=0, atol=1e-5 * np.abs(gradients).max())


@pytest.mark.parametrize("cell", CELLS)
def test_200_steps_in_float64(cell, other_way):
    """The compiled kernels leave float64 to the plain ones: for them this says that they do."""
    losses, _, weights = train(cell, np.float64, 200)
    other_losses, _, others = train(cell, np.float64, 200, **other_way)
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(other_losses, losses, rtol=1e-9)
    for a, b in zip(others, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
