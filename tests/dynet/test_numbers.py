"""What is taken for a number: numbers and nothing else, wherever a program gives one, as in DyNet."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import charlm.dynet as ours
from charlm.engine.ops.arguments import laid_out, reals
from charlm.errors import ArgumentError, CharlmError, NegativeIndexError

NONE = [None, "a", "1", b"1", object(), np.datetime64("2020-01-01")]


def model(dy):
    dy.renew_cg()
    pc = dy.ParameterCollection()
    return {
        "pc": pc,
        "p": pc.add_parameters(2),
        "t": pc.add_lookup_parameters((3, 2)),
        "x": dy.inputVector([1, 2]),
        "v": dy.vecInput(2),
        "s": dy.scalarInput(1),
        "m": dy.inputTensor(np.zeros((2, 1)), reusable_expr=True),
        "two": dy.inputTensor(np.eye(2), batched=True),
    }


# B is what is no number
NUMBERS = [
    "dy.inputVector([B, 1])",
    "dy.inputVector((B, 1))",
    "dy.inputVector(np.array([B, 1]))",
    "dy.inputTensor(np.array([B, 1]))",
    "dy.inputTensor([np.array([B, 1]), np.array([1, 2])])",
    "dy.inputTensorTranspose([B, 1], (2,))",
    "dy.scalarInput(B)",
    "dy.constant(2, B)",
    "dy.sparse_inputTensor([[0]], [1], (2,), defval=B)",
    "v.set([B, 1])",
    "v.set(np.array([B, 1]))",
    "m.set([B, 1])",
    "s.set(B)",
    "p.set_value(np.array([B, 1]))",
    "p.scale(B)",
    "p.scale_gradient(B)",
    "p.clip_inplace(B, 1)",
    "t.init_row(0, [B, 1])",
    "t.init_row(0, np.array([B, 1]))",
    "t.init_from_array(np.array([[B, 1]] * 3))",
    "pc.add_parameters(2, init=np.array([B, 1]))",
    "pc.add_parameters(2, init=dy.NumpyInitializer(np.array([B, 1])))",
    "pc.add_parameters(2, init=dy.ConstInitializer(B))",
    "pc.add_parameters(2, init=dy.UniformInitializer(B))",
    "pc.add_parameters(2, init=dy.NormalInitializer(B, 1))",
    "pc.add_parameters(2, init=dy.NormalInitializer(0, B))",
    "pc.add_parameters(2, init=dy.GlorotInitializer(False, B))",
    "pc.parameters_from_numpy(np.array([B, 1]))",
    "pc.lookup_parameters_from_numpy(np.array([[B, 1]]))",
    "dy.dropout(x, B)",
    "dy.noise(x, B)",
    "dy.hinge(x, 0, B)",
    "dy.vanilla_lstm_gates(x, x, m, m, x, B)",
    "dy.pairwise_rank_loss(s, s, B)",
    "dy.huber_distance(x, x, B)",
    "dy.elu(x, B)",
    "dy.random_normal(2, B, 1.0)",
    "dy.SimpleSGDTrainer(pc, B)",
    "dy.AdamTrainer(pc, 0.1, B)",
    "dy.MomentumSGDTrainer(pc, 0.1, B)",
    "dy.AdagradTrainer(pc, 0.1, B)",
    "dy.CyclicalSGDTrainer(pc, 0.1, B)",
    "dy.RMSPropTrainer(pc, 0.1, 1e-8, B)",
    "dy.AdadeltaTrainer(pc, B)",
    "dy.SimpleSGDTrainer(pc).set_clip_threshold(B)",
    "dy.LSTMBuilder(1, 2, 2, pc).set_dropout(B)",
]
INDICES = [
    "t[B]",
    "t.batch([B, 1])",
    "t[0].set(B)",
    "t.batch([0, 0]).set([B, 1])",
    "t.row_as_array(B)",
    "t.rows_as_array([B])",
    "t.init_row(B, [1, 2])",
    "dy.lookup(t, B)",
    "dy.lookup_batch(t, [B, 1])",
    "dy.pick(x, B)",
    "dy.pick_batch(two, [B, 1])",
    "dy.pick_range(x, 0, B)",
    "dy.pickneglogsoftmax(x, B)",
    "dy.pickneglogsoftmax_batch(two, [B, 1])",
    "dy.hinge(x, B)",
    "dy.select_rows(x, [B])",
    "dy.reshape(x, (B, 2))",
    "dy.reshape(x, (2,), B)",
    "dy.transpose(m, [B, 0])",
    "dy.zeros((B, 2))",
    "dy.constant(2, 1.0, B)",
    "dy.one_hot(B, 0)",
    "dy.one_hot(2, [B])",
    "dy.sum_dim(x, [B])",
    "dy.softmax(two, B)",
    "dy.concatenate([x, x], B)",
    "dy.LSTMBuilder(1, B, 2, pc)",
    "dy.LSTMBuilder(B, 2, 2, pc)",
]


@pytest.mark.parametrize("code", NUMBERS + INDICES)
def test_what_is_no_number_is_refused_and_nothing_is_written(code):
    space = {"dy": ours, "np": np, **model(ours)}
    before = [e.npvalue().copy() for e in map(space.get, ("p", "v", "s", "m"))]
    table = space["t"].as_array()
    for what in NONE:
        with pytest.raises(ArgumentError):
            eval(code, {**space, "B": what})
    after = [e.npvalue() for e in map(space.get, ("p", "v", "s", "m"))]
    np.testing.assert_equal(after, before)
    np.testing.assert_equal(space["t"].as_array(), table)


@pytest.mark.parametrize("code", NUMBERS + INDICES)
def test_none_is_a_type_error_in_dynet_too(code, oracle):
    with pytest.raises(TypeError):
        eval(code, {"dy": oracle, "np": np, "B": None, **model(oracle)})


@pytest.mark.parametrize("code", INDICES)
def test_whole_numbers_may_be_floats(code):
    """DyNet cuts them; each of these takes a 1 there, or refuses it for its shape."""
    ids = {}
    for kind in (int, float, np.float32, np.int8, Fraction, Decimal):
        space = {"dy": ours, "np": np, "B": kind(1), **model(ours)}
        try:
            made = eval(code, space)
            ids[kind] = repr(made.dim()) if hasattr(made, "dim") else type(made)
            if hasattr(made, "npvalue"):
                made.npvalue()
        except CharlmError as error:
            ids[kind] = type(error)
    assert len(set(ids.values())) == 1, ids


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1j, np.complex64(1), [1]])
def test_what_no_whole_number_is(number):
    with pytest.raises(ArgumentError, match="a whole number is needed"):
        ours.pick(ours.inputVector([1, 2]), number)


@pytest.mark.parametrize("number", [2**32, 2**70, 1e30])
def test_more_than_32_bits(number):
    for code in ("t[B]", "dy.zeros((B,))", "dy.reshape(x, (B, 2))", "pc.add_parameters((B, 1))"):
        with pytest.raises(NegativeIndexError, match=r"less than 2\*\*32"):
            eval(code, {"dy": ours, "np": np, "B": number, **model(ours)})


@pytest.mark.parametrize(
    "numbers",
    [
        range(3),
        (n for n in (0, 1, 2)),
        {0: "a", 1: "b", 2: "c"},
        [np.float16(0), True, Decimal(2)],
        [Fraction(0), np.array(1.0), 2],
        np.arange(3, dtype=np.uint8),
    ],
)
def test_what_dynet_takes_for_a_list_of_numbers(numbers):
    assert ours.inputVector(numbers).value() == [0, 1, 2]


def test_numbers_of_any_length_are_rounded_as_in_dynet(oracle):
    for number in (2**70, 10**38, 1e-46):
        mine, theirs = (dy.inputVector([number]).value() for dy in (ours, oracle))
        assert mine == theirs


# ---- the shape of what is set


def shaped_input(shape, batched=False):
    return ours.inputTensor(np.zeros(shape), batched=batched, reusable_expr=True)


def test_a_matrix_is_set_by_its_axes():
    x = shaped_input((2, 3))
    for numbers in ([[1, 2, 3], [4, 5, 6]], np.array([[1, 2, 3], [4, 5, 6]]), [1, 4, 2, 5, 3, 6]):
        x.set([0] * 6)
        x.set(numbers)
        assert x.npvalue().tolist() == [[1, 2, 3], [4, 5, 6]]


@given(st.data(), st.booleans(), st.booleans())
def test_an_array_of_the_inputs_shape_is_read_back(data, batched, flat):
    ours.renew_cg()
    shape = data.draw(array_shapes(min_dims=1, max_dims=3, max_side=3)) + (2,) * batched
    numbers = data.draw(arrays(np.int8, shape))
    x = shaped_input(shape, batched)
    x.set(numbers.ravel(order="F") if flat else numbers)
    np.testing.assert_array_equal(x.npvalue(), ours.inputTensor(numbers, batched).npvalue())


@pytest.mark.parametrize("shape", [(3, 2), (6, 1), (1, 6), (2, 3, 1), (2, 2), (1, 2, 3)])
def test_another_shape_is_refused_as_dynet_refuses_it(shape, oracle):
    for dy in (ours, oracle):
        x = dy.inputTensor(np.zeros((2, 3)), reusable_expr=True)
        with pytest.raises(TypeError):
            x.set(np.ones(shape))
        assert not x.npvalue().any()


def test_a_row_of_another_shape_is_refused():
    pc = ours.ParameterCollection()
    rows, matrices = pc.add_lookup_parameters((3, 2)), pc.add_lookup_parameters((3, 2, 3))
    for table, row in ((rows, [[1, 2]]), (rows, [[1], [2]]), (matrices, np.ones((3, 2)))):
        with pytest.raises(ArgumentError, match="an array of shape"):
            table.init_row(0, row)
    matrices.init_row(1, [[1, 2, 3], [4, 5, 6]])
    assert matrices[1].npvalue().tolist() == [[1, 2, 3], [4, 5, 6]]


def test_one_number_is_no_list():
    with pytest.raises(ArgumentError, match="an array of shape"):
        ours.vecInput(2).set(5)
    assert laid_out(5, ((1,), 1), "set").tolist() == [[5]]


def test_rows_of_several_lengths():
    with pytest.raises(ArgumentError, match="rows of one length are needed"):
        reals([[1, 2], [3]], "here")


@pytest.mark.parametrize("whole", [np.array([1.0, 2.0]), np.array([1, 2])])
def test_what_a_mask_covers_is_no_number(whole):
    """In DyNet it is NaN."""
    masked = np.ma.array(whole, mask=[False, True])
    p = ours.ParameterCollection().add_parameters(2, init=np.zeros(2))
    for call in (p.set_value, ours.inputVector, ours.inputTensor):
        with pytest.raises(ArgumentError, match="masked"):
            call(masked)
    np.testing.assert_equal(p.as_array(), [0, 0])
    p.set_value(np.ma.array(whole, mask=False))
    np.testing.assert_equal(p.as_array(), [1, 2])
