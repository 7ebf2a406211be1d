"""The kink of the margin, and targets that are not there. The numbers are DyNet's."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import hinge, hinge_batch, hinge_dim, pairwise_rank_loss
from tests.engine.ops.measured import approximately, measure, nodes


def test_every_violation_counts_and_none_at_the_margin_itself():
    approximately(measure(lambda x: hinge(x, 0), [1, -2, 3]), [[3], [-1, 0, 1]])
    approximately(measure(lambda x: hinge(x, 0, m=10.0), [1, -2, 3]), [[19], [-2, 1, 1]])
    approximately(measure(lambda x: hinge(x, 0), [2, 1, 1.5]), [[0.5], [-1, 0, 1]])
    approximately(measure(lambda x: hinge(x, 0), [7]), [[0], [0]])
    approximately(
        measure(lambda x: hinge_batch(x, [0, 1]), [[1, 4], [2, -1], [3, 0.5]], batched=True),
        [[[5, 8.5]], [[-2, 2], [1, -4], [1, 2]]],
    )


def test_hinge_dim_has_a_loss_for_each_column_or_row():
    x = [[1, 2, 3], [4, 5, 6]]
    approximately(
        measure(lambda x: hinge_dim(x, [0, 1, 0], 0), x), [[4, 0, 4], [[-1, 0, -3], [1, 0, 3]]]
    )
    approximately(
        measure(lambda x: hinge_dim(x, [0, 1], d=1), x), [[5, 2], [[-2, 1, 1], [0, -2, 2]]]
    )
    approximately(
        measure(lambda x: hinge_dim(x, [0, 0]), [[2, 1], [1, 3]]), [[0, 3], [[0, -2], [0, 2]]]
    )


def test_a_batch_shares_the_targets_of_hinge_dim():
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 3, 2))
    (x,) = nodes(batch, batched=True)
    for d, targets in ((0, [0, 1, 0]), (1, [2, 0])):
        both = hinge_dim(x, targets, d).npvalue()
        for i in range(2):
            (one,) = nodes(batch[..., i])
            np.testing.assert_array_equal(both[:, i], hinge_dim(one, targets, d).npvalue())


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: hinge(x, 3), ValueError),
        (lambda x: hinge(x, -1), OverflowError),
        (lambda x: hinge(x, 0, -1.0), ValueError),
        (lambda x: hinge_batch(x, [0, 1]), ValueError),
        (lambda x: hinge_batch(x, []), ValueError),
        (lambda x: hinge_dim(x, [0], 0), ValueError),
    ],
)
def test_what_a_hinge_loss_refuses(call, error):
    with pytest.raises(error):
        call(*nodes([1, 2, 3]))


def test_the_rank_loss_is_zero_with_a_zero_slope_where_the_margin_is_just_kept():
    approximately(measure(pairwise_rank_loss, [2], [1.5]), [[0.5], [-1], [1]])
    approximately(measure(pairwise_rank_loss, [2], [1]), [[0], [0], [0]])
    approximately(
        measure(lambda x, y: pairwise_rank_loss(x, y, m=-1.0), [2], [1.5]), [[0], [0], [0]]
    )
