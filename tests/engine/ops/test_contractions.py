"""The contractions and the circle, against their sums written out."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import (
    circ_conv,
    circ_corr,
    contract3d_1d,
    contract3d_1d_1d,
    contract3d_1d_1d_bias,
    contract3d_1d_bias,
    input_tensor,
)
from tests.engine.ops.measured import approximately, measure, nodes

X = np.arange(12.0).reshape(2, 3, 2) / 4


def test_a_contraction_is_the_same_however_often_it_is_evaluated():
    # DyNet adds to whatever is in the memory that the result gets, and has other numbers each time
    expected = [[2.5, 8, 13.5], [19, 24.5, 30]]
    for _ in range(3):
        value, dx, dv = measure(contract3d_1d, X, [1, 10])
        np.testing.assert_allclose(value, expected)
    assert dx == [[[1, 10], [3, 30], [5, 50]], [[2, 20], [4, 40], [6, 60]]]
    assert dv == [32.5, 37.75]
    (x, v) = nodes(X, [1, 10])
    y = contract3d_1d(x, v)
    y.forward(recalculate=True)
    np.testing.assert_allclose(y.npvalue(recalculate=True), expected)


def test_a_bias_is_added():
    bias = np.arange(6).reshape(2, 3) / 4
    value, _, _, db = measure(contract3d_1d_bias, X, [1, 10], bias)
    assert value == [[2.5, 8.25, 14], [19.75, 25.5, 31.25]]
    assert db == [[1, 3, 5], [2, 4, 6]]


def test_two_vectors():
    value, dx, dv, dw = measure(contract3d_1d_1d, X, [1, 10], [1, -2, 3])
    assert value == [27, 60]
    assert dx == [[[1, 10], [-2, -20], [3, 30]], [[2, 20], [-4, -40], [6, 60]]]
    approximately([dv, dw], [[12, 13.5], [40.5, 57, 73.5]])
    value, *_, db = measure(contract3d_1d_1d_bias, X, [1, 10], [1, -2, 3], [1, 2])
    assert (value, db) == ([28, 62], [1, 2])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8])
def test_around_the_circle(size):
    rng = np.random.default_rng(size)
    u, v = rng.uniform(-1, 1, (2, size))
    places = range(size)
    convolved = [sum(u[k] * v[(i - k) % size] for k in places) for i in places]
    correlated = [sum(u[k] * v[(i + k) % size] for k in places) for i in places]
    x, y = nodes(u, v)
    np.testing.assert_allclose(circ_conv(x, y).vec_value(), convolved, atol=1e-6)
    np.testing.assert_allclose(circ_corr(x, y).vec_value(), correlated, atol=1e-6)


def test_a_float32_graph_stays_float32():
    graph = ComputationGraph(np.float32)
    u = input_tensor(graph, [1, -2, 3])
    assert circ_conv(u, u).array().dtype == np.float32
