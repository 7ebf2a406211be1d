"""Powers of 0, where the gradients of the formula are 0 times infinity and DyNet's are NaN."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.ops import pow
from tests.engine.ops.measured import approximately, measure


@pytest.mark.parametrize(
    ("exponent", "value", "slope"),
    [(0, [1, 1], [0, 0]), (1, [0, 2], [1, 2]), (2, [0, 4], [0, 8]), (3, [0, 8], [0, 24])],
)
def test_powers_of_zero_have_slopes(exponent, value, slope):
    found = measure(pow, [0, 2], [exponent])
    approximately(found[:2], [value, slope])
    if exponent > 0:
        approximately(found[2:], [[2 * 2**exponent * np.log(2)]])


def test_a_root_is_vertical_at_zero():
    assert measure(pow, [0, 4], [0.5])[1] == [np.inf, 0.5]
