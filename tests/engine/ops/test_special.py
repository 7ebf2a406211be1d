"""The error and gamma functions against the C library, known values, and their poles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charlm.engine.ops import erf, lgamma
from charlm.engine.ops.special import digamma, log_gamma
from tests.engine.ops.measured import approximately, measure

EULER = 0.5772156649015329


@pytest.mark.parametrize(
    ("low", "high"),
    [(1e-10, 1e-3), (0, 1), (1, 3), (3, 20), (20, 1e5), (1e10, 1e300), (-1, 0), (-20, 0)],
)
def test_the_logarithm_of_gamma_is_that_of_the_c_library(low, high):
    x = np.random.default_rng(0).uniform(low, high, 500)
    expected = [math.lgamma(number) for number in x]
    np.testing.assert_allclose(log_gamma(x), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (1.0, -EULER),
        (2.0, 1 - EULER),
        (0.5, -EULER - 2 * math.log(2)),
        (0.25, -EULER - math.pi / 2 - 3 * math.log(2)),
        (-0.5, 2 - EULER - 2 * math.log(2)),
        (10.0, sum(1 / k for k in range(1, 10)) - EULER),
    ],
)
def test_digamma_where_it_has_a_formula(x, expected):
    assert digamma(np.array(x)) == pytest.approx(expected, rel=1e-14)


def test_digamma_goes_up_by_the_reciprocal():
    x = np.concatenate([np.linspace(-15.3, 20.4, 300), np.geomspace(1e-6, 1e9, 100)])
    np.testing.assert_allclose(digamma(x + 1) - digamma(x), 1 / x, rtol=1e-10, atol=1e-12)


def test_the_poles_are_infinite_with_their_slopes():
    inf = float("inf")
    assert measure(lgamma, [0, -1, -2]) == [[inf] * 3, [inf] * 3]
    approximately(measure(lgamma, [-3.5, -100.5])[1:], [[1.38887119, 2 * 4.6151247]])


def test_gamma_in_float32_near_its_zeros():
    value, slope = measure(lgamma, [1, 2, 1.0001])
    assert value[:2] == pytest.approx([0, 0], abs=1e-14)
    x = float(np.float32(1.0001))
    assert value[2] == pytest.approx(math.lgamma(x), rel=1e-6)
    assert slope[:2] == pytest.approx([-EULER, 2 * (1 - EULER)], rel=1e-6)


def test_the_error_function_at_both_ends_and_0():
    value, slope = measure(erf, [-5, -1, 0, 0.1, 3, float("inf")])
    expected = [-1, -0.8427008, 0, 0.1124629, 0.9999779, 1]
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert slope[2] == pytest.approx(3 * 2 / math.sqrt(math.pi))
    assert slope[-1] == 0
