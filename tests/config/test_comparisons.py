"""Comparisons: models laid over a common base, from one file or from several runs."""

from __future__ import annotations

import json

import pytest

from charlm.config import (
    ComparisonConfig,
    NamedModel,
    RunConfig,
    comparison_of,
    load_comparison_config,
    load_config,
)
from charlm.errors import ConfigError, SettingError


@pytest.fixture
def config(tmp_path):
    def write(text: str, name: str = "mine.yaml") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def report(source: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load_comparison_config(source)
    return str(raised.value).split("\n")


def test_each_model_is_its_entry_over_the_base(config):
    comparison = load_comparison_config(
        config(
            "base:\n"
            "  model: {layers: 2, hidden_dim: [7, 8]}\n"
            "  train: {steps: 9}\n"
            "models:\n"
            "  - name: small\n"
            "    model: {embed_dim: 3}\n"
            "  - name: gated\n"
            "    model: {cell: lstm, hidden_dim: 5}\n"
            "    train: {trainer: adam}\n"
            "thresholds: [3, 0.5]\n"
            "seeds: 2\n"
        )
    )
    assert (comparison.name, comparison.base.name) == ("mine", "mine")
    assert (comparison.thresholds, comparison.seeds) == ((3.0, 0.5), 2)
    assert [model.name for model in comparison.models] == ["small", "gated"]
    small, gated = (model.config for model in comparison.models)
    assert (small.name, small.model.cell, small.model.embed_dim) == ("small", "rnn", 3)
    assert (gated.name, gated.model.cell, gated.model.embed_dim) == ("gated", "lstm", 50)
    assert (small.model.hidden_dims, gated.model.hidden_dims) == ((7, 8), (5, 5))
    assert (small.train.trainer, gated.train.trainer) == ("sgd", "adam")
    assert small.train.steps == gated.train.steps == comparison.base.train.steps == 9


def test_the_base_may_be_left_out(config):
    text = "models:\n  - name: a\n  - {name: b, model: {cell: gru}}\n"
    for head in ("", "base:\n", "base: {model: }\n"):
        comparison = load_comparison_config(config(head + text))
        assert comparison.base == RunConfig(name="mine")
        assert comparison.models[0].config == RunConfig(name="a")


def test_paths_start_at_the_file_s_folder(config, tmp_path):
    file = config("base: {data: {text: t.txt}}\nmodels: [{name: a}, {name: b}]\n")
    for model in load_comparison_config(file).models:
        assert model.config.data.text == str(tmp_path / "t.txt")


REPORTS = {
    "mistakes everywhere, each once": (
        "nam: x\n"
        "base:\n"
        "  name: y\n"
        "  model: {layers: two}\n"
        "  trian: {}\n"
        "models:\n"
        "  - name: a\n"
        "    model: {cel: rnn}\n"
        "  - nam: b\n"
        "  - name: 3\n"
        "    config: {}\n"
        "thresholds: [1, 2, x]\n"
        "seeds: 0\n",
        [
            "1:1: nam: unknown key; did you mean name?",
            "3:3: base.name: unknown key; the comparison itself has the name",
            "4:19: base.model.layers: expected a whole number, got 'two'",
            "5:3: base.trian: unknown key; did you mean train?",
            "8:13: models[0].model.cel: unknown key; did you mean cell?",
            "9:5: models[1].nam: unknown key; did you mean name?",
            "9:5: models[1].name: expected text, got nothing",
            "10:11: models[2].name: expected text, got 3 (put it in quotes)",
            "11:5: models[2].config: unknown key; the keys here are name, model, data, train",
            "12:20: thresholds[2]: expected a number, got 'x'",
            "13:8: seeds: expected 1 or more, got 0",
        ],
    ),
    "models as keys": (
        "models: {a: {}, b: {}}\n",
        ["1:9: models: expected a list, got keys and values"],
    ),
    "models as words": (
        "models: [srnn, lstm]\n",
        [
            "1:10: models[0]: expected keys (name, model, data, train), got 'srnn'",
            "1:16: models[1]: expected keys (name, model, data, train), got 'lstm'",
        ],
    ),
    "a base that is a word": (
        "base: srnn\nmodels: [{name: a}, {name: b}]\n",
        ["1:7: base: expected keys (name, model, data, train), got 'srnn'"],
    ),
    "one model": ("models: [{name: a}]\n", ["1:9: models: expected two models or more, got 1"]),
    "no model": ("models:\n", ["1:1: models: expected a list, got nothing"]),
    "one name twice": (
        "models: [{name: a}, {name: a}]\n",
        ["1:28: models[1].name: another model is named 'a' too; give each its own name"],
    ),
    "other steps": (
        "models: [{name: a}, {name: b, train: {steps: 9}}]\n",
        [
            "1:46: models[1].train.steps: is 9 here and 200 in the base; make them equal: the losses of a "
            "comparison can be compared only if all models predict the same symbols of the same text, for "
            "the same steps"
        ],
    ),
    "thresholds that rise": (
        "models: [{name: a}, {name: b}]\nthresholds: [10, 10]\n",
        ["2:18: thresholds[1]: expected a number below the one before (10), got 10"],
    ),
    "thresholds below zero": (
        "models: [{name: a}, {name: b}]\nthresholds: [10, -1]\n",
        ["2:18: thresholds[1]: expected a number above 0, got -1"],
    ),
    "a reference without held-out text": (
        "models: [{name: a}, {name: b}]\nreferences: [{name: optimum, nll: 0.1}]\n",
        [
            "2:13: references: these are scores of held-out text, and no text is held out; set base.data.val_frac"
        ],
    ),
    "references of other forms": (
        "models: [{name: a}, {name: b}]\nreferences: [{name: optimum, nll: -1}, {name: x, bits: 1}, 3]\n",
        [
            "2:35: references[0].nll: expected a number of 0 or more, got -1",
            "2:40: references[1].nll: is missing",
            "2:50: references[1].bits: unknown key; the keys here are name, nll",
            "2:60: references[2]: expected keys (name, nll), got 3",
        ],
    ),
    "references with names that are taken": (
        "base: {data: {val_frac: 0.1}}\nmodels: [{name: a}, {name: b}]\n"
        "references: [{name: b, nll: 0.1}]\n",
        [
            "3:21: references[0].name: 'b' is the name of a model or of another reference; give each its own name",
        ],
    ),
    "two references of one name": (
        "base: {data: {val_frac: 0.1}}\nmodels: [{name: a}, {name: b}]\n"
        "references: [{name: x, nll: 0.1}, {name: x, nll: 1}]\n",
        [
            "3:42: references[1].name: 'x' is the name of a model or of another reference; give each its own name",
        ],
    ),
    "a threshold alone": (
        "models: [{name: a}, {name: b}]\nthresholds: 1\n",
        ["2:13: thresholds: expected a list of numbers, got 1"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), REPORTS.values(), ids=REPORTS)
def test_a_mistake_is_reported_once_with_its_line_and_column(config, text, expected):
    file = config(text)
    assert report(file) == [f"{file}:{line}" for line in expected]


def test_a_run_is_no_comparison_and_the_other_way_round(config):
    file = config("name: x\n")
    assert report(file) == [
        f"{file}: this is one run, not a comparison (it has no models:); name two runs or more"
    ]
    with pytest.raises(ConfigError, match="this is a comparison of models, not one run"):
        load_config("srnn-vs-lstm")


def test_runs_become_a_comparison_under_their_names(config):
    file = config("model: {cell: gru, layers: 2}\n")
    comparison = comparison_of(["srnn", "lstm", file])
    assert comparison.name == "srnn-vs-lstm-vs-mine"
    assert comparison.base == load_config("srnn")
    assert [model.name for model in comparison.models] == ["srnn", "lstm", "mine"]
    assert [model.config for model in comparison.models] == [
        *(load_config("srnn"), load_config("lstm"), load_config(file))
    ]


def test_runs_that_cannot_be_compared(config):
    other = config("data: {text: pretzels}\n", "other.yaml")
    with pytest.raises(ConfigError) as raised:
        comparison_of(["srnn", other])
    assert str(raised.value) == (
        f"{other}: data.text: is 'pretzels' here and 'fox' in the base; make them equal: the losses of a "
        "comparison can be compared only if all models predict the same symbols of the same text, for "
        "the same steps"
    )
    with pytest.raises(ConfigError, match=r"^srnn: name: another model is named 'srnn' too"):
        comparison_of(["srnn", "srnn"])
    with pytest.raises(ConfigError, match=r"^srnn: expected two models or more, got 1$"):
        comparison_of(["srnn"])
    with pytest.raises(ConfigError, match="expected two configs or more to compare, got none"):
        comparison_of([])


STREAM = {"framing": "stream", "alphabet": None}
DIFFERENCES = [
    ({"min_count": 2}, "data.min_count: is 2 here and 1 in the base"),
    ({"encoding": "bytes"}, "data.encoding: is 'bytes' here and 'utf-8' in the base"),
    ({"encoding": "latin-1"}, "data.encoding: is 'latin-1' here and 'utf-8' in the base"),
    ({"normalize": "NFC"}, "data.normalize: is 'NFC' here and 'none' in the base"),
    ({"alphabet": "abc"}, "data.alphabet: is 'abc' here and nothing in the base"),
    ({"framing": "lines"}, "data.framing: is 'lines' here and 'stream' in the base"),
    ({"val_frac": 0.1}, "data.val_frac: is 0.1 here and 0.0 in the base"),
    ({"test_frac": 0.1}, "data.test_frac: is 0.1 here and 0.0 in the base"),
    ({"val_file": "fox"}, "data.val_file: is 'fox' here and nothing in the base"),
    (
        {"min_count": 3, "test_frac": 0.2},
        "data.min_count: is 3 here and 1 in the base, data.test_frac is 0.2 here and 0.0 in the base",
    ),
]


@pytest.mark.parametrize(("other", "said"), DIFFERENCES, ids=lambda value: str(value)[:30])
def test_models_that_predict_other_symbols_or_other_text_are_not_ranked(config, other, said):
    one = config(json.dumps({"data": STREAM}), "one.yaml")
    two = config(json.dumps({"data": {**STREAM, **other}}), "two.yaml")
    with pytest.raises(ConfigError) as raised:
        comparison_of([one, two])
    assert str(raised.value).startswith(f"{two}: {said}; make them equal")
    file = config(
        json.dumps(
            {"base": {"data": STREAM}, "models": [{"name": "a"}, {"name": "b", "data": other}]}
        )
    )
    (line,) = report(file)
    assert said in line
    runs = load_config(one), load_config(two)
    with pytest.raises(SettingError, match="same symbols"):  # from Python
        ComparisonConfig(
            models=[NamedModel(name=run.name, config=run) for run in runs], base=runs[0]
        )


def test_what_makes_a_model_learn_otherwise_may_differ(config):
    data = {**STREAM, "batch_size": 3, "seq_length": 9}
    one = config(json.dumps({"data": STREAM}), "one.yaml")
    two = config(
        json.dumps({"data": data, "model": {"layers": 2}, "train": {"seed": 3}}), "two.yaml"
    )
    assert len(comparison_of([one, two]).models) == 2


def test_all_that_is_wrong_with_the_runs_is_reported(config):
    one, two = config("model: {layers: 0}\n", "1.yaml"), config("nam: x\n", "2.yaml")
    with pytest.raises(ConfigError) as raised:
        comparison_of([one, two])
    assert str(raised.value).split("\n") == [
        f"{one}:1:17: model.layers: expected 1 or more, got 0",
        f"{two}:1:1: nam: unknown key; did you mean name?",
    ]
