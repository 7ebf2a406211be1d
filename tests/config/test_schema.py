"""The defaults are the tutorial's; the constructors are as strict as the files."""

from __future__ import annotations

import subprocess
import sys

import attrs
import pytest

from charlm.config import (
    ComparisonConfig,
    DataConfig,
    ModelConfig,
    NamedModel,
    RunConfig,
    TrainConfig,
    from_dict,
    to_dict,
)
from charlm.config.schema import CELLS, SECTIONS
from charlm.errors import CharlmError, ConfigError


def test_the_defaults_are_the_tutorials():
    expected = {
        "name": "srnn",
        "model": {"cell": "rnn", "layers": 1, "embed_dim": 50, "hidden_dim": 50},
        "data": {
            "text": "fox",
            "framing": "lines",
            "encoding": "utf-8",
            "normalize": "none",
            "alphabet": "abcdefghijklmnopqrstuvwxyz ",
            "min_count": 1,
            "val_frac": 0.0,
            "test_frac": 0.0,
            "val_file": None,
            "shuffle": True,
            "batch_size": 32,
            "seq_length": 64,
        },
        "train": {
            "trainer": "sgd",
            "learning_rate": 0.1,
            "clip_norm": 5.0,
            "steps": 200,
            "epochs": None,
            "max_time": None,
            "patience": None,
            "log_every": 5,
            "sample_every": 5,
            "eval_every": 500,
            "eval_characters": 500_000,
            "checkpoint_every": 100,
            "seed": 0,
            "kernels": "auto",
            "threads": None,
        },
    }
    defaults = to_dict(RunConfig())
    assert expected["name"] == defaults["name"]
    for section in SECTIONS:
        assert expected[section].items() <= defaults[section].items()


def test_every_setting_describes_itself_in_one_line():
    for cls in (ModelConfig, DataConfig, TrainConfig, RunConfig):
        for field in attrs.fields(cls):
            assert field.metadata["doc"]
            assert "\n" not in field.metadata["doc"]


def test_one_size_serves_all_layers_and_a_list_gives_each_its_own():
    assert ModelConfig(layers=3, hidden_dim=8).hidden_dims == (8, 8, 8)
    assert ModelConfig(layers=2, hidden_dim=(8, 4)).hidden_dims == (8, 4)
    assert from_dict({"model": {"hidden_dim": [8]}}).model.hidden_dims == (8,)


def test_texts_is_always_a_tuple():
    assert DataConfig(text="fox").texts == ("fox",)
    assert DataConfig(text=("fox", "pretzels")).texts == ("fox", "pretzels")


def test_a_whole_number_serves_as_a_number():
    rate = TrainConfig(learning_rate=1).learning_rate
    assert (rate, type(rate)) == (1.0, float)


WRONG = [
    (
        lambda: ModelConfig(cell="rn"),
        f"cell: expected {' or '.join(CELLS)}, got 'rn'",
    ),
    (lambda: ModelConfig(layers=True), "layers: expected a whole number, got true"),
    (lambda: ModelConfig(hidden_dim=[8, 4]), "hidden_dim: expected one size for each layer"),
    (lambda: ModelConfig(layers=2, hidden_dim=[8, -4]), "hidden_dim[1]: expected 1 or more"),
    (lambda: DataConfig(val_frac=0.6), "val_frac: expected a number of 0 or more and of at most"),
    (lambda: TrainConfig(seed=2**63), "seed: expected at most 9223372036854775807"),
    (lambda: attrs.evolve(RunConfig(), name="a/b"), "name: expected a plain name"),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message for _, message in WRONG])
def test_constructors_refuse_what_the_files_may_not_say(make, message):
    with pytest.raises(ConfigError) as raised:
        make()
    assert str(raised.value).startswith(message)
    assert isinstance(raised.value, CharlmError)
    assert isinstance(raised.value, ValueError)


def test_nothing_can_be_changed_after_the_check():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RunConfig().model.layers = 0


def two_models(**changes: object) -> ComparisonConfig:
    models = tuple(NamedModel(name=name, config=RunConfig(name=name)) for name in ("a", "b"))
    return ComparisonConfig(**{"models": models, **changes})


def test_a_comparison_keeps_descending_thresholds_as_floats():
    assert two_models(thresholds=[10, 1]).thresholds == (10.0, 1.0)
    with pytest.raises(ConfigError, match=r"thresholds\[1\]: expected a number below the one"):
        two_models(thresholds=[1, 10])


def test_the_models_of_a_comparison_share_the_base_s_text_and_steps():
    with pytest.raises(ConfigError, match=r"models\[0\]\.config\.train\.steps: is 200 here and 3"):
        two_models(base=RunConfig(train=TrainConfig(steps=3)))


def test_plain_data_is_judged_as_a_file_is():
    data = to_dict(RunConfig())
    data["model"]["layers"] = "two"
    data["train"]["stepz"] = 3
    data["data"] = None
    with pytest.raises(ConfigError) as raised:
        from_dict(data, source="run.safetensors")
    assert str(raised.value).split("\n") == [
        "run.safetensors: data: expected keys (text, framing, separator, encoding, normalize, alphabet, min_count, "
        "val_frac, test_frac, val_file, shuffle, batch_size, seq_length), got nothing",
        "run.safetensors: model.layers: expected a whole number, got 'two'",
        "run.safetensors: train.stepz: unknown key; did you mean steps?",
    ]


def test_configurations_need_no_numpy():
    code = "import sys, charlm.config; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
