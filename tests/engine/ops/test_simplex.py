"""Bounds that are met, supports that shrink, and what is not allowed. The numbers are DyNet's."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import constrained_softmax, log_softmax, sparsemax
from tests.engine.ops.measured import approximately, measure, nodes


def test_a_restricted_log_softmax_is_minus_infinity_elsewhere_and_passes_no_gradient_there():
    approximately(
        measure(lambda x: log_softmax(x, restrict=[0, 2]), [1, -2, 3]),
        [[-2.1269281, -np.inf, -0.1269281], [0.5231883, 0, -0.5231881]],
    )
    approximately(
        measure(lambda x: log_softmax(x, restrict=[1]), [[1], [2], [3]]),
        [[[-np.inf], [0], [-np.inf]], [[0], [0], [0]]],
    )


def test_an_index_given_twice_counts_once():
    x = nodes([1, 2, 3])[0]
    assert log_softmax(x, restrict=[0, 0]).value() == [0, -np.inf, -np.inf]


@pytest.mark.parametrize(
    ("restrict", "error"),
    [([], ValueError), ([3], ValueError), ([-1], OverflowError), ((0, 1), TypeError)],
)
def test_what_a_log_softmax_cannot_be_restricted_to(restrict, error):
    with pytest.raises(error):
        log_softmax(*nodes([1, 2, 3]), restrict=restrict)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([0.1, 0.2, 0.3], [[0.2333333, 0.3333333, 0.4333333], [-1, 0, 1]]),
        ([1, 0.5, -3], [[0.75, 0.25, 0], [-0.5, 0.5, 0]]),
        ([1, 1, 0], [[0.5, 0.5, 0], [-0.5, 0.5, 0]]),
        ([2, 1, 0], [[1, 0, 0], [0, 0, 0]]),
        ([1, 1, 1], [[1 / 3, 1 / 3, 1 / 3], [-1, 0, 1]]),
        ([500, -500], [[1, 0], [0, 0]]),
    ],
)
def test_sparsemax(x, expected):
    approximately(measure(sparsemax, x), expected)


@pytest.mark.parametrize(
    ("x", "bounds", "expected"),
    [
        ([1, 2, 3], [0.5, 0.4, 0.3], [[0.3, 0.4, 0.3], [0, 0, 0], [0, 1, 2]]),
        ([1, 2, 3], [0.2, 0.2, 0.2], [[0.2, 0.2, 0.2], [0, 0, 0], [1, 2, 3]]),
        ([0, 0], [0.5, 0.5], [[0.5, 0.5], [-0.25, 0.25], [0, 0]]),
        ([0, 0, 0], [0, 0.8, 0.3], [[0, 0.7, 0.3], [0, 0, 0], [-1, 0, 1]]),
        (
            [1, 2, 3],
            [0.9, 0.9, 0.9],
            [[0.0900306, 0.2447285, 0.6652409], [-0.1418171, -0.140770, 0.2825871], [0, 0, 0]],
        ),
        ([1, 2], [0.3, 0.7], [[0.3, 0.7], [0, 0], [0, 1]]),
        ([1000, 0], [0.4, 0.9], [[0.4, 0.6], [0, 0], [-1, 0]]),
    ],
)
def test_constrained_softmax(x, bounds, expected):
    approximately(measure(constrained_softmax, x, bounds), expected, 2e-5)
