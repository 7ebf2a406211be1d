"""Starting from another run's weights: rows go by their symbol."""

from __future__ import annotations

import re

import numpy as np
import pytest

from charlm.config import ModelConfig, Start, load_config
from charlm.config.start import NETWORK, RATE, WARMUP
from charlm.errors import CheckpointError, ConfigError
from charlm.training.events import Started
from charlm.training.loop import Training

SMALL = ["model.embed_dim=4", "model.hidden_dim=6", "data.alphabet=null"]


def training(text, *overrides, name="srnn", **options) -> Training:
    return Training(load_config(name, overrides=[*SMALL, *overrides]), text=text, **options)


def test_rows_follow_their_characters():
    old = training("cab\n")  # a b c <EOS>
    new = training("abxc é\n", "train.seed=1", init_from=old.checkpoint())
    fresh = training("abxc é\n", "train.seed=1").model.arrays()
    ours, theirs = new.model.arrays(), old.model.arrays()
    for name in ("embedding", "softmax.W", "softmax.b"):
        for row, symbol in enumerate(new.corpus.vocab.to_list()):
            if symbol in old.corpus.vocab:
                assert np.array_equal(ours[name][row], theirs[name][old.corpus.vocab.index(symbol)])
            else:
                assert np.array_equal(ours[name][row], fresh[name][row])
    assert np.array_equal(ours["rnn.0.Wh"], theirs["rnn.0.Wh"])
    (said,) = new.notices
    assert "4 symbols kept, 3 new (' ' 'x' 'é')" in said


def test_it_is_said_before_the_first_step():
    old = training("cab\n")
    started = next(iter(training("ad\n", init_from=old.checkpoint()).events()))
    assert isinstance(started, Started)
    assert "2 symbols kept, 1 new ('d'), 2 dropped ('b' 'c')" in started.notices[-1]


def test_from_lines_to_a_stream():
    old = training("cab\n")
    new = training(
        "cab\ncab\ncab",
        "data.val_frac=0",
        "model.cell=rnn",
        name="text",
        init_from=old.checkpoint(),
    )
    assert "3 symbols kept, 1 new ('\\n'), 1 dropped ('<EOS>')" in new.notices[-1]


OTHERS = [
    *("model.hidden_dim=7", "model.cell=gru", "model.embed_dim=5", "model.layers=2"),
    *("model.layer_norm=true", "model.forget_bias=2"),
]


@pytest.mark.parametrize("other", OTHERS)
def test_other_sizes_are_refused_naming_both(other):
    old = training("cab\n", "model.cell=lstm")
    with pytest.raises(CheckpointError) as raised:
        training("cab\n", "model.cell=lstm", other, init_from=old.checkpoint())
    assert "has lstm, layers 1, embedding 4, hidden 6, this one has" in str(raised.value)
    key = other.partition("=")[0]
    advised = re.findall(r"--set '?([^' ]*)'?", str(raised.value))
    assert [setting.partition("=")[0] for setting in advised] == [key]
    training("cab\n", "model.cell=lstm", other, *advised, init_from=old.checkpoint())


def test_a_tied_model_is_no_start_for_another():
    sizes = ("model.embed_dim=6", "model.tied=true")
    old = training("cab\n", *sizes)
    with pytest.raises(CheckpointError, match=r"the same with --set model.tied=true"):
        training("cab\n", "model.embed_dim=6", init_from=old.checkpoint())
    assert training("cab\n", *sizes, init_from=old.checkpoint()).notices


NETWORKS = [
    ModelConfig(cell="gru", layers=2, embed_dim=5, hidden_dim=7, layer_norm=True),
    ModelConfig(cell="lstm", layers=2, embed_dim=5, hidden_dim=(7, 5), tied=True, forget_bias=0.5),
]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("preset", [None, "medium"])
def test_a_config_takes_its_network_from_the_run_that_it_starts_from(network, preset):
    start = Start("runs/a", network)
    config = load_config(texts=["fox"], preset=preset, start=start)
    assert {key: getattr(config.model, key) for key in NETWORK} == {
        key: getattr(network, key) for key in NETWORK
    }
    assert config.train == load_config(texts=["fox"], preset=preset).train
    dropped = ["model.dropout=0.3", "train.steps=7"]
    more = load_config(texts=["fox"], preset=preset, start=start, overrides=dropped)
    assert (more.model.cell, more.model.dropout, more.train.steps) == (network.cell, 0.3, 7)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("model.layers=3", "--set model.layers=3: model.layers: the weights of runs/a need 2 here"),
        ("model.hidden_dim=[7, 6]", "need [7, 5] here; set it to [7, 5], or leave out --init-from"),
        ("model.hidden_dim=7", "need [7, 5] here"),
        ("model.tied=false", "need true here"),
        ("model.cell=rnn", 'need "lstm" here'),
        ("model.forget_bias=null", "need 0.5 here"),
    ],
)
def test_a_network_that_contradicts_the_run_is_refused_with_the_remedy(given, said):
    start = Start("runs/a", NETWORKS[1])
    with pytest.raises(ConfigError) as raised:
        load_config(texts=["fox"], start=start, overrides=[given])
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    key = given.partition("=")[0]
    value = re.search(r"set it to (.*), or leave", str(raised.value))[1]
    assert load_config(texts=["fox"], start=start, overrides=[f"{key}={value}"])


def test_a_config_that_the_user_named_must_agree_too(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("model:\n  cell: lstm\n  embed_dim: 9\ndata: {text: fox}\n")
    start = Start("runs/a", NETWORKS[1])
    with pytest.raises(ConfigError) as raised:
        load_config(own, start=start)
    assert f"{own}:3:14: model.embed_dim: the weights of runs/a need 5 here" in str(raised.value)
    advised = re.search(r"--set '(.*?)'", str(raised.value))[1]
    assert load_config(own, start=start, overrides=[advised]).model.layers == 2
    with pytest.raises(ConfigError, match=r"srnn.yaml:\d+:\d+: model.cell"):
        load_config("srnn", start=start)
    assert load_config(start=start).model.cell == "lstm"  # the tutorial's, which nobody named


def test_fine_tuning_has_a_lower_rate_unless_one_is_given():
    plain = load_config(texts=["fox"])
    start = Start("runs/a", plain.model, "--finetune", tunes=True)
    tuned = load_config(texts=["fox"], start=start)
    assert tuned.train.learning_rate == pytest.approx(RATE * plain.train.learning_rate)
    assert tuned.train.warmup == WARMUP
    given = ["train.learning_rate=0.3", "train.warmup=2"]
    own = load_config(texts=["fox"], start=start, overrides=given).train
    assert (own.learning_rate, own.warmup) == (0.3, 2)


@pytest.mark.parametrize("rate", ["-1", "true", "fast", "null", ".inf"])
def test_a_wrong_learning_rate_is_refused_where_it_stands(tmp_path, rate):
    file = tmp_path / "run.yaml"
    file.write_text(f"data: {{text: fox}}\ntrain: {{learning_rate: {rate}}}\n")
    start = Start("runs/a", ModelConfig(), "--finetune", tunes=True)
    with pytest.raises(
        ConfigError, match=r"^\S+run.yaml:2:24: train.learning_rate: expected a num"
    ):
        load_config(str(file), start=start)


def test_new_symbols_in_a_frozen_table_are_told():
    old = training("cab\n")
    new = training("cabd\n", "train.freeze=embedding", init_from=old.checkpoint())
    assert "rows of new symbols in embedding are random and frozen" in new.notices[-1]
    same = training("cab\n", "train.freeze=embedding", init_from=old.checkpoint())
    assert "parameters are trained" in same.notices[-1]
