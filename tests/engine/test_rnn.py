"""Recurrent layers: DyNet's numbers, gradients, and sequences against single steps."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import schema
from charlm.engine.arrays import Array, reduce_to
from charlm.engine.expression import Expression
from charlm.engine.gradcheck import check_parameters
from charlm.engine.graph import ComputationGraph
from charlm.engine.ops import dot_product, esum, input_tensor, input_vector, sum_batches
from charlm.engine.parameters import ParameterCollection
from charlm.engine.rnn import CELLS, RNNBuilder, RNNState
from charlm.engine.rnn.cell import Cell, CellInput
from charlm.engine.rnn.cells.gru import GRUCell
from charlm.engine.rnn.cells.lstm import LSTMCell
from charlm.engine.rnn.cells.rnn import SimpleRNNCell
from charlm.engine.rnn.kernel_cell import StepCell
from charlm.kernels import NUMPY
from charlm.kernels.reference import Product
from tests.engine.stacks import INPUT, SIZES, drawn, every_cell, inputs_at, random_stack

XS = [[0.5, -1.0], [2.0, 0.25]]
LOSS_WEIGHTS = [[1.0, 2.0], [3.0, -1.0]]
H, C_AND_H, C = [[0.1, -0.2]], [[0.1, -0.2], [0.3, 0.4]], [[0.1, -0.2]]

# (cell, initial vectors, outputs 1 and 2, memory after 2, loss, sum of all parameters' gradients),
# measured with DyNet 2.1 on one layer of input and hidden size 2, the inputs and weights above, and
# the parameters of `filled`
DYNET = {
    "rnn": (SimpleRNNCell(), None, [-0.29131261, 0.24491861], [-0.54996288, -0.55959702],
            None, -0.89176702, 5.3153),
    "rnn+init": (SimpleRNNCell(), H, [-0.20696649, 0.30043712], [-0.57470626, -0.55562419],
                 None, -0.77458668, 5.07177),
    "gru": (GRUCell(), None, [0.021260155, 0.028085429], [0.14328375, -0.13875024],
            None, 0.64603251, 4.18872),
    "gru+init": (GRUCell(), H, [0.060911652, -0.078695878], [0.16485022, -0.21481544],
                 None, 0.61288595, 4.09477),
    "lstm": (LSTMCell(), None, [0.031096457, -0.25533819], [0.09006162, -0.34867451],
             [0.27798226, -0.69022858], 0.13927948, 2.64609),
    "lstm+init": (LSTMCell(), C_AND_H, [0.04078152, -0.32271555], [0.1042937, -0.38574705],
                  [0.3186599, -0.79117811], 0.093978524, 2.99154),
    "lstm+init_c": (LSTMCell(), C, [0.056229476, -0.34221497], [0.11347902, -0.40033925],
                    [0.34701103, -0.83311677], 0.11257583, 2.78187),
    "lstm+forget_bias_0+init": (LSTMCell(0.0), C_AND_H, [0.036844414, -0.29910856],
                                [0.092896938, -0.34729117], [0.28370377, -0.68420225],
                                0.064609289, 2.95171),
}  # fmt: skip


def filled(pc: ParameterCollection) -> None:
    """Give the k-th parameter's i-th number, row by row, the value ((7i + 3k + 1) mod 11 - 5) / 10."""
    for k, p in enumerate(pc.parameters):
        i = np.arange(p.size).reshape(p.dims)
        p.write()[...] = (((7 * i + 3 * k + 1) % 11 - 5) / 10).T


def started(
    builder: RNNBuilder, graph: ComputationGraph, vectors: list[list[float]] | None
) -> RNNState:
    state = builder.start(graph)
    return state if vectors is None else state.set_s([input_vector(graph, v) for v in vectors])


@pytest.mark.parametrize("whole_sequence", [False, True])
@pytest.mark.parametrize("case", DYNET.values(), ids=DYNET.keys())
def test_the_numbers_are_dynets(case, whole_sequence):
    cell, init, first, second, memory, expected_loss, gradient_sum = case
    pc = ParameterCollection()
    builder = RNNBuilder(cell, 2, [2], pc)
    filled(pc)
    graph = ComputationGraph()
    state = started(builder, graph, init)
    inputs = [input_vector(graph, x) for x in XS]
    if whole_sequence:
        outputs = state.transduce(inputs)
    else:
        states = state.add_inputs(inputs)
        outputs = [s.output() for s in states]
        if memory is not None:
            np.testing.assert_allclose(states[-1].s()[0].value(), memory, rtol=1e-6)
    np.testing.assert_allclose([o.value() for o in outputs], [first, second], rtol=2e-6)
    weights = [input_vector(graph, w) for w in LOSS_WEIGHTS]
    loss = esum([dot_product(o, w) for o, w in zip(outputs, weights, strict=True)])
    assert loss.value() == pytest.approx(expected_loss, rel=2e-6)
    loss.backward()
    assert sum(p.gradient.sum() for p in pc.parameters) == pytest.approx(gradient_sum, rel=3e-6)


def test_what_configs_call_a_cell_is_its_name():
    for name in schema.CELLS:
        assert CELLS[name].__module__ == f"charlm.engine.rnn.cells.{name}"


def test_parameters_have_dynets_shapes_order_and_first_values():
    pc = ParameterCollection()
    for cell in (SimpleRNNCell(), GRUCell(), LSTMCell()):
        RNNBuilder(cell, 2, [3, 3], pc.add_subcollection(cell.name))
    found = {
        name: [p.dims for p in pc.parameters if p.name.startswith(f"/{name}/")] for name in CELLS
    }
    per_gate = [(3, 2), (3, 3), (3,)], [(3, 3), (3, 3), (3,)]
    assert found["rnn"] == [*per_gate[0], *per_gate[1]]
    assert found["gru"] == [*per_gate[0] * 3, *per_gate[1] * 3]
    assert found["lstm"] == [(12, 2), (12, 3), (12,), (12, 3), (12, 3), (12,)]
    for p in pc.parameters:
        bound = np.sqrt(6 / sum(p.dims)) if len(p.dims) == 2 else 0  # Glorot's; biases are 0
        assert np.abs(p.value).max() <= bound
        assert p.value.any() == (len(p.dims) == 2)
    assert [p.name for p in pc.parameters[:3]] == ["/rnn/_0", "/rnn/_1", "/rnn/_2"]


# ---- every cell

LENGTH = 4

# and with how many of its vectors as the initial state: none, for an LSTM the memories, or all
every_start = pytest.mark.parametrize(
    ("cell", "given"),
    [(kind(), count) for kind in CELLS.values() for count in range(kind.states + 1)],
    ids=lambda value: getattr(value, "name", None),
)


def outputs_of(state: RNNState, inputs: list[Expression], whole: bool) -> list[Expression]:
    """Return the outputs for all inputs, computed as one sequence or step by step."""
    return state.transduce(inputs) if whole else [s.output() for s in state.add_inputs(inputs)]


def run(
    builder: RNNBuilder, how: str, given: int, x_batch: int, s_batch: int
) -> dict[str, list[Array]]:
    """Return outputs and all gradients of a stack run step by step or as a whole."""
    parameters = [p for layer in builder.layers for p in layer]
    for p in parameters:
        p.clear_gradient()
    graph = ComputationGraph(np.float64)
    inputs = [input_tensor(graph, drawn(t, INPUT, x_batch), True) for t in range(LENGTH)]
    sizes = SIZES * given
    vectors = [input_tensor(graph, drawn(50 + k, n, s_batch), True) for k, n in enumerate(sizes)]
    state = builder.start(graph)
    if vectors:
        state = state.set_s(vectors)
    outputs = outputs_of(state, inputs, how == "whole")
    losses = [
        sum_batches(dot_product(o, input_tensor(graph, drawn(90 + t, SIZES[-1], o.dim()[1]), True)))
        for t, o in enumerate(outputs)
    ]
    esum(losses).backward(full=True)
    return {
        "outputs": [o.npvalue() for o in outputs],
        "output gradients": [o.gradient() for o in outputs],
        "inputs": [x.gradient() for x in inputs],
        "states": [v.gradient() for v in vectors],
        "parameters": [p.gradient.copy() for p in parameters],
    }


@every_start
@pytest.mark.parametrize(("x_batch", "s_batch"), [(1, 1), (3, 3), (3, 1), (1, 3)])
def test_a_sequence_is_its_steps(cell, given, x_batch, s_batch):
    _, builder = random_stack(cell)
    steps = run(builder, "steps", given, x_batch, s_batch)
    whole = run(builder, "whole", given, x_batch, s_batch)
    assert len(steps["outputs"]) == LENGTH
    for name, expected in steps.items():
        assert len(whole[name]) == len(expected)
        for a, b in zip(whole[name], expected, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=name)
    # and they are numbers that count
    assert all(gradient.any() for name in steps for gradient in steps[name])


@every_cell
def test_a_sequence_is_one_node_a_layer_and_its_outputs_have_the_steps_ids(cell):
    _, builder = random_stack(cell)
    ids, kinds = [], []
    for whole in (False, True):
        graph = ComputationGraph(np.float64)
        inputs = [input_tensor(graph, drawn(t, INPUT, 2), True) for t in range(LENGTH)]
        state = builder.start(graph)
        found = outputs_of(state, inputs, whole)
        ids.append([repr(o) for o in (*found, found[0] + found[1])])
        kinds.append([type(graph.op(i)).__name__ for i in range(len(graph))])
    assert ids[0] == ids[1]
    assert kinds[0].count("RecurrentStep") == LENGTH * len(SIZES)
    assert kinds[1].count("RecurrentSequence") == len(SIZES)
    assert "RecurrentStep" not in kinds[1]


@every_cell
def test_a_batch_that_begins_midway(cell):
    _, builder = random_stack(cell)

    def outputs(whole: bool) -> list[Expression]:
        graph = ComputationGraph(np.float64)
        inputs = [input_tensor(graph, drawn(t, INPUT, 1 + t % 2), True) for t in range(LENGTH)]
        return outputs_of(builder.start(graph), inputs, whole)

    one, other = outputs(True), outputs(False)
    assert [o.dim() for o in one] == [((2,), batch) for batch in (1, 2, 2, 2)]
    for a, b in zip(one, other, strict=True):
        assert (a.npvalue() == b.npvalue()).all()
    assert [repr(o) for o in one] == [repr(o) for o in other]
    assert [o[0].graph.next_id for o in (one, other)] == [one[-1].id + 1] * 2


@every_cell
def test_a_minibatch_is_its_sequences(cell):
    _, builder = random_stack(cell)

    def outputs(columns: slice) -> list[Array]:
        graph = ComputationGraph(np.float64)
        inputs = [input_tensor(graph, drawn(t, INPUT, 3)[:, columns], True) for t in range(LENGTH)]
        return [o.array().copy() for o in builder.start(graph).transduce(inputs)]

    together = outputs(slice(0, 3))
    apart = [outputs(slice(b, b + 1)) for b in range(3)]
    for t in range(LENGTH):
        np.testing.assert_allclose(
            together[t], np.concatenate([one[t] for one in apart]), rtol=1e-12
        )


@every_start
@pytest.mark.parametrize("whole", [False, True])
def test_the_gradients_are_those_of_central_differences(cell, given, whole):
    pc, builder = random_stack(cell, 2, [2, 3])

    def loss(graph: ComputationGraph) -> Expression:
        state = builder.start(graph)
        if given:
            vectors = [drawn(50 + k, n, 2) for k, n in enumerate([2, 3] * given)]
            state = state.set_s([input_tensor(graph, v, True) for v in vectors])
        inputs = [input_tensor(graph, 3 * drawn(t, 2, 2), True) for t in range(3)]
        outputs = outputs_of(state, inputs, whole)
        weights = [input_tensor(graph, 3 * drawn(90 + t, 3, 2), True) for t in range(3)]
        terms = [dot_product(o, w) for o, w in zip(outputs, weights, strict=True)]
        return sum_batches(esum(terms))

    assert check_parameters(pc, loss) < 1e-6


@every_cell
def test_a_sequence_node_is_the_same_again(cell):
    pc, builder = random_stack(cell)
    steps = run(builder, "steps", 0, 3, 3)
    for p in pc.parameters:
        p.clear_gradient()
    graph = ComputationGraph(np.float64)
    xs = np.stack([drawn(t, INPUT, 3) for t in range(LENGTH)], axis=-1)  # (input, batch, time)
    top, layers = builder.sequence(input_tensor(graph, xs))
    assert top.dim() == ((SIZES[-1], 3, LENGTH), 1)
    assert [layer.dim() for layer in layers] == [((n, 3, LENGTH), cell.states) for n in SIZES]
    weights = np.stack([drawn(90 + t, SIZES[-1], 3) for t in range(LENGTH)], axis=-1)
    dot_product(top, input_tensor(graph, weights)).backward()
    for t in range(LENGTH):
        np.testing.assert_allclose(top.npvalue()[..., t], steps["outputs"][t], rtol=1e-12)
    for p, expected in zip(pc.parameters, steps["parameters"], strict=True):
        np.testing.assert_allclose(p.gradient, expected, rtol=1e-12, atol=1e-12)


@every_cell
def test_a_given_zero_state_is_no_state(cell):
    _, builder = random_stack(cell)
    for layer in builder.layers:
        for role, p in zip(cell.roles, layer, strict=True):
            if role == "bh":  # what the norm of a zero state leaves
                p.write()[...] = 0
    graph = ComputationGraph(np.float64)
    inputs = inputs_at(graph, [0, 1])
    zeros = [input_vector(graph, [0.0] * n) for n in SIZES * cell.states]
    for a, b in zip(
        builder.start(graph).set_s(zeros).transduce(inputs),
        builder.start(graph).transduce(inputs),
        strict=True,
    ):
        np.testing.assert_allclose(a.npvalue(), b.npvalue(), rtol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("given", [0, 1, 2])
@pytest.mark.parametrize(
    "cell", [c() for c in CELLS.values() if issubclass(c, StepCell)], ids=lambda c: c.name
)
def test_the_kernels_of_a_single_step_agree_with_a_sequence_of_one(
    cell: Cell, given: int, masked: bool
) -> None:
    rng = np.random.default_rng(given)
    B, hidden = 3, 4
    x_BI = rng.normal(size=(B, 2))
    params = [rng.normal(size=(1, *shape[::-1])) for shape in cell.shapes(2, hidden)]
    states = [rng.normal(size=(B, hidden)) if k < given else None for k in range(cell.states)]
    masks = [rng.normal(size=(B, hidden))] * (cell.masks if masked else 0)
    inputs = CellInput(x_BI, params, states, masks)
    y, saved = cell.step(NUMPY, inputs)
    y_as_sequence, saved_as_sequence = Cell.step(cell, NUMPY, inputs)
    np.testing.assert_allclose(y, y_as_sequence, rtol=1e-12)
    dy = rng.normal(size=y.shape)
    found = cell.step_backward(NUMPY, dy, y, saved, inputs)
    expected = Cell.step_backward(cell, NUMPY, dy, y, saved_as_sequence, inputs)
    for d, e, argument in zip(found, expected, [x_BI, *params, *states], strict=True):
        if argument is not None:
            both = [
                g.array() if isinstance(g, Product) else reduce_to(g, argument.shape)
                for g in (d, e)
            ]
            np.testing.assert_allclose(*both, rtol=1e-9, atol=1e-12)
