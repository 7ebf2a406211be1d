"""What expressions are read as, how they combine, and what flows back."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as dy


@pytest.fixture(autouse=True)
def afresh():
    dy.init(random_seed=1)


# ---- reading


def test_value_is_a_number_a_list_or_an_array():
    assert dy.scalarInput(0.1).value() == np.float32(0.1)
    assert dy.inputVector([1, 2]).value() == [1, 2]
    matrix = dy.inputTensor([[1, 2, 3], [4, 5, 6]])
    assert matrix.value().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert dy.inputTensor([[7.0]]).value().tolist() == [[7]]
    assert matrix.vec_value() == [1, 4, 2, 5, 3, 6]  # column-major
    assert dy.sum_elems(matrix).scalar_value() == 21


def test_the_batch_comes_last():
    array = np.arange(24.0).reshape(2, 3, 4)
    batch = dy.inputTensor(array, batched=True)
    assert batch.dim() == ((2, 3), 4)
    assert (batch.npvalue() == array).all()
    assert batch.vec_value() == array.ravel(order="F").tolist()
    vectors = dy.inputTensor(array[0], batched=True)
    assert vectors.dim() == ((3,), 4)
    assert vectors.value() == array[0].ravel(order="F").tolist()
    scalars = dy.inputTensor(np.arange(3.0), batched=True)
    assert (scalars.dim(), scalars.npvalue().shape, scalars.value()) == (
        ((1,), 3),
        (1, 3),
        [0, 1, 2],
    )
    stacked = dy.inputTensor([array[0], array[1]])
    assert (stacked.dim(), (stacked.npvalue()[..., 1] == array[1]).all()) == (((3, 4), 2), True)


def test_several_are_read_at_once():
    x = dy.inputVector([1, 2])
    y = dy.sum_elems(x)
    assert dy.values([y, x]) == [3, [1, 2]]
    assert [v.tolist() for v in dy.npvalues([x, y])] == [[1, 2], [3]]
    assert dy.forward([x, y]) is None


def test_inputs_can_be_set_anew():
    x, c = dy.vecInput(2), dy.scalarInput(1)
    y = dy.sum_elems(x) + c
    assert y.value() == 1
    x.set([3, 4])
    c.set([5])
    assert (x.value(), y.value()) == ([3, 4], 12)


def test_constants():
    assert dy.zeros(2).value() == dy.zeroes((2,)).value() == [0, 0]
    assert dy.ones((1, 2), 3).dim() == ((1, 2), 3)
    assert dy.constant((2, 2), 0.5).value().tolist() == [[0.5, 0.5], [0.5, 0.5]]


# ---- combining


def test_numbers_on_either_side():
    x = dy.inputVector([1, 4])
    found = [x + 1, 1 + x, x - 1, 1 - x, x * 2, 2 * x, x / 2, -x, x**2]
    expected = [[2, 5], [2, 5], [0, 3], [0, -3], [2, 8], [2, 8], [0.5, 2], [-1, -4], [1, 16]]
    assert dy.values(found) == expected


def test_axes_line_up_from_the_first():
    matrix = dy.inputTensor([[1, 2, 3], [4, 5, 6]])
    assert (matrix + dy.inputVector([10, 20])).value().tolist() == [[11, 12, 13], [24, 25, 26]]
    row = dy.inputTensor([[10, 20, 30]])
    assert (matrix + row).value().tolist() == [[11, 22, 33], [14, 25, 36]]
    batch = dy.inputTensor(np.array([[1.0, 2.0], [3.0, 4.0]]), batched=True)
    assert (batch + dy.inputVector([10, 20])).npvalue().tolist() == [[11, 12], [23, 24]]


def test_products_are_of_matrices():
    W = dy.inputTensor([[1, 2], [3, 4], [5, 6]])
    x = dy.inputVector([1, 10])
    assert (W * x).value() == [21, 43, 65]
    assert (W * dy.inputTensor([[1], [10]])).value().tolist() == [[21], [43], [65]]
    assert (x * dy.scalarInput(3)).value() == [3, 30]
    assert dy.affine_transform([dy.inputVector([1, 1, 1]), W, x, W, x]).value() == [43, 87, 131]
    # one column makes an affine vector
    assert dy.affine_transform([dy.zeros(3), W, dy.inputTensor([[1], [10]])]).dim() == ((3,), 1)


def test_indices_and_slices():
    x = dy.inputVector([1, 2, 3, 4])
    assert [x[0].value(), x[-1].value(), x[1:3].value(), x[::2].value()] == [1, 4, [2, 3], [1, 3]]
    matrix = dy.inputTensor([[1, 2, 3], [4, 5, 6]])
    assert matrix[1].value() == [4, 5, 6]
    assert matrix[0:1, 1:3].value().tolist() == [[2, 3]]
    assert [row.value() for row in matrix] == [[1, 2, 3], [4, 5, 6]]


def test_the_tutorials_loss():
    scores = dy.inputVector([1.0, 2.0, 3.0])
    probabilities = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    assert dy.softmax(scores).value() == pytest.approx(probabilities.tolist())
    expected = pytest.approx(-np.log(probabilities[1]))
    assert (-dy.log(dy.pick(dy.softmax(scores), 1))).value() == expected
    assert dy.pickneglogsoftmax(scores, 1).value() == expected
    assert (-dy.log_softmax(scores)[1]).value() == expected


def test_a_minibatch_is_its_elements():
    numbers = np.random.default_rng(1).normal(size=(3, 4))
    together = dy.inputTensor(numbers, batched=True)
    W, b = dy.inputTensor([[1.0, -1.0, 0.5], [0.2, 0.0, 1.0]]), dy.inputVector([0.1, -0.2])

    def losses(x, targets):
        h = dy.dropout(dy.tanh(dy.cmult(dy.affine_transform([b, W, x]), dy.logistic(W * x))), 0.0)
        scores = dy.concatenate([h, dy.rectify(b)])
        first = dy.pickneglogsoftmax_batch(scores, targets)
        return dy.esum([first, dy.pick_batch(x, targets), dy.sum_elems(dy.cdiv(h, dy.exp(b)))])

    all_at_once = losses(together, [0, 1, 2, 1])
    assert all_at_once.dim() == ((1,), 4)
    one_by_one = [losses(dy.inputVector(numbers[:, k]), [t]) for k, t in enumerate([0, 1, 2, 1])]
    assert all_at_once.value() == pytest.approx([e.value() for e in one_by_one], rel=1e-6)
    assert dy.sum_batches(all_at_once).value() == pytest.approx(dy.esum(one_by_one).value())
    assert dy.pick_batch_elem(all_at_once, 2).value() == all_at_once.value()[2]
    assert dy.pick_batch_elems(all_at_once, [3, 3]).value() == [all_at_once.value()[3]] * 2
    assert dy.concatenate_to_batch(one_by_one).dim() == ((1,), 4)


# ---- going back


def test_gradients_of_any_expression():
    x, y = dy.inputVector([2, 3]), dy.inputVector([5, 7])
    product = dy.cmult(x, y)
    dy.dot_product(product, dy.inputVector([1, 10])).backward(full=True)
    found = [product.gradient(), x.gradient(), y.gradient()]
    assert [g.tolist() for g in found] == [[1, 10], [5, 70], [2, 30]]


def test_without_full_only_what_hangs_on_a_parameter_gets_a_gradient():
    p = dy.ParameterCollection().parameters_from_numpy(np.array([2.0, 3.0]))
    x = dy.inputVector([5, 7])
    dy.dot_product(p, x).backward()
    assert p.gradient().tolist() == p.grad_as_array().tolist() == [5, 7]
    assert x.gradient().tolist() == [0, 0]


def test_node_gradients_start_anew_and_parameters_add_up():
    p = dy.ParameterCollection().parameters_from_numpy(np.array([2.0]))
    y = p * dy.scalarInput(3)
    for times in (1, 2):
        (y * 1).backward()
        assert (y.gradient().tolist(), p.grad_as_array().tolist()) == ([1], [3 * times])


def test_the_gradient_of_a_batch_is_shaped_like_it():
    x = dy.inputTensor(np.arange(6.0).reshape(2, 3), batched=True)
    dy.sum_batches(dy.dot_product(x, dy.inputVector([1, 10]))).backward(full=True)
    assert x.gradient().tolist() == [[1, 1, 1], [10, 10, 10]]


def picks(dy) -> list[object]:
    """What a pick gives as its index is replaced."""
    dy.renew_cg()
    x = dy.inputTensor([[1, 2, 3], [4, 5, 6]])
    batch = dy.inputTensor([[1, 2], [3, 4]], batched=True)
    one, first, each = dy.pick(x, 2, 1), x[0], dy.pick_batch(batch, [0, 1])
    total = dy.sum_elems(one)
    shown = [total.value(), first.value(), each.vec_value()]
    one.set_index(0)
    first.set_index(1)
    each.set_index([1, 1])
    return [*shown, total.value(), first.value(), each.vec_value()]


def test_the_index_of_a_pick_is_replaced():
    assert picks(dy)[3:] == [5.0, [4.0, 5.0, 6.0], [3.0, 4.0]]
    theirs = pytest.importorskip("dynet", reason="DyNet is not installed (the extra 'oracles')")
    assert str(picks(dy)) == str(picks(theirs))


def test_an_index_that_does_not_fit_is_refused_and_the_old_one_stays():
    dy.renew_cg()
    x = dy.inputVector([1, 2])
    one, each = dy.pick(x, 1), dy.pick_batch(x, [0, 1])
    for node, index, error, text in (
        (one, 2, ValueError, "index 2 is outside axis 0 of size 2"),
        (one, -1, OverflowError, "set_index"),
        (each, [0, 2], ValueError, "index 2 is outside"),
        (each, [0], ValueError, "2 indices are needed"),
    ):
        with pytest.raises(error, match=text):
            node.set_index(index)
    assert (one.value(), each.vec_value()) == (2.0, [1.0, 2.0])


def test_a_row_that_is_not_there_is_refused_where_it_is_asked_for():
    table = dy.ParameterCollection().lookup_parameters_from_numpy(np.ones((3, 2)))
    dy.renew_cg()
    row, rows = table[0], table.batch([0, 1])
    for ask in (
        lambda: table[3],
        lambda: table.batch([0, 3]),
        lambda: dy.lookup(table, 3),
        lambda: dy.lookup_batch(table, [3, 0]),
        lambda: row.set(3),
        lambda: rows.set([0, 3]),
    ):
        with pytest.raises(ValueError, match="row 3 of /_0 does not exist; it has 3 rows"):
            ask()
    assert row.value() == [1.0, 1.0]
    assert len(dy.session.cg()) == 2
