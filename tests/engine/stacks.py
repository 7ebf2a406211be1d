"""Stacks of layers with random parameters, and inputs for them."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.arrays import Array
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Uniform
from charlm.engine.ops import input_tensor
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.engine.rnn import CELLS, Cell, RNNBuilder

INPUT, SIZES = 3, [4, 2]

every_cell = pytest.mark.parametrize("cell", [kind() for kind in CELLS.values()], ids=CELLS)


def random_stack(
    cell: Cell, input_dim: int = INPUT, sizes: list[int] = SIZES
) -> tuple[ParameterCollection, RNNBuilder]:
    """Return a float64 stack whose biases are random too."""
    pc = ParameterCollection(np.float64, NumpyStream(3))
    builder = RNNBuilder(cell, input_dim, sizes, pc)
    for p in pc.parameters:
        p.write()[...] = Uniform(1.0)(p.dims, pc.stream, np.float64)
    return pc, builder


def drawn(seed: int, size: int, batch: int) -> Array:
    return np.random.default_rng(seed).uniform(-1, 1, (size, batch))


def inputs_at(graph: ComputationGraph, times: list[int]) -> list[Expression]:
    """Return the unbatched inputs of these times."""
    return [input_tensor(graph, drawn(t, INPUT, 1)[:, 0]) for t in times]
