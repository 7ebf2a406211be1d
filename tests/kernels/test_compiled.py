"""The compiled kernels against the plain ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charlm.engine.rnn import cell as cells
from charlm.engine.rnn.cell import CellInput
from charlm.engine.rnn.kernel_cell import KernelCell
from charlm.errors import MissingExtraError
from charlm.kernels import NUMPY, PER_STEP, START_UP, Kernels, resolve, select

pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")

from charlm.kernels.compiled import functions
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.vectors import LANES, lanewise, load, store
from charlm.kernels.reference import EmbeddedInput

Array = np.ndarray
CELLS = ("rnn", "gru", "gru_after", "lstm", "coupled_lstm", "fast_lstm", "norm_lstm")

several = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
hidden_sizes = st.sampled_from([1, 3, 16, 17, 32, 50, 65, 100])
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", params=[1, 2], ids=["1 thread", "2 threads"])
def kernels(request: pytest.FixtureRequest) -> Kernels:
    return select("numba", request.param)


def cell_arguments(
    cell: str, T: int, B: int, X: int, H: int, stateful: Sequence[bool], seed: int, dtype: type
) -> tuple[list[Array | None], Array]:
    """Input, parameters and states of a layer, and a gradient of all its outputs."""
    kind = cells.CELLS[cell]()
    rng = np.random.default_rng(seed)

    def drawn(*shape: int, scale: float = 1.0) -> Array:
        return (scale * rng.standard_normal(shape)).astype(dtype)

    arguments: list[Array | None] = [drawn(T, B, X)]
    shapes = [tuple(reversed(shape)) for shape in kind.shapes(X, H)]
    arguments += [drawn(*s, scale=0.7 * s[0] ** -0.5 if len(s) == 2 else 1) for s in shapes]
    arguments += [drawn(B, H) if given else None for given in stateful[: kind.states]]
    return arguments, drawn(kind.states, T, B, H)


def run_cell(
    k: Kernels, cell: str, arguments: list[Array | None], dy: Array, *options: float
) -> list[Array | None]:
    """Outputs and gradients; behind the states there may be masks."""
    kind = cells.CELLS[cell](*options)
    count = 1 + len(kind.roles)
    rest = count + kind.states
    inputs = CellInput(arguments[0], arguments[1:count], arguments[count:rest], arguments[rest:])
    y, saved = kind.forward(k, inputs)
    return [y, *kind.backward(k, dy, y, saved, inputs)]


def assert_close(
    found: Sequence[Array | None],
    wanted: Sequence[Array | None],
    terms: int = 1,
    amplified: float = 1.0,
) -> None:
    """Equal to 1e-5 in float32, and 1e-12 in float64, of the largest number; or so many times as much.

    A sum of many terms that cancel is known less well than its own size says: a tenth of what as many
    random terms of size 1 would come to counts at least.
    """
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        if b is None:
            assert a is None
            continue
        a, b = np.asarray(a), np.asarray(b)  # weights' gradients from one step are put off
        tolerance = amplified * (1e-5 if b.dtype == np.float32 else 1e-12)
        assert a.dtype == b.dtype
        np.testing.assert_allclose(
            a, b, rtol=0, atol=tolerance * max(0.1 * terms**0.5, np.abs(b).max())
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", CELLS)
@several
@given(
    sizes=st.tuples(
        st.integers(1, 6), st.integers(1, 9), st.sampled_from([1, 5, 33]), hidden_sizes
    ),
    stateful=st.tuples(st.booleans(), st.booleans()),
    seed=seeds,
)
def test_a_layer_over_a_sequence(
    kernels: Kernels,
    cell: str,
    dtype: type,
    sizes: tuple[int, int, int, int],
    stateful: tuple[bool, bool],
    seed: int,
) -> None:
    T, B, X, H = sizes
    norm = cell == "norm_lstm"
    if norm:  # of few numbers, which may be nearly equal, it makes rounding errors large
        X, H = X + 1, max(H, 16)
    arguments, dy = cell_arguments(cell, T, B, X, H, stateful, seed, dtype)
    found, wanted = (run_cell(k, cell, arguments, dy) for k in (kernels, NUMPY))
    assert_close(found, wanted, max(T * B, 4 * H), amplified=10 if norm else 1)


@pytest.mark.parametrize("H", [1, 2, 3])
def test_a_norm_of_few_numbers(kernels: Kernels, H: int) -> None:
    """Of a single one it is 0, and so is its gradient."""
    arguments, dy = cell_arguments("norm_lstm", 4, 3, 5, H, (True, False), 11, np.float32)
    found, wanted = (run_cell(k, "norm_lstm", arguments, dy) for k in (kernels, NUMPY))
    assert_close(found, wanted, amplified=10)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("T", "B", "H"), [(33, 24, 128), (70, 1, 50), (4, 130, 96)])
def test_a_layer_as_in_training(kernels: Kernels, cell: str, T: int, B: int, H: int) -> None:
    """Sizes at which threads share the work and the input is multiplied in several parts."""
    arguments, dy = cell_arguments(cell, T, B, H, H, (True, True), 1, np.float32)
    found = run_cell(kernels, cell, arguments, dy)
    assert_close(found, run_cell(NUMPY, cell, arguments, dy))
    again = run_cell(kernels, cell, arguments, dy)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize(
    ("T", "B", "V", "X", "H"), [(5, 3, 4, 5, 18), (44, 1, 28, 50, 50), (33, 24, 65, 40, 128)]
)
def test_a_layer_that_reads_a_table(
    kernels: Kernels, cell: str, stateful: bool, T: int, B: int, V: int, X: int, H: int
) -> None:
    arguments, dy = cell_arguments(cell, T, B, X, H, (stateful, stateful), 9, np.float32)
    table = arguments[0].reshape(-1, X)[:V]
    arguments[0] = looked = EmbeddedInput(table, np.random.default_rng(9).integers(0, V, (T, B)))
    found, wanted = (run_cell(k, cell, arguments, dy) for k in (kernels, NUMPY))
    assert_close(found, wanted)
    arguments[0] = table[looked.ids_TB]
    wanted = run_cell(NUMPY, cell, arguments, dy)
    dtable = np.zeros_like(table)
    np.add.at(dtable, looked.ids_TB, wanted[1])
    wanted[1] = dtable
    assert_close(found, wanted)


@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("cell", [name for name in CELLS if cells.CELLS[name].masks])
def test_masks_of_the_states(kernels: Kernels, cell: str, stateful: bool) -> None:
    arguments, dy = cell_arguments(cell, 5, 3, 6, 20, (stateful, stateful), 10, np.float32)
    kept = np.random.default_rng(10).integers(0, 2, (cells.CELLS[cell].masks, 3, 20))
    arguments += list(2 * kept.astype(np.float32))
    assert_close(run_cell(kernels, cell, arguments, dy), run_cell(NUMPY, cell, arguments, dy))


@pytest.mark.parametrize("cell", CELLS)
def test_more_positions_than_one_part_of_the_weight_gradient(kernels: Kernels, cell: str) -> None:
    arguments, dy = cell_arguments(cell, 40, 33, 7, 20, (False, False), 2, np.float32)
    assert_close(run_cell(kernels, cell, arguments, dy), run_cell(NUMPY, cell, arguments, dy))


@pytest.mark.parametrize("cell", CELLS)
def test_backward_twice_gives_the_same(kernels: Kernels, cell: str) -> None:
    """The gates' memory takes their gradients: the second time it is filled anew."""
    arguments, dy = cell_arguments(cell, 5, 4, 6, 20, (True, False), 3, np.float32)
    kind = cells.CELLS[cell]()
    count = 1 + len(kind.roles)
    inputs = CellInput(arguments[0], arguments[1:count], arguments[count:])
    y, saved = kind.forward(kernels, inputs)
    first = kind.backward(kernels, dy, y, saved, inputs)
    assert_close(kind.backward(kernels, dy, y, saved, inputs), first)


@pytest.mark.parametrize("cell", ["lstm", "norm_lstm"])
def test_a_forget_bias(kernels: Kernels, cell: str) -> None:
    arguments, dy = cell_arguments(cell, 4, 3, 5, 18, (True, True), 4, np.float32)
    found, wanted = (run_cell(k, cell, arguments, dy, 0.25) for k in (kernels, NUMPY))
    assert_close(found, wanted)


def test_states_that_are_broadcast(kernels: Kernels) -> None:
    arguments, dy = cell_arguments("lstm", 4, 3, 5, 18, (True, True), 5, np.float32)
    arguments[-2:] = [np.broadcast_to(state[:1], state.shape) for state in arguments[-2:]]
    assert_close(run_cell(kernels, "lstm", arguments, dy), run_cell(NUMPY, "lstm", arguments, dy))


@pytest.mark.parametrize("cell", CELLS)
def test_nan_in_the_input_is_not_lost(kernels: Kernels, cell: str) -> None:
    arguments, dy = cell_arguments(cell, 4, 3, 5, 18, (True, True), 6, np.float32)
    arguments[0][2, 1, 3] = np.nan
    found, wanted = (run_cell(k, cell, arguments, dy) for k in (kernels, NUMPY))
    assert np.isnan(found[0])[wanted[0] != wanted[0]].all()
    assert not np.isnan(found[0][:, :2]).any()


def test_results_given_out_stay_as_they_are(kernels: Kernels) -> None:
    """Memory is reused only when no array refers to it any more."""
    first, dy = cell_arguments("lstm", 40, 8, 64, 64, (False, False), 7, np.float32)
    second, _ = cell_arguments("lstm", 40, 8, 64, 64, (False, False), 8, np.float32)
    y, _ = kernels.lstm_forward(*first)
    kept = y[1, 3]
    before = kept.copy()
    del y
    run_cell(kernels, "lstm", second, dy)
    assert np.array_equal(kept, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@several
@given(
    sizes=st.tuples(
        st.sampled_from([1, 5, 70, 700]), hidden_sizes, st.sampled_from([1, 2, 27, 65, 200])
    ),
    seed=seeds,
)
def test_the_output_layer(
    kernels: Kernels, dtype: type, sizes: tuple[int, int, int], seed: int
) -> None:
    N, H, V = sizes
    rng = np.random.default_rng(seed)
    h, W, b = (rng.standard_normal(s).astype(dtype) for s in ((N, H), (H, V), V))
    targets = rng.integers(0, V, N)
    dloss = rng.standard_normal(N).astype(dtype)
    found, wanted = [], []
    for k, results in ((kernels, found), (NUMPY, wanted)):
        losses, saved = k.affine_softmax_nll_forward(h, W, b, targets)
        results += [losses, *k.affine_softmax_nll_backward(dloss, saved, h, W, b, targets)]
        results += k.affine_softmax_nll_backward(dloss, saved, h, W, b, targets)
    assert_close(found, wanted, terms=N)


def test_the_output_layer_with_huge_logits(kernels: Kernels) -> None:
    h = np.full((6, 3), 100, np.float32)
    W = np.array([[5.0, -5.0]] * 3, np.float32)
    b, targets = np.zeros(2, np.float32), np.array([0, 1, 0, 0, 1, 1])
    losses, _ = kernels.affine_softmax_nll_forward(h, W, b, targets)
    np.testing.assert_allclose(losses, [0, 3000, 0, 0, 3000, 3000], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("N", "E"), [(1, 3), (40, 1), (300, 17), (3000, 128)])
def test_scatter_add(kernels: Kernels, dtype: type, N: int, E: int) -> None:
    rng = np.random.default_rng(N)
    found = rng.standard_normal((9, E)).astype(dtype)
    wanted = found.copy()
    ids, rows = rng.integers(0, 9, N), rng.standard_normal((N, E)).astype(dtype)
    kernels.scatter_add(found, ids, rows)
    NUMPY.scatter_add(wanted, ids, rows)
    assert_close([found], [wanted])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 17, 1000, 700_001])
def test_updates(kernels: Kernels, dtype: type, size: int) -> None:
    rng = np.random.default_rng(size)
    values, g, m = (rng.standard_normal(size).astype(dtype) for _ in range(3))
    v = m * m
    np.testing.assert_allclose(kernels.squared_norm(g), np.dot(g.astype(float), g), rtol=1e-5)
    found, wanted = [], []
    for k, results in ((kernels, found), (NUMPY, wanted)):
        moved = values.copy()
        k.sgd_update(moved, g.copy(), 0.1)
        changed = [values.copy(), m.copy(), v.copy()]
        k.adam_update(changed[0], g.copy(), *changed[1:], 0.9, 0.999, 0.01, 1e-8)
        results += [moved, *changed]
    if size:
        assert_close(found, wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e6])
@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 9), (16, 64), (70, 33), (33, 70), (64, 530), (100, 400)]
)
def test_muon(kernels: Kernels, dtype: type, shape: tuple[int, int], size: float) -> None:
    rng = np.random.default_rng(0)
    arrays = [(rng.standard_normal(shape) * by).astype(dtype) for by in (1.0, size, size)]
    found, wanted = [a.copy() for a in arrays], [a.astype(np.float64) for a in arrays]
    for k, three in ((kernels, found), (NUMPY, wanted)):
        k.muon_update(*three, momentum=0.9, scale=0.5, kept=0.97, rate=0.2)
    assert found[0].dtype == dtype
    np.testing.assert_allclose(found[0], wanted[0], atol=1e-5)
    np.testing.assert_allclose(found[2] / size, wanted[2] / size, atol=1e-6)
    assert not found[1].any()


def test_muon_without_gradients_only_decays(kernels: Kernels) -> None:
    values = np.ones((20, 40), np.float32)
    nothing = np.zeros((2, 20, 40), np.float32)
    kernels.muon_update(values, *nothing, momentum=0.9, scale=1.0, kept=0.5, rate=0.2)
    assert (values == 0.5).all()


def test_muon_has_the_same_bits_with_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((150, 600)).astype(np.float32) for _ in range(3)]
    results = []
    for threads in (1, 2, 3, 5):
        three = [a.copy() for a in arrays]
        kernels = select("numba", threads)
        kernels.muon_update(*three, momentum=0.9, scale=0.5, kept=0.97, rate=0.2)
        results.append(three[0])
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize(
    ("name", "exact", "low", "high", "ulps"),
    [
        ("exp", np.exp, -87.3, 88.3, 1.5),
        ("tanh", np.tanh, -12.0, 12.0, 5.0),
        ("tanh", np.tanh, -1e-3, 1e-3, 5.0),
        ("logistic", lambda x: 1 / (1 + np.exp(-x)), -80.0, 80.0, 3.0),
    ],
)
def test_accuracy(
    name: str, exact: Callable[[Array], Array], low: float, high: float, ulps: float
) -> None:
    function = lanewise(getattr(functions, name))

    @compiled()
    def apply(x, y):  # type: ignore[no-untyped-def]
        for at in range(0, len(x), LANES):
            store(y, at, function(load(x, at, len(x) - at)), len(x) - at)

    x = np.linspace(low, high, 200_003, dtype=np.float32)
    y = np.empty_like(x)
    apply(x, y)
    wanted = exact(x.astype(np.float64))
    unit = np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
    assert (np.abs(y - wanted) / unit).max() < ulps
    special = np.array([np.nan, -np.inf, 0.0, np.inf], np.float32)
    y = np.empty_like(special)
    apply(special, y)
    assert np.isnan(y[0])
    ends = {"exp": [0, 1], "tanh": [-1, 0, 1], "logistic": [0, 0.5, 1]}[name]
    tolerance = 0.0 if name == "tanh" else 3e-7  # what 1 - tanh^2 leaves may grow in a deep graph
    np.testing.assert_allclose(y[1 : 1 + len(ends)], ends, atol=tolerance, rtol=0)


def test_the_plain_kernels_fill_the_gaps(kernels: Kernels) -> None:
    assert kernels.logistic is NUMPY.logistic


def test_every_cell_is_compiled(kernels: Kernels) -> None:
    kinds = [kind for kind in cells.CELLS.values() if issubclass(kind, KernelCell)]
    assert {kind.kernel for kind in kinds} == {cells.CELLS[name].kernel for name in CELLS}
    for name in (f"{kind.kernel}_{way}" for kind in kinds for way in ("forward", "backward")):
        assert getattr(kernels, name) is not getattr(NUMPY, name)
    assert {kind.kernel for kind in kinds} == PER_STEP.keys()


def test_a_child_process_has_threads_of_its_own(kernels: Kernels) -> None:
    """After a fork the parent's threads are gone."""
    program = """
import os, numpy as np
from charlm.kernels import select
kernels = select("numba", 2)
table, ids, rows = np.zeros((3, 64), "f"), np.zeros(9000, int), np.ones((9000, 64), "f")
kernels.scatter_add(table, ids, rows)
child = os.fork()
kernels.scatter_add(table, ids, rows)
if child == 0:
    os._exit(0 if table[0, 0] == 18000 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    options = ["-W", "ignore::DeprecationWarning"]
    assert subprocess.run([sys.executable, *options, "-c", program], timeout=120).returncode == 0


@pytest.mark.parametrize("before", ["pass", "import numba"])
def test_the_garbage_collector_leaves_out_what_came_with_numba(before: str) -> None:
    program = f"""
import gc
{before}
from charlm.kernels import select
select("numba")
frozen = gc.get_freeze_count()
select("numba", 2)
assert gc.get_freeze_count() == frozen
assert (frozen > 50_000) == ({before!r} == "pass"), frozen
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == 0


def test_auto_takes_what_saves_more_than_it_costs() -> None:
    assert resolve("auto", START_UP / 2) == "numpy"
    assert resolve("auto", START_UP * 2) == "numba"
    assert resolve("numba", 0) == "numba"


def test_numba_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("charlm.kernels.compiled")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        select("numba")
