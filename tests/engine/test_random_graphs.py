"""Random graphs with much sharing: gradients are central differences, and no array is written for another node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from charlm.engine.arrays import Array, reduce_to
from charlm.engine.expression import Expression
from charlm.engine.gradcheck import check_parameters
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Uniform
from charlm.engine.ops import cmult, esum, matmul, pick_range, sum_elems, tanh, transpose
from charlm.engine.ops.inputs import input_tensor
from charlm.engine.parameters import ParameterCollection
from charlm.engine.random import NumpyStream
from charlm.kernels.reference import Product
from tests.engine.leaves import node

SIZE = 2
WEIGHTS = np.arange(1.0, 1.0 + SIZE * SIZE).reshape(SIZE, SIZE)

# How large an op's numbers can be, from the sizes of its arguments: what grows is squashed.
BOUNDS = {
    "add": lambda a, b: a + b,
    "cmult": lambda a, b: a * b,
    "matmul": lambda a, b: SIZE * a * b,
    "tanh": lambda a, _: 1.0,
    "transpose": lambda a, _: a,
    "swap": lambda a, _: a,
}


@dataclass(frozen=True)
class Step:
    """An op on two earlier nodes, counted from the latest; the second is unused by some."""

    kind: str
    first: int
    second: int


recipes = st.lists(
    st.builds(Step, st.sampled_from(sorted(BOUNDS)), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=10,
)


def apply_step(kind: str, a: Expression, b: Expression) -> Expression:
    if kind == "swap":  # two views of the same argument
        return pick_range(a, 1, SIZE) * 0.5 + pick_range(a, 0, 1) + a
    functions = {
        "add": lambda: a + b,
        "cmult": lambda: cmult(a, b),
        "matmul": lambda: matmul(a, b),
        "tanh": lambda: tanh(a),
        "transpose": lambda: transpose(a),
    }
    return functions[kind]()


def grow(start: list[Expression], recipe: list[Step]) -> Expression:
    """Return the recipe's last node."""
    nodes, sizes = list(start), [1.0] * len(start)
    for step in recipe:
        i, j = (-1 - min(back, len(nodes) - 1) for back in (step.first, step.second))
        found = apply_step(step.kind, nodes[i], nodes[j])
        size = BOUNDS[step.kind](sizes[i], sizes[j]) * (2.5 if step.kind == "swap" else 1)
        if size > 3:
            found, size = tanh(found), 1.0
        nodes.append(found)
        sizes.append(size)
    return nodes[-1]


def weighted(x: Expression, scale: float) -> Expression:
    """Return a number to which each of x's counts differently."""
    return sum_elems(cmult(x, input_tensor(x.graph, scale * WEIGHTS)))


def loss_of(graph: ComputationGraph, pc: ParameterCollection, recipe: list[Step]) -> Expression:
    """Return the recipe's last node as a number.

    The parameters count directly as well, so that none goes without a gradient. Those terms are
    made first: on the way back they come last, and the first gradient that a node gets is one that
    its users may share.
    """
    leaves = [node(graph, p) for p in pc.parameters]
    direct = [weighted(leaf, 2.0 + k) for k, leaf in enumerate(leaves)]
    return esum([weighted(grow(leaves, recipe), 1.0), *direct])


def two_matrices() -> ParameterCollection:
    pc = ParameterCollection(np.float64, NumpyStream(7))
    for _ in range(2):
        pc.add_parameters((SIZE, SIZE), Uniform(1.0))
    return pc


@settings(max_examples=40)
@given(recipes)
def test_parameters_get_the_gradients_of_central_differences(recipe):
    pc = two_matrices()
    assert check_parameters(pc, lambda graph: loss_of(graph, pc, recipe)) < 1e-6


@settings(max_examples=60)
@given(recipes)
def test_every_node_keeps_its_own_gradient(recipe):
    """Against an accumulation that never shares an array nor writes into one."""
    pc = two_matrices()
    graph = ComputationGraph(np.float64)
    loss = loss_of(graph, pc, recipe)
    loss.backward(full=True)
    found = [None if g is None else g.copy() for g in map(graph.gradient, range(len(graph)))]
    expected = accumulate(graph, loss.index)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.zeros_like(b) if a is None else a, b, rtol=1e-12, atol=1e-12)
    for k, p in enumerate(pc.parameters):  # the first nodes are theirs
        np.testing.assert_allclose(p.gradient, expected[k][0], rtol=1e-12, atol=1e-12)


def accumulate(graph: ComputationGraph, root: int) -> list[Array]:
    gradients = [np.zeros_like(graph.value(i)) for i in range(root + 1)]
    gradients[root] += 1
    for i in range(root, -1, -1):
        op, inputs = graph.op(i), graph.args(i)
        xs = [graph.value(j).copy() for j in inputs]
        dy = gradients[i].copy()
        if op.is_view:
            dx = np.zeros_like(xs[0])
            op.add_gradient(graph.context, dx, dy)
            parts = [dx]
        elif inputs:
            graph.context.needs = (True,) * len(inputs)
            parts = op.backward(graph.context, dy, graph.value(i).copy(), *xs)
        for j, part in zip(inputs, parts if inputs else (), strict=True):
            part = part.array() if isinstance(part, Product) else part
            gradients[j] = gradients[j] + reduce_to(part, gradients[j].shape)
    return gradients
