"""Matrices without an inverse, negative determinants, and one number as a matrix."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import colwise_add, inverse, logdet, trace_of_product
from tests.engine.ops.measured import approximately, measure, nodes


def test_an_inverse_and_a_determinant():
    x = [[2, 1], [1, 3]]
    approximately(
        measure(inverse, x), [[[0.6, -0.2], [-0.2, 0.4]], [[0.08, -0.36], [-0.16, -0.28]]]
    )
    approximately(measure(logdet, x), [[1.6094379], [[0.6, -0.2], [-0.2, 0.4]]])
    approximately(
        measure(inverse, [[1, 2], [0, 4]]),
        [[[1, -0.5], [0, 0.25]], [[0.5, -0.75], [-0.25, 0.125]]],
    )


def test_one_number_is_a_matrix():
    approximately(measure(inverse, [4]), [[0.25], [-0.0625]])
    approximately(measure(inverse, [[4]]), [[[0.25]], [[-0.0625]]])
    approximately(measure(logdet, [4]), [[np.log(4)], [0.25]])


def test_the_logarithm_of_a_negative_determinant_is_nan_and_of_none_minus_infinity():
    assert np.isnan(logdet(*nodes([[1, 2], [2, 1]])).value())
    assert logdet(*nodes([[1, 2], [2, 4]])).value() == -np.inf


def test_a_matrix_without_an_inverse_is_an_error_when_evaluated():
    (x,) = nodes([[1, 2], [2, 4]])
    y = inverse(x)
    with pytest.raises(RuntimeError, match="inverse: the matrix is singular"):
        y.value()
    (x,) = nodes([[1, 2], [2, 4]])
    with pytest.raises(RuntimeError, match="logdet: the matrix is singular"):
        logdet(x).backward(full=True)


def test_the_trace_of_a_product_with_the_transposed():
    x = np.arange(1.0, 7.0).reshape(2, 3)
    approximately(measure(trace_of_product, x, x), [[91], x.tolist(), x.tolist()])


def test_a_vector_added_to_every_column():
    approximately(
        measure(colwise_add, np.arange(6).reshape(3, 2), [1, 2, 3]),
        [[[1, 2], [4, 5], [7, 8]], [[1, 4], [2, 5], [3, 6]], [5, 7, 9]],
    )
