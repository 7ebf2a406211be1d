"""Budgets: which one ends a run, and how far it is."""

from __future__ import annotations

import math

import pytest

from charlm.config import TrainConfig, load_config
from charlm.errors import ConfigError
from charlm.training.budget import Budget
from charlm.training.events import Evaluated, Finished, Stepped
from charlm.training.loop import Training

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 20


def budget(**settings) -> Budget:
    return Budget.of(TrainConfig(**{"steps": None, **settings}), steps_per_pass=40)


def test_the_shorter_of_steps_and_epochs_counts():
    assert budget(epochs=2.5).steps == 100
    assert budget(epochs=2.5, steps=99).steps == 99
    assert budget(epochs=0.01).steps == 1
    assert budget(max_time="10m").steps is None


@pytest.mark.parametrize(
    ("step", "seconds", "evals_since_best", "reason"),
    [
        (99, 59.0, 2, None),
        (100, 0.0, 0, "2.5 epochs"),
        (1, 60.0, 0, "time limit of 1m"),
        (1, 0.0, 3, "no improvement in 3 held-out scores"),
    ],
)
def test_whichever_comes_first_ends_it(step, seconds, evals_since_best, reason):
    given = budget(epochs=2.5, max_time="1m", patience=3)
    assert given.end(step, seconds, evals_since_best) == reason
    assert (
        str(given)
        == "at most 2.5 epochs or 1 minute, or until 3 held-out scores in a row bring no improvement"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 200}, "200 steps"),
        ({"max_time": "1h30m"}, "1 hour 30 minutes"),
        ({"steps": 1, "max_time": 60}, "at most 1 step or 60 seconds"),
        (
            {"steps": 9, "patience": 1},
            "at most 9 steps, or until 1 held-out score brings no improvement",
        ),
    ],
    ids=str,
)
def test_a_budget_is_told_in_words(settings, words):
    assert str(budget(**settings)) == words


def test_progress_is_that_of_the_budget_that_is_used_up_most():
    given = budget(steps=100, max_time="1m")
    assert given.progress(10, 30.0) == 0.5
    assert given.progress(90, 30.0) == 0.9
    assert given.progress(90, 90.0) == 1.0
    assert budget(steps=0).progress(0, 0.0) == 1.0


def test_a_training_without_an_end_is_refused():
    with pytest.raises(ConfigError, match="or the training never ends"):
        load_config("srnn", overrides=["train.steps=null"])


@pytest.mark.parametrize("time", ["0s", "soon", "1h 30m", "-3", "true", "10 m", "inf"])
def test_a_time_that_is_none_is_refused(time):
    with pytest.raises(ConfigError, match="expected a time above zero"):
        load_config("srnn", overrides=[f"train.max_time={time}"])


@pytest.mark.parametrize(
    ("time", "seconds"), [("1d", 86400), ("1h30m", 5400), ("0.5s", 0.5), (7, 7)]
)
def test_times(time, seconds):
    assert budget(max_time=time).seconds == seconds


def test_time_ends_a_run_with_a_last_score():
    overrides = ["train.steps=null", "train.max_time=0.3s", "model.hidden_dim=8"]
    events = list(Training(load_config("text", overrides=overrides), text=TEXT).events())
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "time limit of 0.3s"
    assert [e.step for e in events if isinstance(e, Evaluated)][-1] == events[-1].step
    progress = [e.progress for e in events if isinstance(e, Stepped)]
    assert progress == sorted(progress)
    assert progress[-1] <= 1.0


def test_epochs_are_passes_over_the_text():
    overrides = ["train.steps=null", "train.epochs=1.5", "model.hidden_dim=8", "data.batch_size=2"]
    training = Training(load_config("text", overrides=overrides), text=TEXT)
    list(training.events())
    assert training.step == math.ceil(1.5 * training.corpus.steps_per_pass)
