"""The training loop: what it reports, what it writes, and that equal seeds give equal bits."""

from __future__ import annotations

import json

import numpy as np
import pytest

from charlm.baselines.counting import unigram_nll
from charlm.config import load_config
from charlm.lm.language_model import load_model
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.events import Evaluated, Finished, Logged, Sampled, Saved, Started, Stepped
from charlm.training.loop import Training
from tests.training.conftest import left_behind

SMALL = ["model.embed_dim=8", "model.hidden_dim=16"]
TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 40


def run(tmp_path, name="srnn", *, text=None, folder="run", overrides=(), init_from=None):
    config = load_config(name, overrides=[*SMALL, *overrides])
    training = Training(config, init_from=init_from, text=text)
    training.directory = RunDirectory.create_named(tmp_path / folder)
    return training, list(training.events())


def of(events, kind):
    return [e for e in events if isinstance(e, kind)]


def test_the_tutorial_learns_its_sentence():
    events = list(Training(load_config()).events())
    losses = of(events, Logged)
    assert [e.step for e in losses] == list(range(1, 200, 5))
    assert 80 < losses[0].loss < 190
    assert losses[-1].loss < 0.1
    fox = "a quick brown fox jumped over the lazy dog"
    late = [e.sample.text for e in of(events, Sampled)[20:]]
    assert len(late) == 20
    assert sum(text == fox for text in late) >= 15
    assert events[-1].step == 200


def test_a_run_directory_holds_everything(tmp_path):
    training, events = run(tmp_path, overrides=["train.steps=12", "train.checkpoint_every=5"])
    assert [e.step for e in of(events, Saved)] == [0, 5, 10, 12]
    folder = tmp_path / "run"
    assert load_config(str(folder / "config.yaml")) == training.config
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 6, 11]
    assert rows[0]["loss"] == of(events, Logged)[0].loss
    assert "--- step 6 ---" in (folder / "samples.txt").read_text()
    assert load_model(folder).sample(seed=1) == training.model.sample(seed=1)


@pytest.mark.parametrize("name", ["srnn", "text"])
def test_equal_seeds_give_equal_bytes(tmp_path, name):
    overrides = ["train.steps=15", "train.sample_every=4", "train.log_every=3"]
    overrides += ["train.trainer=adam", "train.learning_rate=0.01"]
    text = TEXT if name == "text" else None
    runs = [run(tmp_path, name, text=text, folder=f, overrides=overrides)[0] for f in "ab"]
    one, other = (r.directory for r in runs)
    assert one.checkpoint.read_bytes() == other.checkpoint.read_bytes()
    assert one.samples.read_bytes() == other.samples.read_bytes()
    without_times = [
        [{**json.loads(line), "seconds": 0} for line in d.metrics.read_text().splitlines()]
        for d in (one, other)
    ]
    assert without_times[0] == without_times[1]
    run(tmp_path, name, text=text, folder="c", overrides=[*overrides, "train.seed=1"])
    assert one.checkpoint.read_bytes() != (tmp_path / "c" / "last.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        (["data.val_frac=0.2"], [1, 5, 8, 10, 12]),
        (["data.val_frac=0"], [1, 8, 12]),
        (["data.val_frac=0.2", "train.sample_every=0"], []),
        (["data.val_frac=0.2", "train.steps=1"], [1]),
        (["data.val_frac=0.2", "train.steps=0"], []),
    ],
)
def test_samples_come_with_scores_and_at_the_end(tmp_path, overrides, steps):
    usual = ["train.steps=12", "train.eval_every=5", "train.sample_every=7"]
    _, events = run(tmp_path, "text", text=TEXT, overrides=[*usual, *overrides])
    assert [e.step for e in of(events, Sampled)] == steps


@pytest.mark.parametrize("val_frac", [0, 0.2])
def test_the_last_sample_is_made_up_for(tmp_path, val_frac):
    overrides = ["train.steps=12", "train.sample_every=7", f"data.val_frac={val_frac}"]
    whole, _ = run(tmp_path, "text", text=TEXT, folder="whole", overrides=overrides)
    training = Training(whole.config, RunDirectory.create_named(tmp_path / "run"), text=TEXT)
    for event in training.events():
        if isinstance(event, Stepped) and event.step == 12:
            training.stop()
    assert load_checkpoint(training.directory.path, "last").state["progress"]["step"] == 12
    last = load_checkpoint(training.directory.path, "last")
    again = Training(training.config, training.directory, text=TEXT, resume=last)
    assert again.finished is None
    list(again.events())
    assert left_behind(tmp_path / "run") == left_behind(tmp_path / "whole")
    last = load_checkpoint(training.directory.path, "last")
    assert (
        Training(training.config, training.directory, text=TEXT, resume=last).finished == "12 steps"
    )


def test_sampling_does_not_disturb_training(tmp_path):
    plain, _ = run(tmp_path, folder="a", overrides=["train.steps=9", "train.sample_every=0"])
    noisy, _ = run(tmp_path, folder="b", overrides=["train.steps=9", "train.sample_every=1"])
    for name, array in plain.model.arrays().items():
        assert np.array_equal(array, noisy.model.arrays()[name]), name


def test_a_stream_is_scored_on_text_it_has_not_seen(tmp_path):
    overrides = ["train.steps=60", "train.eval_every=20", "data.batch_size=4", "data.seq_length=16"]
    training, events = run(tmp_path, "text", text=TEXT, overrides=overrides)
    (started,) = of(events, Started)
    assert started.held_out_characters == len(TEXT) // 10
    scores = of(events, Evaluated)
    assert [e.step for e in scores] == [20, 40, 60]
    assert scores[-1].score.characters == started.held_out_characters
    # it learned more than the letters' frequencies
    corpus = training.corpus
    unigram = unigram_nll(corpus.train_ids, corpus.held_out_ids, len(corpus.vocab))
    assert scores[-1].score.nll < unigram
    assert scores[-1].score.nll < scores[0].score.nll


def test_the_tutorials_last_experiment_starts_from_the_fox(tmp_path):
    run(tmp_path, folder="fox")
    fox = load_checkpoint(tmp_path / "fox")
    _, events = run(tmp_path, folder="pretzels", overrides=["data.text=pretzels"], init_from=fox)
    losses = of(events, Logged)
    assert of(events, Sampled)[-1].sample.text == "these pretzels are making me thirsty"
    # sure of another sentence, it is worse than one that knows nothing (36 ln 28 = 120)
    assert losses[0].loss > 120
    assert losses[-1].loss < 0.5


def test_stopping_saves_where_it_stands(tmp_path):
    training = Training(load_config("srnn", overrides=SMALL))
    training.directory = RunDirectory.create_named(tmp_path / "run")
    events = []
    for event in training.events():
        events.append(event)
        if isinstance(event, Logged) and event.step == 6:
            training.stop()
    assert events[-1] == Finished(6, events[-1].seconds, stopped=True, reason="stopped")
    assert load_checkpoint(tmp_path / "run").state["step"] == 6


def test_per_layer_sizes(tmp_path):
    overrides = ["model.layers=2", "model.hidden_dim=[12, 6]", "train.steps=2"]
    training, _ = run(tmp_path, overrides=overrides)
    assert training.model.arrays()["rnn.1.Wx"].shape == (6, 12)
    assert training.model.arrays()["softmax.W"].shape == (28, 6)
