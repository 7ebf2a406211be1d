"""A training in small: which settings a trial has, and how the length of a trial is written."""

from __future__ import annotations

import attrs
import pytest

from charlm.config import RunConfig, TrainConfig, load_config
from charlm.errors import ConfigError
from charlm.search.small import RATE_FALLS, in_small, share_of


def test_all_limits_are_shortened_and_the_rate_is_raised():
    train = TrainConfig(
        steps=1000, epochs=2.0, max_time="1m", patience=3, learning_rate=0.01, warmup=50
    )
    small = in_small(RunConfig(train=train), 0.25).train
    assert (small.steps, small.epochs, small.max_time, small.patience) == (250, 0.5, "15.00s", None)
    assert small.learning_rate == pytest.approx(0.01 * 4**RATE_FALLS)
    assert small.warmup == 50
    assert small.sample_every == 0


def test_a_whole_training_has_the_rate_and_the_network_of_the_config():
    config = load_config("small", texts=["fox"])
    whole = in_small(config, 1.0)
    assert whole.train.learning_rate == config.train.learning_rate
    assert (whole.model, whole.data) == (config.model, config.data)


def test_a_time_is_never_rounded_to_nothing():
    config = RunConfig(train=attrs.evolve(TrainConfig(), max_time="1s"))
    assert in_small(config, 1e-9).train.max_time == "0.01s"


@pytest.mark.parametrize(
    ("budget", "share"),
    {"steps=50": 0.25, "time=30s": 0.5, " steps = 200 ": 1.0, "time=0.1m": 0.1}.items(),
)
def test_the_share_of_a_budget(budget, share):
    assert share_of(budget, TrainConfig(steps=200, max_time="1m")) == pytest.approx(share)


@pytest.mark.parametrize(
    ("budget", "reason"),
    {
        "50": "expected steps=N or time=T, such as steps=500 or time=60s",
        "chars=50": "expected steps=N or time=T",
        "steps=0": "expected 1 or more, got 0",
        "steps=1.5": "expected a whole number, got '1.5'",
        "steps=²": "expected a whole number",
        "time=nine": "expected a time above zero, such as 90s",
        "steps=201": "a trial may not train longer than the config itself (train.steps: 200)",
        "time=5s": "the config has no train.max_time, of which a trial would be a part; use steps=N, or set",
    }.items(),
)
def test_a_wrong_budget(budget, reason):
    with pytest.raises(ConfigError) as error:
        share_of(budget, TrainConfig(steps=200))
    assert str(error.value).startswith(f"--budget {budget}: ")
    assert reason in str(error.value)
