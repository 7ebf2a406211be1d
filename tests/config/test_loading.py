"""The layers of a run's settings: defaults, file, texts on the line, overrides."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlm.config import (
    Override,
    RunConfig,
    bundled_runs,
    comparison_of,
    load_config,
    needs_text,
    preset_for,
    to_dict,
    to_yaml,
)
from charlm.config.schema import SECTIONS
from charlm.errors import ConfigError


@pytest.fixture
def config(tmp_path):
    def write(text: str, name: str = "mine.yaml") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_without_anything_the_tutorial_runs():
    assert load_config() == load_config("srnn") == RunConfig()


def test_an_empty_file_is_the_tutorial_under_the_file_s_name(config):
    assert load_config(config("# nothing set\n")) == RunConfig(name="mine")
    assert load_config(config("model:\ndata:\ntrain:\n", "other.YML")) == RunConfig(name="other")


def test_yaml_is_1_2(config):
    train = load_config(config("train: {learning_rate: 2e-3, steps: 0123, seed: 0x10}\n")).train
    assert (train.learning_rate, train.steps, train.seed) == (0.002, 123, 16)
    assert load_config(config("name: no\n")).name == "no"
    assert load_config(config("name: 2001-01-01\n")).name == "2001-01-01"


def test_a_byte_order_mark_is_no_part_of_the_first_key(config):
    assert load_config(config("\ufeffname: x\n")).name == "x"


def test_paths_in_a_file_start_at_its_folder(config, tmp_path, monkeypatch):
    file = config("data: {text: [novel.txt, fox, ../b.txt, /c.txt]}\n", "sub/mine.yaml")
    monkeypatch.chdir(tmp_path)
    for source in (file, "sub/mine.yaml"):
        assert load_config(source).data.text == (
            str(tmp_path / "sub" / "novel.txt"),
            "fox",
            str(tmp_path / "sub" / ".." / "b.txt"),
            "/c.txt",
        )


def test_paths_on_the_line_start_where_the_user_is(config, tmp_path, monkeypatch):
    file = config("data: {text: novel.txt}\n", "sub/mine.yaml")
    monkeypatch.chdir(tmp_path)
    assert load_config(file, texts=["a.txt"]).data.text == str(tmp_path / "a.txt")
    assert load_config(file, overrides=["data.text=b.txt"]).data.text == str(tmp_path / "b.txt")
    assert load_config(file, texts=["pretzels"]).data.text == "pretzels"


def test_a_text_of_one_s_own_picks_the_config_for_it():
    run = load_config(texts=["stories/novel.txt", "more.txt"])
    own = load_config("small")
    assert run.name == "novel"
    assert (run.model, run.train) == (own.model, own.train)
    assert run.model.cell == "lstm"
    assert [Path(text).name for text in run.data.texts] == ["novel.txt", "more.txt"]
    assert (run.data.framing, run.data.alphabet, run.data.val_frac) == ("stream", None, 0.1)


def test_a_preset_is_chosen_by_name_or_by_the_size_of_the_text(tmp_path, monkeypatch):
    sizes = {"small": 1_999_999, "medium": 2_000_000, "large": 20_000_000}
    monkeypatch.chdir(tmp_path)
    for preset, size in sizes.items():
        with Path(f"{preset}.txt").open("wb") as file:
            file.truncate(size)
        assert preset_for([f"{preset}.txt"]) == preset
        assert load_config(texts=["novel.txt"], preset=preset).train == load_config(preset).train
    assert preset_for([".", "large.txt"]) == "large"
    assert preset_for(["gone.txt", "-"]) == "small"


@pytest.mark.parametrize(
    ("source", "texts", "said"), [("srnn", ["a.txt"], "choose one"), (None, [], "name one")]
)
def test_a_preset_is_for_a_text_alone(source, texts, said):
    with pytest.raises(ConfigError, match=said):
        load_config(source, texts=texts, preset="small")


def test_every_text_gives_its_run_a_name(tmp_path, monkeypatch):
    (tmp_path / "novels/old").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "novels/old")
    names = {
        "a.b.txt": "a.b",
        "..": "novels",
        "../": "novels",
        ".": "old",
        "-": "text",
        "/": "text",
    }
    assert {text: load_config(texts=[text]).name for text in names} == names


def test_texts_replace_the_config_s_and_leave_model_training_and_name(config):
    file = config("model: {cell: gru}\ntrain: {learning_rate: 0.3, sample_every: 3}\n")
    run, mine = load_config(file, texts=["novel.txt"]), load_config(file)
    assert (run.name, run.model, run.train) == ("mine", mine.model, mine.train)
    assert (run.data.framing, run.data.alphabet, run.data.val_frac) == ("stream", None, 0.1)
    text = load_config("text", texts=["novel.txt"])
    assert (text.model, text.train) == (load_config("text").model, load_config("text").train)


@pytest.mark.parametrize("source", ["srnn", "lstm", "gru"])
def test_a_text_of_one_s_own_is_not_learned_as_the_tutorial_s_sentence(
    tmp_path, monkeypatch, source
):
    monkeypatch.chdir(tmp_path)
    with Path("long.txt").open("wb") as file:
        file.truncate(20_000_000)
    for text, preset in (("novel.txt", "small"), ("long.txt", "large"), ("pretzels", "small")):
        run, suited = load_config(source, texts=[text]), load_config(preset, texts=[text])
        assert (run.name, run.model) == (source, load_config(source).model)
        assert (run.data, run.train) == (suited.data, suited.train)
    given = ["train.trainer=sgd", "train.steps=7", "data.seq_length=9", "model.hidden_dim=8"]
    run = load_config(source, texts=["novel.txt"], overrides=given)
    assert (run.train.trainer, run.train.steps) == ("sgd", 7)
    assert (run.data.seq_length, run.model.hidden_dim) == (9, 8)


def test_a_config_that_was_printed_is_the_user_s_own(config):
    file = config(to_yaml(load_config("lstm")), "lstm.yaml")
    assert load_config(file, texts=["novel.txt"]).train == load_config("lstm").train


def test_which_bundled_configs_need_a_text(config):
    needing = {name for name, _ in bundled_runs() if needs_text(name)}
    assert needing == {"small", "medium", "large", "lists", "text"}
    assert not needs_text(config(""))
    with pytest.raises(ConfigError, match=r"small: .* has no text.*\n.*medium: "):
        comparison_of(["small", "srnn", "medium"])


def test_overrides_have_the_last_word():
    run = load_config(
        texts=["novel.txt"],
        overrides=[
            *("data.framing=lines", "data.val_frac=0", "data.alphabet=abc", "name=mine"),
            *("model.layers=2", "model.hidden_dim=[8, 4]", "train.steps=3"),
            Override("--steps", "train.steps", "4"),
        ],
    )
    assert (run.data.framing, run.data.val_frac, run.data.alphabet) == ("lines", 0.0, "abc")
    assert (run.name, run.model.hidden_dims, run.train.steps) == ("mine", (8, 4), 4)


def test_an_override_of_a_section_changes_the_keys_it_names():
    model = load_config("lstm", overrides=["model={layers: 2}", "train="]).model
    assert (model.cell, model.layers) == ("lstm", 2)


def test_a_value_after_set_may_hold_any_character():
    overrides = ['data.alphabet="ab= \\n"', "name=a-b=c"]
    run = load_config("srnn", overrides=overrides)
    assert (run.data.alphabet, run.name) == ("ab= \n", "a-b-c")


def test_the_printed_config_explains_every_setting_and_runs_the_same_from_anywhere(config):
    run = load_config(texts=["novel.txt"])
    printed = to_yaml(run)
    settings = [line for line in printed.splitlines() if line.startswith("  ")]
    sections = to_dict(run)
    assert len(settings) == sum(len(sections[section]) for section in SECTIONS)
    assert all("  # " in line for line in settings)
    assert load_config(config(printed, "elsewhere/kept.yaml")) == run
