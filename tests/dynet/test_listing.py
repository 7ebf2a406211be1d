"""A graph as text."""

from __future__ import annotations

import re

from charlm.dynet.listing import graphviz, nodes
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant
from charlm.engine.ops import input_vector, log, sum_elems
from charlm.engine.parameters import ParameterCollection
from charlm.engine.rnn import RNNBuilder
from charlm.engine.rnn.cells.lstm import LSTMCell
from tests.engine.leaves import node


def test_every_argument_is_an_arrow():
    graph = ComputationGraph()
    p = ParameterCollection().add_parameters((2, 2), Constant(1.0), name="W")
    sum_elems(node(graph, p) * input_vector(graph, [1.0, 2.0]))
    assert graphviz(graph).splitlines() == [
        "digraph G {",
        "  rankdir=LR;",
        "  nodesep=.05;",
        '  N0 [label="v0 = parameter_leaf(/W): (2, 2)"];',
        '  N1 [label="v1 = input(): (2,)"];',
        '  N2 [label="v2 = mat_mul(v0, v1): (2,)"];',
        "  N0 -> N2;",
        "  N1 -> N2;",
        '  N3 [label="v3 = sum_over(v2): (1,)"];',
        "  N2 -> N3;",
        "}",
    ]


def test_nodes_have_different_names_and_those_that_print_have_their_ids():
    graph = ComputationGraph()
    builder = RNNBuilder(LSTMCell(), 2, [3, 3], ParameterCollection())
    state = builder.start(graph).add_inputs([input_vector(graph, [1.0, 2.0])] * 2)[-1]
    text = graphviz(graph)
    names = re.findall(r"N(\w+) \[", text)
    assert len(names) == len(set(names)) == len(graph)
    assert {str(e.id) for e in state.s()} <= set(names)
    assert set(re.findall(r"N(\w+) ->", text)) <= set(names)


def test_values_and_gradients_are_listed_as_far_as_they_are_known():
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 0.0])
    y = sum_elems(x)
    log(x)
    y.backward(full=True)
    lines = list(nodes(graph, values=True, gradients=True, only_valid=False))
    assert lines == [
        "Node 0: v0 = input(): (2,)",
        "Value: [1. 0.]",
        "Gradient: [1. 1.]",
        "Node 1: v1 = sum_over(v0): (1,)",
        "Value: [1.]",
        "Gradient: [1.]",
        "Node 2: v2 = log(v0): (2,)",
        "Value: (not computed)",
        "Gradient: (not computed)",
    ]
    graph.forward(2)
    checked = list(nodes(graph, values=True, gradients=False, only_valid=True))
    assert checked[1::2] == ["Value: valid", "Value: valid", "Value: invalid"]
