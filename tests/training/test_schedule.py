"""Schedules: their shapes, what PyTorch makes of the same settings, and a plateau's memory."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import TrainConfig, load_config
from charlm.errors import ConfigError, SettingError
from charlm.training.loop import Training
from charlm.training.schedule import Schedule

FALLING = ["cosine", "exponential", "step", "plateau"]
STEPS = 40


def rates(steps=STEPS, **settings) -> list[float]:
    schedule = Schedule(TrainConfig(**{"learning_rate": 0.3, **settings}))
    return [schedule.rate(updates, updates / steps) for updates in range(steps)]


@pytest.mark.parametrize("schedule", ["cosine", "exponential", "step"])
def test_rates_are_pytorch_s(schedule):
    torch = pytest.importorskip("torch", reason="PyTorch has the same schedules")
    at = torch.optim.lr_scheduler
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    theirs = {
        "cosine": lambda: at.CosineAnnealingLR(optimizer, STEPS, eta_min=0.3 * 0.2),
        "exponential": lambda: at.ExponentialLR(optimizer, 0.2 ** (1 / STEPS)),
        "step": lambda: at.MultiStepLR(optimizer, [20, 30], gamma=0.2),
    }[schedule]()
    expected = []
    for _ in range(STEPS):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert rates(schedule=schedule, decay=0.2) == pytest.approx(expected, rel=1e-9)


def test_warm_up_and_cosine_are_pytorch_s_one_after_the_other():
    torch = pytest.importorskip("torch", reason="PyTorch has the same schedules")
    at = torch.optim.lr_scheduler
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    rise = at.LinearLR(optimizer, start_factor=1 / 8, total_iters=7)
    fall = at.CosineAnnealingLR(optimizer, STEPS - 8, eta_min=0.03)
    theirs = at.SequentialLR(optimizer, [rise, fall], [8])
    expected = []
    for _ in range(STEPS):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert rates(schedule="cosine", warmup=8) == pytest.approx(expected, rel=1e-9)


def test_a_constant_rate_is_that_number_to_the_bit():
    assert set(rates()) == {0.3}


@given(
    schedule=st.sampled_from(["constant", *FALLING]),
    warmup=st.integers(0, 60),
    steps=st.integers(1, 60),
    decay=st.floats(0.01, 1),
)
def test_a_rate_rises_to_the_learning_rate_and_then_only_falls(schedule, warmup, steps, decay):
    settings = {} if schedule == "constant" else {"decay": decay}
    found = rates(steps, schedule=schedule, warmup=warmup, **settings)
    rising, falling = found[:warmup], found[warmup:]
    assert all(0 < rate <= 0.3 * (1 + 1e-12) for rate in found)
    assert rising == sorted(rising)
    assert all(later <= rate * (1 + 1e-12) for rate, later in pairwise(falling))
    if rising and falling:
        assert rising[-1] == pytest.approx(0.3)
    if falling and schedule in ("constant", "cosine", "exponential", "plateau"):
        assert falling[0] == pytest.approx(0.3)


@pytest.mark.parametrize("schedule", FALLING[:3])
def test_a_training_that_is_over_stays_at_the_end(schedule):
    settings = TrainConfig(learning_rate=1.0, schedule=schedule, decay=0.5)
    ends = [Schedule(settings).rate(50, progress) for progress in (1.0, 1.3)]
    assert ends[0] == ends[1] == pytest.approx(0.25 if schedule == "step" else 0.5)


def test_a_plateau_falls_when_scores_have_not_improved():
    settings = TrainConfig(learning_rate=1.0, schedule="plateau", decay=0.5, decay_patience=2)
    schedule, found = Schedule(settings), []
    for nll in (3.0, 2.0, 2.0, 2.5, 1.9, 2.0, 2.0, 2.0, 2.0):
        schedule.score(nll)
        found.append(schedule.rate(10, 0.1))
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    again = Schedule(settings)
    again.plateau = copy.copy(schedule.plateau)
    for nll in (1.95, 2.0):
        for one in (schedule, again):
            one.score(nll)
    assert schedule.rate(10, 0.1) == again.rate(10, 0.1) == 0.0625


def test_a_run_learns_at_the_rates_of_its_schedule(tmp_path):
    overrides = ["train.schedule=cosine", "train.decay=0", "train.warmup=2", "train.steps=6"]
    training = Training(load_config(overrides=[*overrides, "model.hidden_dim=8"]))
    found = []
    while training.step < 6:
        training.update()
        found.append(training.learner.trainer.learning_rate)
    expected = rates(6, learning_rate=0.1, schedule="cosine", decay=0, warmup=2)
    assert found == expected


def test_a_run_whose_held_out_score_gets_worse_lowers_its_rate():
    text = "abcd" * 40 + "dcba" * 20  # what is held out is the opposite of what is learned
    overrides = ["train.schedule=plateau", "train.decay_patience=1", "train.eval_every=1"]
    overrides += ["train.steps=30", "train.sample_every=0", "data.val_frac=0.3"]
    overrides += ["data.batch_size=2", "data.seq_length=8", "train.trainer=adam"]
    training = Training(load_config("text", overrides=overrides), text=text)
    list(training.events())
    assert training.learner.trainer.learning_rate < 0.003 * 0.11


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"decay": 0.5}, "decay: has no effect with schedule constant; leave it out"),
        ({"schedule": "cosine", "decay_at": [0.5]}, "set schedule to step"),
        ({"schedule": "step", "decay_patience": 3}, "set schedule to plateau"),
        ({"schedule": "exponential", "decay": 0}, "expected a number above 0, or schedule cosine"),
        ({"schedule": "step", "decay_at": [0.5, 0.5]}, r"above the one before \(0.5\), got 0.5"),
        ({"schedule": "step", "decay_at": [0.5, 1]}, "above 0 and below 1, got 1"),
        (
            {"weight_decay": 0.1},
            "has no effect with trainer sgd; leave it out .* set trainer to adamw",
        ),
        ({"average": 1}, "0 or more and below 1"),
        ({"accumulate": 0}, "expected 1 or more"),
        ({"schedule": "cosin"}, "did you mean cosine"),
    ],
)
def test_what_goes_not_together_is_refused(settings, match):
    with pytest.raises(SettingError, match=match):
        TrainConfig(**settings)


def test_a_plateau_without_a_held_out_text_is_refused():
    with pytest.raises(ConfigError, match="no text is held out; set data"):
        Training(load_config(overrides=["train.schedule=plateau"]))
