"""A planned evaluation gives what one node after the other gives: values, gradients, random numbers, errors."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charlm.engine import execute, structure
from charlm.engine import graph as graph_module
from charlm.engine.expression import Expression
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Op
from charlm.engine.ops import (
    affine_transform,
    cmult,
    concatenate,
    dropout,
    esum,
    input_tensor,
    input_vector,
    logistic,
    lookup,
    matmul,
    pick,
    pickneglogsoftmax,
    softmax,
    squared_distance,
    sum_batches,
    sum_elems,
    tanh,
)
from charlm.engine.ops.inputs import input_array
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.parameters import ParameterCollection
from charlm.engine.planned import Planned
from charlm.engine.random import NumpyStream
from charlm.engine.rnn import CELLS, RNNBuilder
from charlm.engine.rnn.cells.lstm import LSTMCell
from charlm.engine.structure import Structures
from charlm.errors import ShapeError

SIZE = 3


@pytest.fixture(autouse=True)
def structures(monkeypatch):
    """A tree of its own for each test: whether graphs are recorded depends on those before."""
    fresh = Structures()
    for module in (graph_module, execute):
        monkeypatch.setattr(module, "SHARED", fresh)
    return fresh


def test_graphs_that_all_differ_are_recorded_now_and_then(monkeypatch, structures):
    monkeypatch.setattr(structure, "WATCHED", 50)
    recorded = []
    for count in range(2, 102):
        graph = ComputationGraph(planned=None)
        x = input_vector(graph, [1.0] * count)
        (x + x).forward()
        recorded.append(graph.tracked)
    assert recorded[:25] == [True] * 25
    assert not any(recorded[25:])
    structures.unrecorded = 0
    for _ in range(100):
        graph = ComputationGraph(planned=None)
        x = input_vector(graph, [1.0])
        (x + x).forward()
        assert graph.tracked


class Model:
    """Parameters of every sort, and what a program builds from random numbers."""

    def __init__(self, cell: str = "lstm", layers: int = 1) -> None:
        self.pc = ParameterCollection(np.float64, NumpyStream(3))
        self.w = [self.pc.add_parameters((SIZE, SIZE)) for _ in range(2)]
        self.b = self.pc.add_parameters((SIZE,))
        self.table = self.pc.add_lookup_parameters(5, (SIZE,))
        self.rnn = RNNBuilder(CELLS[cell](), SIZE, [SIZE] * layers, self.pc)

    def gradients(self) -> list[np.ndarray]:
        found = [p.gradient.copy() for p in self.pc.parameters] + [self.table.gradient.copy()]
        for parameter in (*self.pc.parameters, self.table):
            parameter.clear_gradient()
        return found


def grow(model: Model, graph: ComputationGraph, choices: list[int]) -> list[Expression]:
    """Return nodes of a random program: vectors, some batched, states among them."""
    w = [graph.leaf(ParameterLeaf(p), True) for p in model.w]
    b = graph.leaf(ParameterLeaf(model.b), True)
    state = model.rnn.start(graph)
    states = [state]
    nodes = [
        lookup(graph, model.table, 1),
        input_vector(graph, [0.3, -0.2, 0.5]),
        lookup(graph, model.table, [0, 2]),
    ]
    for number in choices:
        kind, i, j = number % 12, (number // 12) % len(nodes), (number // 150) % len(nodes)
        x, y = nodes[i], nodes[j]
        if kind == 0:
            nodes.append(lookup(graph, model.table, number % 5))
        elif kind == 1:
            nodes.append(tanh(x))
        elif kind == 2:
            nodes.append(logistic(matmul(w[number % 2], x)))
        elif kind == 3:
            nodes.append(x + y)
        elif kind == 4:
            nodes.append(affine_transform([b, w[0], x]))
        elif kind == 5:
            nodes.append(cmult(softmax(x), y))
        elif kind == 6:
            nodes.append(esum([x, y, tanh(x), y]))
        elif kind == 7:
            nodes.append(concatenate([pick(x, number % SIZE), pick(y, 0), pick(x, 1)]))
        elif kind == 8:
            nodes.append(dropout(x, 0.4))
        elif kind == 9:
            nodes.append(pick(x, number % SIZE) * 0.5 + y)
        else:
            state = states[number % len(states)].add_input(x)
            states.append(state)
            nodes.append(state.h()[0])
    return nodes


def loss_of(graph: ComputationGraph, nodes: list[Expression]) -> Expression:
    target = input_vector(graph, [0.1, 0.2, 0.3])
    losses = [sum_over(squared_distance(x, target)) for x in nodes]
    return esum(losses)


def sum_over(x: Expression) -> Expression:
    return sum_batches(sum_elems(x))


def evaluate(
    model: Model, choices: list[int], planned: bool | None, parts: int = 1
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], bool]:
    """Return all values, node gradients and parameter gradients, and whether a plan was used."""
    graph = ComputationGraph(np.float64, NumpyStream(5), planned=planned)
    nodes = grow(model, graph, choices)
    if parts > 1:
        nodes[len(nodes) // 2].forward()  # ends a segment in the middle
    loss = loss_of(graph, nodes)
    loss.forward()
    values = [graph.value(i).copy() for i in range(len(graph))]
    loss.backward(full=True)
    gradients = [x.gradient() for x in nodes]
    used = all(isinstance(segment.run, Planned) for segment in graph.segments)
    return values, gradients, model.gradients(), used


def compare(one: tuple, other: tuple) -> None:
    for a, b in zip(one[:3], other[:3], strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)


programs = st.lists(st.integers(0, 100_000), min_size=1, max_size=14)


@settings(max_examples=150, deadline=None)
@given(programs, st.sampled_from(sorted(CELLS)), st.integers(1, 2), st.integers(1, 2))
def test_random_programs(choices, cell, layers, parts):
    model = Model(cell, layers)
    plain = evaluate(model, choices, planned=False, parts=parts)
    planned = evaluate(model, choices, planned=True, parts=parts)
    assert planned[3]
    assert not plain[3]
    compare(planned, plain)


def test_a_structure_is_planned_when_it_comes_again():
    model = Model()
    program = [10, 1, 22, 2, 34, 70, 82]
    first, second = (evaluate(model, program, planned=None) for _ in range(2))
    assert not first[3]
    assert second[3]
    compare(second, first)


def sentence_loss(model: Model, graph: ComputationGraph, ids: list[int]) -> Expression:
    w, b = (graph.leaf(ParameterLeaf(p), True) for p in (model.w[0], model.b))
    state, losses = model.rnn.start(graph), []
    for now in ids:
        state = state.add_input(lookup(graph, model.table, now))
        scores = matmul(w, state.output()) + b
        losses.append(pickneglogsoftmax(scores, now % SIZE))
    return esum(losses)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_sentence_is_a_handful_of_steps(cell, layers):
    model = Model(cell, layers)
    graph = ComputationGraph(np.float64, planned=True)
    loss = sentence_loss(model, graph, [0, 3, 1, 4, 2] * 6)
    loss.forward()
    (segment,) = graph.segments
    assert isinstance(segment.run, Planned)
    leaves = len(model.pc.parameters) - 1
    kinds = [step.kind.__name__ for step in segment.run.plan.steps]
    assert kinds.count("RecurrentSequence") == layers
    assert len(kinds) <= leaves + layers + 6
    plain = ComputationGraph(np.float64)
    expected = sentence_loss(model, plain, [0, 3, 1, 4, 2] * 6)
    assert loss.value() == pytest.approx(expected.value(), rel=1e-12)


def test_constants_get_no_gradient_unless_all_are_asked_for():
    """Also those that are computed along with others which train."""
    model = Model()
    for full in (False, True):
        graph = ComputationGraph(np.float64, planned=True)
        x = input_vector(graph, [0.3, -0.2, 0.5])
        states = model.rnn.start(graph).add_inputs([x, lookup(graph, model.table, 1)])
        sum_over(states[-1].output()).backward(full)
        assert x.gradient().any() == full


def test_several_sentences_of_one_length_are_one_minibatch():
    model = Model()
    graph = ComputationGraph(np.float64, planned=True)
    loss = esum([sentence_loss(model, graph, ids) for ids in ([0, 1, 2], [3, 4, 0], [2, 2, 2])])
    loss.backward()
    (segment,) = graph.segments
    kinds = [step.kind.__name__ for step in segment.run.plan.steps]
    assert kinds.count("RecurrentSequence") == 1
    found = model.gradients()
    for ids in ([0, 1, 2], [3, 4, 0], [2, 2, 2]):
        sentence_loss(model, ComputationGraph(np.float64), ids).backward()
    for a, b in zip(found, model.gradients(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


def test_data_are_the_graphs_own():
    """Ids, indices and inputs differ between graphs of one structure."""
    model, found = Model(), []
    for ids in ([0, 1, 2, 3], [4, 3, 2, 1], [1, 1, 1, 1]):
        graph = ComputationGraph(np.float64, planned=None)
        x = input_vector(graph, [float(i) for i in ids[:SIZE]])
        loss = sentence_loss(model, graph, ids) + pick(x, ids[0] % SIZE)
        plain = ComputationGraph(np.float64)
        y = input_vector(plain, [float(i) for i in ids[:SIZE]])
        expected = sentence_loss(model, plain, ids) + pick(y, ids[0] % SIZE)
        assert loss.value() == pytest.approx(expected.value(), rel=1e-12)
        found.append(isinstance(graph.segments[0].run, Planned))
    assert found == [False, True, True]


def test_data_are_checked_where_the_structure_is_known():
    model = Model()
    for _ in range(2):
        graph = ComputationGraph(planned=None)
        x = lookup(graph, model.table, 1)
        pick(x, 2).value()
    graph = ComputationGraph(planned=None)
    x = lookup(graph, model.table, 1)
    with pytest.raises(ShapeError, match="index 3 is outside axis 0 of size 3"):
        pick(x, 3)
    with pytest.raises(ShapeError, match="row 7 of"):
        pick(lookup(graph, model.table, 7), 1).value()


def test_an_input_set_anew_is_computed_by_the_same_plan():
    graph = ComputationGraph(np.float64, planned=True)
    x = input_vector(graph, [1.0, 2.0])
    y = tanh(x) + x
    y.forward()
    x.set([0.5, -1.0])
    assert y.value() == pytest.approx([np.tanh(0.5) + 0.5, np.tanh(-1.0) - 1.0])


def test_a_sampling_loop_runs_by_one_plan():
    model = Model()
    graph = ComputationGraph(np.float64, planned=None)
    w = graph.leaf(ParameterLeaf(model.w[0]), True)
    state = model.rnn.start(graph).add_input(lookup(graph, model.table, 0))
    for k in range(6):
        softmax(matmul(w, state.output())).value()
        state = state.add_input(lookup(graph, model.table, k % 5))
    plans = [s.run.plan for s in graph.segments if isinstance(s.run, Planned)]
    assert len(plans) >= 3
    assert len({id(p) for p in plans}) == 1


STACKING = [
    (name, i)
    for name, cls in sorted(Op.registry.items())
    if cls.stacks is not False
    for i, sample in enumerate(cls.samples())
    if sample.dims and sample.op.stacks
]


@pytest.mark.parametrize(("name", "number"), STACKING)
def test_equal_operations_are_one_on_a_larger_batch(name, number):
    """Every op that says so: three of it planned, and one after the other."""
    sample = list(Op.registry[name].samples())[number]
    found = []
    for planned in (False, True):
        graph = ComputationGraph(np.float64, NumpyStream(0), planned=planned)
        ys, xs = [], []
        for seed in range(3):
            arrays = sample.arrays(seed=seed)
            xs += [input_array(graph, a) for a in arrays]
            ys.append(graph.append(sample.op, tuple(x.index for x in xs[-len(arrays) :])))
        weights = [
            cmult(y, input_array(graph, np.random.default_rng(7).uniform(0.5, 1.5, graph_shape(y))))
            for y in ys
        ]
        loss = esum([sum_over(w) for w in weights])
        loss.backward(full=True)
        values = [graph.value(y.index).copy() for y in ys]
        gradients = [graph.gradient(x.index) for x in xs]
        found.append((values, [0.0 if g is None else g.copy() for g in gradients]))
    for a, b in zip(found[0], found[1], strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)


def graph_shape(y: Expression) -> tuple[int, ...]:
    shape, batch = y.dim()
    return (batch, *reversed(shape))


def test_plans_are_kept_by_structure_and_not_by_model():
    """The tree of structures holds no parameters: models come and go."""

    def run() -> weakref.ref:
        model = Model()
        for _ in range(3):
            graph = ComputationGraph(np.float64, planned=None)
            sentence_loss(model, graph, [0, 1, 2]).backward()
            graph.release()
        return weakref.ref(model.pc.storage)

    ref = run()
    gc.collect()
    assert ref() is None


def test_a_mask_for_a_minibatch_and_a_chain():
    model = Model()
    model.rnn = RNNBuilder(LSTMCell(), SIZE, [SIZE], model.pc)
    model.rnn.set_rates(0.3, 0.2)
    found = []
    for planned in (False, True):
        graph = ComputationGraph(np.float64, NumpyStream(11), planned=planned)
        x = input_tensor(graph, np.ones((SIZE, 2)), batched=True)
        states = model.rnn.start(graph).add_inputs([x, x, x])
        loss = sum_over(states[-1].output())
        loss.backward()
        found.append(([loss.array().copy()], [], model.gradients()))
    compare((*found[1],), (*found[0],))
