"""Random graphs over the same parameters: no two have the same operations, sizes and arguments."""

from __future__ import annotations

import random
from collections.abc import Callable

from charlm.engine import ops
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.engine.rnn import RNNBuilder
from charlm.engine.rnn.cells.gru import GRUCell
from charlm.engine.rnn.cells.lstm import LSTMCell
from charlm.engine.rnn.cells.rnn import SimpleRNNCell
from tests.engine.leaves import node

SIZES = (3, 5, 17, 40)
ROWS = 11
Unary = Callable[[Expression], Expression]

SAME_SIZE: tuple[Unary, ...] = (
    ops.tanh,
    ops.logistic,
    ops.rectify,
    ops.softmax,
    ops.log_softmax,
    ops.negate,
    ops.softsign,  # runs in Python
    lambda x: 1.5 - x,
    lambda x: x * 0.5,
    lambda x: x + 0.25,
    lambda x: ops.log(ops.square(x) + 1.0),
)
TO_A_NUMBER: tuple[Callable[[Expression, Expression, int], Expression], ...] = (
    lambda x, y, i: ops.pick(x, i),
    lambda x, y, i: ops.pickneglogsoftmax(x, i),
    lambda x, y, i: ops.dot_product(x, y),
    lambda x, y, i: ops.squared_distance(x, y),
    lambda x, y, i: ops.sum_elems(x),
    lambda x, y, i: ops.sum_elems(ops.pick_range(x, i, i + 1)),
)


class RandomGraphs:
    """Parameters, and graphs that use them.

    Attributes:
        collection: the parameters.
    """

    def __init__(self) -> None:
        pc = self.collection = ParameterCollection(stream=NumpyStream(5))
        self._matrices = {(n, m): pc.add_parameters((n, m)) for n in SIZES for m in SIZES}
        self._vectors = {n: pc.add_parameters((n,)) for n in SIZES}
        self._tables = {n: pc.add_lookup_parameters(ROWS, (n,)) for n in SIZES}
        cells = SimpleRNNCell(), LSTMCell(), GRUCell()
        self._rnns = {
            n: RNNBuilder(cell, n, [n], pc) for n, cell in zip(SIZES, cells, strict=False)
        }

    def loss(self, graph: ComputationGraph, rng: random.Random, steps: int) -> Expression:
        """Return one number that much of a new graph leads to."""
        pools: dict[int, list[Expression]] = {n: [] for n in SIZES}

        def some(n: int) -> Expression:
            if not pools[n] or rng.random() < 0.2:
                pools[n].append(self._leaf(graph, rng, n))
            return rng.choice(pools[n])

        for _ in range(steps):
            n = rng.choice(SIZES)
            pools[n].append(ops.tanh(self._step(graph, rng, n, some)))
        numbers = [
            rng.choice(TO_A_NUMBER)(some(n), some(n), rng.randrange(n))
            for n in rng.choices(SIZES, k=rng.randint(1, 5))
        ]
        return ops.esum([*numbers, *(ops.sum_elems(pool[-1]) for pool in pools.values() if pool)])

    def _leaf(self, graph: ComputationGraph, rng: random.Random, n: int) -> Expression:
        kind = rng.randrange(3)
        if kind == 0:
            return ops.input_vector(graph, [rng.uniform(-1.0, 1.0) for _ in range(n)])
        if kind == 1:
            return node(graph, self._vectors[n])
        return ops.lookup(graph, self._tables[n], rng.randrange(ROWS))

    def _step(
        self, graph: ComputationGraph, rng: random.Random, n: int, some: Callable[[int], Expression]
    ) -> Expression:
        """Return a vector of n numbers."""
        m = rng.choice(SIZES)
        kind = rng.randrange(8)
        if kind < 2:
            return rng.choice(SAME_SIZE)(some(n))
        if kind == 2:
            return rng.choice((ops.add, ops.cmult))(some(n), some(n))
        if kind == 3:
            return ops.esum([some(n) for _ in range(rng.randint(1, 6))])
        if kind == 4:
            return ops.matmul(node(graph, self._matrices[n, m]), some(m))
        if kind == 5:
            terms = [node(graph, self._vectors[n])]
            for k in rng.choices(SIZES, k=rng.randint(1, 3)):
                terms += [node(graph, self._matrices[n, k]), some(k)]
            return ops.affine_transform(terms)
        if kind == 6 and n in self._rnns:
            state = self._rnns[n].start(graph)
            return state.add_inputs([some(n) for _ in range(rng.randint(1, 4))])[-1].output()
        joined = ops.concatenate(
            [some(k) for k in rng.choices(SIZES, k=rng.randint(1, 5))] + [some(n)]
        )
        (size,), _ = joined.dim()
        first = rng.randrange(size - n + 1)
        return ops.pick_range(joined, first, first + n)
