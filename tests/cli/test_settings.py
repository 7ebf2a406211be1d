"""Options that set a key of the config: one description, one rule, and every name that people type."""

from __future__ import annotations

import click
import pytest

from charlm.cli import cli, main
from charlm.cli.options.settings import ALIASES, FLAGS, KEYS, SettingOption
from charlm.config import load_config, to_yaml
from charlm.config.keys import keys
from tests.cli.reference import help_of

OTHERS = {
    "model.cell": "gru",
    "data.encoding": "cp1252",
    "data.framing": "stream",
    "data.separator": "---",
    "data.val_file": "a: b.txt",
    "train.trainer": "adam",
    "train.max_time": "90s",
    "train.kernels": "numpy",
    "train.freeze": "embedding",
    "train.schedule_from": "here",
    "model.dropout": "0.25",
    "data.val_frac": "0.25",
    "data.test_frac": "0.25",
}
"""Values of keys that take no whole number."""
COMMON = [
    "cell",
    "layers",
    "hidden-dim",
    "embed-dim",
    "dropout",
    "batch-size",
    "seq-length",
    "trainer",
    "optimizer",
    "learning-rate",
    "lr",
]


def printed(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["train", *arguments, "--print-config"])
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    return out


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("flag", [flag for flag, key in FLAGS.items() if key in KEYS])
def test_an_option_sets_its_key_as_set_does(capsys, monkeypatch, tmp_path, flag):
    monkeypatch.chdir(tmp_path)
    key = FLAGS[flag]
    value = OTHERS.get(key, "7")
    quoted = f"'{value}'" if key == "data.val_file" else value
    # beside these every value is allowed
    framing = "documents" if key == "data.separator" else "stream"
    around = ["--set", f"data.framing={framing}", "--set", "data.alphabet=null"]
    wanted = load_config(overrides=[f"{key}={quoted}", around[1], around[3]])
    if key in ("train.epochs", "train.max_time"):  # one budget replaces the others
        wanted = load_config(
            overrides=[f"{key}={quoted}", "train.steps=null", around[1], around[3]]
        )
    assert printed(capsys, *around, flag, value) == to_yaml(wanted)


@pytest.mark.parametrize("command", ["train", "bench"])
def test_a_wrong_value_is_refused_as_by_set_and_names_the_option(capsys, command):
    declared = cli.get_command(click.Context(cli), command).params
    flags = [p.opts[0] for p in declared if isinstance(p, SettingOption)]
    for flag in [flag for flag in flags if flag != "--val-file"]:  # there every text is a path
        key = FLAGS[flag]
        reason = refused(capsys, "train", "--set", f"{key}=?no").partition(f"{key}=?no")[2]
        said = refused(capsys, command, flag, "?no").replace('"', "")
        assert f"{flag} ?no{reason}" in said


@pytest.mark.parametrize("name", COMMON)
def test_the_common_keys_have_the_option_that_people_type(name):
    declared = cli.get_command(click.Context(cli), "train").params
    assert f"--{name}" in {param.opts[0] for param in declared}


def test_help_shows_the_one_description_of_each_key_and_all_names():
    text = " ".join(help_of("train", 200).split())
    for key in KEYS:
        doc = keys()[key].metadata["doc"]
        assert f"{doc[0].upper()}{doc[1:]}." in text, key
    for flag, key in ALIASES.items():
        assert f"{flag}, --{key.rpartition('.')[2].replace('_', '-')} " in text
