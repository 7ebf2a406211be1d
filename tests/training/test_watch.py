"""Signs in the losses: said early, once, with advice that works, and never in a training that goes well."""

from __future__ import annotations

import itertools
import re

import pytest

from charlm.config import load_config
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.events import Evaluated, Noticed
from charlm.training.loop import Training
from charlm.training.watch import OVERFITTING, RATE, Scored, Watch
from tests.text.test_leakage import prose
from tests.training.conftest import left_behind

UNIFORM = 4.0
CONFIG = load_config("text", overrides=["data.text=fox"])
SMALL = [
    *("data.text=fox", "data.batch_size=8", "data.seq_length=16", "model.embed_dim=8"),
    *("model.hidden_dim=16", "train.sample_every=0", "train.checkpoint_every=20"),
    *("train.kernels=numpy", "train.threads=1"),
]


def signs(*points: tuple[float, float]) -> list[tuple[int, str]]:
    """Return the number of the score and the text of each sign, for training losses and held-out scores."""
    watch, said, best = Watch(), [], None
    for number, (loss, nll) in enumerate(points, 1):
        now = Scored(number * 100, nll)
        best = now if best is None or nll < best.nll else best
        losses = [loss] * (1 if number == 1 else 100)
        told = [text for loss in losses for text in watch.learned(loss, UNIFORM, CONFIG)]
        told += [*watch.scored(now, best, UNIFORM, CONFIG)]
        said += [(number, text) for text in told]
    return said


@pytest.mark.parametrize(
    ("points", "number"),
    [
        ([(4.0, 4.0), (36.0, 37.0)], 2),
        ([(2.0, 2.0), (2.2, 2.2), (2.4, 2.4)], 2),
        ([(5.0, 4.9), (4.9, 4.8), (4.8, 4.8)], 2),
    ],
)
def test_a_rate_that_is_too_high_is_said_at_the_second_score(points, number):
    ((when, said),) = signs(*points)
    assert when == number
    assert "the learning rate of 0.003 is too high" in said
    assert "--lr 0.0003" in said


def test_overfitting_is_said_once_with_options():
    points = [(2.0, 2.0), (1.8, 1.9), (1.6, 1.95), (1.4, 2.0), (1.2, 2.1), (1.0, 2.2), (0.9, 2.3)]
    ((when, said),) = signs(*points)
    assert when == 4
    assert "rose from 1.9000 at step 200 to 2.0000" in said
    assert "--dropout 0.2" in said
    assert "--patience 3" in said


@pytest.mark.parametrize(
    "points",
    [
        [(3.9, 3.95), (3.8, 3.9), (3.7, 3.8)],  # a slow start
        [(2.0, 2.0), (1.9, 1.9), (1.85, 1.905), (1.83, 1.91), (1.8, 1.89)],  # a little chance
        [(2.0, 2.0), (1.9, 1.9), (1.7, 2.0), (1.6, 1.9), (1.5, 1.95), (1.4, 1.9)],  # up and down
        [(2.0, 2.0), (2.3, 1.9), (2.0, 1.8)],  # a part of the text that is harder
        [(2.0, float("nan")), (2.0, 2.0), (1.9, 1.9)],
        [(4.01, 4.01), (4.005, 4.005), (4.002, 4.006)],  # random characters
    ],
)
def test_other_courses_have_no_sign(points):
    assert signs(*points) == []


def test_updates_far_above_the_first_are_said_at_once():
    watch, losses = Watch(), [4.0, *[37.0] * 30]
    said = [n for n, loss in enumerate(losses) for _ in watch.learned(loss, UNIFORM, CONFIG)]
    assert said == [10]
    watch, losses = Watch(), [4.0, *[37.0, 37.0, 3.9] * 10]  # it recovers
    assert [_ for loss in losses for _ in watch.learned(loss, UNIFORM, CONFIG)] == []
    watch, losses = Watch(), [9.0 - 0.1 * k for k in range(30)]  # weights of another text
    assert [_ for loss in losses for _ in watch.learned(loss, UNIFORM, CONFIG)] == []


def trained(text: str, *overrides: str, name: str = "text", **options) -> tuple[list[str], float]:
    """Return the signs of a real training, and its best score."""
    training = Training(load_config(name, overrides=[*SMALL, *overrides]), text=text, **options)
    events = list(training.events())
    said = [event.text for event in events if isinstance(event, Noticed)]
    return said, min(event.score.nll for event in events if isinstance(event, Evaluated))


HIGH = {"sgd": 100, "momentum": 100, "adagrad": 5, "rmsprop": 3, "adam": 3, "adamw": 3, "muon": 3}


@pytest.mark.parametrize("trainer", HIGH)
def test_the_rate_that_is_advised_is_better(trainer):
    text = prose(0, 2000)
    run = (f"train.trainer={trainer}", "train.steps=60", "train.eval_every=20")
    said, nll = trained(text, *run, f"train.learning_rate={HIGH[trainer]}")
    (told,) = said
    rate = re.search(r"--lr (\S+)$", told)[1]
    said, better = trained(text, *run, f"train.learning_rate={rate}")
    assert said == []
    assert better < nll


def test_a_model_that_overfits_is_better_with_what_is_advised():
    text = prose(0, 400)
    run = (
        *("train.trainer=adam", "train.learning_rate=0.01", "train.steps=400"),
        *("train.eval_every=20", "data.val_frac=0.4", "model.hidden_dim=48", "train.seed=1"),
    )
    (said,), nll = trained(text, *run)
    assert "the model overfits" in said
    dropout = re.search(r"--dropout ([\d.]*\d)", said)[1]
    _, better = trained(text, *run, f"model.dropout={dropout}")
    assert better < nll


@pytest.mark.parametrize("name", ["srnn", "lstm", "gru"])
def test_the_tutorial_shows_no_sign(name):
    training = Training(load_config(name, overrides=["train.sample_every=0"]))
    assert not [event for event in training.events() if isinstance(event, Noticed)]


def test_a_sign_is_not_said_again_after_resuming(tmp_path):
    run = load_config(
        "text",
        overrides=[
            *(*SMALL, "train.trainer=sgd", "train.learning_rate=100", "train.steps=60"),
            "train.sample_every=30",
        ],
    )
    text = prose(0, 2000)
    list(Training(run, RunDirectory.create_named(tmp_path / "whole"), text=text).events())
    first = Training(run, RunDirectory.create_named(tmp_path / "cut"), text=text)
    list(itertools.islice(first.events(), 55))  # killed
    last = load_checkpoint(tmp_path / "cut", "last")
    assert last.state["watch"]["said"] == [RATE]
    again = load_config(str(tmp_path / "cut/config.yaml"))
    rest = Training(again, RunDirectory(tmp_path / "cut"), text=text, resume=last)
    assert not [event for event in rest.events() if isinstance(event, Noticed)]
    assert left_behind(tmp_path / "cut") == left_behind(tmp_path / "whole")
    rows = left_behind(tmp_path / "cut")["metrics.jsonl"]
    assert ["too high" in row["notice"] for row in rows if "notice" in row] == [True]
    assert OVERFITTING not in last.state["watch"]["said"]
