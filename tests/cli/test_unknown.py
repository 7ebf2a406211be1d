"""Options that other programs have: the message names the option or the key that is meant."""

from __future__ import annotations

import pytest

from charlm.cli import main
from charlm.config import RunConfig, to_dict
from charlm.config.keys import SYNONYMS, key_meant, keys

KEYS = {
    "--grad-clip": "train.clip_norm",
    "--clip_norm": "train.clip_norm",
    "--clipNorm": "train.clip_norm",
    "-wd": "train.weight_decay",
    "--warmup-steps": "train.warmup",
    "--tie-weights": "model.tied",
    "--eval-interval": "train.eval_every",
    "--characters": "data.alphabet",
}


@pytest.fixture
def said(capsys):
    """Return the last line that a wrong command line prints."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    return run


@pytest.mark.parametrize("option", KEYS)
def test_it_names_the_key_to_set(said, option):
    wanted = f"Error: No such option: {option}. Use --set {KEYS[option]}=VALUE."
    assert said("train", "novel.txt", option, "0.1") == wanted
    assert said("train", f"{option}=0.1") == wanted


@pytest.mark.parametrize(
    ("command", "given", "there"),
    [
        ("train", "--epoch", "--epochs"),
        ("train", "--max-steps", "--steps"),
        ("train", "--time-limit", "--max-time"),
        ("train", "--random-seed", "--seed"),
        ("train", "--learning_rate", "--learning-rate"),
        ("train", "-lr", "--learning-rate"),
        ("train", "--batchSize", "--batch-size"),
        ("train", "--seq-len", "--seq-length"),
        ("bench", "--hidden-size", "--hidden-dim"),
        ("bench", "--num-layers", "--layers"),
        ("bench", "--optim", "--trainer"),
        ("eval", "--lr", "--rate"),
        ("compare", "--max-steps", "--steps"),
    ],
)
def test_it_names_the_option_where_there_is_one(said, command, given, there):
    assert (
        said(command, "fox", given, "3") == f"Error: No such option: {given}. Did you mean {there}?"
    )


@pytest.mark.parametrize(
    ("command", "given", "kind"),
    [
        ("train", "--config", "CONFIG"),
        ("train", "--input", "TEXT"),
        ("train", "--data-path", "TEXT"),
        ("baseline", "--file", "TEXT"),
        ("sample", "--model-path", "RUN"),
        ("eval", "--run", "RUN"),
        ("info", "--model", "RUN"),
    ],
)
def test_it_says_what_needs_no_option(said, command, given, kind):
    found = said(command, given, "a")
    assert f"No such option: {given}. Give {kind} without an option: charlm {command} " in found


def test_a_command_without_keys_says_whose_it_is(said):
    found = said("sample", "runs/fox", "--batch-size", "3")
    assert "data.batch_size is a key of the config; set it when you train" in found


def test_a_guess_is_near(said):
    assert "--temperature" in said("sample", "runs/a", "--temp", "1")
    assert "--prime" in said("sample", "runs/a", "--primer", "x")
    assert "Did you mean" not in said("train", "--gpu")
    assert "Did you mean" not in said("train", "--zzz")


def test_every_synonym_means_a_key_that_there_is():
    assert set(SYNONYMS) <= set(keys())
    for key, words in SYNONYMS.items():
        assert {key_meant(word) for word in words.split()} == {key}


def test_the_keys_are_those_of_a_config():
    config = to_dict(RunConfig())
    below = [
        f"{section}.{key}" for section in ("model", "data", "train") for key in config[section]
    ]
    assert list(keys()) == ["name", *below]


@pytest.mark.parametrize(
    "time", {"5min": "5m", "2 hours": "2h", "90 secs": "90s", "1h 30m": "1h30m"}.items()
)
def test_a_time_in_other_units_is_told_in_ours(capsys, time):
    given, meant = time
    with pytest.raises(SystemExit):
        main(["train", "--max-time", given])
    assert f"--max-time {given}: train.max_time: expected a time" in (
        error := capsys.readouterr().err
    )
    assert f"did you mean {meant}?" in error
