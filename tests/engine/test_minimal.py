"""The minimal GRU and LSTM: against loops over single numbers, and where their gates are shut or wide open."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlm.engine.rnn.cell import CELLS, CellInput
from charlm.kernels import NUMPY
from tests.kernels import naive
from tests.kernels.test_reference import check_cell, drawn, sizes

NAMES = ["min_gru", "min_lstm"]


def run(name, x, Wx, b, h):
    """The states, and what backward needs."""
    return CELLS[name]().forward(NUMPY, CellInput(x, (Wx, b), (h,)))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), sizes, sizes, sizes, sizes, st.booleans())
def test_states_and_gradients_are_those_of_the_formulas(name, seed, T, B, size_in, H, h_given):
    G = CELLS[name].blocks * H
    shapes = [(T, B, size_in), (size_in, G), (G,), (B, H) if h_given else None]

    def backward(dy, y, saved, x, Wx, b, h):
        inputs = CellInput(x, (Wx, b), (h,))
        return CELLS[name]().backward(NUMPY, dy, y, saved, inputs)

    check_cell(
        lambda *arguments: run(name, *arguments),
        backward,
        getattr(naive, f"{name}_forward"),
        drawn(seed, *shapes),
        seed,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("forget", [-1000, -90, 90, 1000])
@pytest.mark.parametrize("admit", [-1000, -90, 90, 1000])
def test_gates_that_are_shut_or_open_give_numbers(name, dtype, forget, admit):
    """Of two shut gates, the one that is less so decides: nothing is 0 / 0, and nothing overflows."""
    x = np.ones((3, 1, 1), dtype)
    gates = [admit] if name == "min_gru" else [forget, admit]
    Wx, b = np.zeros((1, len(gates) + 1), dtype), np.array([*gates, 2.0], dtype)
    with np.errstate(
        over="ignore"
    ):  # of exp, in the logistic function, as when a graph is evaluated
        y, saved = run(name, x, Wx, b, np.full((1, 1), 7, dtype))
        gradients = CELLS[name]().backward(
            NUMPY, np.ones_like(y), y, saved, CellInput(x, (Wx, b), (np.full((1, 1), 7, dtype),))
        )
    share = 1.0 if admit > 0 else 0.0  # of the candidate, which is 2.5
    if name == "min_lstm":
        log_odds = np.minimum(admit, 0) - np.minimum(forget, 0)  # nearly
        share = 0.5 if log_odds == 0 else float(log_odds > 0)
    expected = [7.0]
    for _ in x:
        expected.append((1 - share) * expected[-1] + share * 2.5)
    np.testing.assert_allclose(y.ravel(), expected[1:], rtol=1e-5)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
