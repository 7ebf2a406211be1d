"""Layer normalisation against DyNet, and where its deviation is zero."""

from __future__ import annotations

import numpy as np

from charlm.engine.ops import input_tensor, layer_norm, weight_norm
from tests.engine.ops.measured import approximately, measure, nodes


def test_layer_norm_has_dynets_numbers_and_takes_its_ids():
    approximately(
        measure(layer_norm, [1, 2, 4], [1, 1, 2], [0, 0.5, 0]),
        [
            [-1.0690452, 0.2327386, 2.6726122],
            [0.2290812, -0.3436213, 0.1145408],
            [-1.0690452, -0.5345228, 4.0089183],
            [1, 2, 3],
        ],
    )
    x, g, b = nodes([1, 2], [1, 1], [0, 0])
    assert layer_norm(x, g, b).id == b.id + 8


def test_a_batch_element_has_its_own_mean_and_deviation():
    (x,) = nodes([[1, 4], [2, -1], [3, 0.5]], batched=True)
    gain, offset = (input_tensor(x.graph, v) for v in ([1.0, 1.0, 2.0], [0.0, 0.5, 0.0]))
    np.testing.assert_allclose(
        layer_norm(x, gain, offset).npvalue(),
        [[-1.2247448, 1.3524473], [0.5, -0.5342242], [2.4494896, -0.6364459]],
        rtol=2e-6,
    )


def test_a_constant_is_normalised_to_the_offset_and_its_gradient_is_the_derivative():
    # DyNet has NaN there. The numerator is zero, so the deviation's slope has no part
    gain = [1.0, 2.0, 4.0]
    value, dx, dg, db = measure(layer_norm, [1, 1, 1], gain, [0.5, 0, -1])
    assert value == [0.5, 0, -1]
    arrived = np.array([1, 2, 3]) * gain
    np.testing.assert_allclose(dx, (arrived - arrived.mean()) / 1e-8, rtol=1e-5)
    assert (dg, db) == ([0, 0, 0], [1, 2, 3])


def test_a_weight_of_length_g():
    approximately(measure(weight_norm, [3, 4], [10]), [[6, 8], [-0.64, 0.48], [2.2]])


def test_weights_that_are_all_zero_have_no_direction():
    assert np.isnan(weight_norm(*nodes([0, 0], [2])).vec_value()).all()
