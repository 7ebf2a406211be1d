"""Muon: its rule against singular values in float64, what it updates, and how it resumes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import load_config
from charlm.engine.arrays import Array
from charlm.engine.initializers import Normal
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import AdamTrainer, MuonTrainer
from charlm.kernels.reference.muon import POLYNOMIAL, orthogonal
from charlm.training.loop import Training


def by_singular_values(matrix: Array, rounds: int) -> Array:
    """The definition: the polynomial of each singular value, whatever the matrix products."""
    u, s, v = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    a, b, c = POLYNOMIAL
    for _ in range(rounds):
        s = a * s + b * s**3 + c * s**5
    return (u * s) @ v


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_the_polynomial_is_applied_to_the_singular_values(rows, columns, rounds, seed, size):
    matrix = np.random.default_rng(seed).normal(0, size, (rows, columns))
    expected = by_singular_values(matrix, rounds)
    np.testing.assert_allclose(orthogonal(matrix, rounds), expected, atol=1e-9)
    in_float32 = orthogonal(matrix.astype(np.float32), rounds)
    assert in_float32.dtype == np.float32
    np.testing.assert_allclose(in_float32, expected, atol=2e-3)


def test_a_matrix_of_zeros_stays_one():
    assert not orthogonal(np.zeros((3, 5), np.float32)).any()


def model(seed: int = 1) -> ParameterCollection:
    """A matrix with Muon's rule, then a vector and a matrix of others."""
    pc = ParameterCollection(np.float64, NumpyStream(seed))
    for dims in ((8, 3), (4,), (2, 2)):
        pc.add_parameters(dims, Normal())
    return pc


def muon(pc: ParameterCollection, **settings: float) -> MuonTrainer:
    return MuonTrainer(pc, 0.1, matrices=pc.parameters[:1], **settings)


def train(trainer: AdamTrainer, gradients: list[list[Array]]) -> None:
    for some in gradients:
        for parameter, g in zip(trainer.collection.parameters, some, strict=True):
            parameter.add_gradient(g)
        trainer.update()


def gradients_for(pc: ParameterCollection, count: int, size: float = 1.0) -> list[list[Array]]:
    rng = np.random.default_rng(0)
    return [[rng.normal(0, size, p.value.shape) for p in pc.parameters] for _ in range(count)]


@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_the_rule_is_that_of_the_formula(clip):
    pc = model()
    value, m = pc.parameters[0].value.copy(), 0.0
    gradients = gradients_for(pc, 5)
    trainer = muon(pc, matrix_factor=3.0, momentum=0.9, weight_decay=0.2)
    trainer.clip_threshold = clip
    train(trainer, gradients)
    inputs, outputs = value.shape
    for some in gradients:
        norm = np.sqrt(sum((g**2).sum() for g in some))
        g = some[0] * (min(1.0, clip / norm) if clip else 1.0)
        m = 0.9 * m + g
        step = by_singular_values(g + 0.9 * m, rounds=3)
        value *= 1 - 0.1 * 3.0 * 0.2
        value -= 0.1 * 3.0 * np.sqrt(max(1.0, outputs / inputs)) * step
    np.testing.assert_allclose(pc.parameters[0].value, value, rtol=1e-9)


def test_the_other_parameters_are_adam_s():
    ours, theirs = model(), model()
    gradients = gradients_for(ours, 5)
    train(muon(ours), gradients)
    train(AdamTrainer(theirs, 0.1), gradients)
    for mine, other in list(zip(ours.parameters, theirs.parameters, strict=True))[1:]:
        np.testing.assert_array_equal(mine.value, other.value)
    assert not np.array_equal(ours.parameters[0].value, theirs.parameters[0].value)


def test_a_frozen_matrix_stays_as_it_is():
    pc = model()
    pc.parameters[0].updated = False
    before = pc.parameters[0].value.copy()
    train(muon(pc), gradients_for(pc, 2))
    np.testing.assert_array_equal(pc.parameters[0].value, before)


def test_a_restored_trainer_continues_to_the_bit():
    pc, other = model(), model(2)
    gradients = gradients_for(pc, 6)
    trainer = muon(pc)
    train(trainer, gradients[:3])
    state = {name: moment.copy() for name, moment in trainer.state().items()}
    other.storage.writable()[...] = pc.storage.values
    restored = muon(other)
    restored.restore(state, 3)
    train(trainer, gradients[3:])
    train(restored, gradients[3:])
    np.testing.assert_array_equal(pc.storage.values, other.storage.values)


@pytest.mark.parametrize("kernels", ["numpy", "numba"])
def test_a_training_updates_the_matrices_of_the_recurrent_layers(kernels):
    if kernels == "numba":
        pytest.importorskip("numba", reason="numba is not installed")
    settings = ["model.cell=lstm", "model.layers=2", "train.trainer=muon", "train.steps=30"]
    run = Training(load_config(overrides=[*settings, f"train.kernels={kernels}"]))
    trainer = run.learner.trainer
    assert isinstance(trainer, MuonTrainer)
    names = [n for n, p in run.model.parameters().items() if p in trainer.apart]
    assert len(names) == 4
    assert all(name.startswith("rnn.") for name in names)
    first = run.learner.update(0.01)[0]
    for _ in range(29):
        last = run.learner.update(0.01)[0]
    assert last < 0.7 * first


def test_the_rule_is_pytorch_s_but_for_its_rounding():
    torch = pytest.importorskip("torch", reason="PyTorch has the same trainer")
    pc = model()
    matrix = pc.parameters[0]
    weight = torch.tensor(matrix.value.T.copy(), requires_grad=True)  # (outputs, inputs)
    before = weight.detach().numpy().copy()
    theirs = torch.optim.Muon([weight], lr=0.3, weight_decay=0.2, momentum=0.95, ns_steps=3)
    trainer = muon(pc, matrix_factor=3.0, weight_decay=0.2)
    trainer.clip_threshold = 0
    for some in gradients_for(pc, 5):
        train(trainer, [some])
        weight.grad = torch.tensor(some[0].T.copy())
        theirs.step()
    moved = np.linalg.norm(weight.detach().numpy() - before)
    # PyTorch computes the orthogonal matrix with 8 bits
    assert np.linalg.norm(weight.detach().numpy() - matrix.value.T) < 0.03 * moved
