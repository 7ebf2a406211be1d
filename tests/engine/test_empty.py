"""Tensors without numbers: a size of 0, as DyNet allows it, in every operation."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.engine.rnn  # noqa: F401 - registers its operations
from charlm.engine.arrays import array_shape
from charlm.engine.expression import at
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Op
from charlm.engine.ops import sum_batches, sum_elems
from charlm.engine.ops.inputs import input_array
from charlm.errors import CharlmError


def emptied(sample):
    """Yield the arguments' dimensions with 0 for one size, wherever it is."""
    for size in {n for shape, _ in sample.dims for n in shape}:
        yield [(tuple(0 if n == size else n for n in shape), batch) for shape, batch in sample.dims]


@pytest.mark.parametrize("name", sorted(Op.registry))
def test_the_shape_is_as_said_or_the_operation_refuses(name):
    for sample in Op.registry[name].samples():
        for dims in emptied(sample):
            check(sample.op, dims)


def check(op, dims):
    graph = ComputationGraph(np.float64)
    xs = [input_array(graph, np.ones(array_shape(dim))) for dim in dims]
    try:
        node = at(graph, graph.append(op, [x.index for x in xs]))
        assert node.array().shape == array_shape(node.dim())
        sum_batches(sum_elems(node)).backward(full=True)
    except CharlmError:
        return
    for x, dim in zip(xs, dims, strict=True):
        assert x.gradient().size == np.ones(array_shape(dim)).size
