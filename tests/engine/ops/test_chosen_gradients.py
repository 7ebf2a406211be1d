"""Halves, ties, and the gradients that were chosen."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import (
    argmax,
    ceil,
    flip_gradient,
    floor,
    nobackprop,
    round,
    scale_gradient,
    sqrt,
)
from tests.engine.ops.measured import measure, nodes

MODES = {"zero_gradient": 0, "straight_through_gradient": 1}
X = [1, -2, 3]


def test_halves_are_rounded_away_from_0():
    halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
    value, _ = measure(lambda x: round(x, "zero_gradient"), halves)
    assert value == [-3, -2, -1, 1, 2, 3]


def test_rounding_is_exact_next_to_a_half_and_where_there_are_no_fractions():
    below = float(np.nextafter(np.float32(0.5), np.float32(0)))
    value, _ = measure(lambda x: round(x, "zero_gradient"), [below, -below, 8388609, -2.4])
    assert value == [0, 0, 8388609, -2]


def test_up_and_down():
    x = [-1.5, 1.5, 2.0, -0.2]
    assert measure(lambda x: floor(x, "zero_gradient"), x)[0] == [-2, 1, 2, -1]
    assert measure(lambda x: ceil(x, "zero_gradient"), x)[0] == [-1, 2, 2, 0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", [round, ceil, floor, argmax])
def test_the_gradient_is_nothing_or_passed_through(function, mode):
    _, gradient = measure(lambda x: function(x, gradient_mode=mode), X)
    assert gradient == [MODES[mode] * k for k in (1, 2, 3)]


@pytest.mark.parametrize("function", [round, ceil, floor, argmax])
def test_another_mode_is_refused(function):
    with pytest.raises(ValueError, match="gradient_mode is 'zero_gradient' or"):
        function(*nodes(X), "none")


def test_the_first_of_equals_is_the_argmax_of_each_batch_element():
    assert measure(lambda x: argmax(x, "zero_gradient"), [1, 3, 3])[0] == [0, 1, 0]
    batch = [[1, 4], [2, -1], [3, 0.5]]
    value, _ = measure(lambda x: argmax(x, "zero_gradient"), batch, batched=True)
    assert value == [[0, 1], [0, 0], [1, 0]]


def test_factors_on_the_gradient_alone():
    assert measure(flip_gradient, X) == [X, [-1, -2, -3]]
    assert measure(scale_gradient, X) == [X, [1, 2, 3]]
    assert measure(lambda x: scale_gradient(x, lambd=-2.5), X) == [X, [-2.5, -5, -7.5]]
    assert measure(lambda x: nobackprop(x) + x, X) == [[2, -4, 6], [1, 2, 3]]


def test_nothing_comes_back_even_from_an_infinite_slope():
    assert measure(lambda x: sqrt(nobackprop(x)), [0]) == [[0], [0]]
