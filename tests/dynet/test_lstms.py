"""What is particular to one kind of builder: layer norm, sparsity, unused peepholes; stacks of states."""

from __future__ import annotations

import numpy as np
import pytest

import charlm.dynet as dy

INPUT, HIDDEN = 3, 4


@pytest.fixture
def pc() -> dy.ParameterCollection:
    dy.init(random_seed=1)
    return dy.ParameterCollection()


def inputs(count: int = 3) -> list[dy.Expression]:
    drawn = np.random.default_rng(1).uniform(-1, 1, (count, INPUT))
    return [dy.inputTensor(x) for x in drawn]


def values(builder, count: int = 3) -> list[list[float]]:
    dy.renew_cg()
    return [y.value() for y in builder.initial_state().transduce(inputs(count))]


def test_their_parameters_have_dynets_names_and_shapes(pc):
    coupled = dy.CoupledLSTMBuilder(1, INPUT, HIDDEN, pc)
    fast = dy.FastLSTMBuilder(1, INPUT, HIDDEN, pc)
    compact = dy.CompactVanillaLSTMBuilder(1, INPUT, HIDDEN, pc)
    sparse = dy.SparseLSTMBuilder(2, INPUT, HIDDEN, pc)
    x, h, b, peephole, gates = (4, 3), (4, 4), (4,), (4, 1), [(16, 3), (16, 4)]
    shapes = [[p.shape() for p in builder.get_parameters()[0]] for builder in (coupled, fast)]
    assert shapes == [
        [x, h, h, b, x, h, h, b, x, h, b],
        [x, h, peephole, b, x, h, peephole, b, x, h, b],
    ]
    assert [p.shape() for p in compact.get_parameters()[0]] == [*gates, (16,)]
    assert [p.shape() for p in sparse.get_parameters()[0]] == [*gates, (16,), *gates]
    assert [p.name()[-2:] for p in sparse.get_parameters()[1]] == ["_5", "_6", "_9", "_7", "_8"]
    for builder, kind in ((coupled, ""), (fast, "fast-"), (compact, "compact-vanilla-")):
        assert builder.param_collection().name() == f"/{kind}lstm-builder/"
    assert sparse.param_collection().name() == "/vanilla-lstm-builder/"


@pytest.mark.parametrize("kind", ["LSTMBuilder", "SparseLSTMBuilder"])
def test_what_normalises_belongs_to_the_model(pc, kind):
    builder = getattr(dy, kind)(1, INPUT, HIDDEN, pc, ln_lstm=True)
    own = {p.name() for p in builder.param_collection().parameters_list()}
    others = [p for p in pc.parameters_list() if p.name() not in own]
    assert [p.name() for p in others] == [f"/_{k}" for k in range(6)]
    assert [p.shape() for p in others] == [(16,)] * 4 + [(4,)] * 2
    assert [p.as_array().mean() for p in others] == [1, 0, 1, 0, 1, 0]
    assert {p.name() for p in builder.get_parameters()[0]} == own
    assert builder.spec == (1, INPUT, HIDDEN, True, 1.0)
    assert type(builder).from_spec(builder.spec, pc).spec == builder.spec


def test_a_compact_lstm_is_an_lstm(pc):
    builders = [
        kind(2, INPUT, HIDDEN, pc) for kind in (dy.LSTMBuilder, dy.CompactVanillaLSTMBuilder)
    ]
    pairs = zip(*[b.param_collection().parameters_list() for b in builders], strict=True)
    for p, q in pairs:
        q.set_value(p.as_array())
    assert values(builders[0]) == values(builders[1])


# ---- sparsity


def test_the_smallest_weights_are_masked_out(pc):
    builder = dy.SparseLSTMBuilder(2, INPUT, HIDDEN, pc)
    weights = [p for layer in builder.get_parameters() for p in layer[:2]]
    masks = [p for layer in builder.get_parameters() for p in layer[3:]]

    def gone() -> np.ndarray:
        return np.concatenate([p.as_array().ravel() for p in masks]) == 0

    sizes = np.abs(np.concatenate([p.as_array().ravel() for p in weights]))
    for share in (0.3, 0.7, 0.1, 0.0):
        builder.set_sparsity(share)
        count = int(share * sizes.size)
        assert gone().sum() == count
        if share in (0.3, 0.7):  # the second share counts what the first took as 0
            assert sizes[gone()].max(initial=0) <= np.sort(sizes)[count - 1]


def test_masked_weights_do_not_count_and_do_not_learn(pc):
    builder = dy.SparseLSTMBuilder(1, INPUT, HIDDEN, pc)
    builder.set_sparsity(0.5)
    wx, wh, _, mask_x, mask_h = builder.get_parameters()[0]
    before = values(builder)
    for weight, mask in ((wx, mask_x), (wh, mask_h)):
        weight.set_value(weight.as_array() + 9 * (1 - mask.as_array()))
    assert values(builder) == before
    trainer = dy.SimpleSGDTrainer(pc)
    dy.renew_cg()
    kept, masks = wx.as_array(), mask_x.as_array()
    dy.sum_elems(builder.initial_state().transduce(inputs())[-1]).backward()
    trainer.update()
    changed = wx.as_array() != kept
    assert changed.any()
    assert not changed[masks == 0].any()
    assert (mask_x.as_array() == masks).all()


def test_without_layers_there_is_nothing_to_mask(pc):
    dy.SparseLSTMBuilder(0, INPUT, HIDDEN, pc).set_sparsity(0.5)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(pc, share):
    builder = dy.SparseLSTMBuilder(1, INPUT, HIDDEN, pc)
    with pytest.raises(ValueError, match="from 0 to 1"):
        builder.set_sparsity(share)


# ---- stacks of states


def test_a_stack_of_builders_is_a_chain(pc):
    lower, upper = dy.LSTMBuilder(1, INPUT, HIDDEN, pc), dy.GRUBuilder(1, HIDDEN, 2, pc)
    dy.renew_cg()
    start = dy.StackedRNNState([lower.initial_state(), upper.initial_state()])
    assert (start.output(), start.prev(), start.h(), start.s()) == (None, None, [(), ()], [(), ()])
    xs = inputs()
    stacks = start.add_inputs(xs)
    assert [s.prev() for s in stacks] == [start, *stacks[:-1]]
    by_hand = upper.initial_state().transduce(lower.initial_state().transduce(xs))
    for stack, expected in zip(stacks, by_hand, strict=True):
        np.testing.assert_allclose(stack.output().value(), expected.value(), rtol=1e-6)
    assert [len(part) for part in stacks[-1].s()] == [2, 1]
    assert [len(part) for part in stacks[-1].h()] == [1, 1]
    assert stacks[-1].h()[-1] == (stacks[-1].output(),)


def test_a_stack_is_made_of_states(pc):
    with pytest.raises(AssertionError, match="at least one"):
        dy.StackedRNNState([])
    with pytest.raises(TypeError, match="a list of states is needed"):
        dy.StackedRNNState([1])
