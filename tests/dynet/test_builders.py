"""Builders and their states: forms of the initial state, branches, sequences, minibatches."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as dy
from tests.dynet.programs import BUILDERS, kind_and_options

INPUT, HIDDEN = 3, 4
every_builder = pytest.mark.parametrize("name", BUILDERS)
every_stack = pytest.mark.parametrize(
    ("name", "layers"), [(n, k) for n in BUILDERS for k in (1, 2)]
)


@pytest.fixture(autouse=True)
def afresh():
    dy.init(random_seed=1)


def make(name: str, layers: int = 1) -> tuple[dy.ParameterCollection, dy.LSTMBuilder]:
    pc = dy.ParameterCollection()
    kind, options = kind_and_options(name)
    return pc, getattr(dy, kind)(layers, INPUT, HIDDEN, pc, **options)


def carried(builder, layers: int = 1) -> int:
    return layers * (2 if "LSTM" in builder.whoami() else 1)


def vectors(count: int, seed: int = 0, batch: int = 1) -> list[dy.Expression]:
    drawn = np.random.default_rng(seed).uniform(-1, 1, (count, HIDDEN, batch))
    return [dy.inputTensor(v, batched=True) for v in drawn]


def inputs(count: int, seed: int = 1, batch: int = 1) -> list[dy.Expression]:
    drawn = np.random.default_rng(seed).uniform(-1, 1, (count, INPUT, batch))
    return [dy.inputTensor(v, batched=True) for v in drawn]


def outputs(state, xs) -> list[list[float]]:
    return [s.output().value() for s in state.add_inputs(xs)]


# ---- parameters


def test_parameters_are_in_a_sub_collection_of_dynets_name():
    pc = dy.ParameterCollection()
    made = [dy.SimpleRNNBuilder(2, 3, 4, pc), dy.GRUBuilder(1, 3, 4, pc)]
    made += [dy.LSTMBuilder(1, 3, 4, pc), dy.LSTMBuilder(1, 3, 4, pc)]
    assert [b.param_collection().name() for b in made] == [
        "/simple-rnn-builder/", "/gru-builder/", "/vanilla-lstm-builder/", "/vanilla-lstm-builder_1/"
    ]  # fmt: skip
    assert [[p.name()[-2:] for p in layer] for layer in made[0].get_parameters()] == [
        ["_0", "_1", "_2"],
        ["_3", "_4", "_5"],
    ]
    shapes = [[p.shape() for p in b.get_parameters()[-1]] for b in made[:3]]
    assert shapes == [[(4, 4), (4, 4), (4,)], [(4, 3), (4, 4), (4,)] * 3, [(16, 3), (16, 4), (16,)]]
    assert len(pc.parameters_list()) == 6 + 9 + 3 + 3


def test_the_lstm_has_two_names():
    assert dy.LSTMBuilder is dy.VanillaLSTMBuilder
    _, builder = make("LSTMBuilder")
    assert builder.whoami() == "VanillaLSTMBuilder"


@every_stack
def test_a_spec_makes_another_of_its_kind(name, layers):
    pc, builder = make(name, layers)
    again = type(builder).from_spec(builder.spec, pc)
    assert again.spec == builder.spec
    assert builder.spec[:3] == (layers, INPUT, HIDDEN)
    shapes = [
        [[p.shape() for p in layer] for layer in b.get_parameters()] for b in (builder, again)
    ]
    assert shapes[0] == shapes[1]
    assert {p.name() for p in again.param_collection().parameters_list()} < {
        p.name() for p in pc.parameters_list()
    }


def test_the_forget_bias_is_not_stored():
    values = {}
    for bias in (1.0, 0.0):
        dy.init(random_seed=1)
        builder = dy.LSTMBuilder(1, INPUT, HIDDEN, dy.ParameterCollection(), forget_bias=bias)
        assert builder.spec == (1, INPUT, HIDDEN, False, bias)
        assert not builder.get_parameters()[0][2].as_array().any()
        values[bias] = outputs(builder.initial_state(), inputs(2))
    assert values[0.0][0] == values[1.0][0]  # nothing to forget yet
    assert values[0.0][1] != values[1.0][1]


# ---- initial states


@every_builder
def test_one_initial_state_for_each_graph(name):
    _, builder = make(name)
    first = builder.initial_state()
    assert builder.initial_state() is builder.initial_state(update=False) is first
    assert (first.output(), first.h(), first.s(), first.prev()) == (None, (), (), None)
    assert first.b() is builder
    dy.renew_cg()
    assert builder.initial_state() is not first


@every_builder
def test_update_is_decided_by_the_first_call_of_a_graph(name):
    pc, builder = make(name)
    for update in (False, True):
        dy.renew_cg()
        builder.initial_state(update=update)
        state = builder.initial_state(update=not update).add_inputs(inputs(3))[-1]
        dy.sum_elems(state.output()).backward()
        counts = [p.grad_as_array().any() for p in pc.parameters_list()]
        idle = 2 if name.startswith(("Fast", "Sparse")) else 0  # unused peepholes; masks
        assert sum(counts) == (len(counts) - idle if update else 0)


@every_stack
def test_a_sequence_continues_from_what_another_carried(name, layers):
    """Also across graphs, as numbers."""
    _, builder = make(name, layers)
    xs = inputs(5)
    whole = outputs(builder.initial_state(), xs)
    middle = builder.initial_state().add_inputs(xs[:2])[-1]
    for given in (middle.s(), list(middle.s())):
        assert outputs(builder.initial_state(given), xs[2:]) == whole[2:]
    numbers = [e.npvalue() for e in middle.s()]
    dy.renew_cg()
    started = builder.initial_state_from_raw_vectors(numbers)
    assert outputs(started, inputs(5)[2:]) == whole[2:]


@every_stack
def test_a_given_state_is_there_before_the_first_input(name, layers):
    _, builder = make(name, layers)
    given = vectors(carried(builder, layers))
    state = builder.initial_state(given)
    assert state.s() == tuple(given)
    assert state.h() == tuple(given[-layers:])
    assert state.output() is given[-1]
    assert state.prev() is builder.initial_state()


def test_an_lstms_memories_alone():
    """The outputs are zeros at first, and midway what they were."""
    _, builder = make("LSTMBuilder", 2)
    xs, memories = inputs(3), vectors(2)
    zeros = [dy.zeros(HIDDEN) for _ in range(2)]
    alone = outputs(builder.initial_state(memories), xs)
    assert alone == outputs(builder.initial_state([*memories, *zeros]), xs)
    middle = builder.initial_state().add_input(xs[0])
    changed = middle.set_s(memories)
    assert changed.h() == middle.h()
    assert outputs(changed, xs) == outputs(middle.set_s([*memories, *middle.h()]), xs)


def test_outputs_alone():
    _, builder = make("LSTMBuilder", 2)
    xs, given = inputs(3), vectors(2)
    middle = builder.initial_state().add_input(xs[0])
    changed = middle.set_h(given)
    assert (changed.h(), changed.s()[:2]) == (tuple(given), middle.s()[:2])
    assert changed.prev() is middle
    fresh = builder.initial_state().set_h(given)
    zeros = [dy.zeros(HIDDEN) for _ in range(2)]
    assert outputs(fresh, xs) == outputs(builder.initial_state([*zeros, *given]), xs)


@every_stack
def test_trained_initial_states(name, layers):
    pc, builder = make(name, layers)
    start = [pc.add_parameters(HIDDEN) for _ in range(carried(builder, layers))]
    dy.renew_cg()
    state = builder.initial_state(start).add_inputs(inputs(3))[-1]
    dy.sum_elems(state.output()).backward()
    assert all(p.grad_as_array().any() for p in start)


# ---- branches and sequences


@every_stack
def test_any_state_can_be_continued_again(name, layers):
    pc, builder = make(name, layers)
    x = inputs(4)

    def branches():
        s1 = builder.initial_state().add_input(x[0])
        s2 = s1.add_input(x[1])
        s3, s4 = s2.add_input(x[2]), s2.add_input(x[3])
        s5 = s1.add_input(x[3])
        assert s3.prev() is s4.prev() is s2
        assert s5.prev() is s1
        return [s3, s4, s5]

    def straight():
        paths = [[x[0], x[1], x[2]], [x[0], x[1], x[3]], [x[0], x[3]]]
        return [builder.initial_state().add_inputs(path)[-1] for path in paths]

    found = []
    for states in (branches(), straight()):
        for p in pc.parameters_list():
            p.scale_gradient(0)
        loss = dy.sum_elems(dy.esum([s.output() for s in states]))
        loss.backward()
        found.append([loss.value(), *(p.grad_as_array() for p in pc.parameters_list())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_stack_lstm():
    """Whatever was pushed and popped before, the state depends on what is on the stack alone."""
    _, builder = make("LSTMBuilder", 2)
    x = inputs(6)
    bottom = builder.initial_state()
    state, stack = bottom, []
    for action in [0, 1, None, 2, 3, None, None, 4, 5]:
        if action is None:
            state = state.prev()
            stack.pop()
        else:
            state = state.add_input(x[action])
            stack.append(action)
    assert stack == [0, 4, 5]
    rebuilt = bottom.add_inputs([x[i] for i in stack])[-1]
    assert [e.value() for e in state.s()] == [e.value() for e in rebuilt.s()]
    for _ in stack:
        state = state.prev()
    assert state is bottom


@every_stack
@pytest.mark.parametrize("batch", [1, 3])
def test_transduce_gives_what_add_inputs_gives(name, layers, batch):
    pc, builder = make(name, layers)
    found = []
    for whole in (False, True):
        dy.renew_cg()
        for p in pc.parameters_list():
            p.scale_gradient(0)
        state = builder.initial_state(vectors(carried(builder, layers), batch=batch))
        xs = inputs(5, batch=batch)
        ys = state.transduce(xs) if whole else [s.output() for s in state.add_inputs(iter(xs))]
        loss = dy.sum_batches(dy.sum_elems(dy.esum([ys[0], ys[2], ys[-1]])))
        loss.backward(full=True)
        gradients = [p.grad_as_array() for p in pc.parameters_list()]
        found.append([*(y.npvalue() for y in ys), *(e.gradient() for e in (*ys, *xs)), *gradients])
    assert len(found[0]) == len(found[1])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@every_builder
def test_nothing_in_nothing_out(name):
    _, builder = make(name)
    assert builder.initial_state().transduce([]) == builder.initial_state().add_inputs([]) == []


# ---- minibatches


@every_stack
def test_a_minibatch_is_its_sequences(name, layers):
    _, builder = make(name, layers)
    xs, start = inputs(3, batch=2), vectors(carried(builder, layers), batch=2)
    together = builder.initial_state(start).add_inputs(xs)[-1]
    assert [e.dim() for e in together.s()] == [((HIDDEN,), 2)] * len(start)
    for k in range(2):
        alone = builder.initial_state([dy.pick_batch_elem(v, k) for v in start])
        last = alone.add_inputs([dy.pick_batch_elem(x, k) for x in xs])[-1]
        for a, b in zip(together.s(), last.s(), strict=True):
            np.testing.assert_allclose(a.npvalue()[:, k], b.npvalue(), rtol=1e-5, atol=1e-7)


@every_builder
def test_one_start_for_a_whole_minibatch(name):
    _, builder = make(name)
    start = vectors(carried(builder))
    state = builder.initial_state(start).add_input(inputs(1, batch=3)[0])
    assert state.output().dim() == ((HIDDEN,), 3)


# ---- expressions of the parameters


@every_builder
def test_expressions_of_the_parameters(name):
    _, builder = make(name)
    builder.initial_state()
    (layer,), (parameters,) = builder.get_parameter_expressions(), builder.get_parameters()
    if name.startswith("Sparse"):  # the masks are in the first two products, and 1
        parameters = parameters[:3]
    for expression, p in zip(layer, parameters, strict=True):
        assert expression.npvalue().tolist() == p.as_array().tolist()
