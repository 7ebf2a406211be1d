"""Settings for a training time: those of the presets at their times, and values between them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import load_config
from charlm.config.recipe import LONGEST, SHORTEST, TEXT, points, recipe
from charlm.errors import ConfigError
from charlm.training.speed import machine_speed

TIMES = st.floats(1, 100_000)
SIZES = st.integers(1, 10**9)
SPEEDS = st.floats(0.01, 10)


@pytest.mark.parametrize("point", points(), ids=lambda point: point.name)
def test_at_the_time_of_a_preset_the_settings_are_its_own(point):
    chosen = recipe(point.seconds, TEXT)
    assert chosen.preset == point.name
    assert (chosen.units, chosen.rate) == (point.units, point.rate)
    assert (chosen.dropout, chosen.input_dropout) == (point.dropout, point.input_dropout)


@given(TIMES, TIMES, SIZES, SPEEDS)
def test_more_time_never_makes_a_model_smaller(one, other, size, speed):
    short, long = sorted((one, other))
    assert recipe(short, size, speed).units <= recipe(long, size, speed).units


@given(TIMES, SIZES, SIZES)
def test_a_longer_text_never_needs_more_dropout(seconds, one, other):
    short, long = sorted((one, other))
    assert recipe(seconds, short).dropout >= recipe(seconds, long).dropout


@given(TIMES, SIZES, SPEEDS)
def test_a_slow_machine_gets_the_settings_of_a_shorter_time(seconds, size, speed):
    assert recipe(seconds, size, speed) == recipe(seconds * speed, size)


@given(TIMES, SIZES, SPEEDS)
def test_every_value_is_possible(seconds, size, speed):
    chosen = recipe(seconds, size, speed)
    assert chosen.units % 32 == 0
    assert recipe(SHORTEST, size).units <= chosen.units <= recipe(LONGEST, size).units
    assert 0 <= chosen.dropout < 1
    assert 0 <= chosen.input_dropout < 1


@pytest.fixture
def novel(tmp_path):
    path = tmp_path / "novel.txt"
    path.write_text("It was a quiet evening, and the rain had not stopped for days.\n" * 1000)
    return str(path)


def test_a_time_chooses_the_sizes_unless_they_are_given(novel):
    long = load_config(texts=[novel], overrides=["train.max_time=50m"])
    known = {point.name: point for point in points()}
    assert known["medium"].units < long.model.hidden_dim < known["large"].units
    assert long.data.seq_length == load_config(texts=[novel], preset="medium").data.seq_length
    assert long.train.max_time == "50m"
    given_too = ["train.max_time=50m", "model.hidden_dim=10", "model.dropout=0"]
    config = load_config(texts=[novel], overrides=given_too)
    assert (config.model.hidden_dim, config.model.dropout) == (10, 0)


def test_presets_configs_and_other_budgets_keep_the_sizes_of_a_preset(novel):
    def fail() -> float:
        raise AssertionError("no time was given")

    small = load_config(texts=[novel], preset="small")
    assert load_config(texts=[novel]).model.hidden_dim == small.model.hidden_dim
    for overrides in (["train.steps=9"], ["train.max_time=null", "train.steps=9"]):
        config = load_config(texts=[novel], overrides=overrides, speed=fail, preset="small")
        assert config.model == small.model
        config = load_config(texts=[novel], overrides=overrides, speed=fail)
        assert config.model.hidden_dim == small.model.hidden_dim
    timed = load_config(texts=[novel], preset="small", overrides=["train.max_time=1h"], speed=fail)
    assert timed.model == small.model
    named = load_config("lstm", texts=[novel], overrides=["train.max_time=1h"], speed=fail)
    assert named.model == load_config("lstm").model


def test_dropout_fits_the_size_of_the_text(tmp_path):
    found: dict[int, list[float]] = {}
    for size in (1_000, 100_000, 1_900_000, 2_100_000, 19_000_000, 21_000_000, 100_000_000):
        text = tmp_path / f"{size}.txt"
        with text.open("wb") as file:
            file.truncate(size)
        model = load_config(texts=[str(text)]).model
        found.setdefault(model.hidden_dim, []).append(model.dropout)
    assert list(found) == [point.units for point in points()]
    small, medium, large = found.values()
    assert small[0] == max(point.dropout for point in points())
    assert small[0] > small[-1]
    assert medium[0] > medium[-1]
    assert set(large) == {0}


@pytest.mark.parametrize("budget", ["epochs=40", "steps=2000"])
def test_dropout_fits_the_passes_of_a_number_of_updates_or_epochs(budget, novel):
    def dropout_of(*given: str) -> float:
        return load_config(texts=[novel], overrides=["train.max_time=null", *given]).model.dropout

    key, number = budget.split("=")
    fewer = [dropout_of(f"train.{key}={int(number) // part}") for part in (40, 10, 2, 1)]
    assert fewer == sorted(fewer)
    assert fewer[0] < 0.1 < 0.3 < fewer[-1]
    assert dropout_of(f"train.{budget}", "train.epochs=1") < 0.1
    assert dropout_of(f"train.{budget}", "model.dropout=0.7") == 0.7
    assert dropout_of("train.steps=2000", "data.batch_size=1") < dropout_of("train.steps=2000")


def test_numbers_that_no_training_can_have_are_refused(novel):
    for wrong in (
        "train.steps=x",
        "train.steps=[1]",
        "data.batch_size=0",
        f"train.steps={10**400}",
    ):
        with pytest.raises(ConfigError, match=re.escape(wrong.partition("=")[0])):
            load_config(texts=[novel], overrides=["train.max_time=null", "train.steps=9", wrong])


def test_the_speed_of_a_machine_counts(novel):
    overrides = ["train.max_time=15m"]
    slow = load_config(texts=[novel], overrides=overrides, speed=lambda: 0.1)
    fast = load_config(texts=[novel], overrides=overrides, speed=lambda: 1.0)
    assert slow.model.hidden_dim < fast.model.hidden_dim


def test_standard_input_gets_the_settings_of_the_presets():
    config = load_config(texts=["-"], overrides=["train.max_time=15m"])
    medium = load_config(texts=["-"], preset="medium")
    assert config.model == medium.model


def test_this_machine_has_a_speed():
    assert machine_speed() > 0


def test_a_short_training_of_a_long_text_has_no_dropout(tmp_path):
    long = tmp_path / "long.txt"
    with long.open("wb") as file:
        file.truncate(30_000_000)
    assert load_config(texts=[str(long)], preset="large").model.input_dropout > 0
    short = load_config(texts=[str(long)], overrides=["train.max_time=3m"])
    assert (short.model.dropout, short.model.input_dropout) == (0, 0)
