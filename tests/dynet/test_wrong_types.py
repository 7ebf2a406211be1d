"""Lists, names, modes and models of another type: an error of charlm that is DyNet's TypeError too."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as ours
from charlm.errors import ArgumentError, NegativeIndexError, ShapeError


def model(dy):
    dy.renew_cg()
    pc = dy.ParameterCollection()
    lstm = dy.LSTMBuilder(1, 2, 2, pc)
    return {
        "dy": dy,
        "np": np,
        "pc": pc,
        "t": pc.add_lookup_parameters((3, 2)),
        "x": dy.inputVector([1, 2]),
        "m": dy.inputTensor(np.eye(2)),
        "state": lstm.initial_state(),
        "birnn": dy.BiRNNBuilder(1, 2, 2, pc, dy.LSTMBuilder),
    }


LISTS = [
    "t.batch(B)",
    "t.rows_as_array(B)",
    "dy.lookup_batch(t, B)",
    "dy.pick_batch(x, B)",
    "dy.pick_batch_elems(x, B)",
    "dy.pickneglogsoftmax_batch(x, B)",
    "dy.select_rows(x, B)",
    "dy.select_cols(m, B)",
    "dy.strided_select(x, B, [0], [1])",
    "dy.strided_select(x, [1], B, [1])",
    "dy.strided_select(x, [1], [0], B)",
    "dy.transpose(m, B)",
    "dy.conv2d(m, m, B)",
    "dy.maxpooling2d(m, B, [1, 1])",
    "dy.vanilla_lstm_gates_concat(B, x, m, m, x)",
    "state.add_inputs(B)",
    "state.transduce(B)",
    "state.set_s(B)",
    "state.set_h(B)",
    "dy.StackedRNNState([state]).add_inputs(B)",
    "birnn.transduce(B)",
    "birnn.add_inputs(B)",
]
NAMES = [
    "pc.add_parameters(2, name=B)",
    "pc.add_lookup_parameters((2, 2), name=B)",
    "pc.parameters_from_numpy(np.ones(2), B)",
    "pc.lookup_parameters_from_numpy(np.ones((2, 2)), B)",
    "pc.add_subcollection(B)",
    "dy.argmax(x, B)",
    "dy.round(x, B)",
]
MODELS = ["dy.ParameterCollection(B)", "dy.Model(B)"]


@pytest.mark.parametrize("code", LISTS)
@pytest.mark.parametrize("given", [5, 0, 1.5, object(), np.array(2), len])
def test_a_list_is_needed(code, given):
    with pytest.raises(
        ArgumentError, match=r"a list of (whole numbers|expressions|inputs) is needed"
    ):
        eval(code, {**model(ours), "B": given})


@pytest.mark.parametrize("code", NAMES)
@pytest.mark.parametrize("given", [5, 0, ["a"], (), {}, b"a", np.zeros(0), np.ones(2)])
def test_a_string_is_needed(code, given):
    with pytest.raises(ArgumentError, match="is a string, got"):
        eval(code, {**model(ours), "B": given})


@pytest.mark.parametrize("code", MODELS)
@pytest.mark.parametrize("given", [5, 0, [], "m", np.ones(2)])
def test_a_collection_is_needed(code, given):
    with pytest.raises(ArgumentError, match="a ParameterCollection is needed"):
        eval(code, {**model(ours), "B": given})


def test_a_collection_with_a_parent_is_one_of_its_own():
    """As in DyNet, which takes a parent and does nothing with it."""
    parent = ours.ParameterCollection()
    child = ours.ParameterCollection(parent)
    assert child.add_parameters(3).name() == "/_0"
    assert (len(child.parameters_list()), len(parent.parameters_list())) == (1, 0)


def test_the_same_in_dynet(oracle):
    for code in [*LISTS, *MODELS]:
        if "state.set" not in code and "Stacked" not in code:  # DyNet crashes, or makes none
            with pytest.raises(TypeError):
                eval(code, {**model(oracle), "B": 5})
    parent = oracle.ParameterCollection()
    child = oracle.ParameterCollection(parent)
    assert child.add_parameters(3).name() == "/_0"
    assert (len(child.parameters_list()), len(parent.parameters_list())) == (1, 0)


@pytest.mark.parametrize(
    "code",
    [
        "t.batch(B)",
        "dy.lookup_batch(t, B)",
        "dy.pick_batch(x, B)",
        "dy.pick_batch_elems(x, B)",
    ],
)
@pytest.mark.parametrize("none", [[], (), np.zeros(0, int)])
def test_a_batch_of_nothing_is_refused_where_it_is_made(code, none):
    """DyNet raises ValueError when it is evaluated."""
    with pytest.raises(ShapeError, match="one element or more"):
        eval(code, {**model(ours), "B": none})


def test_no_rows_are_an_expression_without_numbers():
    space = model(ours)
    assert ours.select_rows(space["x"], []).npvalue().shape == (0,)


@pytest.mark.parametrize(("axis", "error"), [(-1, NegativeIndexError), ("0", ArgumentError)])
def test_the_axis_of_a_softmax(axis, error):
    with pytest.raises(error):
        ours.softmax(model(ours)["m"], axis)
    with pytest.raises(ArgumentError):
        ours.softmax(model(ours)["m"], np.array([0, 1]))
    np.testing.assert_allclose(
        ours.softmax(model(ours)["m"], 1.0).npvalue().sum(axis=1), [1, 1], rtol=1e-6
    )
