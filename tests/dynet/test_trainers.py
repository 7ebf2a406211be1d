"""Trainers: defaults, clipping, sparse updates, what is left alone, what is reported."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import charlm.dynet as dy
from charlm.errors import BadGradientError

TRAINERS = [
    dy.SimpleSGDTrainer,
    dy.CyclicalSGDTrainer,
    dy.MomentumSGDTrainer,
    dy.AdagradTrainer,
    dy.AdadeltaTrainer,
    dy.RMSPropTrainer,
    dy.AdamTrainer,
    dy.AmsgradTrainer,
]
every_trainer = pytest.mark.parametrize("make", TRAINERS)


@pytest.fixture
def pc():
    dy.init(random_seed=1)
    return dy.ParameterCollection()


def backward(*parameters, scale=1.0):
    """Give each parameter, or row of a table as (table, index), the gradient ``scale`` times twice its value."""
    dy.renew_cg()
    nodes = [p[0][p[1]] if isinstance(p, tuple) else p for p in parameters]
    (dy.esum([dy.dot_product(x, x) for x in nodes]) * scale).backward()


def test_sgd_takes_dynets_first_steps(pc):
    p = pc.parameters_from_numpy(np.array([1.0, 2.0]))
    trainer = dy.SimpleSGDTrainer(pc)
    for expected in ([0.8, 1.6], [0.64, 1.28]):
        backward(p)
        assert trainer.update() is None
        assert p.as_array() == pytest.approx(expected, rel=1e-6)
        assert not p.grad_as_array().any()


def test_adam_takes_dynets_first_steps(pc):
    p = pc.parameters_from_numpy(np.array([1.0, 2.0]))
    trainer = dy.AdamTrainer(pc, alpha=0.1, beta_1=0.9, beta_2=0.5)
    for _ in range(3):
        backward(p)
        trainer.update()
    assert p.as_array() == pytest.approx([0.69478846, 1.6974449], rel=1e-6)


def test_rates_are_float32(pc):
    assert dy.SimpleSGDTrainer(pc).learning_rate == np.float32(0.1)
    assert dy.SimpleSGDTrainer(m=pc, learning_rate=0.3).learning_rate == np.float32(0.3)
    trainer = dy.AdamTrainer(pc)
    assert trainer.learning_rate == np.float32(0.001)
    trainer.learning_rate /= 2
    assert trainer.learning_rate == np.float32(0.001) / 2
    trainer.set_learning_rate(0.7)
    assert trainer.learning_rate == np.float32(0.7)
    with pytest.raises(TypeError, match="learning_rate"):
        dy.AdamTrainer(pc, learning_rate=0.1)


@every_trainer
def test_who_it_is(make, pc):
    assert make(pc).whoami() == make.__name__
    assert isinstance(make(pc), dy.Trainer)


def test_gradients_are_clipped_at_norm_5(pc):
    p = pc.parameters_from_numpy(np.array([30.0, 40.0]))
    trainer = dy.SimpleSGDTrainer(pc)
    assert trainer.get_clip_threshold() == 5
    backward(p)
    trainer.update()
    assert p.as_array() == pytest.approx([29.7, 39.6])  # a step of 0.1 times 5
    trainer.set_clip_threshold(50)
    backward(p)
    trainer.update()
    assert p.as_array() == pytest.approx([26.7, 35.6])
    trainer.set_clip_threshold(-1)
    assert trainer.get_clip_threshold() == 0
    backward(p)
    trainer.update()
    assert p.as_array() == pytest.approx([21.36, 28.48])


def test_a_frozen_parameter_stays_and_still_counts_in_the_norm(pc):
    p = pc.parameters_from_numpy(np.array([3.0]))
    frozen = pc.parameters_from_numpy(np.array([4.0]))
    trainer = dy.SimpleSGDTrainer(pc)
    frozen.set_updated(False)
    assert (p.is_updated(), frozen.is_updated()) == (True, False)
    backward(p, frozen)  # the norm is 10
    trainer.update()
    assert p.as_array() == pytest.approx([2.7])
    assert frozen.as_array() == [4]
    assert frozen.grad_as_array() == [8]  # and goes on adding up
    frozen.set_updated(True)
    backward(frozen)
    trainer.update()  # the gradient is 16
    assert frozen.as_array() == pytest.approx([3.5])


@every_trainer
def test_a_frozen_table_stays(make, pc):
    table = pc.add_lookup_parameters((2, 2), init=1)
    table.set_updated(False)
    backward((table, 0))
    make(pc).update()
    assert (table.as_array() == 1).all()
    assert table.grad_as_array().any()


@every_trainer
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_bad_gradient_changes_nothing(make, number, pc):
    p = pc.parameters_from_numpy(np.array([1.0, 2.0]))
    trainer = make(pc)
    backward(p, scale=number)
    before = p.grad_as_array()
    with pytest.raises(BadGradientError, match=str(number)):
        trainer.update()
    assert p.as_array().tolist() == [1, 2]
    np.testing.assert_array_equal(p.grad_as_array(), before)
    p.zero()
    trainer.update()


def test_only_rows_that_were_used_are_updated(pc):
    table = pc.add_lookup_parameters((3, 2), init=1)
    for sparse in (True, False):
        trainer = dy.AdamTrainer(pc, alpha=0.1)
        trainer.set_sparse_updates(sparse)
        table.init_from_array(np.ones((3, 2)))
        for row in (0, 1, 1):
            backward((table, row))
            trainer.update()
        changed = table.as_array()[:, 0]
        assert changed[2] == 1
        # without a new gradient, Adam's average goes on moving row 0, unless it is left alone
        assert (changed[0] == pytest.approx(0.9, rel=1e-6)) == sparse


def test_restart_forgets_the_averages(pc):
    p = pc.parameters_from_numpy(np.array([1.0]))
    trainer = dy.AdamTrainer(pc, alpha=0.1)
    backward(p)
    trainer.update()
    trainer.restart()
    value = p.as_array()
    trainer.update()  # no gradient, no average: no step
    assert p.as_array() == value
    trainer.restart(0.5)
    assert trainer.learning_rate == 0.5


@every_trainer
def test_a_trainer_of_a_sub_collection_leaves_the_rest(make, pc):
    sub = pc.add_subcollection()
    p, q, r = (
        pc.add_parameters(2, init=1),
        sub.add_parameters(2, init=1),
        pc.add_parameters(2, init=1),
    )
    backward(p, q, r)
    make(sub).update()
    assert (p.as_array() == 1).all()
    assert (r.as_array() == 1).all()
    assert (q.as_array() != 1).all()
    assert p.grad_as_array().tolist() == r.grad_as_array().tolist() == [2, 2]


@every_trainer
def test_parameters_may_be_added_later(make, pc):
    p = pc.add_parameters(2, init=1)
    trainer = make(pc)
    backward(p)
    trainer.update()
    late, table = pc.add_parameters(3, init=1), pc.add_lookup_parameters((2, 2), init=1)
    backward(p, late, (table, 1))
    trainer.update()
    assert (late.as_array() < 1).all()
    assert (table.row_as_array(1) < 1).all()


def test_status_goes_to_stderr_and_counts_from_the_last(pc, capsys):
    p = pc.parameters_from_numpy(np.array([30.0]))
    trainer = dy.SimpleSGDTrainer(pc, 0.12345678)
    for _ in range(3):
        backward(p)
        trainer.update()
    p.set_value([0.1])
    trainer.status()
    backward(p)
    trainer.update()
    trainer.status()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "[lr=0.123457 clips=3 updates=3] [lr=0.123457 clips=0 updates=1] "


# class, its keywords after the collection, the rate it starts with
KEYWORDS = [
    (dy.SimpleSGDTrainer, {"learning_rate": 0.1}, 0.1),
    (dy.CyclicalSGDTrainer,
     {"learning_rate_min": 0.01, "learning_rate_max": 0.1, "step_size": 2000, "gamma": 1.0}, 0.01),
    (dy.MomentumSGDTrainer, {"learning_rate": 0.01, "mom": 0.9}, 0.01),
    (dy.AdagradTrainer, {"learning_rate": 0.1, "eps": 1e-20}, 0.1),
    (dy.AdadeltaTrainer, {"eps": 1e-6, "rho": 0.95}, 1.0),
    (dy.RMSPropTrainer, {"learning_rate": 0.001, "eps": 1e-8, "rho": 0.9}, 0.001),
    (dy.AdamTrainer, {"alpha": 0.001, "beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8}, 0.001),
    (dy.AmsgradTrainer, {"alpha": 0.001, "beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8}, 0.001),
]  # fmt: skip


@pytest.mark.parametrize(("make", "keywords", "rate"), KEYWORDS)
def test_the_keywords_and_their_defaults_are_dynets(make, keywords, rate, pc):
    parameters = list(inspect.signature(make).parameters.values())
    assert {p.name: p.default for p in parameters[1:]} == keywords
    assert make(pc, **keywords).learning_rate == make(pc, *keywords.values()).learning_rate
    assert make(pc).learning_rate == np.float32(rate)


def test_a_cyclical_rate_goes_on_after_a_restart_and_holds_once_when_set(pc):
    # DyNet's rates after each step
    trainer = dy.CyclicalSGDTrainer(pc, 0.01, 0.1, 2, 0.9)
    rates = []
    for _ in range(4):
        trainer.update()
        rates.append(trainer.learning_rate)
    trainer.restart()
    trainer.update()
    trainer.update()
    rates.append(trainer.learning_rate)
    trainer.restart(0.5)
    rates.append(trainer.learning_rate)
    trainer.update()
    rates.append(trainer.learning_rate)
    assert rates == [
        0.009999999776482582, 0.05049999803304672, 0.08289999514818192, 0.04280499368906021,
        0.03657204657793045, 0.5, 0.057829685509204865
    ]  # fmt: skip


@pytest.mark.parametrize("step_size", [0, -1])
def test_a_cycle_has_a_length(step_size, pc):
    with pytest.raises(ValueError, match="step_size is positive"):
        dy.CyclicalSGDTrainer(pc, step_size=step_size)


def test_what_dynet_keeps_for_old_programs_does_nothing(pc, capsys):
    p = pc.parameters_from_numpy(np.array([1.0]))
    trainer = dy.SimpleSGDTrainer(pc)
    backward(p)
    trainer.update_subset([0], [])
    trainer.update_epoch(1.0)
    assert p.as_array() == 1
    assert p.grad_as_array() == 2
    assert trainer.learning_rate == np.float32(0.1)
    assert "trainer.learning_rate" in capsys.readouterr().err


@every_trainer
@pytest.mark.parametrize("rate", [1e30, 1e300, float("inf")])
def test_a_rate_far_too_high_ends_in_a_gradient_that_is_not_finite(pc, make, rate):
    """Without a warning, and without an error of arithmetic."""
    p = pc.parameters_from_numpy(np.array([1.0, 2.0]))
    arguments = {dy.AdadeltaTrainer: (), dy.CyclicalSGDTrainer: (rate, rate)}.get(make, (rate,))
    trainer = make(pc, *arguments)
    if make is dy.AdadeltaTrainer:  # which has no rate
        trainer.learning_rate = rate
    for _ in range(4):
        try:
            backward(p)
            trainer.update()
        except BadGradientError:
            return
    assert make is dy.AdadeltaTrainer
