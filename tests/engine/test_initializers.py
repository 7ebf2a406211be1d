"""Initial values: DyNet's bounds and constants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charlm.engine.initializers import (
    Constant,
    FromArray,
    Glorot,
    Identity,
    Normal,
    Saxe,
    Uniform,
)
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.errors import EvaluationError, ShapeError

STREAM = NumpyStream(11)


@pytest.mark.parametrize(
    ("dims", "bound"),
    [
        ((12,), math.sqrt(3 / 12)),
        ((4, 2), math.sqrt(6 / 6)),
        ((50, 30), math.sqrt(6 / 80)),
        ((2, 3, 4), math.sqrt(9 / 9)),
        ((3, 5, 2, 6), math.sqrt(6 / (3 * 5 * (2 + 6)))),
        ((1, 1, 1, 1, 1), math.sqrt(15 / 5)),
    ],
)
def test_glorots_bound(dims, bound):
    assert Glorot().bound(dims) == pytest.approx(bound, rel=1e-12)
    assert Glorot(gain=0.5).bound(dims) == pytest.approx(bound / 2, rel=1e-12)


def test_glorots_bound_of_a_table_counts_the_rows_unless_told_not_to():
    assert Glorot().bound((8, 100)) == pytest.approx(math.sqrt(6 / 108))
    assert Glorot(is_lookup=True).bound((8, 100)) == pytest.approx(math.sqrt(3 / 8))


def test_the_default_is_glorot():
    pc = ParameterCollection()
    matrix = pc.add_parameters((40, 60)).value
    table = pc.add_lookup_parameters(100, (20,)).value
    for value, bound in ((matrix, math.sqrt(6 / 100)), (table, math.sqrt(6 / 120))):
        assert 0.98 * bound < np.abs(value).max() <= bound
        assert abs(value.mean()) < 0.05 * bound


@pytest.mark.parametrize("init", [Uniform(0.25), Glorot()])
def test_uniform_fills_its_range_evenly(init):
    bound = 0.25 if isinstance(init, Uniform) else init.bound((100, 100))
    value = init((100, 100), STREAM, np.float32)
    counts, _ = np.histogram(value, bins=4, range=(-bound, bound))
    assert counts.sum() == 10_000  # none outside
    assert (np.abs(counts - 2500) < 200).all()  # 4.6 standard deviations


def test_normal_takes_a_variance():
    value = Normal(mean=3.0, variance=4.0)((100, 100), STREAM, np.float64)
    assert value.mean() == pytest.approx(3, abs=0.1)  # 5 standard errors
    assert value.std() == pytest.approx(2, abs=0.07)


@pytest.mark.parametrize(
    "init",
    [
        Uniform(1.0),
        Normal(),
        Constant(2.5),
        Glorot(),
        FromArray(np.ones((2, 3, 4))),
    ],
    ids=lambda init: type(init).__name__,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_have_reversed_axes_and_the_number_type_asked_for(init, dtype):
    value = init((2, 3, 4), STREAM, dtype)
    assert value.shape == (4, 3, 2)
    assert value.dtype == dtype
    assert value.flags.c_contiguous
    value += 1  # a fresh array, the caller's own


def test_constant_and_identity():
    assert (Constant(2.5)((2, 3), STREAM, np.float32) == 2.5).all()
    assert Identity()((3, 3), STREAM, np.float32).tolist() == np.eye(3).tolist()
    for dims in ((2, 3), (3,), (2, 2, 2)):
        with pytest.raises(EvaluationError, match="needs a square matrix"):
            Identity()(dims, STREAM, np.float32)


def test_saxe_is_orthogonal_up_to_its_gain():
    value = Saxe(gain=2.0)((5, 5), STREAM, np.float64)
    np.testing.assert_allclose(value @ value.T, 4 * np.eye(5), atol=1e-12)
    assert (value != Saxe(gain=2.0)((5, 5), STREAM, np.float64)).any()
    with pytest.raises(EvaluationError, match=r"needs a square matrix, got shape \(2, 3\)"):
        Saxe()((2, 3), STREAM, np.float64)


def test_from_array_takes_dynets_axes():
    given = np.arange(6).reshape(2, 3)
    value = FromArray(given)((2, 3), STREAM, np.float32)
    assert value.T.tolist() == given.tolist()
    # as many numbers under another shape: they are taken first axis fastest
    assert FromArray(given)((6,), STREAM, np.float32).tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(ShapeError, match=r"shape \(2, 3\) cannot fill a parameter of shape \(4,\)"):
        FromArray(given)((4,), STREAM, np.float32)


def test_from_array_is_a_copy():
    given = np.zeros(3, np.float32)
    FromArray(given)((3,), STREAM, np.float32)[...] = 1
    assert not given.any()


def test_the_same_stream_gives_the_same_values():
    def values(seed: int) -> list[float]:
        pc = ParameterCollection(stream=NumpyStream(seed))
        pc.add_parameters((2, 3))
        pc.add_parameters((4,), Normal())
        return pc.storage.values.tolist()

    assert values(1) == values(1)
    assert values(1) != values(2)
