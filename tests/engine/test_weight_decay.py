"""DyNet's weight decay: w r is the value, r what as_array shows, and w is multiplied into r below 1/4."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant
from charlm.engine.ops import lookup, square, sum_elems
from charlm.engine.parameters import ParameterCollection
from charlm.engine.trainers import SimpleSGDTrainer
from charlm.errors import ArgumentError, SettingError
from tests.engine.leaves import node


@pytest.fixture
def pc() -> ParameterCollection:
    collection = ParameterCollection()
    collection.weight_decay = 0.1
    return collection


def test_a_value_decays_and_r_does_not(pc):
    p = pc.add_parameters((2,), Constant(1.0))
    t = pc.add_lookup_parameters(2, (1,), Constant(2.0))
    for _ in range(3):
        assert pc.decay() is None
    np.testing.assert_allclose(p.value, 0.9**3, rtol=1e-6)
    np.testing.assert_allclose(t.value, 2 * 0.9**3, rtol=1e-6)
    assert p.undecayed().tolist() == [1.0, 1.0]
    assert t.undecayed().tolist() == [[2.0], [2.0]]


def test_w_is_multiplied_in_below_a_quarter_and_frozen_values_come_back(pc):
    p = pc.add_parameters((1,), Constant(1.0))
    frozen = pc.add_parameters((1,), Constant(1.0))
    table = pc.add_lookup_parameters(1, (1,), Constant(1.0))
    frozen.updated = table.updated = False
    assert [pc.decay() for _ in range(13)] == [None] * 13
    assert pc.decay() == pytest.approx(0.9**14, rel=1e-6)
    np.testing.assert_allclose(p.value, 0.9**14, rtol=1e-6)
    np.testing.assert_allclose(p.undecayed(), 0.9**14, rtol=1e-6)
    assert frozen.value.tolist() == [1.0]
    assert table.value.tolist() == [[1.0]]
    pc.decay()
    np.testing.assert_allclose(frozen.value, 0.9, rtol=1e-6)


def test_an_update_steps_by_the_gradient_whatever_w_is(pc):
    p = pc.add_parameters((1,), Constant(1.0))
    trainer = SimpleSGDTrainer(pc, 0.5)
    pc.decay()
    p.add_gradient(np.array([0.2]))
    trainer.update()
    np.testing.assert_allclose(p.value, 0.9 - 0.1, rtol=1e-6)
    np.testing.assert_allclose(p.undecayed(), 0.8 / 0.9, rtol=1e-6)


def test_a_small_decay_is_not_lost_in_rounding():
    """1 - 1e-6 takes 8 to 17 units off the last place: taken off again and again, up to 6% of it is rounding."""
    pc = ParameterCollection()
    pc.weight_decay = 1e-6
    p = pc.add_parameters((3,), Constant(1.9))
    for _ in range(1000):
        pc.decay()
    lost = 1 - p.value / np.float32(1.9)
    np.testing.assert_allclose(lost, 1e-3, rtol=0.02)
    assert (p.undecayed() == np.float32(1.9)).all()


def test_what_comes_later_is_given_as_r(pc):
    pc.decay()
    p = pc.add_parameters((1,), Constant(2.0))
    t = pc.add_subcollection().add_lookup_parameters(1, (1,), Constant(2.0))
    for late in (p, t):
        np.testing.assert_allclose(late.value.ravel(), 1.8, rtol=1e-6)
        assert late.undecayed().ravel().tolist() == [2.0]
    p.set(np.array([3.0]))
    assert p.undecayed().tolist() == [3.0]
    p.clip(0.0, 0.9)
    np.testing.assert_allclose(p.undecayed(), 1.0, rtol=1e-6)


def test_graphs_keep_what_they_have_read(pc):
    p = pc.add_parameters((1,), Constant(1.0))
    t = pc.add_lookup_parameters(1, (1,), Constant(1.0))
    graph = ComputationGraph()
    y, z = sum_elems(square(node(graph, p))), lookup(graph, t, 0) * 1.0
    assert (y.value(), z.value()) == (1.0, 1.0)
    pc.decay()
    assert (y.value(), z.value()) == (1.0, 1.0)
    assert (node(graph, p) * 1.0).value() == 1.0


def test_a_sub_collection_inherits_the_rate_and_takes_nothing_off(pc):
    sub = pc.add_subcollection()
    p = sub.add_parameters((1,), Constant(1.0))
    assert sub.weight_decay == pc.weight_decay == float(np.float32(0.1))
    assert sub.decay() is None
    assert p.value.tolist() == [1.0]
    pc.decay()
    np.testing.assert_allclose(p.value, 0.9, rtol=1e-6)


@pytest.mark.parametrize(
    ("rate", "error"),
    [(1.0, SettingError), (-0.1, SettingError), (np.nan, SettingError), ("a", ArgumentError)],
)
def test_rates_that_are_none(rate, error, pc):
    with pytest.raises(error, match="weight decay"):
        pc.weight_decay = rate
    assert pc.weight_decay == float(np.float32(0.1))
