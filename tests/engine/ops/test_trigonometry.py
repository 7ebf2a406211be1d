"""The ends of the domains of inverse functions, and beyond. The numbers are DyNet's."""

from __future__ import annotations

import numpy as np

from charlm.engine.ops import acos, acosh, asin, asinh, atanh, sinh
from tests.engine.ops.measured import measure

INF, NAN = float("inf"), float("nan")


def value_of(function, x):
    return measure(function, x)[0]


def test_outside_the_domain_is_nan_and_at_its_end_perhaps_infinity():
    np.testing.assert_allclose(
        value_of(asin, [1, 2, -1, -2]), [np.pi / 2, NAN, -np.pi / 2, NAN], rtol=1e-6
    )
    np.testing.assert_allclose(value_of(acos, [1, 2, -1]), [0, NAN, np.pi], rtol=1e-6)
    np.testing.assert_allclose(value_of(acosh, [1, 0.5, 2]), [0, NAN, 1.3169580], rtol=1e-6)
    np.testing.assert_allclose(value_of(atanh, [1, 2, -1, 0]), [INF, NAN, -INF, 0])


def test_the_slope_at_the_end_is_infinite():
    for function in (asin, acosh, atanh):
        assert measure(function, [1])[1] == [INF]
    assert measure(acos, [1])[1] == [-INF]


def test_large_and_small_numbers():
    assert value_of(sinh, [100, -100]) == [INF, -INF]
    x = [-100, -1e-3, 0, 1e4, 1e30]
    np.testing.assert_allclose(
        value_of(asinh, x), [-5.2983422, -9.9999983e-4, 0, 9.9034876, 69.7706997], rtol=1e-6
    )
    assert measure(asinh, [1e30])[1] == [np.float32(1e-30)]
