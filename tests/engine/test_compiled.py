"""Tapes run by compiled code: each operation beside its Python self, and what a tape may not say."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.engine.rnn  # noqa: F401 - registers its operations
from charlm.engine import ops
from charlm.engine.compiled import Compiled
from charlm.engine.execute import NodeByNode
from charlm.engine.expression import at, indexed_leaf, leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Indexed, Op, Sample, _signatures
from charlm.engine.ops.inputs import input_array
from charlm.engine.ops.leaves import Lookup, LookupExpression, ParameterLeaf
from charlm.engine.ops.linear import Affine
from charlm.engine.ops.log_losses import BinaryLogLoss
from charlm.engine.parameters import ParameterCollection
from charlm.engine.rows import ROWS
from charlm.engine.trainers import SimpleSGDTrainer
from charlm.errors import EvaluationError
from charlm.kernels import NUMPY, with_tapes
from charlm.kernels.tapes import STATE

pytest.importorskip("numba")

COMPILED = {
    "Abs", "Add", "AddScalar", "Affine", "Average", "BinaryLogLoss", "CDiv", "CMult", "ColwiseAdd", "Concatenate",
    "ConcatenateToBatch", "Cube", "DotProduct", "Exp", "Fill", "Hinge", "L1Distance", "L2Norm", "Log", "LogSigmoid",
    "LogSoftmax", "LogSumExp", "LogSumExpDim", "Logistic", "Lookup", "MatMul", "Max", "MaxDim", "Min", "MinDim",
    "Moment", "Negate", "OutputSequence", "PairwiseRankLoss", "ParameterLeaf", "Pick", "PickBatchElements",
    "PickNegLogSoftmax", "PickRange", "Rectify", "RecurrentStep", "Reshape", "ScalarMinus", "ScalarMultiply",
    "SelectCols", "SelectRows", "Softmax", "Softsign", "Sqrt", "Square", "SquaredDistance", "SquaredNorm",
    "StackTime", "StatePart", "StridedSelect", "Sum", "SumOver", "Tanh", "TraceOfProduct", "Transpose"
}  # fmt: skip
"""The operations that have a compiled form: one that gets or loses it is to be named here."""


def graph_of(executor, **options):
    kernels = with_tapes(NUMPY, wait=True) if executor is Compiled else NUMPY
    return ComputationGraph(np.float32, kernels=kernels, executor=executor, **options)


def numbers(sample, executor):
    """Return the value, and the gradients of the arguments, of a sum with fixed weights."""
    graph = graph_of(executor)
    xs = [input_array(graph, x) for x in sample.arrays(np.float32)]
    node = at(graph, graph.append(sample.op, [x.index for x in xs]))
    value = node.array().copy()
    weights = np.random.default_rng(3).uniform(0.5, 1.5, value.shape).astype(np.float32)
    total = ops.sum_batches(ops.sum_elems(ops.cmult(node, input_array(graph, weights))))
    total.backward(full=True)
    return [value, *[x.gradient() for x in xs], node.gradient()]


@pytest.mark.parametrize("name", sorted(Op.registry))
def test_both_executors_agree(name):
    for sample in Op.registry[name].samples():
        flags = sample.differentiable or (True,) * len(sample.dims)
        expected, found = (numbers(sample, executor) for executor in (NodeByNode, Compiled))
        for x, y, wanted in zip(found, expected, (True, *flags, True), strict=True):
            if wanted:
                np.testing.assert_allclose(x, y, rtol=2e-4, atol=2e-5)


def has_form(kind):
    for sample in kind.samples():
        graph = ComputationGraph(np.float32)
        args = [input_array(graph, x).index for x in sample.arrays(np.float32)]
        types = [graph.type(i) for i in args]
        if sample.op.compiled(graph.type(graph.append(sample.op, args)), *types):
            return True
    return False


def test_operations_with_a_compiled_form_are_declared():
    assert {name for name, kind in Op.registry.items() if has_form(kind)} == COMPILED


def program(graph, table, w, b):
    """A network over looked up rows, with a part that runs in Python in the middle."""
    rows = Indexed(lambda i: Lookup(table, (i,)))
    matrix, offset = (leaf(graph, ParameterLeaf(p), True) for p in (w, b))
    state, losses = offset, []
    for symbol in (3, 1, 4, 1, 5):
        x = indexed_leaf(rows, symbol, graph, LookupExpression)
        state = ops.tanh(matrix * ops.concatenate([state, x]) + offset)
        state = ops.cube(state) + state if symbol == 4 else state
        losses.append(ops.pickneglogsoftmax(state * 3.0, symbol % 3))
    return ops.esum(losses)


def trained(executor):
    pc = ParameterCollection(np.float32)
    table, w, b = (
        pc.add_lookup_parameters(7, (2,)),
        pc.add_parameters((3, 5)),
        pc.add_parameters((3,)),
    )
    loss = program(graph_of(executor), table, w, b)
    value = loss.scalar_value()
    loss.backward()
    return value, w.gradient, b.gradient, table.gradient, table.touched


def test_a_program_with_parameters():
    for x, y in zip(trained(Compiled), trained(NodeByNode), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


def test_a_damaged_tape_is_refused():
    for place, wrong in ((0, 99), (0, -1), (1, 7)):
        graph = graph_of(Compiled)
        x = input_array(graph, np.ones((1, 3)))
        y = ops.pick(x, 1) if place else ops.tanh(x)
        graph.tape.arguments[place] = wrong
        with pytest.raises(EvaluationError, match="node 1 of a graph is damaged"):
            y.value()


def test_an_argument_of_another_size_is_refused():
    graph = graph_of(Compiled)
    small, large = input_array(graph, np.ones((1, 3))), input_array(graph, np.ones((1, 4)))
    y = ops.tanh(large)
    graph.tape.arguments[0] = small.index
    with pytest.raises(EvaluationError, match="node 2 of a graph is damaged"):
        y.value()


def test_reverting_frees_the_workspace():
    graph = graph_of(Compiled)
    x = input_array(graph, np.ones((1, 1000)))
    for _ in range(200):
        graph.checkpoint()
        y = x
        for _ in range(10):
            y = ops.tanh(y)
        ops.matmul(ops.transpose(y), y).value()
        expected = y.npvalue()
        graph.revert()
    assert sum(len(chunk) for *_, chunk in graph.run._chunks) < 10**5
    assert graph.run._state[STATE.index("products")] == 0
    np.testing.assert_allclose(expected, np.full(1000, 0.4), atol=0.1)


def test_memory_of_views_is_not_given_out_again():
    graph = graph_of(Compiled)
    x = ops.tanh(input_array(graph, np.ones((1, 20_000))))
    kept, before = x.array(), x.array().copy()
    graph.release()
    for _ in range(3):
        other = graph_of(Compiled)
        ops.tanh(input_array(other, np.full((1, 20_000), 0.1))).array()
        other.release()
    np.testing.assert_array_equal(kept, before)


def test_rows_of_signatures_are_used_again():
    """A shape that no graph has any more leaves nothing behind."""

    def build(size):
        graph = graph_of(Compiled)
        ops.tanh(input_array(graph, np.ones((1, size)))).value()
        graph.release()

    build(1)
    before = len(ROWS.table)
    for k in range(200):
        build(1000 + k)
        ops.elementwise.TANH.signatures.clear()
        _signatures.clear()
    assert len(ROWS.table) == before


@pytest.mark.parametrize(("rows", "inner", "batch"), [(3, 2, 9), (50, 33, 6), (130, 7, 70)])
def test_products_of_many_columns(rows, inner, batch):
    """Columns are taken four at a time, weights' gradients many at a time; some are left over."""
    dims = (((rows,), 1), ((rows, inner), 1), ((inner,), batch))
    sample = Sample(Affine(), dims)
    for x, y in zip(numbers(sample, Compiled), numbers(sample, NodeByNode), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4)


def writes(pc, table, w):
    """Ways to change parameters, each in a program of its own."""
    yield lambda: table.write().__setitem__(..., 2.0)
    yield lambda: w.write().__setitem__(..., 2.0)
    yield lambda: table.scale(2.0)
    yield lambda: SimpleSGDTrainer(pc, 0.5, kernels=with_tapes(NUMPY, wait=True)).update()


@pytest.mark.parametrize("which", range(4))
def test_what_was_evaluated_ahead_is_forgotten_when_parameters_change(which):
    def read(executor):
        pc = ParameterCollection(np.float32)
        table, w = pc.add_lookup_parameters(3, (2,)), pc.add_parameters((2, 2))
        other = pc.add_parameters((2,))
        graph = graph_of(executor)
        matrix = leaf(graph, ParameterLeaf(w), True)
        first = ops.sum_elems(matrix * ops.lookup(graph, table, 1))
        second = matrix * ops.lookup(graph, table, 2) + leaf(graph, ParameterLeaf(other), True)
        found = [first.scalar_value()]
        first.backward()
        list(writes(pc, table, w))[which]()
        return [*found, *second.vec_value(), len(graph.tape)]

    assert read(Compiled) == pytest.approx(read(NodeByNode), rel=1e-5)


def test_nothing_is_drawn_ahead():
    def read(executor):
        graph = graph_of(executor)
        x = input_array(graph, np.ones((1, 5)))
        first, second = ops.tanh(x), ops.noise(x, 1.0)
        third = ops.tanh(second)
        found = first.vec_value()
        graph.context.stream.uniform(0, 1, (3,), np.float32)
        return found + second.vec_value() + third.vec_value()

    assert read(Compiled) == pytest.approx(read(NodeByNode), rel=1e-5)


def test_costs_of_certain_outcomes():
    certain = ([0.0, 1.0, 0.0, 1.0, 0.4, 0.4], [0.0, 1.0, 1.0, 0.0, 0.0, 1.0])
    sample = Sample(BinaryLogLoss(), (((6,), 1),) * 2, values=certain)
    for x, y in zip(numbers(sample, Compiled), numbers(sample, NodeByNode), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4)
