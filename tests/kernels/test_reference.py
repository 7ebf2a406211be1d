"""The reference kernels against loops over single numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlm.kernels import reference
from tests.kernels import naive

Array = np.ndarray

sizes = st.integers(1, 3)
seeds = st.integers(0, 2**32 - 1)
a_few = settings(max_examples=20)


def drawn(seed: int, *shapes: tuple[int, ...] | None) -> list[Array | None]:
    rng = np.random.default_rng(seed)
    return [None if shape is None else rng.uniform(-1.5, 1.5, shape) for shape in shapes]


def assert_close(found: Array | None, expected: Array | None) -> None:
    if expected is None:
        assert found is None
    else:
        found = np.asarray(found)  # of one step, the weights' gradients are put off
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def unchanged(function: Callable, *arguments: Array | None) -> object:
    """Call it, and see that it wrote into none of its arguments."""
    before = [None if a is None else a.tobytes() for a in arguments]
    result = function(*arguments)
    assert [None if a is None else a.tobytes() for a in arguments] == before
    return result


def check_cell(
    forward: Callable,
    backward: Callable,
    expected: Callable,
    arguments: Sequence[Array | None],
    seed: int,
) -> None:
    """Compare a sequence kernel's states and gradients with the loops'."""
    y, saved = unchanged(forward, *arguments)
    assert_close(y, expected(*arguments).real)
    (dy,) = drawn(seed, y.shape)
    spread = [] if saved is None else [saved] if isinstance(saved, np.ndarray) else [*saved]
    kept = [array.tobytes() for array in spread]
    found = unchanged(lambda dy, y, *rest: backward(dy, y, saved, *rest), dy, y, *arguments)
    assert [array.tobytes() for array in spread] == kept  # backward may be run again
    for a, b in zip(found, naive.gradients(expected, arguments, dy), strict=True):
        assert_close(a, b)


def sequence(
    seed: int, T: int, B: int, size_in: int, H: int, gates: int, blocks: int, given: Sequence[bool]
) -> list[Array | None]:
    """Return x, ``blocks`` times (Wx, Wh, b) for ``gates`` gates, and the states that are given."""
    G = gates * H
    weights = [(size_in, G), (H, G), (G,)] * blocks
    return drawn(seed, (T, B, size_in), *weights, *[(B, H) if there else None for there in given])


def check_kernels(
    name: str, arguments: Sequence[Array | None], seed: int, **settings: Array | float
) -> None:
    """Compare a cell's kernels with the loops, with these masks and forget bias."""
    kernels = [
        getattr(module, f"{name}_{way}")
        for module, way in ((reference, "forward"), (reference, "backward"), (naive, "forward"))
    ]
    check_cell(*[partial(kernel, **settings) for kernel in kernels], arguments, seed)


def masks(seed: int, B: int, H: int, *names: str) -> dict[str, Array]:
    """Return masks, for a batch or for all of it."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 2, (rng.choice([1, B]), H)) * 1.5 for name in names}


@a_few
@given(seeds, sizes, sizes, sizes, sizes, st.booleans(), st.booleans())
def test_the_simple_rnn(seed, T, B, size_in, H, h_given, masked):
    arguments = sequence(seed, T, B, size_in, H, 1, 1, [h_given])
    check_kernels("rnn", arguments, seed, **(masks(seed, B, H, "mask_BH") if masked else {}))


@a_few
@given(seeds, sizes, sizes, sizes, sizes, st.booleans())
def test_the_gru(seed, T, B, size_in, H, h_given):
    check_kernels("gru", sequence(seed, T, B, size_in, H, 1, 3, [h_given]), seed)


@a_few
@given(seeds, sizes, sizes, sizes, sizes, st.booleans())
def test_the_gru_that_resets_after_the_matrix(seed, T, B, size_in, H, h_given):
    x, wx, wh, b, h = sequence(seed, T, B, size_in, H, 3, 1, [h_given])
    check_kernels("gru_after", [x, wx, wh, b, *drawn(seed + 1, (H,)), h], seed)


forget_biases = st.sampled_from([0.0, 1.0])


@a_few
@given(
    seeds, sizes, sizes, sizes, sizes, st.booleans(), st.booleans(), forget_biases, st.booleans()
)
def test_the_lstm(seed, T, B, size_in, H, c_given, h_given, forget_bias, masked):
    arguments = sequence(seed, T, B, size_in, H, 4, 1, [c_given, h_given])
    settings = masks(seed, B, H, "mask_BH") if masked else {}
    check_kernels("lstm", arguments, seed, forget_bias=forget_bias, **settings)


@a_few
@given(
    seeds, sizes, sizes, sizes, sizes, st.booleans(), st.booleans(), st.booleans(), st.booleans()
)
def test_the_coupled_lstm(seed, T, B, size_in, H, c_given, h_given, peepholes, masked):
    x, wxi, whi, bi, wxo, who, bo, wxc, whc, bc, c, h = sequence(
        seed, T, B, size_in, H, 1, 3, [c_given, h_given]
    )
    wci, wco = drawn(seed + 1, *[(H, H) if peepholes else None] * 2)
    arguments = [x, wxi, whi, wci, bi, wxo, who, wco, bo, wxc, whc, bc, c, h]
    settings = masks(seed, B, H, "mask_BH", "c_mask_BH") if masked else {}
    check_kernels("coupled_lstm", arguments, seed, **settings)


@a_few
@given(seeds, sizes, sizes, sizes, st.booleans(), st.booleans(), forget_biases, st.booleans())
def test_the_lstm_with_layer_norm(seed, T, B, size_in, c_given, h_given, forget_bias, masked):
    H = 3  # of two numbers, made mean 0 and deviation 1, nothing is left to differentiate
    x, wx, wh, b, c, h = sequence(seed, T, B, size_in, H, 4, 1, [c_given, h_given])
    arguments = [x, wx, wh, b, *drawn(seed + 1, *[(12,)] * 4, (3,), (3,)), c, h]
    mask = {"mask_BH": np.array([[0.5, 0.0, 1.5]])} if masked else {}
    check_kernels("norm_lstm", arguments, seed, forget_bias=forget_bias, **mask)


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_what_flows_into_the_outputs_of_every_step(name):
    """It is what was added there, and what flows into the first state of the steps that follow."""
    gates, blocks, states = {"rnn": (1, 1, 1), "gru": (1, 3, 1), "lstm": (4, 1, 2)}[name]
    x, *rest = sequence(3, 4, 2, 2, 3, gates, blocks, [True] * states)
    forward, backward = (getattr(reference, f"{name}_{way}") for way in ("forward", "backward"))
    y, saved = forward(x, *rest)
    (dy,) = drawn(4, y.shape)
    total = np.full_like(y, np.nan)
    backward(dy, y, saved, x, *rest, state_gradient_STBH=total)
    for t in range(3):
        after = [x[t + 1 :], *rest[:-states], *y[:, t]]
        y_after, saved_after = forward(*after)
        *_, dh = backward(dy[:, t + 1 :], y_after, saved_after, *after)
        assert_close(total[-1, t], dy[-1, t] + dh)
    assert_close(total[-1, 3], dy[-1, 3])


def test_the_lstms_forget_bias_is_1_if_not_given():
    arguments = sequence(0, 2, 1, 2, 2, 4, 1, [True, True])
    y, _ = reference.lstm_forward(*arguments)
    assert_close(y, naive.lstm_forward(*arguments, forget_bias=1.0).real)


@a_few
@given(seeds, st.integers(1, 5), sizes, st.integers(1, 4), st.data())
def test_the_output_layer(seed, N, H, V, data):
    h, w, b, dloss = drawn(seed, (N, H), (H, V), (V,), (N,))
    targets = np.array(data.draw(st.lists(st.integers(0, V - 1), min_size=N, max_size=N)))
    losses, p = unchanged(reference.affine_softmax_nll_forward, h, w, b, targets)
    assert_close(losses, naive.affine_softmax_nll_forward(h, w, b, targets).real)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    picked = [p[n, target] for n, target in enumerate(targets)]
    np.testing.assert_allclose(picked, np.exp(-losses), rtol=1e-11)
    found = unchanged(reference.affine_softmax_nll_backward, dloss, p, h, w, b, targets)
    expected = naive.gradients(naive.affine_softmax_nll_forward, [h, w, b, targets], dloss)
    assert expected.pop() is None  # targets have no gradient
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_output_layer_bears_large_scores(dtype):
    h, w, b = np.array([[1], [-1]], dtype), np.array([[900, 0, 0]], dtype), np.zeros(3, dtype)
    losses, p = reference.affine_softmax_nll_forward(h, w, b, np.array([1, 0]))
    assert losses.tolist() == pytest.approx([900, 900 + np.log(2)])
    assert p.tolist() == [[1, 0, 0], [0, 0.5, 0.5]]
    assert losses.dtype == p.dtype == dtype


@given(seeds, st.integers(1, 5), sizes, st.data())
def test_adding_rows_to_a_table(seed, V, E, data):
    ids = np.array(data.draw(st.lists(st.integers(0, V - 1), min_size=1, max_size=8)))
    table, rows = drawn(seed, (V, E), (len(ids), E))
    expected = naive.scatter_add(table, ids, rows)
    before = [ids.tobytes(), rows.tobytes()]
    reference.scatter_add(table, ids, rows)
    assert_close(table, expected)
    assert [ids.tobytes(), rows.tobytes()] == before


@given(seeds, st.integers(0, 9))
def test_the_squared_norm(seed, n):
    (g,) = drawn(seed, (n,))
    assert unchanged(reference.squared_norm, g) == pytest.approx(naive.squared_norm(g), rel=1e-12)


@given(seeds, sizes, sizes)
def test_the_logistic_function(seed, rows, columns):
    (x,) = drawn(seed, (rows, columns))
    x *= 10
    expected = np.array([[naive.logistic(number).real for number in row] for row in x])
    assert_close(unchanged(reference.logistic, x), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_logistic_function_of_large_numbers(dtype):
    with np.errstate(over="ignore"):
        y = reference.logistic(np.array([-1000, -80, 0, 80, 1000], dtype))
    assert y.dtype == dtype
    assert y.tolist() == pytest.approx([0, np.exp(-80.0), 0.5, 1, 1], rel=1e-6)
    assert np.isfinite(y).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cells_keep_the_number_type(dtype):
    cells = {"rnn": (1, 1, 1), "gru": (1, 3, 1), "lstm": (4, 1, 2)}
    for name, (gates, blocks, states) in cells.items():
        arguments = sequence(1, 2, 3, 2, 2, gates, blocks, [True] * states)
        narrow = [a.astype(dtype) for a in arguments]
        y, saved = getattr(reference, f"{name}_forward")(*narrow)
        found = getattr(reference, f"{name}_backward")(np.ones_like(y), y, saved, *narrow)
        assert {a.dtype for a in (y, *found)} == {np.dtype(dtype)}
