"""Distances of what is equal, norms of zero, and trailing ones. The numbers are DyNet's, but at zero."""

from __future__ import annotations

import pytest

from charlm.engine.ops import (
    huber_distance,
    l1_distance,
    l2_norm,
    squared_distance,
    squared_norm,
)
from tests.engine.ops.measured import approximately, measure, nodes

X, Y = [1, -2, 3], [0.5, 0.25, -1]


def test_the_length_of_zero_has_slope_0_where_dynet_has_nan():
    assert measure(l2_norm, [0, 0, 0]) == [[0], [0, 0, 0]]
    approximately(
        measure(l2_norm, [[0, 3], [0, 4]], batched=True), [[[0, 5]], [[0, 1.2], [0, 1.6]]]
    )
    assert measure(squared_norm, [0, 0, 0]) == [[0], [0, 0, 0]]


def test_the_slope_of_a_distance_of_equals_is_0():
    for distance in (squared_distance, l1_distance, huber_distance):
        assert measure(distance, X, X) == [[0], [0, 0, 0], [0, 0, 0]]


def test_a_vector_is_compared_with_a_column():
    column = [[1], [2], [3]]
    assert measure(squared_distance, X, column) == [[16], [0, -8, 0], [[0], [8], [0]]]
    assert measure(squared_distance, column, X) == [[16], [[0], [8], [0]], [0, -8, 0]]
    assert measure(l1_distance, X, column) == [[4], [0, -1, 0], [[0], [1], [0]]]
    approximately(
        measure(huber_distance, column, X), [[4.4754872], [[0], [1.345], [0]], [0, -1.345, 0]]
    )


def test_hubers_distance_beyond_its_limit():
    approximately(
        measure(huber_distance, X, Y), [[6.7222247], [0.5, -1.345, 1.345], [-0.5, 1.345, -1.345]]
    )
    assert measure(lambda x, y: huber_distance(x, y, c=0.5), X, Y) == [
        [3],
        [0.5, -0.5, 0.5],
        [-0.5, 0.5, -0.5],
    ]
    assert measure(lambda x, y: huber_distance(x, y, 1.0), [2], [1]) == [[0.5], [1], [-1]]
    assert measure(lambda x, y: huber_distance(x, y, 0.0), X, Y)[0] == [0]
    assert measure(lambda x, y: huber_distance(x, y, float("inf")), X, Y)[0] == [10.65625]
    with pytest.raises(ValueError, match="the limit must be 0 or more"):
        huber_distance(*nodes(X, Y), -0.5)


def test_a_row_is_no_column():
    for distance in (squared_distance, l1_distance, huber_distance):
        with pytest.raises(ValueError, match="shapes must be equal"):
            distance(*nodes(X, [[1, 1, 1]]))
