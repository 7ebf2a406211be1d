"""The bidirectional RNN: its parts, sequences, dropout, model files; and DyNet's own beside it."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as ours
from charlm.errors import ArgumentError, MisuseError, ModelFileError
from tests.dynet.programs import ids_of

INPUT, HIDDEN, LENGTH = 3, 4, 3
KINDS = ["SimpleRNNBuilder", "GRUBuilder", "LSTMBuilder", "CoupledLSTMBuilder"]
every_stack = pytest.mark.parametrize(
    ("kind", "layers"), [(k, n) for k in KINDS for n in (1, 2, 3)]
)


@pytest.fixture(autouse=True)
def afresh():
    ours.init(random_seed=1)


def make(dy, kind="LSTMBuilder", layers=1, **options):
    """Return a collection and a builder in it, filled with numbers of no stream."""
    pc = dy.ParameterCollection()
    builder = dy.BiRNNBuilder(layers, INPUT, HIDDEN, pc, getattr(dy, kind), **options)
    for k, p in enumerate(pc.parameters_list()):
        p.set_value(np.random.default_rng(k).uniform(-0.5, 0.5, p.shape()))
    return pc, builder


def inputs(dy, batch=1):
    drawn = np.random.default_rng(0).uniform(-1, 1, (LENGTH, INPUT, batch))
    return [dy.inputTensor(x if batch > 1 else x[:, 0], batched=batch > 1) for x in drawn]


def test_parameters_and_what_it_says_of_itself():
    pc, builder = make(ours, layers=2)
    places = ["", "_1", "_2", "_3"]
    assert [p.name() for p in builder.param_collection().parameters_list()] == [
        f"/birnn/vanilla-lstm-builder{place}/_{k}" for place in places for k in range(3)
    ]
    assert [p.shape() for p in pc.parameters_list()[::3]] == [(8, 3), (8, 3), (8, 4), (8, 4)]
    assert builder.spec == (2, INPUT, HIDDEN, ours.VanillaLSTMBuilder, None)
    assert builder.whoami() == "BiRNNBuilder"
    again = ours.BiRNNBuilder.from_spec(builder.spec, pc)
    assert (again.spec, again.param_collection().name()) == (builder.spec, "/birnn_1/")
    assert [(f.spec[:3], b.spec[:3]) for f, b in builder.builder_layers] == [
        ((1, 3, 2), (1, 3, 2)),
        ((1, 4, 2), (1, 4, 2)),
    ]


def test_outputs_are_those_of_the_two_builders():
    _, builder = make(ours)
    ((forwards, backwards),) = builder.builder_layers
    xs = inputs(ours)
    outputs = [e.npvalue() for e in builder.transduce(xs)]
    there = [e.npvalue() for e in forwards.initial_state().transduce(xs)]
    back = [e.npvalue() for e in backwards.initial_state().transduce(xs[::-1])][::-1]
    np.testing.assert_array_equal(outputs, np.concatenate([there, back], axis=1))
    states = builder.add_inputs(xs)
    np.testing.assert_allclose([f.output().npvalue() for f, _ in states], there, rtol=1e-6)
    np.testing.assert_allclose([b.output().npvalue() for _, b in states], back, rtol=1e-6)


def test_states_are_those_of_the_top_layer():
    _, builder = make(ours, layers=2)
    xs = inputs(ours)
    outputs = np.array([e.npvalue() for e in builder.transduce(iter(xs))])
    states = builder.add_inputs(iter(xs))
    for t, (f, b) in enumerate(states):
        np.testing.assert_allclose(
            np.concatenate([f.output().npvalue(), b.output().npvalue()]), outputs[t], rtol=1e-6
        )
    assert states[1][0].prev() is states[0][0]
    assert states[1][1].prev() is states[2][1]
    assert builder.transduce([]) == builder.add_inputs([]) == []


def test_layers_that_are_there_are_used():
    pc = ours.ParameterCollection()
    pair = tuple(ours.GRUBuilder(1, INPUT, 2, pc) for _ in range(2))
    builder = ours.BiRNNBuilder(1, INPUT, HIDDEN, pc, ours.GRUBuilder, builder_layers=[pair])
    assert builder.builder_layers == [pair]
    assert builder.param_collection().parameters_list() == []
    assert len(builder.transduce(inputs(ours))) == LENGTH


def test_a_factory_may_be_a_function():
    pc = ours.ParameterCollection()
    builder = ours.BiRNNBuilder(
        1, INPUT, HIDDEN, pc, lambda *sizes: ours.LSTMBuilder(*sizes, forget_bias=0.0)
    )
    assert {f.spec for pair in builder.builder_layers for f in pair} == {(1, 3, 2, False, 0.0)}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 3, 4), MisuseError, "one layer or more is needed, got 0"),
        ((-1, 3, 4), MisuseError, "one layer or more is needed, got -1"),
        ((1, 3, 5), MisuseError, "must be even, got 5"),
        ((1, "a", 4), ArgumentError, "a whole number is needed"),
    ],
)
def test_bad_sizes(arguments, error, message):
    with pytest.raises(error, match=message):
        ours.BiRNNBuilder(*arguments, ours.ParameterCollection(), ours.LSTMBuilder)


def test_bad_arguments():
    pc = ours.ParameterCollection()
    one = ours.LSTMBuilder(1, INPUT, 2, pc)
    for model, factory, layers in [
        (5, ours.LSTMBuilder, None),
        (pc, 5, None),
        (pc, ours.LSTMBuilder, [(one,)]),
        (pc, ours.LSTMBuilder, ["ab"]),
    ]:
        with pytest.raises(ArgumentError):
            ours.BiRNNBuilder(1, INPUT, HIDDEN, model, factory, layers)
    with pytest.raises(MisuseError, match="builder_layers is empty"):
        ours.BiRNNBuilder(1, INPUT, HIDDEN, pc, ours.LSTMBuilder, [])
    _, builder = make(ours)
    with pytest.raises(ValueError, match="an input of size 3 is needed"):
        builder.transduce([ours.vecInput(2)])
    with pytest.raises(TypeError, match="expected an expression"):
        builder.transduce([1.0])
    with pytest.raises(ValueError, match="a probability is from 0 to 1"):
        builder.set_dropout(1.5)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_that_of_every_builder(kind):
    _, builder = make(ours, kind, layers=2)

    def outputs():
        ours.renew_cg()
        return [e.value() for e in builder.transduce(inputs(ours))]

    plain = outputs()
    builder.set_dropout(0.5)
    assert outputs() != outputs()
    builder.disable_dropout()
    assert outputs() == plain


@every_stack
def test_it_is_loaded_as_it_was_saved(kind, layers, tmp_path):
    _, builder = make(ours, kind, layers)
    ours.save(tmp_path / "m", [builder])
    (again,) = ours.load(tmp_path / "m", ours.ParameterCollection())
    assert again.spec == builder.spec
    values = [[e.value() for e in b.transduce(inputs(ours))] for b in (builder, again)]
    assert values[0] == values[1]


def test_the_largest_size_is_larger_than_any_parameters(tmp_path):
    builder = ours.BiRNNBuilder(1, 1, 40, ours.ParameterCollection(), ours.SimpleRNNBuilder)
    ours.save(tmp_path / "m", [builder])
    (again,) = ours.load(tmp_path / "m", ours.ParameterCollection())
    assert again.spec == builder.spec


@pytest.mark.parametrize(
    ("was", "given"),
    [
        ("VanillaLSTMBuilder", "BiRNNBuilder"),  # which needs a factory of its own
        ("VanillaLSTMBuilder", "ParameterCollection"),
        ("_dynet", "os"),
    ],
)
def test_a_file_that_names_another_class(was, given, tmp_path):
    ours.save(tmp_path / "m", [make(ours)[1]])
    meta = (tmp_path / "m.meta").read_bytes()
    old, new = (bytes([len(s), 0, 0, 0]) + s.encode() for s in (was, given))
    assert old in meta
    (tmp_path / "m.meta").write_bytes(meta.replace(old, new))
    with pytest.raises(ModelFileError):
        ours.load(tmp_path / "m", ours.ParameterCollection())


# ---- DyNet's beside it


@every_stack
def test_ids_values_and_gradients_are_dynets(kind, layers, oracle):
    found = []
    for dy in (ours, oracle):
        pc, builder = make(dy, kind, layers)
        dy.renew_cg()
        xs = inputs(dy, batch=2)
        outputs = builder.transduce(xs)
        pairs = builder.add_inputs(xs)
        ids = [ids_of(e) for e in outputs]
        ids += [ids_of(state.output()) for pair in pairs for state in pair]
        loss = dy.sum_batches(dy.sum_elems(dy.esum([dy.square(e) for e in outputs])))
        loss.backward()
        arrays = [e.npvalue() for e in outputs] + [p.grad_as_array() for p in pc.parameters_list()]
        found.append(([*ids, ids_of(dy.vecInput(1))], arrays))
    assert found[0][0] == found[1][0]
    for mine, its in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_masks_are_dynets(kind, oracle):
    found = []
    for dy in (ours, oracle):
        _, builder = make(dy, kind, layers=2)
        builder.set_dropout(0.5)
        dy.reset_random_seed(5)
        dy.renew_cg()
        found.append([e.npvalue() for e in builder.transduce(inputs(dy))])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_each_reads_the_others_files(kind, oracle, tmp_path):
    outputs = []
    for dy, other in ((ours, oracle), (oracle, ours)):
        _, builder = make(dy, kind, layers=2)
        dy.save(str(tmp_path / "m"), [builder])
        (again,) = other.load(str(tmp_path / "m"), other.ParameterCollection())
        assert again.spec == (2, INPUT, HIDDEN, getattr(other, kind), None)
        for which, b in ((dy, builder), (other, again)):
            which.renew_cg()
            outputs.append([e.npvalue() for e in b.transduce(inputs(which))])
    for other in outputs[1:]:
        np.testing.assert_allclose(other, outputs[0], rtol=1e-5, atol=1e-6)
