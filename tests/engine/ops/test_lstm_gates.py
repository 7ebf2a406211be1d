"""The gates of a hand-made LSTM step: against the formula, the builder's cell, and with noise."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.dynet.random import DynetStream
from charlm.engine.gradcheck import check_sample
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Sample
from charlm.engine.ops import (
    input_tensor,
    vanilla_lstm_c,
    vanilla_lstm_gates,
    vanilla_lstm_gates_concat,
    vanilla_lstm_gates_dropout,
    vanilla_lstm_gates_dropout_concat,
    vanilla_lstm_h,
)
from charlm.engine.ops.lstm_gates import VanillaLstmGates
from charlm.kernels import reference
from tests.engine.ops.measured import approximately, measure

RNG = np.random.default_rng(3)
X, H, WX, WH, B = (RNG.uniform(-1, 1, s) for s in [(3,), (2,), (8, 3), (8, 2), (8,)])
MASK_X, MASK_H = np.array([2.0, 0.0, 0.5]), np.array([0.0, 3.0])


def gates(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    a = B + WX @ x + WH @ h
    a[2:4] += 1
    return np.concatenate([1 / (1 + np.exp(-a[:6])), np.tanh(a[6:])])


def evaluate(function, *arrays, stream=None, **options) -> np.ndarray:
    graph = ComputationGraph(np.float64, stream=stream)
    arguments = [
        [input_tensor(graph, part) for part in a] if isinstance(a, list) else input_tensor(graph, a)
        for a in arrays
    ]
    return function(*arguments, **options).npvalue()


def test_the_four_ways_to_call_it():
    rest = (WX, WH, B)
    parts = [X[:1], X[1:]]
    masked = gates(X * MASK_X, H * MASK_H)
    for found, expected in (
        (evaluate(vanilla_lstm_gates, X, H, *rest), gates(X, H)),
        (evaluate(vanilla_lstm_gates_concat, parts, H, *rest), gates(X, H)),
        (evaluate(vanilla_lstm_gates_dropout, X, H, *rest, MASK_X, MASK_H), masked),
        (evaluate(vanilla_lstm_gates_dropout_concat, parts, H, *rest, MASK_X, MASK_H), masked),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gates_c_and_h_make_the_step_of_the_cell():
    c = np.array([0.3, -0.7])
    graph = ComputationGraph(np.float64)
    x, h, wx, wh, b, c0 = (input_tensor(graph, a) for a in (X, H, WX, WH, B, c))
    g = vanilla_lstm_gates(x, h, wx, wh, b)
    c1 = vanilla_lstm_c(c0, g)
    h1 = vanilla_lstm_h(c1, g)
    expected, _ = reference.lstm_forward(X[None, None], WX.T, WH.T, B, c[None], H[None])
    np.testing.assert_allclose([c1.npvalue(), h1.npvalue()], expected[:, 0, 0], rtol=1e-12)


def test_c_and_h():
    given = np.arange(1, 9) / 10
    approximately(
        measure(vanilla_lstm_c, [0.1, 0.2], given),
        [[0.1, 0.24], [0.3, 0.8], [0.7, 1.6, 0.1, 0.4, 0, 0, 0.1, 0.4]],
    )
    approximately(
        measure(vanilla_lstm_h, [0.1, 0.2], given),
        [[0.049834, 0.1184252], [0.4950331, 1.1532516], [0, 0, 0, 0, 0.099668, 0.3947506, 0, 0]],
    )


def test_noise_is_added_to_both_matrices_and_the_bias_in_this_order():
    noisy = evaluate(
        vanilla_lstm_gates, X, H, WX, WH, B, stream=DynetStream(5), weightnoise_std=0.5
    )
    stream = DynetStream(5)
    draws = [stream.normal(0.0, 0.5, w.T.shape, np.float64).T for w in (WX, WH, B)]
    wx, wh, b = (w + draw for w, draw in zip((WX, WH, B), draws, strict=True))
    np.testing.assert_allclose(noisy, evaluate(vanilla_lstm_gates, X, H, wx, wh, b), rtol=1e-12)


@pytest.mark.parametrize("dropout", [False, True])
def test_the_gradients_are_those_of_the_noisy_weights(dropout):
    dims = (((3,), 2), ((2,), 2), ((8, 3), 1), ((8, 2), 1), ((8,), 1))
    masks = (((3,), 1), ((2,), 1)) if dropout else ()
    assert check_sample(Sample(VanillaLstmGates(1, dropout, 0.4), (*dims, *masks))) < 1e-6


def test_an_empty_list_of_inputs_is_refused():
    for function, masks in (
        (vanilla_lstm_gates_concat, ()),
        (vanilla_lstm_gates_dropout_concat, (MASK_X, MASK_H)),
    ):
        with pytest.raises(ValueError, match="the list of inputs is empty"):
            evaluate(function, [], H, WX, WH, B, *masks)
