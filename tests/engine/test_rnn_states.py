"""States of recurrent layers: what they carry, branching, and mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.arrays import Array
from charlm.engine.expression import Expression, leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import dot_product, esum, input_tensor, input_vector, sum_batches, sum_elems
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.ops.lstm_gates import vanilla_lstm_c, vanilla_lstm_gates, vanilla_lstm_h
from charlm.engine.rnn import RNNBuilder, RNNState
from charlm.engine.rnn.cells.lstm import LSTMCell
from charlm.errors import ArgumentError, ShapeError, StaleArgumentError, StaleBuilderError
from tests.engine.stacks import INPUT, SIZES, drawn, every_cell, inputs_at, random_stack


@every_cell
def test_a_state_before_the_first_input_is_empty(cell):
    _, builder = random_stack(cell)
    state = builder.start(ComputationGraph(np.float64))
    assert (state.output(), state.prev(), state.h(), state.s()) == (None, None, (), ())
    assert state.b() is builder
    assert state.transduce([]) == []
    assert state.add_inputs([]) == []


@every_cell
def test_states_know_their_vectors_and_where_they_came_from(cell):
    _, builder = random_stack(cell)
    graph = ComputationGraph(np.float64)
    start = builder.start(graph)
    inputs = inputs_at(graph, list(range(3)))
    states = start.add_inputs(x for x in inputs)
    assert [s.prev() for s in states] == [start, states[0], states[1]]
    last = states[-1]
    assert [e.dim() for e in last.h()] == [((n,), 1) for n in SIZES]
    assert [e.dim() for e in last.s()] == [((n,), 1) for n in SIZES * cell.states]
    assert last.s()[-len(SIZES) :] == last.h()  # memories first, outputs last
    assert last.output() is last.h()[-1]
    # what s() returns is what set_s takes
    again = start.set_s(last.s()).add_input(inputs[0]).output()
    assert again.value() == last.add_input(inputs[0]).output().value()


@every_cell
def test_states_branch(cell):
    _, builder = random_stack(cell)

    def outputs(graph: ComputationGraph, path: list[int]) -> list[list[float]]:
        inputs = inputs_at(graph, path)
        return [s.output().value() for s in builder.start(graph).add_inputs(inputs)]

    graph = ComputationGraph(np.float64)
    x = inputs_at(graph, list(range(4)))
    root = builder.start(graph).add_input(x[0])
    left = root.add_input(x[1])
    right = root.add_input(x[2])
    longer = left.add_input(x[3])
    found = [s.output().value() for s in (longer, right, left, root)]
    one, other = (outputs(ComputationGraph(np.float64), path) for path in ([0, 1, 3], [0, 2]))
    assert found == [one[2], other[1], one[1], one[0]]
    assert other[0] == one[0]


@every_cell
def test_both_branches_give_a_gradient_to_their_root(cell):
    _, builder = random_stack(cell)

    def root_gradient(ends: tuple[int, ...]) -> Array:
        graph = ComputationGraph(np.float64)
        x = inputs_at(graph, list(range(3)))
        root = builder.start(graph).add_input(x[0])
        tops = [root.add_input(x[t]).output() for t in (1, 2)]
        esum([dot_product(tops[k], tops[k]) for k in ends]).backward()
        return np.concatenate([e.gradient() for e in root.s()])

    both = root_gradient((0, 1))
    np.testing.assert_allclose(both, root_gradient((0,)) + root_gradient((1,)), 1e-12, 1e-15)
    assert both.any()


def test_the_gradient_of_a_state_is_that_of_all_that_follows():
    """As in a cell put together by hand: a memory's comes through its own step's output too."""
    _, builder = random_stack(LSTMCell(), sizes=[4])
    wx, wh, b = builder.layers[0]
    found = []
    for by_hand in (False, True):
        graph = ComputationGraph(np.float64)
        x, y = inputs_at(graph, [0, 1])
        if by_hand:
            weights = [leaf(graph, ParameterLeaf(p), True) for p in (wx, wh, b)]
            zeros = input_vector(graph, [0.0] * 4)
            gates = vanilla_lstm_gates(x, zeros, *weights)
            c = vanilla_lstm_c(zeros, gates)
            h = vanilla_lstm_h(c, gates)
            gates = vanilla_lstm_gates(y, h, *weights)
            last = vanilla_lstm_h(vanilla_lstm_c(c, gates), gates)
        else:
            first, second = builder.start(graph).add_inputs([x, y])
            (c, h), last = first.s(), second.output()
        dot_product(last, last).backward()
        found.append([c.gradient(), h.gradient()])
    np.testing.assert_allclose(*found, rtol=1e-12)


@every_cell
def test_gradients_are_not_kept_where_nobody_wants_them(cell):
    _, builder = random_stack(cell)
    graph = ComputationGraph(np.float64)
    output = builder.start(graph).transduce(inputs_at(graph, [0, 1, 2]))[-1]
    loss = dot_product(output, output)
    graph.backward(loss.index, keep=False)
    assert not any(d is not None for d in graph.run.gradients)


def test_new_outputs_leave_the_memory_as_it_is():
    _, builder = random_stack(LSTMCell())
    graph = ComputationGraph(np.float64)
    (x,) = inputs_at(graph, [0])
    state = builder.start(graph).add_input(x)
    h = [input_vector(graph, [0.5] * n) for n in SIZES]
    changed = state.set_h(h)
    assert changed.s() == (*state.s()[:2], *h)
    assert changed.prev() is state
    assert state.h() != changed.h()
    by_hand = state.set_s([*state.s()[:2], *h]).add_input(x)
    assert changed.add_input(x).output().value() == by_hand.output().value()
    # before any input there is no memory to keep
    early = builder.start(graph).set_h(h)
    assert early.h() == tuple(h)
    zeros = [input_vector(graph, [0.0] * n) for n in SIZES]
    expected = builder.start(graph).set_s([*zeros, *h]).transduce([x, x])
    for a, b in zip(early.transduce([x, x]), expected, strict=True):
        np.testing.assert_allclose(a.npvalue(), b.npvalue(), rtol=1e-12)


def test_parameters_without_update_get_no_gradient():
    pc, builder = random_stack(LSTMCell())
    graph = ComputationGraph(np.float64)
    (x,) = inputs_at(graph, [0])
    output = builder.start(graph, update=False).add_input(x).output()
    dot_product(output, output).backward(full=True)
    assert x.gradient().any()
    assert not any(p.has_gradient or p.gradient.any() for p in pc.parameters)


# ---- mistakes


@pytest.fixture
def stack() -> tuple[RNNBuilder, ComputationGraph, RNNState, Expression]:
    _, builder = random_stack(LSTMCell())
    graph = ComputationGraph(np.float64)
    return builder, graph, builder.start(graph), input_vector(graph, [1.0] * INPUT)


def test_a_wrong_size_is_refused(stack):
    builder, graph, state, _ = stack
    small = input_vector(graph, [1.0, 2.0])
    count = len(graph)
    with pytest.raises(ShapeError, match=r"lstm: an input of size 3 is needed, got \(2,\)"):
        state.add_input(small)
    assert len(graph) == count
    with pytest.raises(ShapeError, match="lstm: an input of size 3 is needed"):
        state.transduce([small, small])
    matrix = input_tensor(graph, np.ones((3, 2)))
    with pytest.raises(ShapeError, match=r"lstm: the input must be a vector, got \(3, 2\)"):
        state.add_input(matrix)
    with pytest.raises(ShapeError, match="vectors of one size and batch are needed"):
        state.transduce([matrix])
    with pytest.raises(ShapeError, match="a sequence is needed"):
        builder.sequence(small)


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_a_wrong_count_of_vectors_is_refused(stack, count):
    _, graph, state, _ = stack
    vectors = [input_vector(graph, [0.0] * 4)] * count
    with pytest.raises(ShapeError, match=f"lstm of 2 layers needs 2 or 4 vectors, got {count}"):
        state.set_s(vectors)
    with pytest.raises(ShapeError, match=f"for each of 2 layers is needed, got {count}"):
        state.set_h(vectors)


def test_vectors_of_a_wrong_size_are_refused(stack):
    _, graph, state, _ = stack
    four, two = input_vector(graph, [0.0] * 4), input_vector(graph, [0.0] * 2)
    with pytest.raises(ShapeError, match=r"vector 3 must have shape \(2,\), got \(4,\)"):
        state.set_s([four, two, four, four])
    with pytest.raises(ShapeError, match=r"vector 0 must have shape \(4,\), got \(2,\)"):
        state.set_h([two, four])


def test_what_is_no_expression_is_refused(stack):
    _, _, state, x = stack
    for attempt in (
        lambda: state.add_input([1.0, 2.0, 3.0]),
        lambda: state.add_inputs([x, [1.0, 2.0, 3.0]]),
        lambda: state.transduce([x, [1.0, 2.0, 3.0]]),
        lambda: state.set_s([[1.0] * 4, [1.0] * 2]),
        lambda: state.set_h([[1.0] * 4, [1.0] * 2]),
    ):
        with pytest.raises(ArgumentError, match="expected an expression, got list"):
            attempt()


def test_a_state_ends_with_its_graph(stack):
    _, graph, state, x = stack
    after = state.add_input(x)
    graph.release()
    y = input_vector(ComputationGraph(), [1.0] * INPUT)
    for attempt in (
        after.h,
        after.s,
        after.output,
        lambda: after.add_input(y),
        lambda: after.add_inputs([y]),
        lambda: after.transduce([y]),
        lambda: after.set_s([y, y]),
        lambda: after.set_h([y, y]),
    ):
        with pytest.raises(
            StaleBuilderError, match="belongs to a graph that was renewed"
        ) as caught:
            attempt()
        assert isinstance(caught.value, ValueError)


def test_a_stale_input_is_refused(stack):
    builder, graph, _, x = stack
    graph.release()
    state = builder.start(ComputationGraph(np.float64))
    for attempt in (lambda: state.add_input(x), lambda: state.transduce([x])):
        with pytest.raises(StaleArgumentError, match="is stale"):
            attempt()


@every_cell
@pytest.mark.parametrize("batch", [1, 2])
def test_a_column_is_a_vector(cell, batch):
    """As a matrix times a column makes one: attention's context, say."""
    _, builder = random_stack(cell, sizes=[4])
    x, initial = drawn(1, INPUT, batch), [drawn(2 + k, 4, batch) for k in range(cell.states)]
    found = []
    for column in (False, True):
        graph = ComputationGraph(np.float64)
        given = [input_tensor(graph, a[:, None] if column else a, True) for a in (x, *initial)]
        state = builder.start(graph).set_s(given[1:]).add_input(given[0])
        loss = sum_batches(sum_elems(state.output()))
        loss.backward(full=True)
        assert state.output().dim() == ((4,), batch)
        found.append([state.output().npvalue(), *[e.gradient().ravel() for e in given]])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
