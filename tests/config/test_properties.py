"""Every configuration survives being written and read; a file and ``--set`` judge alike."""

from __future__ import annotations

import json
import re

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charlm.config import (
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    from_dict,
    load_config,
    to_dict,
    to_yaml,
)
from charlm.config.schema import CELLS
from charlm.errors import ConfigError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("configs")


wholes = st.integers(1, 2**63 - 1)
counts = st.integers(0, 2**63 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False, min_value=0)
names = st.text(st.characters(exclude_characters="/\0"), min_size=1).filter(
    lambda name: name not in (".", "..")
)
paths = st.sampled_from(["fox", "pretzels", "-"]) | st.text(
    st.characters(exclude_characters="\0"), min_size=1
).map("/somewhere/{}".format)
alphabets = st.none() | st.lists(
    st.characters(exclude_categories=["Cs"]), min_size=1, unique=True
).map("".join)


@st.composite
def models(draw):
    layers = draw(st.integers(1, 5))
    sizes = st.lists(wholes, min_size=layers, max_size=layers).map(tuple)
    return ModelConfig(
        cell=draw(st.sampled_from(CELLS)),
        layers=layers,
        embed_dim=draw(wholes),
        hidden_dim=draw(wholes | sizes),
    )


configs = st.builds(
    RunConfig,
    name=names,
    model=models(),
    data=st.builds(
        DataConfig,
        text=paths | st.lists(paths, min_size=1, max_size=3).map(tuple),
        framing=st.sampled_from(["lines", "stream"]),
        alphabet=alphabets,
        val_frac=st.floats(0, 0.5),
        shuffle=st.booleans(),
        batch_size=wholes,
        seq_length=wholes,
    ),
    train=st.builds(
        TrainConfig,
        trainer=st.sampled_from(["sgd", "adam"]),
        learning_rate=finite.filter(bool),
        clip_norm=finite,
        steps=counts,
        log_every=wholes,
        sample_every=counts,
        eval_every=wholes,
        eval_characters=st.none() | wholes,
        checkpoint_every=wholes,
        seed=counts,
    ),
)


@given(configs)
@example(RunConfig())
@example(RunConfig(name="null", data=DataConfig(alphabet="# \n\t'\"\u0085\ufeff\U0001f98a")))
def test_loading_the_yaml_of_a_config_gives_it_back(folder, config):
    file = folder / "dumped.yaml"
    file.write_text(to_yaml(config), encoding="utf-8")
    assert load_config(str(file)) == config


@given(configs)
def test_a_config_survives_json(config):
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


KEYS = [
    *("name", "model", "model.hiden_dim", "data.text", "data.alphabet", "trian.steps"),
    *(f"model.{field.name}" for field in attrs.fields(ModelConfig)),
    *(f"train.{field.name}" for field in attrs.fields(TrainConfig)),
]
LITERALS = [
    *("", "~", "null", "true", "no", "0x10", "0123", "1_000", "2e-3", ".5", "3.0", "1e999"),
    *(".nan", "-.inf", "2001-01-01", "'3'", '"a"', "!!str 3", "!x 3", "&a 1", "*a", "a: b"),
    *("{layers: 2}", "{layers: two, cell: rn}", "[a, b]", "[[1]]", "[1", "rnn # note", "- 1"),
    *("lstm", "9" * 5000, "0x" + "f" * 5000, "[" * 600, "=", "<<", "{a: 1, a: 2}"),
]
one_line = st.characters(codec="utf-8", exclude_characters="\n\r\x85\u2028\u2029")
values = (
    st.text(one_line, max_size=12)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.lists(st.integers(-1, 3)).map(str)
    | st.sampled_from(LITERALS)
)


def outcome(source: str, overrides: tuple[str, ...] = ()) -> RunConfig | str:
    try:
        return load_config(source, overrides=overrides)
    except ConfigError as error:
        return str(error)


def judged(result: RunConfig | str, source: str) -> RunConfig | list[str]:
    """Drop the places from a report; of what is no YAML a file cannot tell the key."""
    if isinstance(result, RunConfig):
        return result
    lines = result.split("\n")
    assert all(line.startswith(source) for line in lines)
    if "not valid YAML" in result or "nested too deeply" in result:
        return ["not YAML"]
    places = re.compile(r"(:\d+:\d+)?: | \(first on line \d+\)")
    return sorted(places.sub("", line.removeprefix(source)) for line in lines)


@given(st.sampled_from(KEYS), values)
def test_a_value_means_the_same_in_a_file_and_after_set(folder, key, value):
    plain, written = folder / "plain.yaml", folder / "written.yaml"
    plain.write_text("name: run\n", encoding="utf-8")
    section, _, inner = key.rpartition(".")
    body = f"{section}:\n  {inner}: {value}\n" if section else f"{inner}: {value}\n"
    name = "" if key == "name" else "name: run\n"
    written.write_text(name + body, encoding="utf-8")
    from_file = judged(outcome(str(written)), str(written))
    from_line = judged(outcome(str(plain), (f"{key}={value}",)), f"--set {key}={value}")
    if key == "data.text" and isinstance(from_file, RunConfig):
        assert isinstance(from_line, RunConfig)  # equal but for the folder where paths start
        assert len(from_line.data.texts) == len(from_file.data.texts)
    else:
        assert from_line == from_file


@given(st.text(max_size=30))
def test_any_text_as_an_override_gives_a_config_or_a_report(text):
    result = outcome("srnn", (text,))
    assert isinstance(result, RunConfig) or result.startswith(f"--set {text}: ")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b"\xef\xbb\xbfname: x\n")
@example(b"a: \x00")
@example(b"[" * 600)
def test_any_bytes_as_a_file_give_a_config_or_a_report(folder, data):
    file = folder / "any.yaml"
    file.write_bytes(data)
    result = outcome(str(file))
    assert isinstance(result, RunConfig) or result.startswith(f"{file}:")
