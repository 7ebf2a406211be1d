"""Certain outcomes, and the gradients that DyNet does not have right."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.gradcheck import check_sample
from charlm.engine.op import Sample
from charlm.engine.ops import binary_log_loss, poisson_loss
from charlm.engine.ops.log_losses import BinaryLogLoss
from tests.engine.ops.measured import approximately, measure, nodes

WORST = 87.3365448  # -ln of the smallest float32


def test_a_probability_of_0_or_1_costs_as_in_dynet():
    x = [0, 1, 0, 1, 0.5, 0, 1]
    y = [0, 1, 1, 0, 0.5, 0.5, 0.5]
    expected = [0, 0, WORST, WORST, np.log(2), WORST, WORST]
    for a, b, cost in zip(x, y, expected, strict=True):
        value, *_ = measure(binary_log_loss, [a], [b])
        np.testing.assert_allclose(value, [cost], rtol=1e-6)
    value, dx, dy = measure(binary_log_loss, x, y)
    np.testing.assert_allclose(value, [350.0393], rtol=1e-6)
    np.testing.assert_allclose(
        dx, [0, 0, -8.507059e37, 8388608.0, 0, -4.2535295e37, 4194303.5], rtol=1e-6
    )
    np.testing.assert_allclose(dy, [WORST, -WORST, WORST, -WORST, 0, WORST, -WORST], rtol=1e-6)


def test_the_gradient_of_the_outcome_is_the_derivative():
    value, dx, dy = measure(binary_log_loss, [0.3, 0.8], [0.2, 1.0])
    approximately([value, dx], [[0.7492781], [0.4761906, -1.25]])
    approximately([dy], [[np.log(0.7 / 0.3), np.log(0.2 / 0.8)]])


def test_an_outcome_outside_0_to_1_has_the_formulas_cost():
    sample = Sample(BinaryLogLoss(), (((2,), 1), ((2,), 1)), values=([0.3, 0.6], [2.0, -0.5]))
    assert check_sample(sample) < 1e-6
    value, *_ = measure(binary_log_loss, [0.3], [2.0])
    np.testing.assert_allclose(value, [2.0512708], rtol=1e-6)


def test_the_gradient_of_a_poisson_loss_is_multiplied_with_what_arrives():
    approximately(measure(lambda x: poisson_loss(x, 3), [0.5]), [[1.9404807], [-1.3512787]])
    approximately(measure(lambda x: poisson_loss(x, 3) * 2, [0.5]), [[3.8809614], [-2.7025574]])
    approximately(measure(lambda x: poisson_loss(x, 0), [[0.5]]), [[[1.6487213]], [[1.6487213]]])
    approximately(measure(lambda x: poisson_loss(x, 1.5), [0.5])[:1], [[1.1487213]])


def test_a_count_is_0_or_more():
    with pytest.raises(OverflowError):
        poisson_loss(*nodes([0.5]), -1)
