"""Frozen parts keep every bit, whatever trains the others; the others train as if the frozen parts had no gradients."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.config import from_dict, load_config, to_dict
from charlm.engine.trainers import TRAINERS
from charlm.errors import ConfigError
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.loop import Training
from tests.training.conftest import left_behind

TEXT = "the cat sat on the mat, the rat sat on the cat.\n" * 12
SMALL = [
    *("model.embed_dim=5", "model.hidden_dim=5", "model.layers=2", "data.text=fox"),
    *("data.batch_size=3", "data.seq_length=8", "data.val_frac=0.2", "data.alphabet=null"),
    *("train.steps=9", "train.eval_every=3", "train.checkpoint_every=4", "train.sample_every=0"),
]
PARTS = {
    "embedding": ("embedding",),
    "layer1": ("rnn.0.", "norm.0."),
    "layer 2": ("rnn.1.", "norm.1."),
    "rnn": ("rnn.", "norm."),
    "softmax": ("softmax.",),
    "embedding, layer2": ("embedding", "rnn.1.", "norm.1."),
}


def training(*overrides: str, directory=None, **options) -> Training:
    config = load_config("text", overrides=[*SMALL, *overrides])
    return Training(config, directory, text=TEXT, **options)


def changed(before: dict, after: dict) -> set[str]:
    return {name for name in before if not np.array_equal(before[name], after[name])}


def check(parts: str, names: tuple[str, ...], *overrides: str) -> None:
    run = training(f"train.freeze={parts}", *overrides)
    before = run.model.arrays()
    list(run.events())
    after = run.model.arrays()
    with run.learner.averaging.applied():
        average = run.model.arrays()
    frozen = {name for name in before if name.startswith(names)}
    assert frozen
    assert not changed(before, after) & frozen
    assert not changed(before, average) & frozen
    assert changed(before, after) == set(before) - frozen


@pytest.mark.parametrize("kernels", ["numpy", "numba"])
@pytest.mark.parametrize("trainer", sorted(TRAINERS))
def test_every_trainer_leaves_them_alone(trainer, kernels):
    if kernels == "numba":
        pytest.importorskip("numba", reason="numba is not installed")
    how = (f"train.trainer={trainer}", f"train.kernels={kernels}", "train.learning_rate=0.02")
    check("embedding, layer1", ("embedding", "rnn.0."), "train.average=0.9", *how)


@pytest.mark.parametrize("parts", PARTS)
def test_every_part_can_be_frozen(parts):
    check(f"[{parts}]" if "," in parts else parts, PARTS[parts], "model.layer_norm=true")


def test_a_tied_table_is_frozen_with_the_softmax():
    check("softmax", ("embedding", "softmax."), "model.tied=true")
    check("embedding", ("embedding",), "model.tied=true")


@pytest.mark.parametrize("kernels", ["numpy", "numba"])
def test_the_gradients_of_frozen_parts_do_not_count_in_the_norm(kernels):
    """With clipping, an update by sgd has exactly the length of rate times norm."""
    if kernels == "numba":
        pytest.importorskip("numba", reason="numba is not installed")
    run = training(
        *("train.freeze=[embedding, softmax]", "train.trainer=sgd", "train.learning_rate=1"),
        *("train.clip_norm=0.001", f"train.kernels={kernels}"),
    )
    for _ in range(3):
        before = run.model.arrays()
        run.update()
        after = run.model.arrays()
        length = np.sqrt(sum(np.sum((after[n] - before[n]) ** 2, dtype=float) for n in before))
        assert length == pytest.approx(0.001, rel=1e-3)


def test_a_resumed_run_keeps_them_to_the_bit(tmp_path):
    freeze = ("train.freeze=[embedding, layer1]", "train.average=0.9", "train.trainer=adamw")
    freeze += ("train.sample_every=4",)
    whole = tmp_path / "whole"
    list(training(*freeze, directory=RunDirectory.create_named(whole)).events())
    cut = tmp_path / "cut"
    for event in training(*freeze, directory=RunDirectory.create_named(cut)).events():
        if event.step == 6:
            break
    again = load_config(str(cut / "config.yaml"))
    assert again.train.freeze == ("embedding", "layer1")
    last = load_checkpoint(cut, "last")
    list(Training(again, RunDirectory(cut), text=TEXT, resume=last).events())
    assert left_behind(cut) == left_behind(whole)
    other = load_config(str(cut / "config.yaml"), overrides=["train.freeze=rnn"])
    with pytest.raises(ConfigError, match=r'train.freeze was \["embedding", "layer1"\]'):
        Training(other, RunDirectory(cut), text=TEXT, resume=last)


def test_it_is_said_how_much_is_trained():
    run = training("train.freeze=[embedding, rnn]")
    trained = sum(run.model.arrays()[name].size for name in ("softmax.W", "softmax.b"))
    (said,) = run.notices
    wanted = f"{trained:,} of {run.model.parameter_count():,} parameters are trained"
    assert said == f"frozen: embedding, rnn; {wanted}"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("layer3", "train.freeze: the model has 2 recurrent layers, so there is no layer3"),
        ("[embedding, rnn, softmax]", "train.freeze: nothing would be left to train"),
        ("[layer1, layer2, softmax, embedding]", "nothing would be left to train"),
        ("embeding", "got 'embeding'; did you mean embedding?"),
        ("layer0", "expected embedding, rnn, layer1, layer2, ... or softmax, got 'layer0'"),
        ("3", "expected parts of the network"),
        ("[3]", "got 3"),
    ],
)
def test_parts_that_do_not_fit_are_refused(value, reason):
    with pytest.raises(ConfigError) as raised:
        training(f"train.freeze={value}")
    assert reason in str(raised.value)
    assert f"train.freeze={value}" in str(raised.value)


def test_nothing_is_frozen_in_a_config_of_before():
    stored = to_dict(load_config("text", overrides=SMALL))
    del stored["train"]["freeze"], stored["train"]["schedule_from"]
    assert from_dict(stored) == load_config("text", overrides=SMALL)
