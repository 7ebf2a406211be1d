"""The public names of the package: they are seen, and say what is wrong with what they are given."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import charlm
from charlm.config import ModelConfig, comparison_of
from charlm.engine.expression import Expression
from charlm.errors import CharlmError
from charlm.text.vocab import Vocab


def test_every_public_name_is_there():
    for name in charlm.__all__:
        assert getattr(charlm, name) is not None


@pytest.mark.parametrize("name", charlm.__all__)
def test_every_public_name_has_an_example(name):
    assert ">>> " in inspect.getdoc(getattr(charlm, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nosuch"):
        charlm.nosuch  # noqa: B018


def test_the_public_names_are_seen_before_they_are_used_and_no_others():
    """In a process of its own: a name that was used is there in any case."""
    code = "import sys, charlm; print(*dir(charlm)); sys.exit('numpy' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == dir(charlm) == sorted(charlm.__all__)


def test_help_shows_the_names():
    text = pydoc.plain(pydoc.render_doc(charlm))
    for name in charlm.__all__:
        assert f"{name}(" in text


@pytest.mark.parametrize("name", ["sample", "stream", "streams"])
def test_what_sampling_takes_is_spelled_out_with_types(name):
    function = getattr(charlm.CharLM, name)
    assert {"length", "temperature", "prime", "stop"} <= set(inspect.signature(function).parameters)
    hints = get_type_hints(function)
    assert (hints["temperature"], hints["prime"], hints["stop"]) == (float, str, str)


def test_a_value_has_a_type():
    assert get_type_hints(Expression.value)["return"] != Any


def test_train_and_load(tmp_path):
    training = charlm.Training(charlm.load_config("srnn", overrides=["train.steps=3"]))
    steps = list(training.events())
    assert steps[-1].step == 3
    assert isinstance(training.model, charlm.CharLM)
    assert training.model.sample(5, seed=1) == training.model.sample(5, seed=1)


def test_a_path_is_as_good_as_its_text(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("model: {cell: gru}\n")
    assert charlm.load_config(file) == charlm.load_config(str(file))
    assert charlm.load_config(texts=[file]) == charlm.load_config(texts=[str(file)])
    file.write_text("models: [{name: a}, {name: b, model: {cell: gru}}]\n")
    assert charlm.load_comparison_config(file) == charlm.load_comparison_config(str(file))


def model() -> charlm.CharLM:
    return charlm.CharLM(
        Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=2, embed_dim=2)
    )


MISTAKES = {
    "prime: expected text, got None": lambda: model().sample(prime=None),
    "prime: expected text, got 5 (int)": lambda: model().stream(prime=5),
    "stop: expected text": lambda: model().sample(stop=None),
    "stop: expected text, got ['a'": lambda: model().streams([1], stop=["a"]),
    "length: expected a whole number or None, got '5' (str)": lambda: model().sample("5"),
    "length: expected a whole number or None, got 2.5 (float)": lambda: model().sample(2.5),
    "length: expected a whole number or None, got True (bool)": lambda: model().sample(True),
    "length: expected 0 or more characters, got -1": lambda: model().sample(-1),
    "temperature: expected a number, got 'hot'": lambda: model().sample(temperature="hot"),
    "temperature: expected a number, got None": lambda: model().sample(temperature=None),
    "expected a number of 0 or more": lambda: model().sample(temperature=-1),
    "seeds: expected a list of seeds, got 3 (int)": lambda: model().streams(3),
    "seed: expected a whole number": lambda: model().sample(seed="one"),
    "seed: expected numbers of 0 or more, got -1": lambda: model().sample(seed=-1),
    "CharLM: vocab: expected": lambda: charlm.CharLM("ab", ModelConfig()),
    "CharLM: config: expected": lambda: charlm.CharLM(model().vocab, {"cell": "rnn"}),
    "load_arrays: arrays: expected": lambda: model().load_arrays(None),
    "run: expected": lambda: charlm.load_model(None),
    "run: expected a path": lambda: charlm.load_model(3),
    "load_config: source: expected": lambda: charlm.load_config(3),
    "load_config: texts: expected a list": lambda: charlm.load_config(texts="novel.txt"),
    "load_config: texts: expected a path": lambda: charlm.load_config(texts=[None]),
    "load_config: overrides: expected a list": lambda: charlm.load_config(overrides="train.steps=3"),
    "load_config: overrides: expected a list, ": lambda: charlm.load_config(overrides={"train.steps": 3}),
    "load_config: an override: expected": lambda: charlm.load_config(overrides=[3]),
    "preset: expected small or medium": lambda: charlm.load_config(texts=["fox"], preset="smal"),
    "load_comparison_config: source: expected": lambda: charlm.load_comparison_config(["srnn", "lstm"]),
    "comparison_of: sources: expected a list": lambda: comparison_of("srnn"),
    "Training: config: expected": lambda: charlm.Training("srnn"),
    "Training: directory: expected": lambda: charlm.Training(charlm.load_config(), "runs/a"),
    "Training: init_from: expected": lambda: charlm.Training(charlm.load_config(), init_from="runs/a"),
    "Training: text: expected": lambda: charlm.Training(charlm.load_config(), text=Path("fox.txt")),
    "Training: resume: expected": lambda: charlm.Training(charlm.load_config(), resume="runs/a"),
    "Comparison: config: expected": lambda: charlm.Comparison("srnn-vs-lstm"),
    "seeds: expected a whole number": lambda: charlm.Comparison(two(), seeds="two"),
    "steps: expected 1 or more": lambda: charlm.Comparison(two(), steps=0),
    "kernels: expected auto or numpy": lambda: charlm.Comparison(two(), kernels="cuda"),
}  # fmt: skip


def two() -> Any:
    return charlm.load_comparison_config("srnn-vs-lstm")


@pytest.mark.parametrize("said", MISTAKES)
def test_what_is_of_a_wrong_type_is_named(said):
    with pytest.raises((TypeError, ValueError, CharlmError)) as raised:
        MISTAKES[said]()
    assert isinstance(raised.value, CharlmError)
    assert said in str(raised.value)
