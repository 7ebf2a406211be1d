"""Checkpoints of a graph: what ``revert`` deletes, and what outlives it."""

from __future__ import annotations

import pytest

from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant
from charlm.engine.ops import dropout, fill, input_vector, square, sum_elems
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.engine.rnn import RNNBuilder
from charlm.engine.rnn.cells.rnn import SimpleRNNCell
from charlm.errors import StaleArgumentError, StaleExpressionError
from tests.engine.leaves import node


@pytest.fixture
def graph() -> ComputationGraph:
    return ComputationGraph()


def test_ids_are_given_anew(graph):
    x = input_vector(graph, [1.0, 2.0])
    graph.checkpoint()
    first = x * 2.0
    graph.revert()
    second = x * 3.0
    assert (first.id, second.id) == (1, 1)
    assert second.value() == [3.0, 6.0]


def test_checkpoints_nest_and_revert_without_one_does_nothing(graph):
    x = input_vector(graph, [1.0])
    graph.checkpoint()
    y = x + 1.0
    graph.checkpoint()
    z = y + 1.0
    graph.revert()
    assert (y + 2.0).id == z.id
    graph.revert()
    assert (x + 3.0).id == y.id
    graph.revert()
    assert (x + 4.0).id == y.id + 1


@pytest.mark.parametrize(
    "use",
    [
        lambda e: e.value(),
        lambda e: e.dim(),
        lambda e: e.gradient(),
        lambda e: e.backward(),
    ],
)
def test_what_was_deleted_is_not_read(use, graph):
    x = input_vector(graph, [1.0])
    graph.checkpoint()
    y = x + 1.0
    graph.revert()
    x + 2.0  # has y's place now
    with pytest.raises(
        StaleExpressionError, match=r"expression 1/0 is stale: cg_revert\(\) deleted"
    ):
        use(y)


@pytest.mark.parametrize(
    "use", [lambda x, y: y + 1.0, lambda x, y: x + y, lambda x, y: y + x, lambda x, y: -y]
)
def test_what_was_deleted_is_not_used(use, graph):
    x = input_vector(graph, [1.0])
    graph.checkpoint()
    y = x + 1.0
    graph.revert()
    x + 2.0
    with pytest.raises(StaleArgumentError, match="deleted its node"):
        use(x, y)


def test_an_expression_made_after_a_revert_outlives_a_later_one(graph):
    x = input_vector(graph, [1.0])
    graph.checkpoint()
    x + 1.0
    graph.revert()
    y = x + 2.0
    graph.checkpoint()
    z = y + 3.0
    graph.revert()
    assert (x.value(), y.value()) == (1.0, 3.0)
    with pytest.raises(StaleExpressionError):
        z.value()


def test_values_and_gradients_of_what_is_left_stay(graph):
    graph = ComputationGraph(stream=NumpyStream(1))
    x = input_vector(graph, [1.0, 2.0])
    mask = dropout(fill(graph, (20,), 1.0), 0.5)
    before = mask.value()
    graph.checkpoint()
    y = sum_elems(square(x))
    y.backward(full=True)
    graph.revert()
    assert mask.value() == before
    assert x.gradient().tolist() == [2.0, 4.0]
    late = x * 1.0
    with pytest.raises(RuntimeError, match="call backward"):
        late.gradient()


def test_parameters_outlive_it_wherever_their_node_was_made(graph):
    p = ParameterCollection().add_parameters((2,), Constant(3.0))
    x = input_vector(graph, [1.0, 2.0])
    graph.checkpoint()
    held = node(graph, p)
    (held + x).value()
    graph.revert()
    other = x * 10.0  # has the place that the parameter's node had
    y = sum_elems(held + x)
    assert y.value() == 9.0
    assert other.value() == [10.0, 20.0]
    assert node(graph, p).index == held.index
    y.backward()
    assert p.gradient.tolist() == [1.0, 1.0]


def test_a_constant_parameter_stays_constant(graph):
    p = ParameterCollection().add_parameters((1,), Constant(3.0))
    graph.checkpoint()
    held = node(graph, p, trains=False)
    graph.revert()
    sum_elems(held * 2.0).backward()
    assert p.gradient.tolist() == [0.0]


def test_a_builder_started_after_the_checkpoint_goes_on(graph):
    builder = RNNBuilder(SimpleRNNCell(), 2, [3], ParameterCollection())
    x = input_vector(graph, [1.0, 2.0])
    graph.checkpoint()
    start = builder.start(graph)
    expected = start.add_input(x).output().value()
    gone = start.add_input(x)
    graph.revert()
    assert start.add_input(x).output().value() == expected
    with pytest.raises(StaleArgumentError, match="deleted"):
        gone.add_input(x)


def test_beams_can_be_tried_and_taken_back_often(graph):
    x = input_vector(graph, [1.0])
    for step in range(50):
        graph.checkpoint()
        assert (x * float(step)).value() == step
        graph.revert()
    assert len(graph) == 1
