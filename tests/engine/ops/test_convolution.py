"""Convolution and pooling against loops over every place, and the geometry of strides and padding."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charlm.engine.gradcheck import check_sample
from charlm.engine.op import Sample
from charlm.engine.ops import conv2d, conv2d_bias, maxpooling2d
from charlm.engine.ops.convolution import Conv2d, Maxpooling2d
from tests.engine.ops.measured import approximately, measure, nodes

GEOMETRIES = [
    # rows and columns of the map, of the window, strides
    ((3, 3), (2, 2), (1, 1)),
    ((4, 5), (3, 2), (2, 1)),
    ((5, 4), (2, 3), (1, 3)),
    ((3, 2), (1, 1), (3, 2)),  # DyNet's gradients are wrong where windows leave gaps at the edge
    ((6, 6), (2, 2), (5, 4)),
    ((2, 3), (2, 3), (1, 1)),
    ((4, 4), (1, 4), (7, 7)),
]


def places(n: int, k: int, s: int, valid: bool) -> tuple[int, int]:
    """Return the number of places and the padding before the first."""
    if valid:
        return math.ceil((n - k + 1) / s), 0
    count = math.ceil(n / s)
    return count, max(0, (count - 1) * s + k - n) // 2


def windows(x: np.ndarray, window, stride, valid, fill):
    """Yield each place and the part of the padded map (rows, columns, channels) under the window."""
    (rows, top), (columns, left) = (
        places(n, k, s, valid) for n, k, s in zip(x.shape, window, stride, strict=False)
    )
    wide = np.full((x.shape[0] + 40, x.shape[1] + 40, x.shape[2]), fill)
    wide[top : top + x.shape[0], left : left + x.shape[1]] = x
    for p in range(rows):
        for q in range(columns):
            r, c = p * stride[0], q * stride[1]
            yield (p, q), wide[r : r + window[0], c : c + window[1]]


@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.parametrize(("size", "window", "stride"), GEOMETRIES)
def test_a_convolution_is_a_product_at_every_place(size, window, stride, valid):
    rng = np.random.default_rng(1)
    x, f, b = rng.uniform(-1, 1, (*size, 2)), rng.uniform(-1, 1, (*window, 2, 3)), [0.5, -1, 2]
    found = conv2d_bias(*nodes(x, f, b), list(stride), is_valid=valid).npvalue()
    expected = np.full(found.shape, np.nan)
    for place, under in windows(x, window, stride, valid, 0.0):
        expected[place] = np.tensordot(under, f, 3) + b
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.parametrize(("size", "window", "stride"), GEOMETRIES)
def test_pooling_is_the_maximum_at_every_place(size, window, stride, valid):
    x = np.random.default_rng(2).uniform(-2, -1, (*size, 2))  # padding with zeros would show
    found = maxpooling2d(*nodes(x), list(window), list(stride), is_valid=valid).npvalue()
    expected = np.full(found.shape, np.nan)
    for place, under in windows(x, window, stride, valid, -np.inf):
        expected[place] = under.max(axis=(0, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.parametrize(("size", "window", "stride"), GEOMETRIES)
def test_the_gradients_hold_in_every_geometry(size, window, stride, valid):
    filters = ((*window, 2, 2), 1)
    assert check_sample(Sample(Conv2d(stride, valid), (((*size, 2), 2), filters))) < 1e-6
    assert check_sample(Sample(Maxpooling2d(stride, valid, window), (((*size, 2), 2),))) < 1e-6


def test_a_window_larger_than_the_map_is_padded_for_or_refused():
    x = np.arange(4.0).reshape(2, 2)
    approximately(
        measure(lambda x: maxpooling2d(x, [3, 3], [1, 1], False), x),
        [[[3, 3], [3, 3]], [[0, 0], [0, 10]]],
    )
    with pytest.raises(ValueError, match=r"larger than the maps \(2, 2\)"):
        maxpooling2d(*nodes(x), [3, 1], [1, 1])


def test_of_equal_maxima_the_first_in_the_first_row_gets_the_gradient():
    approximately(
        measure(lambda x: maxpooling2d(x, [2, 2], [1, 1]), [[0, 1], [1, 0]]),
        [[[1]], [[0, 1], [0, 0]]],
    )
    x = [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]]
    _, dx = measure(lambda x: maxpooling2d(x, [2, 3], [1, 1]), x)
    assert dx == [[1, 4, 0, 0], [2, 5, 0, 0], [3, 0, 0, 6], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("stride", "error"),
    [([1], ValueError), ([1, 1, 1], ValueError), ([0, 1], ValueError), ([-1, 1], OverflowError)],
)
def test_a_stride_is_two_positive_numbers(stride, error):
    x, f = nodes(np.ones((3, 3)), np.ones((2, 2, 1, 1)))
    for call in (lambda: conv2d(x, f, stride), lambda: maxpooling2d(x, [2, 2], stride)):
        with pytest.raises(error):
            call()
    with pytest.raises(ValueError, match="ksize: two positive numbers"):
        maxpooling2d(x, [0, 2], [1, 1])
