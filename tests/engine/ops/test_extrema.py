"""Ties, and k as large as the axis. The numbers are DyNet's where nothing else is said."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import bmax, bmin, kmax_pooling, max_dim, min_dim
from tests.engine.ops.measured import measure, nodes


def test_of_equals_the_second_gets_the_gradient():
    for function in (bmax, bmin):
        assert measure(function, [1, 1], [1, 1]) == [[1, 1], [0, 0], [1, 2]]


def test_of_equals_along_an_axis_the_first_gets_the_gradient():
    assert measure(max_dim, [[1, 1], [1, 0]]) == [[1, 1], [[1, 2], [0, 0]]]
    assert measure(min_dim, [[1, 0], [1, 0]]) == [[1, 0], [[1, 2], [0, 0]]]


def test_the_axis_is_removed():
    (x,) = nodes(np.arange(24.0).reshape(2, 3, 4))
    assert max_dim(x, d=2).npvalue().tolist() == [[3, 7, 11], [15, 19, 23]]
    assert min_dim(x, d=0).dim() == ((3, 4), 1)
    assert max_dim(*nodes([1, -2, 3])).dim() == ((1,), 1)
    with pytest.raises(OverflowError):
        max_dim(x, -1)


def test_the_k_largest_stand_in_their_order_and_of_equals_the_first_are_taken():
    def pooled(k, d):
        return lambda x: kmax_pooling(x, k, d)

    assert measure(pooled(2, 0), [1, 3, 3, 3, 2]) == [[3, 3], [0, 1, 2, 0, 0]]
    assert measure(pooled(4, 0), [3, 1, 1, 1, 2])[0] == [3, 1, 1, 2]
    # DyNet takes what is at least the k-th largest from the left, and loses the largest of all
    assert measure(pooled(4, 0), [3, 1, 2, 2, 2, 5]) == [[3, 2, 2, 5], [1, 0, 2, 3, 0, 4]]
    assert measure(pooled(2, 0), [[1, 4], [2, -1], [3, 0.5]], batched=True) == [
        [[2, 4], [3, 0.5]],
        [[0, 3], [1, 0], [2, 4]],
    ]


def test_all_are_the_k_largest():
    x = [[1, 2, 3], [4, 5, 6]]
    assert measure(lambda x: kmax_pooling(x, 3), x) == [x, [[1, 3, 5], [2, 4, 6]]]
    assert measure(lambda x: kmax_pooling(x, k=1, d=1), [[1], [2]]) == [[[1], [2]], [[1], [2]]]


@pytest.mark.parametrize(
    ("k", "d", "error"), [(4, 0, ValueError), (0, 0, ValueError), (-1, 0, OverflowError)]
)
def test_k_is_from_1_to_the_size_of_the_axis(k, d, error):
    with pytest.raises(error):
        kmax_pooling(*nodes([1, 2, 3]), k, d)
