"""The lazy graph: how it is built, when numbers are computed and how they are read."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import FromArray
from charlm.engine.ops import (
    affine_transform,
    cmult,
    dropout,
    esum,
    exp,
    fill,
    input_tensor,
    input_vector,
    lookup,
    pick,
    scalar_input,
    square,
    sum_elems,
    tanh,
)
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.errors import (
    ArgumentError,
    EvaluationError,
    ShapeError,
)
from tests.engine.leaves import node, parameter

# ---- when things are computed


def test_building_computes_nothing():
    stream = NumpyStream(1)
    before = stream.state()
    graph = ComputationGraph(stream=stream)
    dropout(fill(graph, (4,), 1.0), 0.5)
    assert stream.state() == before
    assert graph.evaluated == 0


def test_reading_a_node_draws_the_earlier_ones_randomness_first():
    def two_masks(first_read: int) -> list[list[float]]:
        graph = ComputationGraph(stream=NumpyStream(1))
        masks = [dropout(fill(graph, (20,), 1.0), 0.5) for _ in range(2)]
        masks[first_read].forward()
        return [mask.value() for mask in masks]

    in_order = two_masks(0)
    assert two_masks(1) == in_order
    assert in_order[0] != in_order[1]


def test_reading_evaluates_up_to_the_node_and_no_further():
    graph = ComputationGraph()
    x = scalar_input(graph, 2.0)
    y = x + x
    z = y * 3.0
    y.value()
    assert graph.evaluated == 2
    assert z.value() == 12.0
    assert graph.evaluated == 3


def test_a_value_is_computed_once():
    graph = ComputationGraph(stream=NumpyStream(1))
    mask = dropout(fill(graph, (20,), 1.0), 0.5)
    first = mask.value()
    later = mask + 0.0
    assert mask.value() == first
    assert later.value() == first


def test_recalculating_draws_again_and_reaches_what_depends_on_it():
    graph = ComputationGraph(stream=NumpyStream(1))
    mask = dropout(fill(graph, (20,), 1.0), 0.5)
    double = mask * 2.0
    first = double.npvalue()
    again = mask.npvalue(recalculate=True)
    assert (again * 2 != first).any()
    assert (double.npvalue() == again * 2).all()


def test_dropout_of_nothing_and_of_everything():
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 2.0])
    assert dropout(x, 0.0).value() == [1.0, 2.0]
    assert np.isnan(dropout(x, 1.0).value()).all()  # as in DyNet: there is nothing to scale up


def test_setting_an_input_recomputes_what_depends_on_it():
    graph = ComputationGraph()
    x, c = input_vector(graph, [1.0, 2.0]), scalar_input(graph, 10.0)
    y = square(x) * c
    assert y.value() == [10.0, 40.0]
    x.set([3.0, 4.0])
    assert y.value() == [90.0, 160.0]
    c.set([1.0])
    assert y.value() == [9.0, 16.0]


def test_setting_takes_as_many_numbers_as_there_are_and_cuts_a_longer_list():
    graph = ComputationGraph()
    x = input_tensor(graph, [[1.0, 2.0], [3.0, 4.0]])
    x.set([1, 2, 3, 4, 5])
    assert x.npvalue().tolist() == [[1, 3], [2, 4]]  # column-major
    with pytest.raises(ShapeError, match="4 numbers are needed, got 3"):
        x.set([1, 2, 3])
    assert x.npvalue().tolist() == [[1, 3], [2, 4]]


def test_setting_a_lookup_reads_another_row():
    table = ParameterCollection().add_lookup_parameters(3, (1,), FromArray([[0.0, 1.0, 2.0]]))
    graph = ComputationGraph()
    row, rows = lookup(graph, table, 1), lookup(graph, table, [0, 1])
    y = rows + row
    assert y.value() == [1.0, 2.0]
    row.set(2)
    assert y.value() == [2.0, 3.0]
    rows.set([2, 2])
    assert y.value() == [4.0, 4.0]
    with pytest.raises(ShapeError, match="this lookup needs 2 ids, got 1"):
        rows.set(1)


# ---- how values are read


def test_values_come_in_dynets_shapes():
    graph = ComputationGraph()
    scalar, vector = scalar_input(graph, 2.0), input_vector(graph, [1.0, 2.0])
    matrix = input_tensor(graph, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    batch = input_tensor(graph, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], batched=True)
    assert scalar.value() == 2.0
    assert vector.value() == [1.0, 2.0]
    assert matrix.value().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert matrix.vec_value() == [1, 4, 2, 5, 3, 6]
    assert matrix.dim() == ((2, 3), 1)
    assert batch.dim() == ((2,), 3)
    assert batch.npvalue().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert batch.value() == [1, 4, 2, 5, 3, 6]
    assert scalar.npvalue().shape == (1,)
    assert sum_elems(batch).npvalue().shape == (1, 3)
    assert sum_elems(batch).value() == [5, 7, 9]
    assert repr(batch) == "expression 3/0"


def test_reading_gives_a_copy():
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 2.0])
    y = tanh(x)
    y.npvalue()[0] = 7
    assert y.npvalue()[0] == pytest.approx(np.tanh(1.0))


def test_a_row_without_axes_has_a_value():
    table = ParameterCollection().add_lookup_parameters(3, (), FromArray([5.0, 6.0, 7.0]))
    graph = ComputationGraph()
    assert lookup(graph, table, 1).value() == 6.0
    assert lookup(graph, table, [2, 0]).value() == [7.0, 5.0]


def test_more_numbers_than_one_are_no_scalar():
    graph = ComputationGraph()
    with pytest.raises(EvaluationError, match=r"2 numbers: \(\(2,\), 1\)"):
        input_vector(graph, [1.0, 2.0]).scalar_value()


# ---- construction


def test_a_failed_construction_leaves_nothing_behind():
    graph = ComputationGraph()
    x, y = input_vector(graph, [1.0, 2.0]), input_vector(graph, [1.0, 2.0, 3.0])
    for attempt in (
        lambda: x + y,
        lambda: x * y,
        lambda: pick(x, 5),
        lambda: cmult(x, y),
        lambda: esum([x, y]),
        lambda: affine_transform([x, y, x]),
    ):
        with pytest.raises(ShapeError):
            attempt()
    assert len(graph) == 2
    z = exp(x)
    assert repr(z) == "expression 2/0"
    assert z.value() == pytest.approx(np.exp([1.0, 2.0]))


@pytest.mark.parametrize("other", [[1.0], np.ones(2), "x", None])
def test_only_expressions_are_arguments(other):
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 2.0])
    for attempt in (lambda: cmult(x, other), lambda: cmult(other, x), lambda: tanh(other)):
        with pytest.raises(ArgumentError, match="expected an expression, got"):
            attempt()
    assert len(graph) == 1


def test_an_operation_with_a_parameter_makes_its_node_once():
    graph = ComputationGraph()
    p = parameter(1.0, 2.0)
    assert node(graph, p).index == node(graph, p).index
    assert node(graph, p).index != node(graph, p, trains=False).index
    assert len(graph) == 2


def test_a_deep_graph_needs_no_recursion():
    p = parameter(1.0)
    graph = ComputationGraph(np.float64)
    x = node(graph, p)
    for _ in range(20_000):
        x = x + 1.0
    assert x.value() == 20_001.0
    x.backward()
    assert p.gradient.tolist() == [1.0]
    graph.release()


def test_the_number_type_is_the_graphs():
    p = parameter(1.0)
    for dtype in (np.float32, np.float64):
        graph = ComputationGraph(dtype)
        row = lookup(graph, ParameterCollection().add_lookup_parameters(2, (1,)), 0)
        y = dropout(row + input_vector(graph, [0.1]) + node(graph, p) * 0.3 + 0.7, 0.0)
        y.backward(full=True)
        assert y.array().dtype == dtype
        assert {graph.gradient(i).dtype for i in range(len(graph))} == {np.dtype(dtype)}


def test_what_has_no_room_in_memory_is_named():
    graph = ComputationGraph()
    x = fill(graph, (2,), 1.0)
    huge = fill(graph, (2**20, 2**20, 2**10), 1.0)
    message = r"fill: there is not enough memory to compute expression 1/0 of shape \(1048576, 1048576, 1024\)"
    with pytest.raises(EvaluationError, match=message):
        huge.forward()
    assert x.value() == [1.0, 1.0]
