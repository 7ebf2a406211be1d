"""Collections, parameters, lookup tables and their first values."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as dy


@pytest.fixture
def pc():
    dy.init(random_seed=1)
    return dy.ParameterCollection()


# ---- collections


def test_names(pc):
    names = [
        pc.add_parameters(2), pc.add_lookup_parameters((2, 3)), pc.add_parameters(2, name="W"),
        pc.add_parameters(2, name="W"), pc.add_lookup_parameters((2, 3), name="W"),
    ]  # fmt: skip
    assert [p.name() for p in names] == ["/_0", "/_1", "/W", "/W_1", "/W_2"]
    subs = [pc.add_subcollection(), pc.add_subcollection("sub"), pc.add_subcollection("sub")]
    assert [s.name() for s in (pc, *subs)] == ["/", "/_0/", "/sub/", "/sub_1/"]
    assert subs[1].add_parameters(2).name() == "/sub/_0"
    assert subs[1].add_subcollection("x").add_parameters(2, name="y").name() == "/sub/x/y"


def test_lists_and_counts_reach_through_sub_collections(pc):
    sub = pc.add_subcollection("sub")
    sub.add_parameters((2, 3))
    pc.add_parameters(4)
    sub.add_lookup_parameters((5, 2))
    assert [str(p) for p in pc.parameters_list()] == ["Parameter /sub/_0", "Parameter /_0"]
    assert [str(p) for p in pc.lookup_parameters_list()] == ["LookupParameter /sub/_1"]
    assert [str(p) for p in sub.parameters_list()] == ["Parameter /sub/_0"]
    assert (pc.parameter_count(), sub.parameter_count()) == (20, 16)


def test_model_is_another_name():
    assert dy.Model is dy.ParameterCollection


# ---- parameters


def test_a_parameter_reads_as_what_it_is(pc):
    p = pc.parameters_from_numpy(np.arange(6.0).reshape(2, 3), name="p")
    assert p.shape() == (2, 3)
    assert p.dim() == ((2, 3), 1)
    assert p.value().tolist() == p.as_array().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert p.vec_value() == [0, 3, 1, 4, 2, 5]
    assert isinstance(p, dy.Expression)
    assert p[1].value() == [3, 4, 5]


def test_as_array_is_a_copy_in_float64(pc):
    p = pc.add_parameters((2, 2), init=0.1)
    array = p.as_array()
    assert array.dtype == np.float64
    assert array[0, 0] == np.float32(0.1)
    array[...] = 7
    assert p.as_array()[0, 0] == np.float32(0.1)


def test_values_can_be_set(pc):
    p = pc.add_parameters((2, 3))
    p.set_value([[1, 2, 3], [4, 5, 6]])
    assert p.as_array().tolist() == [[1, 2, 3], [4, 5, 6]]
    p.clip_inplace(2, 5)
    assert p.as_array().tolist() == [[2, 2, 3], [4, 5, 5]]
    p.scale(0.5)
    assert p.as_array().tolist() == [[1, 1, 1.5], [2, 2.5, 2.5]]
    p.zero()
    assert not p.as_array().any()


def test_gradients_add_up_until_they_are_cleared(pc):
    p = pc.parameters_from_numpy(np.array([1.0, 2.0]))
    for _ in range(2):
        dy.renew_cg()
        dy.dot_product(p, p).backward()
    assert p.grad_as_array().tolist() == [4, 8]
    p.scale_gradient(0.25)
    assert p.grad_as_array().tolist() == [1, 2]
    p.zero()
    assert not p.grad_as_array().any()


def test_a_graph_keeps_the_value_it_has_read(pc):
    p = pc.parameters_from_numpy(np.array([1.0]))
    dy.renew_cg()
    before = p + 0.0
    assert before.value() == 1
    p.set_value([5])
    assert (p.as_array()[0], before.value(), p.value(), (p + 0.0).value()) == (5, 1, 1, 1)
    assert (p + 0.0).value(recalculate=True) == 5
    dy.renew_cg()
    assert p.value() == 5


def test_one_node_for_each_graph(pc):
    p = pc.add_parameters(2)
    dy.renew_cg()
    assert str(p.expr(True)) == str(p.expr(update=True)) == f"expression 0/{dy.cg_version()}"
    assert str(p.expr()) == f"expression 1/{dy.cg_version()}"
    assert str(p + p) == f"expression 2/{dy.cg_version()}"
    dy.renew_cg()
    assert str(p + p) == f"expression 1/{dy.cg_version()}"


def test_constants_get_no_gradient(pc):
    p, q = pc.add_parameters(2, init=2), pc.add_parameters(2, init=3)
    table = pc.add_lookup_parameters((2, 2), init=1)
    dy.renew_cg()
    constant_p, constant_table = dy.const_parameter(p, table)
    whole = dy.sum_elems(constant_table * constant_p)
    (dy.dot_product(p.expr(), q) + whole + dy.sum_elems(p)).backward()
    assert p.grad_as_array().tolist() == [1, 1]
    assert q.grad_as_array().tolist() == [2, 2]
    assert not table.grad_as_array().any()


def test_parameter_is_told_once_that_it_is_not_needed(pc, capsys, monkeypatch):
    monkeypatch.setattr("charlm.dynet.functions._told", set())
    p, q = pc.add_parameters(2), pc.add_parameters(2)
    assert dy.parameter(p) is p
    assert dy.parameter(p, q) == (p, q)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("deprecated") == 1


# ---- lookup tables


def test_a_table_has_its_rows_first_and_as_an_expression_last(pc):
    array = np.arange(24.0).reshape(4, 2, 3)
    table = pc.lookup_parameters_from_numpy(array)
    assert (len(table), table.shape(), table.dim()) == (4, (4, 2, 3), ((2, 3, 4), 1))
    assert (table.as_array() == array).all()
    assert (table.npvalue() == np.moveaxis(array, 0, -1)).all()
    assert (table[2].npvalue() == array[2]).all()
    assert (table.batch([2, 0]).npvalue() == np.moveaxis(array[[2, 0]], 0, -1)).all()
    assert (table.row_as_array(1) == array[1]).all()
    assert (table.rows_as_array([3, 1]) == array[[3, 1]]).all()


@pytest.mark.parametrize(
    ("dim", "shape", "row"), [(4, (4, 1), (1,)), ((4,), (4,), ()), ([4, 3], (4, 3), (3,))]
)
def test_tables_of_numbers_and_vectors(pc, dim, shape, row):
    table = pc.add_lookup_parameters(dim)
    assert (table.shape(), table[1].dim()) == (shape, (row, 1))
    assert (table[1].npvalue() == table.row_as_array(1)).all()


def test_rows_can_be_set(pc):
    table = pc.add_lookup_parameters((3, 2), init=0)
    table.init_row(1, [1, 2])
    assert table.as_array().tolist() == [[0, 0], [1, 2], [0, 0]]
    table.init_from_array(np.array([[3, 4], [5, 6]]))
    assert table.as_array().tolist() == [[3, 4], [5, 6], [0, 0]]
    table.scale(2)
    assert table.as_array().tolist() == [[6, 8], [10, 12], [0, 0]]
    table.zero()
    assert not table.as_array().any()


def test_gradients_of_rows_used_twice_and_in_batches(pc):
    table = pc.add_lookup_parameters((4, 2), init=1)
    dy.renew_cg()
    rows = dy.lookup_batch(table, [1, 3, 1])
    fixed = dy.lookup(table, 0, update=False)
    (dy.sum_batches(dy.sum_elems(rows)) + dy.sum_elems(fixed) + dy.sum_elems(table[3])).backward()
    assert table.grad_as_array().tolist() == [[0, 0], [2, 2], [0, 0], [2, 2]]
    assert table.row_grad_as_array(3).tolist() == [2, 2]
    assert table.rows_grad_as_array([0, 1]).tolist() == [[0, 0], [2, 2]]
    table.scale_gradient(0.5)
    assert table.row_grad_as_array(1).tolist() == [1, 1]


def test_a_table_used_whole_trains_every_row(pc):
    table = pc.lookup_parameters_from_numpy(np.arange(6.0).reshape(3, 2))
    dy.renew_cg()
    dy.dot_product(table * dy.inputVector([1, 2, 3]), dy.inputVector([1, 10])).backward()
    assert table.grad_as_array().tolist() == [[1, 10], [2, 20], [3, 30]]


def test_a_lookup_can_be_pointed_elsewhere(pc):
    table = pc.lookup_parameters_from_numpy(np.arange(6.0).reshape(3, 2))
    dy.renew_cg()
    row, rows = table[0], dy.lookup_batch(table, [0, 1])
    total = dy.sum_elems(row) + dy.sum_batches(dy.sum_elems(rows))
    assert total.value() == 7
    row.set(2)
    rows.set([1, 2])
    assert total.value() == 23


# ---- first values


def test_names_of_initialisers(pc):
    assert (pc.add_parameters((2, 2), init="identity").as_array() == np.eye(2)).all()
    uniform = pc.add_parameters((50, 40), init="uniform", scale=0.25).as_array()
    assert 0.24 < np.abs(uniform).max() <= 0.25
    normal = pc.add_parameters((50, 40), init="normal", mean=3, std=2).as_array()
    assert (normal.mean(), normal.std()) == pytest.approx((3, 2), rel=0.05)
    he = pc.add_parameters((50, 40), init="he").as_array()
    assert he.std() == pytest.approx(np.sqrt(1 / 80), rel=0.05)
    glorot = pc.add_parameters((50, 40), init="glorot").as_array()
    assert np.sqrt(6 / 90) * 0.98 < np.abs(glorot).max() <= np.sqrt(6 / 90)


def test_classes_of_initialisers(pc, tmp_path):
    numbers = tmp_path / "numbers"
    numbers.write_text("1 2 3\n4 5 6", encoding="utf-8")
    given = {
        "constant": (dy.ConstInitializer(2), (2,), [2, 2]),
        "identity": (dy.IdentityInitializer(), (2, 2), [[1, 0], [0, 1]]),
        "array": (dy.NumpyInitializer(np.array([[1, 2], [3, 4]])), (2, 2), [[1, 2], [3, 4]]),
        "file": (dy.FromFileInitializer(str(numbers).encode()), (2, 3), [[1, 3, 5], [2, 4, 6]]),
    }
    for initializer, dim, expected in given.values():
        assert isinstance(initializer, dy.PyInitializer)
        assert pc.add_parameters(dim, init=initializer).as_array().tolist() == expected
    saxe = pc.add_parameters((5, 5), init=dy.SaxeInitializer(2)).as_array()
    np.testing.assert_allclose(saxe @ saxe.T, 4 * np.eye(5), atol=1e-5)
    variance = pc.add_parameters((50, 40), init=dy.NormalInitializer(var=4)).as_array().var()
    assert variance == pytest.approx(4, rel=0.1)
    assert np.abs(pc.add_parameters(99, init=dy.UniformInitializer(0.5)).as_array()).max() <= 0.5


def test_a_table_counts_its_rows_in_glorots_bound_unless_told(pc):
    counted = pc.add_lookup_parameters((500, 4)).as_array()
    assert 0.9 * np.sqrt(6 / 504) < np.abs(counted).max() <= np.sqrt(6 / 504)
    apart = pc.add_lookup_parameters((500, 4), init=dy.GlorotInitializer(True)).as_array()
    assert 0.9 * np.sqrt(3 / 4) < np.abs(apart).max() <= np.sqrt(3 / 4)


def test_an_array_brings_its_own_shape(pc):
    assert pc.add_parameters((9, 9), init=np.ones((3, 4))).shape() == (3, 4)
    assert pc.add_lookup_parameters((9, 9), init=np.ones((3, 4))).shape() == (3, 4)
