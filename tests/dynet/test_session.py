"""The current graph, its number type and the one random stream."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import charlm.dynet as dy
from charlm.errors import ArgumentError, EvaluationError, NegativeIndexError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def afresh():
    dy.init(random_seed=1)
    yield
    dy.init(random_seed=1)


def test_a_program_starts_with_a_graph_of_version_0():
    code = (
        "import charlm.dynet as dy; v = dy.cg_version(); x = dy.inputVector([1, 2])\n"
        "print(v, x, x.value()); dy.renew_cg(); print(dy.cg_version(), dy.vecInput(1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--dynet-seed"],  # DyNet would read this, and abort
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "0 expression 0/0 [1.0, 2.0]\n1 expression 0/1\n"


def test_renewing_counts_and_returns_the_graph():
    version = dy.cg_version()
    graph = dy.renew_cg()
    assert graph is dy.cg()
    assert dy.cg_version() == version + 1
    assert str(dy.vecInput(2)) == f"expression 0/{version + 1}"


def test_a_seed_gives_the_same_parameters_and_masks():
    """Also for collections and graphs that were made before the seed was set."""
    pc = dy.ParameterCollection()
    sub = pc.add_subcollection()
    drawn = []
    for seed in (7, 7, 8):
        dy.reset_random_seed(seed)
        mask = dy.dropout(dy.ones(20), 0.5)
        drawn.append([*sub.add_parameters(3).as_array(), *mask.value()])
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_draws_happen_in_the_order_of_evaluation():
    dy.reset_random_seed(3)
    first, second = dy.dropout(dy.ones(9), 0.5), dy.dropout(dy.ones(9), 0.5)
    late = second.value(), first.value()  # reading the second evaluates the first before it
    dy.reset_random_seed(3)
    dy.renew_cg()
    first, second = dy.dropout(dy.ones(9), 0.5), dy.dropout(dy.ones(9), 0.5)
    assert (first.value(), second.value()) == late[::-1]
    assert first.value() != second.value()


def test_seed_0_is_another_seed_each_time():
    drawn = []
    for _ in range(2):
        dy.init(random_seed=0)
        drawn.append(dy.ParameterCollection().add_parameters(4).as_array().tolist())
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, NegativeIndexError), (2**32, NegativeIndexError), ("a", ArgumentError)]
)
def test_seeds_that_are_none(seed, error):
    with pytest.raises(error, match="reset_random_seed"):
        dy.reset_random_seed(seed)


def test_numbers_are_float32_or_on_request_float64():
    third = {}
    for dtype in ("float32", "float64"):
        dy.init(random_seed=1, dtype=dtype)
        pc = dy.ParameterCollection()
        p = pc.parameters_from_numpy(np.array([1 / 3]))
        value = (p * 1.0).npvalue()
        assert value.dtype == np.float64
        third[dtype] = value[0]
    assert third["float32"] == np.float32(1 / 3)
    assert third["float64"] == 1 / 3
    with pytest.raises(ArgumentError, match="float16"):
        dy.init(dtype="float16")


def test_immediate_compute_draws_where_the_node_is_made():
    """Lazily, the second of two masks that is read before the first still comes second from the stream."""
    drawn = []
    for immediate in (False, True):
        dy.init(random_seed=3)
        dy.renew_cg(immediate_compute=immediate)
        first = dy.dropout(dy.ones(9), 0.5)
        dy.reset_random_seed(4)
        drawn.append(first.value())
    assert drawn[0] != drawn[1]


def test_check_validity_refuses_nan_and_infinity():
    for checked in (False, True):
        dy.renew_cg(immediate_compute=True, check_validity=checked)
        x = dy.inputVector([1.0, 0.0])
        if checked:
            with pytest.raises(EvaluationError, match=r"log: expression 1/\d+ has NaN or infinite"):
                dy.log(x)
        else:
            assert dy.log(x).value() == [0.0, -np.inf]
    dy.renew_cg(check_validity=True)  # without immediate_compute there is nothing to check early
    assert dy.log(dy.inputVector([0.0])).value() == -np.inf


def test_an_immediate_graph_reverts_too():
    dy.renew_cg(immediate_compute=True)
    p = dy.ParameterCollection().parameters_from_numpy(np.array([3.0]))
    x = dy.inputVector([1.0])
    dy.cg_checkpoint()
    assert (x + p + p).value() == 7.0
    dy.cg_revert()
    assert (x + p).value() == 4.0


def test_immediate_computing_changes_no_number():
    values = []
    for immediate in (False, True):
        dy.init(random_seed=2)
        pc = dy.ParameterCollection()
        lstm = dy.LSTMBuilder(2, 3, 4, pc)
        dy.renew_cg(immediate_compute=immediate)
        x = dy.dropout(dy.ones(3), 0.3)
        loss = dy.sum_elems(lstm.initial_state().add_inputs([x, x])[-1].output())
        loss.backward()
        values.append([loss.value(), *(p.grad_as_array().tolist() for p in pc.parameters_list())])
    assert values[0] == values[1]
