"""Values taken out of the graph. The numbers are DyNet's, but for the order of equal or many largest ones."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.dynet.random import DynetStream
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import input_tensor, input_vector, log_softmax

MATRIX = [[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]]


def tensor(data, batched=False, stream=None):
    graph = ComputationGraph(stream=stream)
    return input_tensor(graph, np.asarray(data), batched).tensor_value()


def test_it_is_a_float_or_an_int_tensor():
    x = tensor(MATRIX)
    assert str(x) == "<Dynet Tensor:float>"
    assert str(x.argmax()) == "<Dynet Tensor:int>"
    assert x.as_numpy().dtype == np.float64
    assert x.argmax().as_numpy().dtype == np.int64
    np.testing.assert_array_equal(x.as_numpy(), MATRIX)


def test_argmax_keeps_the_axis():
    assert tensor(MATRIX).argmax().as_numpy().tolist() == [[1, 1, 1]]
    assert tensor(MATRIX).argmax(dim=1).as_numpy().tolist() == [[0], [1]]
    assert tensor(MATRIX).argmax(1, 2).as_numpy().tolist() == [[0, 2], [1, 2]]
    assert tensor([1, 3, 3, 0]).argmax().as_numpy().tolist() == [1]
    assert tensor([2.0]).argmax().as_numpy().tolist() == [0]


def test_topk_is_in_falling_order():
    values, indices = tensor([1, 3, 3, 0]).topk(0, 3)
    assert (values.as_numpy().tolist(), indices.as_numpy().tolist()) == ([3, 3, 1], [1, 2, 0])
    values, indices = tensor(np.arange(12.0).reshape(2, 3, 2)).topk(1, 2)
    assert values.as_numpy().tolist() == [[[4, 5], [2, 3]], [[10, 11], [8, 9]]]
    assert indices.as_numpy().tolist() == [[[2, 2], [1, 1]], [[2, 2], [1, 1]]]


def test_a_batch_is_the_last_axis():
    batch = tensor([[3, 1], [2, 4], [6, 5]], batched=True)
    assert batch.argmax().as_numpy().tolist() == [[2, 2]]
    values, indices = batch.topk(0, 2)
    assert values.as_numpy().tolist() == [[6, 5], [3, 4]]
    assert indices.as_numpy().tolist() == [[2, 2], [0, 1]]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: x.argmax(-1), OverflowError),
        (lambda x: x.topk(-1, 2), OverflowError),
        (lambda x: x.argmax(2), ValueError),
        (lambda x: x.topk(0, 3), ValueError),
        (lambda x: x.topk(0, 0), ValueError),
        (lambda x: x.categorical_sample_log_prob(0, 2), RuntimeError),
    ],
)
def test_what_is_refused(call, error):
    with pytest.raises(error):
        call(tensor(MATRIX))


def test_a_draw_uses_the_graphs_stream_as_dynet_does():
    def draw(data, dim=0):
        graph = ComputationGraph(stream=DynetStream(42))
        log_probability = log_softmax(input_tensor(graph, data)).tensor_value()
        return log_probability.categorical_sample_log_prob(dim).as_numpy().tolist()

    assert draw([1.0, 2.0, 3.0]) == [2]
    assert draw(MATRIX) == [[1, 1, 1]]
    assert draw(MATRIX, 1) == [[0], [2]]


def test_draws_follow_the_distribution():
    probability = np.array([0.1, 0.2, 0.7])
    x = tensor(np.tile(np.log(probability), (2000, 1)).T, stream=DynetStream(1))
    drawn = x.categorical_sample_log_prob().as_numpy().ravel()
    np.testing.assert_allclose(np.bincount(drawn) / 2000, probability, atol=0.04)


def test_it_keeps_its_numbers_when_the_input_changes_or_the_graph_ends():
    graph = ComputationGraph()
    x = input_vector(graph, [1.0, 2.0])
    before = x.tensor_value()
    x.set([5.0, 6.0])
    assert x.tensor_value().as_numpy().tolist() == [5, 6]
    graph.release()
    assert before.as_numpy().tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="is stale"):
        x.tensor_value()
