"""Losses and gradients that are not finite: skipped, then rolled back, then given up, and nothing is lost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from charlm.config import load_config
from charlm.errors import BadGradientError, DivergedError
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.events import Finished, Logged, RolledBack, Sampled, Saved, Skipped
from charlm.training.guard import MOST_ROLLBACKS
from charlm.training.loop import Training

SMALL = ["model.embed_dim=8", "model.hidden_dim=16", "train.checkpoint_every=10"]


class Breaking(Training):
    """A training whose weights are spoilt at some steps, as an update that is too large would do."""

    def __init__(self, *args, bad_steps=(), above_rate=0.0, **options) -> None:
        super().__init__(*args, **options)
        self.bad_steps, self.above_rate = set(bad_steps), above_rate

    def update(self):
        done = super().update()
        if self.step in self.bad_steps and self.learner.trainer.learning_rate > self.above_rate:
            self.model.softmax_w.write()[...] = np.nan
        return done


def breaking(path, *overrides, **options) -> Breaking:
    config = load_config("srnn", overrides=[*SMALL, *overrides])
    directory = None if path is None else RunDirectory.create_named(path)
    return Breaking(config, directory, **options)


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("kept", ["on the disk", "in memory"])
def test_it_goes_back_with_half_the_rate_and_gets_through(tmp_path, kept):
    path = tmp_path / "run" if kept == "on the disk" else None
    training = breaking(path, "train.steps=60", bad_steps=[25], above_rate=0.03)
    events = list(training.events())
    # 0.1, 0.05 and then 0.025, at which it holds
    assert of(events, RolledBack) == [RolledBack(28, 20, 0.05), RolledBack(28, 20, 0.025)]
    assert [e.step for e in of(events, Skipped)] == [26, 27, 28] * 2
    assert events[-1].step == 60
    assert not events[-1].stopped
    assert all(np.isfinite(e.loss) for e in of(events, Logged))
    assert all(np.isfinite(array).all() for array in training.model.arrays().values())


def test_the_files_tell_of_it(tmp_path):
    training = breaking(tmp_path / "run", "train.steps=60", bad_steps=[25], above_rate=0.06)
    list(training.events())
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    (back,) = (row for row in rows if "rolled_back_from" in row)
    assert (back["step"], back["rolled_back_from"], back["learning_rate"]) == (20, 28, 0.05)
    steps = [row["step"] for row in rows]
    assert steps == sorted(steps)
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert (summary["state"], summary["skipped"], summary["rollbacks"]) == ("finished", 3, 1)


def test_a_rate_that_was_halved_stays_so_in_a_run_that_is_resumed(tmp_path):
    training = breaking(tmp_path / "run", "train.steps=60", bad_steps=[25], above_rate=0.06)
    for event in training.events():
        if isinstance(event, RolledBack):
            break
    last = load_checkpoint(tmp_path / "run", "last")
    resumed = Training(training.config, RunDirectory(tmp_path / "run"), resume=last)
    list(resumed.events())
    assert resumed.learner.trainer.learning_rate == 0.05


def test_it_gives_up_and_keeps_the_checkpoint_from_before(tmp_path):
    training = breaking(tmp_path / "run", "train.steps=60", bad_steps=[25])
    events = []
    with pytest.raises(DivergedError) as raised:
        events.extend(training.events())
    message = str(raised.value)
    assert "18 bad steps were skipped" in message
    assert "5 times the run went back to the checkpoint of step 20" in message
    assert "--init-from" in message
    assert len(of(events, RolledBack)) == MOST_ROLLBACKS
    last = load_checkpoint(tmp_path / "run", "last")
    assert last.state["step"] == 20
    assert all(np.isfinite(array).all() for array in last.tensors.values())
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["state"] == "failed"
    assert summary["reason"] == message


def test_spoilt_weights_are_never_saved_not_even_at_the_end(tmp_path):
    training = breaking(tmp_path / "run", "train.steps=30", bad_steps=[20, 30], above_rate=0.03)
    for event in training.events():
        if isinstance(event, Saved):
            saved = load_checkpoint(event.path, "last")
            assert all(np.isfinite(array).all() for array in saved.tensors.values())
    assert load_checkpoint(tmp_path / "run", "last").state["step"] == 30


def test_stopping_a_spoilt_run_leaves_the_last_good_checkpoint(tmp_path):
    training = breaking(tmp_path / "run", "train.steps=60", bad_steps=[25])
    for event in training.events():
        if isinstance(event, Skipped):
            training.stop()
    assert isinstance(event, Finished)
    assert event.stopped
    assert load_checkpoint(tmp_path / "run", "last").state["step"] == 20


@pytest.mark.parametrize("clip_norm", [5, 0])
def test_a_step_that_fails_changes_no_weights(clip_norm):
    config = load_config("srnn", overrides=[*SMALL, f"train.clip_norm={clip_norm}"])
    training = Training(config)
    training.update()
    before = training.model.arrays()
    training.model.collection.storage.gradients[:] = np.inf  # what an overflow would leave there
    for parameter in training.model.collection.parameters:
        parameter.has_gradient = True
    with pytest.raises(BadGradientError), np.errstate(all="ignore"):
        training.update()
    after = training.model.arrays()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not training.model.collection.storage.gradients.any()
    training.update()
    assert training.step == 3


def test_a_loss_that_explodes_is_not_for_ever(tmp_path):
    """A real explosion: sampled and saved on the way, ended by an error."""
    overrides = ["train.learning_rate=1e38", "train.trainer=adam", "train.sample_every=1"]
    training = Training(load_config("srnn", overrides=[*SMALL, *overrides]))
    training.directory = RunDirectory.create_named(tmp_path / "run")
    events = []
    with pytest.raises(DivergedError, match="went back to the checkpoint of step 0"):
        events.extend(training.events())
    assert len(events) < 200
    assert load_checkpoint(tmp_path / "run", "last").state["step"] == 0
    assert len(of(events, Sampled)) < len(events)


def test_now_and_then_a_bad_step_is_borne():
    training = breaking(None, "train.steps=100", "train.sample_every=0")
    real, calls = training.learner.trainer.update, []

    def update() -> float:
        calls.append(None)
        if len(calls) % 20 == 0:
            raise BadGradientError("the gradient is not finite")
        return real()

    training.learner.trainer.update = update
    events = list(training.events())
    assert len(of(events, Skipped)) == 5
    assert not of(events, RolledBack)
