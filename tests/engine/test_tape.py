"""The tape: nodes are signatures and integers, and what follows from types is worked out once."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.engine import op as op_module
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import (
    esum,
    input_vector,
    lookup,
    matmul,
    pick,
    pickneglogsoftmax,
    scalar_input,
    square,
    sum_elems,
    tanh,
)
from charlm.engine.ops.elementwise import Tanh
from charlm.engine.ops.linear import MatMul
from charlm.engine.parameters import ParameterCollection
from charlm.engine.rnn import RNNBuilder
from charlm.engine.rnn.cells.lstm import LSTMCell
from charlm.engine.tape import Tape
from charlm.engine.types import Type
from charlm.errors import ShapeError
from tests.engine.leaves import node


@pytest.fixture
def calls(monkeypatch):
    """Count how often shapes are checked and values are computed."""
    counts: Counter[str] = Counter()
    for cls, name in ((Tanh, "forward"), (MatMul, "shape"), (MatMul, "forward")):
        original = getattr(cls, name)

        def counted(self, *args, _original=original, _key=f"{cls.__name__}.{name}"):
            counts[_key] += 1
            return _original(self, *args)

        monkeypatch.setattr(cls, name, counted)
    return counts


def test_equal_types_are_one_object():
    assert Type.of(((2, 3), 4), True) is Type.of(((2, 3), 4), True)
    assert Type.of(((2, 3), 4), True) is not Type.of(((2, 3), 4), False)
    assert Type.of(((2, 3), 4), True).array_shape == (4, 3, 2)


def test_shapes_are_checked_once_for_each_combination(calls):
    p = ParameterCollection().add_parameters((17, 13))
    for _ in range(3):
        graph = ComputationGraph()
        w = node(graph, p)
        for _ in range(4):
            matmul(w, input_vector(graph, [1.0] * 13))
        with pytest.raises(ShapeError, match="inner sizes must agree"):
            matmul(w, input_vector(graph, [1.0] * 12))
    assert calls["MatMul.shape"] == 1 + 3  # what does not fit is asked about each time


def test_reading_one_after_the_other_evaluates_each_node_once(calls):
    graph = ComputationGraph()
    x = scalar_input(graph, 0.5)
    nodes = [tanh(x) for _ in range(200)]
    assert len({e.value() for e in nodes}) == 1
    assert calls["Tanh.forward"] == 200
    nodes[0].forward(recalculate=True)
    assert calls["Tanh.forward"] == 201


def test_an_index_that_fits_no_longer_is_refused_where_the_operation_is_known():
    table = ParameterCollection().add_lookup_parameters(5, (3,))
    graph = ComputationGraph()
    x = lookup(graph, table, 1)
    assert pick(x, 2).dim() == ((1,), 1)
    with pytest.raises(ShapeError, match="index 3 is outside axis 0 of size 3"):
        pick(x, 3)
    with pytest.raises(ShapeError, match="row 7 of /_0 does not exist"):
        lookup(graph, table, 7)
    assert len(graph) == 2


def test_an_index_is_replaced():
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 2.0, 3.0])
    first, second = pick(x, 0), pick(x, 1)
    total = first * 10.0 + second
    assert total.value() == 12.0
    first.set_index(2)
    assert total.value() == 32.0
    second.set_index(2)
    assert total.value() == 33.0
    with pytest.raises(ShapeError, match="index 3 is outside"):
        first.set_index(3)
    sum_elems(total).backward(full=True)
    assert x.gradient().tolist() == [0.0, 0.0, 11.0]


def test_a_gradient_can_still_be_read_when_an_input_was_replaced():
    builder = RNNBuilder(LSTMCell(), 2, [3], ParameterCollection())
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 2.0])
    first, second = builder.start(graph).add_inputs([x, x])
    loss = sum_elems(square(second.output()))
    loss.backward()
    before = loss.gradient().tolist(), first.output().gradient()
    x.set([3.0, 4.0])
    assert loss.gradient().tolist() == before[0]
    assert first.output().gradient().shape == before[1].shape


@given(st.integers(1, 6), st.integers(1, 4))
def test_the_gradients_of_many_products_are_one(steps, size):
    """A matrix that is used several times, and as it is."""
    pc = ParameterCollection(np.float64)
    p, table = pc.add_parameters((size, size)), pc.add_lookup_parameters(6, (size,))
    graph = ComputationGraph(np.float64)
    w = node(graph, p)
    xs = [lookup(graph, table, i) for i in range(steps)]
    esum([sum_elems(square(matmul(w, x))) for x in xs] + [sum_elems(w)]).backward()
    expected = np.ones((size, size))
    for i in range(steps):
        x = table.value[i]
        expected += np.outer(x, 2 * x @ p.value)
    np.testing.assert_allclose(p.gradient, expected, rtol=1e-10)


def test_arguments_are_found_from_any_node():
    tape = Tape()
    graph = ComputationGraph()
    x, y = input_vector(graph, [1.0, 2.0]), input_vector(graph, [3.0, 4.0])
    z = pick(x + y, 1)
    assert [graph.args(i) for i in range(len(graph))] == [[], [], [0, 1], [2]]
    assert graph.args(z.index) == [2]
    assert [graph.op(i).name() for i in range(len(graph))] == ["input", "input", "add", "pick"]
    assert graph.op(z.index).index == 1
    assert (len(tape), tape.next_id(-1)) == (0, 0)


def test_what_is_known_of_operations_is_bounded(monkeypatch):
    """Thousands of graphs of sizes that never come again: memory stays flat."""
    monkeypatch.setattr(op_module, "_MOST", 50)
    monkeypatch.setattr(op_module, "_signatures", {})
    monkeypatch.setattr(Tanh, "signatures", {})

    def graphs(sizes: range) -> None:
        for size in sizes:
            graph = ComputationGraph()
            x = input_vector(graph, [0.1] * size)
            pickneglogsoftmax(tanh(x) * float(size), size - 1).value()
            graph.release()

    graphs(range(1, 200))
    gc.collect()
    tracemalloc.start()
    try:
        graphs(range(200, 300))
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        graphs(range(300, 1300))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000  # 1000 graphs: each would take 500 bytes or more
