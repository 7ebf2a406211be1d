"""Reading values one after the other: what a read costs is what is new, and the numbers are the same in any order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlm.engine.expression import leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import cmult, dropout, input_tensor, logistic, sum_elems, tanh
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream


def chain(graph, count):
    x = input_tensor(graph, [0.5, -0.5])
    found = []
    for _ in range(count):
        x = tanh(x * 1.5 + 0.1)
        found.append(logistic(x))
    return found


@pytest.mark.parametrize("count", [50, 200])
def test_each_node_is_evaluated_once(count, monkeypatch):
    graph = ComputationGraph()
    scores = chain(graph, count)
    calls = []
    for kind in {type(graph.op(i)) for i in range(len(graph))}:
        forward = kind.forward
        monkeypatch.setattr(
            kind, "forward", lambda *xs, forward=forward: (calls.append(1), forward(*xs))[1]
        )
    for i, score in enumerate(scores, 1):
        score.npvalue()
        assert len(calls) == graph.evaluated
        assert graph.evaluated == score.index + 1, i
    assert len(calls) == len(graph)


def programs():
    return st.lists(st.sampled_from(["tanh", "times", "dropout", "read"]), min_size=1, max_size=30)


@given(programs(), st.data())
@settings(max_examples=60)
def test_the_order_of_reading_changes_no_number(program, data):
    """Values, random masks among them, and gradients are those of a graph that is read at its end."""

    def run(wanted):
        graph = ComputationGraph(np.float64, NumpyStream(3))
        pc = ParameterCollection(np.float64)
        parameter = pc.add_parameters((3,), name="p")
        xs = [leaf(graph, ParameterLeaf(parameter), True)]
        for step in program:
            if step == "tanh":
                xs.append(tanh(xs[-1]))
            elif step == "times":
                xs.append(cmult(xs[-1], xs[len(xs) // 2]))
            elif step == "dropout":
                xs.append(dropout(xs[-1], 0.5))
            elif wanted:
                xs[wanted.pop() % len(xs)].npvalue()
        for i in wanted:
            xs[i % len(xs)].npvalue()
        sum_elems(xs[-1]).backward()
        return [x.npvalue() for x in xs], parameter.gradient.copy()

    wanted = data.draw(st.lists(st.integers(0, 99), max_size=40))
    expected = run([])
    values, gradient = run(list(wanted))
    np.testing.assert_array_equal(values, expected[0])
    np.testing.assert_array_equal(gradient, expected[1])


def test_a_node_is_not_evaluated_before_it_is_asked_for():
    """A parameter that is read later has the value of then, as in DyNet."""
    pc = ParameterCollection()
    a, b = pc.add_parameters((1,), name="a"), pc.add_parameters((1,), name="b")
    graph = ComputationGraph()
    xs = chain(graph, 3)
    first = leaf(graph, ParameterLeaf(a), True) * 1.0
    second = leaf(graph, ParameterLeaf(b), True) * 1.0
    for x in xs:
        x.npvalue()
    first.npvalue()
    for p in (a, b):
        p.write()[...] = 7
    assert first.npvalue() != 7
    assert second.npvalue() == 7


def test_reverting_to_the_middle_of_what_was_read():
    graph = ComputationGraph()
    before = chain(graph, 5)
    graph.checkpoint()
    after = chain(graph, 5)
    for x in (*before[:2], after[0], after[1]):
        x.npvalue()
    graph.revert()
    again = chain(graph, 2)
    np.testing.assert_array_equal(again[1].npvalue(), before[1].npvalue())
    np.testing.assert_array_equal(before[4].npvalue(), chain(ComputationGraph(), 5)[4].npvalue())
