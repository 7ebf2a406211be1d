"""Leaves with numbers at given places, and what they refuse. The numbers are DyNet's."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import fill, input_tensor_transposed, one_hot, sparse_input_tensor


def test_columns_are_filled_first_and_the_batch_last():
    graph = ComputationGraph()
    x = input_tensor_transposed(graph, [1, 2, 3, 4, 5, 6], (2, 3))
    assert x.npvalue().tolist() == [[1, 3, 5], [2, 4, 6]]
    batch = input_tensor_transposed(graph, np.arange(6.0), dim=(2,), batch_size=3)
    assert batch.dim() == ((2,), 3)
    assert batch.npvalue().tolist() == [[0, 2, 4], [1, 3, 5]]


def test_values_at_places():
    graph = ComputationGraph()
    places, values = [[0, 1], [2, 0]], [1, 2]
    x = sparse_input_tensor(graph, places, values, (2, 3))
    assert x.npvalue().tolist() == [[0, 0, 1], [2, 0, 0]]
    batch = sparse_input_tensor(graph, places, values, (2, 3), batched=True, defval=0.5)
    assert batch.dim() == ((2,), 3)
    assert batch.npvalue().tolist() == [[0.5, 0.5, 1], [2, 0.5, 0.5]]
    assert sparse_input_tensor(graph, [[0, 0]], values, (3,)).value() == [2, 0, 0]
    scalars = sparse_input_tensor(graph, np.array([[0, 1]]), values, (3,), batched=True)
    assert scalars.dim() == ((1,), 3)


def test_one_hot_makes_a_batch_of_several_indices():
    graph = ComputationGraph()
    assert one_hot(graph, 3, [1]).value() == [0, 1, 0]
    assert one_hot(graph, d=3, idx=2).value() == [0, 0, 1]
    batch = one_hot(graph, 3, (0, 2, 2))
    assert batch.dim() == ((3,), 3)
    assert batch.npvalue().tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda graph: input_tensor_transposed(graph, [1, 2, 3], (2, 2)), ValueError),
        (lambda graph: input_tensor_transposed(graph, [1, 2], 2), TypeError),
        (lambda graph: input_tensor_transposed(graph, [[1, 2]], (2,)), TypeError),
        (lambda graph: input_tensor_transposed(graph, [1, "a"], (2,)), TypeError),
        (lambda graph: sparse_input_tensor(graph, [[0, 3]], [1, 2], (3,)), ValueError),
        (lambda graph: sparse_input_tensor(graph, [[0, -1]], [1, 2], (3,)), ValueError),
        (lambda graph: sparse_input_tensor(graph, [[0]], [1, 2], (3,)), ValueError),
        (lambda graph: sparse_input_tensor(graph, [0, 1], [1, 2], (3,)), ValueError),
        (lambda graph: sparse_input_tensor(graph, [[0, 1]], [1, "a"], (3,)), TypeError),
        (lambda graph: sparse_input_tensor(graph, [[0, 1]], [[1, 2]], (3,)), TypeError),
        (lambda graph: sparse_input_tensor(graph, [[0.5, 1]], [1, 2], (3,)), TypeError),
        (lambda graph: sparse_input_tensor(graph, [[]], [], (3,)), TypeError),
        (lambda graph: sparse_input_tensor(graph, [[0, 1]], [1, 2], 3), TypeError),
        (lambda graph: one_hot(graph, 3, [3]), ValueError),
        (lambda graph: one_hot(graph, 3, [-1]), OverflowError),
        (lambda graph: one_hot(graph, 3, []), ValueError),
        (lambda graph: one_hot(graph, -1, [0]), OverflowError),
        (lambda graph: fill(graph, [3], 0.0), TypeError),
        (lambda graph: fill(graph, -1, 0.0), OverflowError),
        (lambda graph: fill(graph, (2, 3), 0.0, 0), ValueError),
        (lambda graph: fill(graph, 2**32, 0.0), OverflowError),
        (lambda graph: fill(graph, 3, "a"), TypeError),
    ],
)
def test_what_is_refused(call, error):
    with pytest.raises(error):
        call(ComputationGraph())
