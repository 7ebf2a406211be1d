"""What a search varies: how it is written, what the schema and the rules of a search refuse, and with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import RunConfig
from charlm.config.keys import keys
from charlm.errors import ConfigError, SettingError
from charlm.search.space import Choice, Range, configured, parse, value_of

WRONG = {
    "lr=1,2": "lr: unknown key; did you mean train.learning_rate?",
    "moel.cell=lstm,gru": "moel.cell: unknown key; did you mean model.cell?",
    "model.cell": "expected KEY=VALUES, such as model.hidden_dim=128,256",
    "model.hidden_dim=128": "expected two values or more, or a range such as 64..256; to set one value: --set",
    "model.hidden_dim=": "expected two values or more",
    "model.hidden_dim=64,64": "expected each value once; 64 is given 2 times",
    "model.hidden_dim=0..64": "model.hidden_dim: expected 1 or more, got 0",
    "model.hidden_dim=1.5..3": "model.hidden_dim: expected a whole number, got 1.5",
    "model.cell=lstm,gruu": "expected coupled_lstm or fast_lstm or gru or gru_after or lstm or min_gru",
    "model.cell=1..3": "expected values such as coupled_lstm,fast_lstm, because it takes no numbers",
    "model.dropout=0..1": "model.dropout: expected a number of 0 or more and below 1, got 1",
    "train.learning_rate=2..1": "expected a range from low to high, got 2.0..1.0",
    "train.learning_rate=1..1": "expected a range from low to high",
    "train.learning_rate=log:0..1": "expected a number above 0, got 0",
    "train.clip_norm=log:0..1": "expected a range above 0 after log:",
    "train.learning_rate=log:3": "expected two numbers after log:, such as log:1e-3..3e-2",
    "train.learning_rate=a..b": "expected low..high, two numbers such as 0.001..0.01, got 'a'",
    "train.learning_rate=1..2..3": "expected low..high, two numbers",
    "model.hidden_dim=[1, 2": "not valid YAML",
    "train.seed=1,2": "this key cannot vary: all trials have the same seed",
    "train.steps=10..20": "this key cannot vary: all trials train equally long",
    "train.kernels=numpy,numba": "this key cannot vary: it does not change the score; to set it: --set train.kernels=",
    "data.text=a,b": "this key cannot vary: scores of other texts cannot be compared",
    "data.min_count=1..3": "scores of other texts cannot be compared",
    "train.eval_characters=10,20": "it changes what is scored, not the model",
    "name=a,b": "this key cannot vary",
}


@pytest.mark.parametrize(("written", "reason"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_said_with_the_rule_and_the_place(written, reason):
    with pytest.raises(ConfigError) as error:
        parse([written])
    assert str(error.value).startswith(f"--param {written}: ")
    assert reason in str(error.value)


def test_all_problems_are_told_together_and_each_key_is_given_once():
    with pytest.raises(ConfigError) as error:
        parse(["lr=1,2", "model.cell=lstm,gru", "model.cell=rnn,gru", "model.layers=3"])
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert lines[-1] == "--param model.cell: given 2 times; give each key once"
    with pytest.raises(ConfigError, match="expected what to vary, such as --param"):
        parse([])


@pytest.mark.parametrize("key", keys())
def test_every_key_is_known(key):
    with pytest.raises(ConfigError) as error:
        parse([f"{key}=nonsense"])
    assert "unknown key" not in str(error.value)


@pytest.mark.parametrize(
    ("written", "values"),
    {
        "model.hidden_dim=128,256": (128, 256),
        "model.hidden_dim=[64, 32],[32, 64]": ((64, 32), (32, 64)),
        "model.tied=true,false": (True, False),
        "train.decay=null, 0.5": (None, 0.5),
        " model.cell = lstm , gru ": ("lstm", "gru"),
    }.items(),
)
def test_values_are_those_of_the_schema(written, values):
    (choice,) = parse([written]).parameters
    assert isinstance(choice, Choice)
    assert choice.values == values
    assert [choice.value(choice.proposal(value)) for value in values] == list(values)


number = st.floats(1e-9, 1e9)


@given(number, number, st.booleans())
def test_a_range_is_read_as_it_is_written(first, second, log):
    low, high = sorted((first, second + 1e-6 * first))
    if low == high:
        return
    (parameter,) = parse(
        [f"train.learning_rate={'log:' if log else ''}{low!r}..{high!r}"]
    ).parameters
    assert parameter == Range("train.learning_rate", low, high, log, False)
    assert parse([str(parameter)]).parameters == (parameter,)


@given(number, number, st.floats(0, 1))
def test_a_value_from_a_range_has_few_digits_and_is_in_the_range(first, second, place):
    low, high = sorted((first, second))
    parameter = Range("train.learning_rate", low, high, False, False)
    value = parameter.value(low + place * (high - low))
    assert low <= value <= high
    assert value in (low, high) or value == float(f"{value:.4g}")


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_range_of_a_whole_number_is_whole(first, second):
    low, high = sorted((first, second + 1))
    if low == high:
        return
    space = parse([f"model.hidden_dim={low}..{high}"])
    assert space.size == high - low + 1
    assert space.parameters[0].value(high) == high


def test_all_combinations_of_a_finite_space():
    space = parse(["model.cell=lstm,gru", "model.layers=1..3"])
    assert space.size == 6
    proposals = list(space.all())
    assert len(proposals) == 6
    assert {tuple(space.values(p).values()) for p in proposals} >= {("lstm", 1), ("gru", 3)}


def test_the_config_as_it_is_is_a_proposal_if_it_is_in_the_space():
    config = RunConfig()  # rnn, learning rate 0.1
    inside = parse(["model.cell=rnn,gru", "train.learning_rate=log:0.01..1"])
    proposal = inside.proposal(config)
    assert configured(config, inside.values(proposal)) == config
    assert parse(["model.cell=rnn,gru", "train.learning_rate=0.2..1"]).proposal(config) is None
    assert parse(["model.cell=lstm,gru"]).proposal(config) is None


def test_values_that_the_schema_refuses_together():
    values = {"model.tied": True, "model.embed_dim": 8}
    with pytest.raises(SettingError, match=r"^model.tied: one table needs one size"):
        configured(RunConfig(), values)
    assert (
        value_of(configured(RunConfig(), {**values, "model.hidden_dim": 8}), "model.tied") is True
    )
