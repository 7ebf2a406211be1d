"""What is wrong with a configuration is all reported at once, each with its place and a way out."""

from __future__ import annotations

import os
import sys

import attrs
import pytest

from charlm.config import ModelConfig, Override, load_comparison_config, load_config
from charlm.config.schema import CELLS
from charlm.errors import ConfigError

MODEL = ", ".join(field.name for field in attrs.fields(ModelConfig))


def report(file, **given) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load_config(str(file), **given)
    return str(raised.value).split("\n")


RUNS = {
    "unknown key": (
        "model:\n  hiden_dim: 50\n",
        ["2:3: model.hiden_dim: unknown key; did you mean hidden_dim?"],
    ),
    "unknown key of another section": (
        "train:\n  cell: lstm\nsteps: 3\n",
        [
            "2:3: train.cell: unknown key; did you mean model.cell?",
            "3:1: steps: unknown key; did you mean train.steps?",
        ],
    ),
    "unknown key like no other": (
        "train: {}\nzzz: 1\n",
        ["2:1: zzz: unknown key; the keys here are name, model, data, train"],
    ),
    "text for a number": (
        "model:\n  layers: two\n",
        ["2:11: model.layers: expected a whole number, got 'two'"],
    ),
    "a quoted number": (
        "train: {learning_rate: '0.1'}\n",
        ["1:24: train.learning_rate: expected a number, got '0.1'"],
    ),
    "bool for a whole number": (
        "model:\n  layers: true\n",
        ["2:11: model.layers: expected a whole number, got true"],
    ),
    "bool for a number": (
        "train:\n  clip_norm: false\n",
        ["2:14: train.clip_norm: expected a number, got false"],
    ),
    "a fraction for a whole number": (
        "train:\n  steps: 3.0\n",
        ["2:10: train.steps: expected a whole number, got 3.0"],
    ),
    "negative sizes": (
        "model:\n  embed_dim: -5\n  hidden_dim: [50, 0]\n",
        [
            "2:14: model.embed_dim: expected 1 or more, got -5",
            "3:20: model.hidden_dim[1]: expected 1 or more, got 0",
        ],
    ),
    "no step": (
        "train:\n  learning_rate: 0\n",
        ["2:18: train.learning_rate: expected a number above 0, got 0"],
    ),
    "not finite": (
        "train:\n  learning_rate: .nan\n  clip_norm: .inf\n",
        [
            "2:18: train.learning_rate: expected a number above 0, got nan",
            "3:14: train.clip_norm: expected a number of 0 or more, got inf",
        ],
    ),
    "negative steps": (
        "train: {steps: -1, log_every: 0}\n",
        [
            "1:16: train.steps: expected 0 or more, got -1",
            "1:31: train.log_every: expected 1 or more, got 0",
        ],
    ),
    "numbers beyond bounds": (
        f"train: {{seed: 0x{'f' * 80}}}\ndata: {{val_frac: 0.6}}\n",
        [
            f"1:15: train.seed: expected at most {2**63 - 1}, got 0x{'f' * 55}...",
            "2:18: data.val_frac: expected a number of 0 or more and of at most 0.5, got 0.6",
        ],
    ),
    "a number as it was written": (
        f"train: {{steps: 1{'0' * 31}}}\n",
        [f"1:16: train.steps: expected at most {2**63 - 1}, got 1{'0' * 31}"],
    ),
    "a number that Python refuses to read": (
        f"train: {{seed: {'9' * 5000}}}\n",
        [f"1:15: train.seed: cannot be read as int: '{'9' * 56}..."],
    ),
    "not among the words": (
        "model: {cell: ltsm}\ndata: {framing: 3}\n",
        [
            f"1:15: model.cell: expected {' or '.join(CELLS)}, got 'ltsm'; did you mean lstm?",
            "2:17: data.framing: expected lines or documents or stream, got 3",
        ],
    ),
    "not one size a layer": (
        "model:\n  hidden_dim: [50, 50]\n",
        ["2:15: model.hidden_dim: expected one size for each layer (layers is 1), got 2"],
    ),
    "an alphabet with repeats": (
        "data:\n  alphabet: abca b\n",
        ["2:13: data.alphabet: expected each character once; more than once: 'a', 'b'"],
    ),
    "an empty alphabet and text": (
        'data:\n  alphabet: ""\n  text: ""\n',
        [
            "2:13: data.alphabet: expected text, got an empty string",
            "3:9: data.text: expected text, got an empty string",
        ],
    ),
    "half a character": (
        'data: {alphabet: "a\\ud800"}\n',
        ["1:18: data.alphabet: expected characters, but '\\ud800' is half of a surrogate pair"],
    ),
    "a number as text": (
        "data:\n  text: 1984\n",
        ["2:9: data.text: expected text, got 1984 (put it in quotes)"],
    ),
    "no texts": (
        "data: {text: []}\n",
        [
            "1:14: data.text: expected a bundled name or a path, or a list of them; "
            "the list is empty"
        ],
    ),
    "a path among texts": (
        "data:\n  text:\n    - fox\n    - 3\n",
        ["4:7: data.text[1]: expected text, got 3 (put it in quotes)"],
    ),
    "a name that is no directory's": (
        "name: a/b\n",
        ["1:7: name: expected a plain name for a directory, got 'a/b'"],
    ),
    "a value left out": (
        "model:\n  layers:\n  cell: rnn\n",
        ["2:3: model.layers: expected a whole number, got nothing"],
    ),
    "a word for a section": (
        "model: lstm\n",
        [f"1:8: model: expected keys ({MODEL}), got 'lstm'"],
    ),
    "keys for a value": (
        "model:\n  layers: {count: 2}\n",
        ["2:11: model.layers: expected a whole number, got keys and values"],
    ),
    "a key twice": (
        "model:\n  layers: 1\n  layers: 2\nmodel: {}\n",
        [
            "3:3: model.layers: given twice (first on line 2)",
            "4:1: model: given twice (first on line 1)",
        ],
    ),
    "a key that is no word": ("[a]: 1\n", ["1:1: expected a plain word as a key"]),
    "a tag": (
        "name: !!python/name:os.system x\n",
        ["1:7: name: tags (!name) are not supported; write only 'x'"],
    ),
    "an alias": (
        "name: &n x\ndata: {text: *n}\n",
        ["2:8: data.text: aliases (*name) are not supported; write the value itself"],
    ),
    "a loop": (
        "model: &m\n  cell: *m\n",
        ["2:3: model.cell: aliases (*name) are not supported; write the value itself"],
    ),
    "a list": ("- srnn\n", ["1:1: expected keys, such as model: or train:, got a list"]),
    "words": (
        "Call me Ishmael.\n",
        ["1:1: expected keys, such as model: or train:, got 'Call me Ishmael.'"],
    ),
    "no YAML": (
        "model:\n  cell: [rnn\n",
        ["3:1: not valid YAML: expected ',' or ']', but got '<stream end>'"],
    ),
    "a tab": (
        "model:\n\tcell: rnn\n",
        ["2:1: not valid YAML: found character '\\t' that cannot start any token"],
    ),
    "two documents": (
        "name: a\n---\nname: b\n",
        ["2:1: not valid YAML: but found another document"],
    ),
    "a control character": ("name: a\n# \x07\n", ["2:3: not valid YAML: the character '\\x07'"]),
}


@pytest.mark.parametrize(("text", "expected"), RUNS.values(), ids=RUNS)
def test_a_mistake_is_reported_with_its_line_and_column(tmp_path, text, expected):
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    assert report(file) == [f"{file}:{line}" for line in expected]


def test_mistakes_of_every_kind_come_in_one_report_in_the_order_of_their_lines(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(
        "train: {steps: many}\nmodel:\n  layers: 1\n  layers: 2\n  cel: rnn\nname: !x y\n",
        encoding="utf-8",
    )
    overrides = ["model.embed_dim=-1", Override("--seed", "train.seed", "x"), "nonsense"]
    assert report(file, overrides=overrides) == [
        "--seed x: train.seed: expected a whole number, got 'x'",
        "--set model.embed_dim=-1: model.embed_dim: expected 1 or more, got -1",
        "--set nonsense: expected key=value, such as model.layers=2",
        f"{file}:1:16: train.steps: expected a whole number, got 'many'",
        f"{file}:4:3: model.layers: given twice (first on line 3)",
        f"{file}:5:3: model.cel: unknown key; did you mean cell?",
        f"{file}:6:7: name: tags (!name) are not supported; write only 'y'",
    ]


def test_bytes_that_are_not_utf_8_are_named_by_offset_and_place(tmp_path):
    file = tmp_path / "bad.yaml"
    for mark in (b"", b"\xef\xbb\xbf"):
        file.write_bytes(mark + "name: é\n# caf".encode() + b"\xe9\n")
        assert report(file) == [
            f"{file}:2:6: byte {14 + len(mark)} (0xe9) is not UTF-8; save the file as UTF-8"
        ]


def test_a_file_that_is_missing_or_a_directory(tmp_path):
    assert report(tmp_path / "no.yaml") == [f"{tmp_path / 'no.yaml'}: no such file"]
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    assert report(folder) == [f"{folder}: expected a configuration file, and this is a directory"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path):
    file = tmp_path / "secret.yaml"
    file.touch(mode=0o000)
    assert report(file) == [f"{file}: cannot be read: Permission denied"]


def test_a_path_through_a_file(tmp_path):
    (tmp_path / "file").touch()
    file = tmp_path / "file" / "x.yaml"
    assert report(file) == [
        f"{file}: cannot be read: a part of the path is a file, not a folder; give another path"
    ]


def test_a_bundled_name_that_is_none():
    (line,) = report("lsmt")
    assert line.startswith("no bundled config is named 'lsmt'; did you mean lstm? (there are gru,")
    with pytest.raises(ConfigError, match="no bundled config is named 'srnn-vs-lst'; did you mean"):
        load_comparison_config("srnn-vs-lst")


OVERRIDES = {
    "model.layers=two": "model.layers: expected a whole number, got 'two'",
    "model.hiden_dim=3": "model.hiden_dim: unknown key; did you mean hidden_dim?",
    "steps=3": "steps: unknown key; did you mean train.steps?",
    "lr=3": "lr: unknown key; did you mean train.learning_rate?",
    "train.lr=3": "train.lr: unknown key; did you mean train.learning_rate?",
    "train.optimizer=adam": "train.optimizer: unknown key; did you mean train.trainer?",
    "train.batch_size=3": "train.batch_size: unknown key; did you mean data.batch_size?",
    "model.hidden_size=3": "model.hidden_size: unknown key; did you mean model.hidden_dim?",
    "optim.lr=3": "optim: unknown key; did you mean train.learning_rate?",
    "training.nonsense=3": "training: unknown key; did you mean train?",
    "model.cell=LTSM": f"model.cell: expected {' or '.join(CELLS)}, got 'LTSM'; did you mean lstm?",
    "model=two": f"model: expected keys ({MODEL}), got 'two'",
    "model={layers: two}": "model.layers: expected a whole number, got 'two'",
    "model.layers.x=2": "model.layers: expected a whole number, got keys and values",
    "model.layers=": "model.layers: expected a whole number, got nothing",
    "model.layers=[1": "model.layers: not valid YAML: expected ',' or ']', but got '<stream end>'",
    "model.cell=a: b": "model.cell: not valid YAML: mapping values are not allowed here",
    "name=x\nkey: y": "name: expected one YAML value, got 'x\\nkey: y'",
    "=3": "unknown key; the keys here are name, model, data, train",
    "nonsense": "expected key=value, such as model.layers=2",
}


@pytest.mark.parametrize(("override", "reason"), OVERRIDES.items(), ids=repr)
def test_set_is_reported_by_what_was_typed(override, reason):
    with pytest.raises(ConfigError) as raised:
        load_config("srnn", overrides=[override])
    assert str(raised.value) == f"--set {override}: {reason}"


def test_a_list_in_the_file_is_blamed_for_layers_that_set_changed(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text("model:\n  layers: 2\n  hidden_dim: [5, 6]\n", encoding="utf-8")
    assert report(file, overrides=["model.layers=3"]) == [
        f"{file}:3:15: model.hidden_dim: expected one size for each layer (layers is 3), got 2"
    ]


def test_texts_on_the_line_are_judged_too():
    with pytest.raises(ConfigError) as raised:
        load_config(texts=["novel.txt", ""])
    assert str(raised.value) == "TEXT: data.text[1]: expected text, got an empty string"


def test_what_other_programs_call_a_key_is_known_in_a_file_too(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("optimizer: adam\nmodel:\n  num_layers: 2\ntrain: {lr: 0.1, grad_clip: 5}\n")
    with pytest.raises(ConfigError) as raised:
        load_config(str(file))
    assert str(raised.value).splitlines() == [
        f"{file}:1:1: optimizer: unknown key; did you mean train.trainer?",
        f"{file}:3:3: model.num_layers: unknown key; did you mean model.layers?",
        f"{file}:4:9: train.lr: unknown key; did you mean train.learning_rate?",
        f"{file}:4:18: train.grad_clip: unknown key; did you mean train.clip_norm?",
    ]


def test_in_a_comparison_the_key_is_its_base_s(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text("lr: 0.1\nmodels: [{name: a, model: {cell: rnn}}, {name: b, lr: 1}]\n")
    with pytest.raises(ConfigError) as raised:
        load_comparison_config(str(file))
    first, second = str(raised.value).splitlines()
    assert first == f"{file}:1:1: lr: unknown key; did you mean base.train.learning_rate?"
    assert second.endswith("models[1].lr: unknown key; did you mean train.learning_rate?")
