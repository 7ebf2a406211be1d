"""Masks and noise from DyNet's stream at seed 42: DyNet's own numbers, dropout's to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charlm.dynet.random import DynetStream
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import (
    block_dropout,
    dropout,
    dropout_batch,
    dropout_dim,
    input_tensor,
    noise,
    random_uniform,
    sum_batches,
    sum_elems,
)

KEPT = 1.4285714626312256  # 1 / (1 - 0.3) as float32 numbers give it


def seeded(x, batched=False, seed=42):
    return input_tensor(ComputationGraph(stream=DynetStream(seed)), np.asarray(x, float), batched)


def test_each_number_has_its_own_mask():
    x = seeded(np.arange(1, 13).reshape(2, 3, 2), batched=True)
    mask = np.array([[[0, 1], [0, 1], [1, 1]], [[1, 1], [1, 1], [1, 0]]])
    expected = (x.npvalue() * mask).astype(np.float32) * np.float32(KEPT)
    assert dropout(x, 0.3).npvalue().tolist() == expected.tolist()


def test_a_batch_element_has_one_mask():
    x = seeded(np.ones((2, 8)), batched=True)
    mask = np.multiply([0, 1, 0, 1, 1, 1, 1, 1], KEPT).tolist()
    assert dropout_batch(x, p=0.3).npvalue().tolist() == [mask, mask]


def test_the_numbers_along_an_axis_have_one_mask():
    columns = dropout_dim(seeded(np.ones((2, 3, 2)), batched=True), 0, 0.3)
    mask = np.multiply([[0, 1], [1, 1], [0, 1]], KEPT).tolist()
    assert columns.npvalue().tolist() == [mask, mask]
    rows = dropout_dim(seeded(np.ones((2, 3, 2)), batched=True), d=1, p=0.3)
    assert rows.npvalue().tolist() == [[[0, 0]] * 3, [[KEPT, KEPT]] * 3]


def test_everything_has_one_mask():
    assert block_dropout(seeded([1, -2, 3]), 0.3).value() == [0, 0, 0]
    assert block_dropout(seeded([1, -2, 3]), 0.2).value() == [1.25, -2.5, 3.75]


@pytest.mark.parametrize(
    "drop", [dropout, dropout_batch, block_dropout, lambda x, p: dropout_dim(x, 0, p)]
)
def test_the_gradient_has_the_mask_of_the_value(drop):
    for seed in range(1, 6):
        x = seeded([1, 1, 1, 1], seed=seed)
        y = drop(x, 0.5)
        sum_batches(sum_elems(y)).backward(full=True)
        assert x.gradient().tolist() == y.npvalue().tolist()


def test_nothing_is_dropped_with_probability_0():
    for drop in (dropout, dropout_batch, block_dropout):
        assert drop(seeded([1, -2, 3]), 0.0).value() == [1, -2, 3]


def test_with_probability_1_there_is_nothing_to_scale_up():
    for drop in (dropout, dropout_batch, lambda x, p: dropout_dim(x, 0, p)):
        assert all(map(math.isnan, drop(seeded([1, -2, 3]), 1.0).value()))
    assert block_dropout(seeded([1, -2, 3]), 1.0).value() == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: dropout(x, 0.0), 6),
        (lambda x: dropout_batch(x, 0.5), 2),
        (lambda x: dropout_dim(x, 0, 0.5), 2),
        (lambda x: block_dropout(x, 0.0), 2),
        (lambda x: block_dropout(x, 1.0), 0),
        (lambda x: noise(x, 0.0), 6),
    ],
)
def test_as_many_words_of_the_stream_are_used_as_in_dynet(call, words):
    x = seeded([1, 2, 3], seed=7)
    call(x)
    behind = random_uniform(x.graph, 1, 0, 1).value()
    stream = DynetStream(7)
    assert behind == stream.uniform(0, 1, (words + 1,), np.float32)[words]


def test_noise_is_normal():
    expected = [1.610960603, -2.258481979, 3.434818029]
    np.testing.assert_allclose(noise(seeded([1, -2, 3]), 0.5).value(), expected, rtol=1e-6)
    assert noise(seeded([1, -2, 3]), stddev=0.0).value() == [1, -2, 3]


def test_a_mask_is_drawn_anew_only_when_asked_for():
    y = noise(seeded(np.ones(20)), 1.0)
    first = y.npvalue()
    assert (y.npvalue() == first).all()
    assert (y.npvalue(recalculate=True) != first).all()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: block_dropout(x, 1.5), ValueError),
        (lambda x: block_dropout(x, -0.5), ValueError),
        (lambda x: dropout_dim(x, 1, 0.5), ValueError),
        (lambda x: dropout_dim(x, -1, 0.5), OverflowError),
        (lambda x: dropout(x, "a"), TypeError),
        (lambda x: noise(x, None), TypeError),
    ],
)
def test_what_is_refused(call, error):
    with pytest.raises(error):
        call(seeded([1, 2, 3]))
