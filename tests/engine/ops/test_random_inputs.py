"""Random leaves from DyNet's stream at seed 42: DyNet's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.dynet.random import DynetStream
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import random_bernoulli, random_gumbel, random_normal, random_uniform


def seeded():
    return ComputationGraph(stream=DynetStream(42))


def test_normal_numbers_fill_the_columns_and_then_the_batch():
    drawn = random_normal(seeded(), (2, 2), batch_size=2).npvalue()
    expected = [
        [[1.221921206, 1.58855629], [0.86963594, -0.187124684]],
        [[-0.516964078, 1.618217111], [0.721332669, -1.188308716]],
    ]
    np.testing.assert_allclose(drawn, expected, rtol=1e-6)
    shifted = random_normal(seeded(), (3,), mean=1.0, stddev=2.0).value()
    np.testing.assert_allclose(shifted, [3.443842411, -0.033928156, 2.739271879], atol=1e-6)


def test_uniform_numbers():
    drawn = random_uniform(seeded(), (3,), left=2, right=5, batch_size=2).npvalue()
    expected = [[3.123620272, 2.550304413], [4.389628887, 4.195981979], [4.852142811, 4.339073181]]
    np.testing.assert_allclose(drawn, expected, rtol=1e-9)
    assert random_uniform(seeded(), 3, 2, 2).value() == [2, 2, 2]


def test_bernoulli_numbers():
    assert random_bernoulli(seeded(), (6,), 0.5).value() == [0, 1, 0, 0, 1, 1]
    assert random_bernoulli(seeded(), 6, 0.5, 2.0, 2).npvalue().tolist() == [
        [0, 2],
        [2, 2],
        [0, 2],
        [0, 0],
        [2, 2],
        [2, 0],
    ]
    assert random_bernoulli(seeded(), 4, 2.0).value() == [1, 1, 1, 1]


def test_gumbel_numbers():
    drawn = random_gumbel(seeded(), (3,), mu=0, beta=1, batch_size=2).npvalue()
    expected = [[0.018106559, -0.528211236], [1.480718613, 1.164806366], [2.984956741, 1.390874386]]
    np.testing.assert_allclose(drawn, expected, rtol=2e-6)


def test_nodes_draw_in_the_order_of_their_creation():
    graph = seeded()
    first, second = (random_uniform(graph, 2, 0, 1) for _ in range(2))
    later = second.value()
    together = DynetStream(42).uniform(0, 1, (4,), np.float32).tolist()
    assert [*first.value(), *later] == together


def test_a_value_stays_until_it_is_computed_anew():
    x = random_uniform(seeded(), 5, 0, 1)
    first = x.value()
    assert x.value() == first
    assert x.value(recalculate=True) != first


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda graph: random_gumbel(graph, 3, mu=1.0), ValueError),
        (lambda graph: random_gumbel(graph, 3, beta=2.0), ValueError),
        (lambda graph: random_normal(graph, [3]), TypeError),
        (lambda graph: random_normal(graph, -1), OverflowError),
        (lambda graph: random_normal(graph, (1,) * 8), ValueError),
        (lambda graph: random_normal(graph, 3, batch_size=0), ValueError),
        (lambda graph: random_uniform(graph, 3, "a", 1), TypeError),
    ],
)
def test_what_is_refused(call, error):
    with pytest.raises(error):
        call(seeded())
