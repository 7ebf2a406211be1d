"""Backward through a graph, and the parameters: snapshots of their values, sums of their gradients."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.expression import leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import FromArray
from charlm.engine.ops import (
    dot_product,
    input_tensor,
    input_vector,
    lookup,
    square,
    sum_batches,
    sum_elems,
    tanh,
)
from charlm.engine.ops.leaves import LookupLeaf
from charlm.engine.parameters import ParameterCollection
from charlm.engine.trainers import SimpleSGDTrainer
from charlm.errors import (
    EvaluationError,
    ShapeError,
)
from tests.engine.leaves import node, parameter

# ---- snapshots of parameters


def test_an_evaluated_graph_keeps_the_old_values_over_updates():
    pc = ParameterCollection()
    p, q = parameter(1.0, 2.0, collection=pc), parameter(10.0, collection=pc)
    trainer = SimpleSGDTrainer(pc, 0.5)
    trainer.clip_threshold = 0
    graph = ComputationGraph()
    x = node(graph, p)
    sum_elems(x).backward()
    trainer.update()
    assert p.value.tolist() == [0.5, 1.5]
    assert x.value() == [1.0, 2.0]
    assert (x * 2.0).value() == [2.0, 4.0]
    assert (node(graph, p) * 3.0).value() == [3.0, 6.0]  # one node for each parameter
    y = node(graph, q) * 1.0  # first read after the update
    sum_elems(x).backward()
    assert y.value() == 10.0
    trainer.update()
    assert p.value.tolist() == [0.0, 1.0]
    assert q.value.tolist() == [10.0]
    assert x.value() == [1.0, 2.0]
    assert y.value() == 10.0
    assert x.value(recalculate=True) == [0.0, 1.0]
    assert node(ComputationGraph(), p).value() == [0.0, 1.0]


def test_many_graphs_each_keep_what_they_read():
    pc = ParameterCollection()
    p = parameter(0.0, collection=pc)
    expressions = []
    for number in range(5):
        p.write()[...] = number
        expressions.append(node(ComputationGraph(), p))
        expressions[-1].forward()
    assert [e.value() for e in expressions] == [0, 1, 2, 3, 4]


def test_a_lookup_keeps_the_rows_it_read():
    table = ParameterCollection().add_lookup_parameters(2, (1,), FromArray([[1.0, 2.0]]))
    graph = ComputationGraph()
    row, whole = lookup(graph, table, 0), leaf(graph, LookupLeaf(table), True)
    whole.forward()
    table.value[...] = 9
    assert row.value() == 1.0
    assert whole.npvalue().tolist() == [[1.0, 2.0]]


# ---- backward


def test_gradients_add_up_over_calls_and_graphs_until_cleared():
    p = parameter(1.0, 2.0)
    for count in (1, 2):
        graph = ComputationGraph()
        loss = dot_product(node(graph, p), input_vector(graph, [3.0, 4.0]))
        loss.backward()
        assert p.gradient.tolist() == [3.0 * count, 4.0 * count]
    loss.backward()
    assert p.gradient.tolist() == [9.0, 12.0]
    assert p.has_gradient
    p.clear_gradient()
    assert p.gradient.tolist() == [0.0, 0.0]
    assert not p.has_gradient


def test_a_table_gets_the_gradients_of_the_rows_used():
    table = ParameterCollection().add_lookup_parameters(4, (2,))
    graph = ComputationGraph()
    rows = lookup(graph, table, [1, 3, 1])
    still = lookup(graph, table, 2, update=False)
    weights = input_tensor(graph, [[1.0, 2.0, 4.0], [1.0, 1.0, 1.0]], batched=True)
    sum_batches(dot_product(rows + still, weights)).backward()
    assert table.gradient.tolist() == [[0, 0], [5, 2], [0, 0], [2, 1]]
    assert table.touched.tolist() == [False, True, False, True]
    sum_elems(leaf(graph, LookupLeaf(table), True)).backward()
    assert table.gradient.tolist() == [[1, 1], [6, 3], [1, 1], [3, 2]]
    assert table.touched.all()


def test_node_gradients_are_those_of_the_last_backward():
    graph = ComputationGraph()
    x = node(graph, parameter(1.0, 2.0))
    y = square(x)
    first, second = sum_elems(y), sum_elems(y * 10.0)
    first.backward()
    assert x.gradient().tolist() == [2.0, 4.0]
    assert y.gradient().tolist() == [1.0, 1.0]
    second.backward()
    assert x.gradient().tolist() == [20.0, 40.0]
    assert y.gradient().tolist() == [10.0, 10.0]
    assert first.gradient().tolist() == [0.0]  # the root does not depend on it


def test_gradients_reach_nodes_without_parameters_only_when_asked():
    graph = ComputationGraph()
    p = parameter(2.0, 3.0)
    x, fixed = input_vector(graph, [4.0, 5.0]), node(graph, p, trains=False)
    square_of_x = square(x)
    constant = square_of_x + fixed
    loss = dot_product(constant, node(graph, p))
    loss.backward()
    assert constant.gradient().tolist() == [0.0, 0.0]
    assert x.gradient().tolist() == [0.0, 0.0]
    assert square_of_x.gradient().tolist() == [0.0, 0.0]
    assert p.gradient.tolist() == [18.0, 28.0]
    loss.backward(full=True)
    assert square_of_x.gradient().tolist() == [2.0, 3.0]
    assert x.gradient().tolist() == [16.0, 30.0]
    assert p.gradient.tolist() == [36.0, 56.0]  # the constant use of p adds nothing


def test_a_root_without_parameters_gives_none_a_gradient():
    graph = ComputationGraph()
    x = input_vector(graph, [4.0, 5.0])
    for root in (x[1], sum_elems(x)):
        root.backward()
        assert x.gradient().tolist() == [0.0, 0.0]
        assert root.gradient().tolist() == [1.0]


def test_backward_evaluates_first_and_needs_one_number():
    graph = ComputationGraph()
    x = node(graph, parameter(1.0, 2.0))
    with pytest.raises(ShapeError, match=r"one number, this one is \(2,\) x 1"):
        x.backward()
    batch = input_tensor(graph, [1.0, 2.0], batched=True)
    with pytest.raises(ShapeError, match=r"one number, this one is \(1,\) x 2"):
        batch.backward()
    y = sum_elems(x)
    z = y * 2.0
    z.backward()
    assert graph.evaluated == 4
    assert y.gradient().tolist() == [2.0]


def test_a_gradient_is_to_be_had_after_a_later_backward_only():
    graph = ComputationGraph()
    x = node(graph, parameter(1.0))
    with pytest.raises(EvaluationError, match=r"expression 0/0: call backward.*none was run"):
        x.gradient()
    x.backward()
    later = x * 2.0
    with pytest.raises(EvaluationError, match=r"expression 1/0: .* from node 0"):
        later.gradient()


def test_gradients_have_the_shape_of_values():
    graph = ComputationGraph()
    x = input_tensor(graph, np.ones((2, 3, 4)), batched=True)
    sum_batches(sum_elems(square(x))).backward(full=True)
    assert x.gradient().shape == (2, 3, 4)
    assert (x.gradient() == 2).all()


def test_without_keeping_gradients_the_parameters_get_theirs_all_the_same():
    p = parameter(1.0, 2.0)
    graph = ComputationGraph()
    loss = sum_elems(square(tanh(node(graph, p))))
    graph.backward(loss.index, keep=False)
    found = p.gradient.copy()
    assert graph.root is None
    p.clear_gradient()
    loss.backward()
    assert (found == p.gradient).all()
    assert found.all()
