"""Kinks, and numbers whose exponentials overflow. The numbers are DyNet's."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import elu, log_sigmoid, selu, silu, softsign
from tests.engine.ops.measured import approximately, measure, nodes

ZEROS = [0, 0, 0]


def test_at_0_elu_and_selu_have_the_slope_of_the_exponential():
    approximately(measure(elu, ZEROS), [ZEROS, [1, 2, 3]])
    approximately(measure(lambda x: elu(x, alpha=2.0), ZEROS), [ZEROS, [2, 4, 6]])
    approximately(measure(selu, ZEROS), [ZEROS, [1.7580993, 3.5161986, 5.2742977]])


def test_the_log_of_a_sigmoid_is_stable_on_both_sides():
    value, slope = measure(log_sigmoid, [-1000, 1000, 30, 0])
    np.testing.assert_allclose(value, [-1000, 0, -9.357623e-14, -0.6931472], rtol=1e-6)
    np.testing.assert_allclose(slope, [1, 0, 3 * 9.357623e-14, 4 * 0.5], rtol=1e-6)


def test_what_overflows_has_its_limit():
    approximately(measure(elu, [-1000, 1000]), [[-1, 1000], [0, 2]])
    approximately(measure(silu, [-1000, 1000, 100]), [[0, 1000, 100], [0, 2, 3]])
    approximately(measure(softsign, ZEROS), [ZEROS, [1, 2, 3]])


def test_the_slope_of_silu_has_beta_in_it():
    x, beta = np.array([1.0, -2.0, 3.0]), 2.0
    value, slope = measure(lambda x: silu(x, beta=beta), x)
    np.testing.assert_allclose(value, [0.8807971, -0.03597242, 2.9925821], rtol=1e-6)
    gate = 1 / (1 + np.exp(-beta * x))
    expected = [1, 2, 3] * (gate + beta * x * gate * (1 - gate))  # DyNet leaves this beta out
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_softsign_takes_any_shape():
    approximately(measure(softsign, [[1, -3]]), [[[0.5, -0.75]], [[0.25, 2 / 16]]])


@pytest.mark.parametrize("call", [elu, silu])
def test_a_factor_is_a_number(call):
    with pytest.raises(TypeError, match="a number is needed, got 'a'"):
        call(*nodes(ZEROS), "a")
