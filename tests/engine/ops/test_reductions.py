"""Deviations of zero, divisors, and axes that are not there. The numbers are DyNet's where nothing else is said."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import (
    cumsum,
    mean_batches,
    mean_dim,
    mean_elems,
    moment_batches,
    moment_dim,
    moment_elems,
    std_batches,
    std_dim,
    std_elems,
    sum_batches,
    sum_dim,
    sum_elems,
)
from tests.engine.ops.measured import approximately, measure, nodes

M = [[1, 2, 3], [4, 5, 6]]
BATCH = np.arange(12.0).reshape(2, 3, 2)
CUBE = np.arange(24.0).reshape(2, 3, 4)


def test_a_deviation_of_zero_has_slope_0_where_dynet_has_nan():
    assert measure(std_elems, [2, 2, 2]) == [[0], [0, 0, 0]]
    assert measure(std_elems, [2]) == [[0], [0]]
    assert measure(std_batches, [1, -2, 3]) == [[0, 0, 0], [0, 0, 0]]
    assert measure(lambda x: std_dim(x, [1], False), [[1, 1], [1, 3]]) == [
        [0, 1],
        [[0, 0], [-1, 1]],
    ]


def test_a_batch_of_one_is_reduced_to_itself():
    for function in (sum_batches, mean_batches, lambda x: moment_batches(x, 1)):
        assert measure(function, [1, -2, 3]) == [[1, -2, 3], [1, 2, 3]]
    assert measure(lambda x: moment_batches(x, 2), [1, -2, 3])[0] == [1, 4, 9]


def test_the_slope_of_a_mean_at_0_is_that_elsewhere():
    approximately(measure(lambda x: moment_elems(x, 1), [0, 0, 0]), [[0], [1 / 3] * 3])
    assert measure(lambda x: moment_elems(x, 2), [0, 0, 0]) == [[0], [0, 0, 0]]
    assert measure(lambda x: moment_elems(x, 3), [0, 0, 0]) == [[0], [0, 0, 0]]


def test_n_replaces_the_divisor_of_means_and_moments_and_nothing_else():
    approximately(
        measure(lambda x: mean_dim(x, [0], True, n=3), BATCH, batched=True)[:1],
        [[14 / 3, 22 / 3, 10]],
    )
    approximately(measure(lambda x: moment_dim(x, [0], 2, False, n=5), M)[:1], [[3.4, 5.8, 9]])
    assert measure(lambda x: sum_dim(x, [0], False, n=3), M)[0] == [5, 7, 9]
    for n in (0, 1, 5):
        assert measure(lambda x, n=n: std_dim(x, [0], False, n=n), M)[0] == [1.5, 1.5, 1.5]


def test_axes_and_the_batch_together():
    approximately(
        measure(lambda x: std_dim(x, [0], True), BATCH, batched=True),
        [
            [3.0413814] * 3,
            [
                [[-0.2876982, -0.2054987], [-0.5753964, -0.4109975], [-0.8630947, -0.6164961]],
                [[0.2054987, 0.2876982], [0.4109975, 0.5753964], [0.6164961, 0.8630947]],
            ],
        ],
    )
    assert measure(lambda x: sum_dim(x, [0, 1], True), BATCH, batched=True)[0] == [66]
    assert measure(lambda x: moment_dim(x, [0], 2, True), BATCH, batched=True)[0] == [
        21.5,
        39.5,
        65.5,
    ]


def test_the_order_of_the_axes_does_not_matter():
    assert measure(lambda x: sum_dim(x, [2, 0]), CUBE) == measure(
        lambda x: sum_dim(x, [0, 2]), CUBE
    )
    approximately(measure(lambda x: std_dim(x, [0, 2], False), CUBE)[:1], [[6.1032777] * 3])


def test_more_axes_than_dynet_reduces():
    (x,) = nodes(CUBE)
    assert sum_dim(x, [0, 1, 2]).value() == CUBE.sum()
    assert mean_elems(x).value() == CUBE.mean()
    assert std_elems(x).value() == pytest.approx(CUBE.std())


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: sum_dim(x, []), ValueError),
        (lambda x: mean_dim(x, [], False), ValueError),
        (lambda x: sum_dim(x, [2]), ValueError),
        (lambda x: std_dim(x, [0, 0], False), ValueError),
        (lambda x: sum_dim(x, [-1]), OverflowError),
        (lambda x: sum_dim(x, 0), TypeError),
        (lambda x: sum_dim(x, (0,)), TypeError),
        (lambda x: sum_dim(x, ["a"]), TypeError),
        (lambda x: moment_dim(x, [0], 0, False), ValueError),
        (lambda x: moment_elems(x, 0), ValueError),
        (lambda x: moment_elems(x, -1), OverflowError),
        (lambda x: moment_batches(x, 0), ValueError),
        (lambda x: cumsum(x, 3), ValueError),
        (lambda x: cumsum(x, -1), OverflowError),
    ],
)
def test_what_a_reduction_refuses(call, error):
    with pytest.raises(error):
        call(*nodes(M))


def test_cumulative_sums_along_each_axis_and_the_one_behind():
    assert measure(cumsum, M) == [[[1, 2, 3], [5, 7, 9]], [[3, 7, 11], [2, 4, 6]]]
    assert measure(lambda x: cumsum(x, d=1), M)[0] == [[1, 3, 6], [4, 9, 15]]
    assert measure(lambda x: cumsum(x, 2), M) == [M, [[1, 3, 5], [2, 4, 6]]]


def test_everything_is_a_scalar_of_one_axis():
    for x, batched in ((M, False), (BATCH, True), ([1, 2], False)):
        (node,) = nodes(x, batched=batched)
        assert sum_elems(node).dim() == ((1,), 2 if batched else 1)
