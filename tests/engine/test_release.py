"""The end of a graph: stale expressions, and memory that is given back."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import (
    affine_transform,
    cmult,
    concatenate,
    dropout,
    esum,
    fill,
    input_tensor,
    input_vector,
    matmul,
    pick,
    pickneglogsoftmax,
    tanh,
)
from charlm.engine.parameters import ParameterCollection
from charlm.engine.trainers import SimpleSGDTrainer
from charlm.errors import (
    StaleArgumentError,
    StaleExpressionError,
)
from tests.engine.leaves import node, parameter


def stale() -> Expression:
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 2.0])
    x.forward()
    graph.release()
    return x


@pytest.mark.parametrize(
    "build",
    [
        lambda x, fresh: -x,
        lambda x, fresh: x * 2.0,
        lambda x, fresh: 1.0 - x,
        lambda x, fresh: x**2.0,
        lambda x, fresh: x[0],
        lambda x, fresh: x[0:1],
        lambda x, fresh: pick(x, 0),
        lambda x, fresh: x + fresh,
        lambda x, fresh: fresh + x,
        lambda x, fresh: x - fresh,
        lambda x, fresh: fresh - x,
        lambda x, fresh: cmult(fresh, x),
        lambda x, fresh: esum([x, fresh, fresh]),
        lambda x, fresh: esum([fresh, x, fresh]),
        lambda x, fresh: esum([fresh, fresh, x]),
        lambda x, fresh: concatenate([fresh, x]),
        lambda x, fresh: affine_transform([fresh, input_tensor(fresh.graph, np.eye(2)), x]),
        lambda x, fresh: x.set([1.0, 2.0]),
    ],
)
def test_a_stale_expression_is_no_argument(build):
    graph = ComputationGraph(version=1)
    fresh = input_vector(graph, [1.0, 2.0])
    with pytest.raises(StaleArgumentError, match="expression 0/0 is stale") as caught:
        build(stale(), fresh)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "read",
    [
        Expression.value,
        Expression.npvalue,
        Expression.vec_value,
        Expression.scalar_value,
        Expression.array,
        Expression.dim,
        Expression.forward,
        Expression.backward,
        Expression.gradient,
    ],
    ids=lambda read: read.__name__,
)
def test_a_stale_expression_cannot_be_read(read):
    x = stale()
    with pytest.raises(StaleExpressionError, match="expression 0/0 is stale") as caught:
        read(x)
    assert isinstance(caught.value, RuntimeError)
    assert repr(x) == "expression 0/0"


def test_an_expression_of_another_living_graph_is_no_argument():
    x, y = (input_vector(ComputationGraph(), [1.0]) for _ in range(2))
    with pytest.raises(StaleArgumentError, match="another graph"):
        x + y
    assert x.value() == y.value() == 1.0


@pytest.mark.parametrize("differentiated", [False, True])
def test_releasing_a_graph_frees_its_memory_at_once(differentiated):
    pc = ParameterCollection()
    w = pc.add_parameters((50, 20))
    graph = ComputationGraph()
    x = tanh(matmul(node(graph, w), fill(graph, (20,), 1.0)))
    h = dropout(x, 0.5)
    loss = pickneglogsoftmax(h, 3)
    loss.forward()
    if differentiated:
        loss.backward()
    arrays = [*graph.run.values, *graph.run.saved.values(), *graph.run.gradients]
    watched = [weakref.ref(a) for a in arrays if a is not None]
    assert len(watched) >= (12 if differentiated else 8)
    del arrays
    gc.disable()  # reference counts alone are to do it
    try:
        graph.release()
        assert [ref() for ref in watched if ref() is not None] == []
    finally:
        gc.enable()
    assert h.graph is graph  # although expressions still hold the graph


def test_many_graphs_take_no_more_memory_than_one():
    pc = ParameterCollection()
    w = pc.add_parameters((200, 200))
    trainer = SimpleSGDTrainer(pc)

    def step() -> None:
        graph = ComputationGraph()
        loss = pickneglogsoftmax(matmul(node(graph, w), fill(graph, (200,), 0.1)), 3)
        loss.backward()
        trainer.update()
        graph.release()

    step()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        step()
        one, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            step()
        many, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert many - one < w.value.nbytes


@pytest.mark.parametrize("end", [ComputationGraph.release, lambda graph: None])
def test_a_graph_that_has_ended_keeps_no_buffer_of_parameters(end):
    p = parameter(1.0)
    x = node(ComputationGraph(), p)
    seen = x.array()
    assert np.shares_memory(p.value, seen)
    end(x.graph)
    del x
    gc.collect()
    assert np.shares_memory(p.write(), seen)
