"""The tables are those of the functions, and the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from charlm.compression import fixed_point
from charlm.compression.fixed_point import ONE, SCORE_BITS, TABLE_BITS, frequencies, logistic, tanh


def value(table, bits, x):
    places = (x * 2.0**bits + table.offset).astype(np.intp)
    found = np.empty(len(x), table.values.dtype)
    table.look_up(places, found)
    return found


X = np.linspace(-30, 30, 4001)


@pytest.mark.parametrize(
    ("table", "function", "unit"),
    [(logistic, lambda x: 1 / (1 + np.exp(-x)), 1.0), (tanh, np.tanh, ONE)],
)
def test_they_are_near_the_functions(table, function, unit):
    found = value(table(), TABLE_BITS, X) / unit
    assert np.abs(found - function(X)).max() < 0.6 * 2.0**-TABLE_BITS
    exact = np.rint(X * 2**TABLE_BITS) / 2**TABLE_BITS  # at the arguments that the table has
    assert np.abs(value(table(), TABLE_BITS, exact) / unit - function(exact)).max() <= 1.1 / ONE


def test_frequencies_are_positive_and_near_exp():
    x = np.linspace(0, 40, 4001)
    found = value(frequencies(), SCORE_BITS, x)
    assert found.min() == 1
    assert found[0] == 2**24 + 1
    likely = x < 8
    assert found[likely] / 2**24 == pytest.approx(np.exp(-x[likely]), rel=2e-3)


def test_a_gate_forgets_a_little():
    """Else a memory could grow beyond what float64 holds exactly."""
    assert logistic().values.max() == 1 - 1 / ONE
    assert logistic().values.min() == 1 / ONE


def test_they_are_the_same_on_every_machine():
    """A file that was compressed with other tables cannot be decompressed: these numbers are part of the format."""
    tables = (logistic(), tanh(), frequencies())
    digest = hashlib.sha256(b"".join(t.values.astype("<f8").tobytes() for t in tables))
    assert digest.hexdigest()[:16] == "3807ccb84fd4c238"


def test_rounding_is_to_even():
    assert fixed_point.rounded(np.array([0.5, 1.5, -0.5]), 0).tolist() == [0, 2, 0]
