"""Every cell of the tutorial, the import line changed."""

from __future__ import annotations

import random

import pytest

import charlm.dynet as dy
from tests.dynet.programs import FOX, PRETZELS, Tutorial, first_cells

PRINTED = [
    [47, 62],
    [19, 32],
    [17, 30, 19, 32],
    [70, 72],
    [70, 72],
    [207, 222],
    [205, 220, 207, 222],
    [226, 230, 234],
    [[224, 226], [228, 230], [232, 234]],
    [238, 242, 246],
]
"""The ids in the tutorial's own outputs."""


@pytest.fixture(autouse=True)
def seeded():
    dy.init(random_seed=1)
    yield
    dy.renew_cg()


def test_the_cells_print_what_the_tutorial_prints():
    found = first_cells(dy)
    assert found["shape"] == (10,)
    assert found["ids"] == PRINTED


@pytest.mark.parametrize(
    ("builder", "below", "right"), [("SimpleRNNBuilder", 0.1, 8), ("LSTMBuilder", 1.0, 2)]
)
def test_a_model_learns_the_sentence(builder, below, right):
    model = Tutorial(dy, builder)
    losses = model.train(FOX)
    assert 130 < losses[0] < 170
    assert losses[-1] < below
    samples = [model.generate(random.Random(k)) for k in range(10)]
    assert samples.count(FOX) >= right  # the LSTM, at a loss of 0.5, still slips


def test_the_pretzels_after_the_fox():
    model = Tutorial(dy, "SimpleRNNBuilder")
    model.train(FOX)
    assert model.generate(random.Random(1)) == FOX
    losses = model.train(PRETZELS)
    assert losses[0] > 170
    assert losses[-1] < 0.1
    assert model.generate(random.Random(1)) == PRETZELS


def test_a_seed_repeats_a_run():
    runs = []
    for _ in range(2):
        dy.reset_random_seed(5)
        runs.append(Tutorial(dy, "GRUBuilder").train(FOX, 3))
    assert runs[0] == runs[1]
