"""Parameters, lookup tables and collections: names, sharing, gradients (DyNet's rules)."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.expression import leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant, FromArray
from charlm.engine.ops import sum_elems
from charlm.engine.ops.leaves import ParameterLeaf, lookup
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.errors import EvaluationError, NegativeIndexError, ShapeError


def test_unnamed_parameters_are_numbered():
    pc = ParameterCollection()
    names = [pc.add_parameters((1,)).name for _ in range(3)]
    assert names == ["/_0", "/_1", "/_2"]


def test_a_name_used_again_is_numbered():
    pc = ParameterCollection()
    assert [pc.add_parameters((1,), name="W").name for _ in range(3)] == ["/W", "/W_1", "/W_2"]


def test_tables_and_parameters_count_together():
    pc = ParameterCollection()
    names = [
        pc.add_parameters((1,)).name,
        pc.add_lookup_parameters(2, (1,)).name,
        pc.add_parameters((1,)).name,
        pc.add_lookup_parameters(2, (1,), name="W").name,
        pc.add_parameters((1,), name="W").name,
    ]
    assert names == ["/_0", "/_1", "/_2", "/W", "/W_1"]


def test_subcollections_count_on_their_own():
    pc = ParameterCollection()
    assert pc.name == "/"
    assert pc.add_parameters((1,)).name == "/_0"
    assert pc.add_subcollection().name == "/_0/"
    sub, again = pc.add_subcollection("sub"), pc.add_subcollection("sub")
    assert (sub.name, again.name) == ("/sub/", "/sub_1/")
    assert sub.add_parameters((1,)).name == "/sub/_0"
    assert sub.add_parameters((1,), name="W").name == "/sub/W"
    assert sub.add_subcollection("deep").add_lookup_parameters(2, (1,)).name == "/sub/deep/_0"
    assert pc.add_parameters((1,), name="sub").name == "/sub"


@pytest.mark.parametrize("name", ["a/b", "a_b", "_", "/"])
def test_a_name_with_a_slash_or_underscore_is_refused(name):
    pc = ParameterCollection()
    for what, add in [
        ("parameter", lambda: pc.add_parameters((1,), name=name)),
        ("lookup parameter", lambda: pc.add_lookup_parameters(2, (1,), name=name)),
        ("collection", lambda: pc.add_subcollection(name)),
    ]:
        with pytest.raises(EvaluationError, match=f"^{what} name {name!r}: a name may not contain"):
            add()
    assert pc.parameter_count() == 0
    assert pc.add_parameters((1,)).name == "/_0"


def test_ancestors_list_what_is_below_in_order_of_creation():
    pc = ParameterCollection()
    sub = pc.add_subcollection("sub")
    deep = sub.add_subcollection("deep")
    p = [c.add_parameters((2,)) for c in (deep, pc, sub, pc)]
    t = [c.add_lookup_parameters(3, (2,)) for c in (sub, deep)]
    assert pc.parameters == p
    assert sub.parameters == [p[0], p[2]]
    assert deep.parameters == [p[0]]
    assert pc.lookups == sub.lookups == t
    assert deep.lookups == [t[1]]


def test_the_count_is_of_numbers_tables_and_subcollections_included():
    pc = ParameterCollection()
    pc.add_parameters((2, 3))
    sub = pc.add_subcollection()
    sub.add_lookup_parameters(5, (4,))
    sub.add_parameters((7,))
    assert pc.parameter_count() == 6 + 20 + 7
    assert sub.parameter_count() == 27
    assert ParameterCollection().parameter_count() == 0


def test_a_subcollection_shares_number_type_stream_and_storage():
    pc = ParameterCollection(np.float64, NumpyStream(3))
    sub = pc.add_subcollection()
    first, second = pc.add_parameters((4,)), sub.add_parameters((4,))
    assert sub.dtype == np.float64
    assert np.shares_memory(second.value, pc.storage.values)
    assert pc.storage.values.tolist() == [*first.value.tolist(), *second.value.tolist()]
    drawn = NumpyStream(3)
    bound = np.sqrt(3 / 4)
    for p in (first, second):
        assert (p.value == drawn.uniform(-bound, bound, (4,), np.float64)).all()


def test_values_are_laid_out_with_reversed_axes():
    pc = ParameterCollection()
    given = np.arange(6.0).reshape(2, 3)
    p = pc.add_parameters((2, 3), FromArray(given))
    assert p.dims == (2, 3)
    assert p.value.tolist() == given.T.tolist()
    table = pc.add_lookup_parameters(4, (2, 3), FromArray(np.arange(24.0).reshape(2, 3, 4)))
    assert table.value.shape == (4, 3, 2)
    assert table.value[1].tolist() == np.arange(24.0).reshape(2, 3, 4)[..., 1].T.tolist()


def test_writing_reaches_the_storage():
    pc = ParameterCollection()
    p, q = (pc.add_parameters((2,), Constant(1.0)) for _ in range(2))
    p.write()[...] = 5
    assert pc.storage.values.tolist() == [5, 5, 1, 1]
    q.add_gradient(np.array([1.0, 2.0]))
    q.add_gradient(np.array([1.0, 2.0]))
    assert pc.storage.gradients.tolist() == [0, 0, 2, 4]
    assert (p.has_gradient, q.has_gradient) == (False, True)
    q.clear_gradient()
    assert pc.storage.gradients.tolist() == [0, 0, 0, 0]
    assert not q.has_gradient


def test_a_gradient_survives_the_growth_of_the_storage():
    pc = ParameterCollection()
    p = pc.add_parameters((2,), Constant(3.0))
    graph = ComputationGraph()
    x = leaf(graph, ParameterLeaf(p), True)
    sum_elems(x).backward()
    for _ in range(5):
        pc.add_parameters((10,), Constant(0.0))
    assert p.value.tolist() == [3.0, 3.0]
    assert p.gradient.tolist() == [1.0, 1.0]
    p.write()[...] = 7
    assert x.value() == [3.0, 3.0]
    sum_elems(x).backward()
    assert p.gradient.tolist() == [2.0, 2.0]


def test_clearing_a_table_clears_the_touched_rows():
    pc = ParameterCollection()
    table = pc.add_lookup_parameters(4, (2,))
    assert not table.has_gradient
    graph = ComputationGraph()
    sum_elems(lookup(graph, table, 1) + lookup(graph, table, 3)).backward()
    assert table.has_gradient
    assert table.gradient.sum() == 4
    table.clear_gradient()
    assert not table.has_gradient
    assert not table.gradient.any()


def test_a_row_that_is_not_there_is_refused():
    table = ParameterCollection().add_lookup_parameters(4, (2,), name="E")
    graph = ComputationGraph()
    with pytest.raises(ShapeError, match="row 4 of /E does not exist; it has 4 rows, 0 to 3"):
        lookup(graph, table, [0, 4]).value()
    with pytest.raises(NegativeIndexError, match="lookup: a number of 0 or more is needed, got -1"):
        lookup(graph, table, [0, -1])
