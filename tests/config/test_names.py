"""Names of runs, whatever the texts are called, and the home folder, wherever a path is written."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charlm.config import load_config
from charlm.config.names import name_of, plain_name
from charlm.runs.directory import RunDirectory
from charlm.text.sources import sources_of

SAFE = re.compile(r"(?![.-])[\w.-]{1,67}(?<![.-])")
odd_names = st.text(min_size=1, max_size=200) | st.text(
    " *?[]{}()~$`'\"\\;&|<>\n\t.-_/ab", min_size=1
)


@given(odd_names)
@example("con")
@example("LPT1.x")
@example("*")
@example("\u0301" * 300)
@example("\U0001d51e" * 300)
@example("a" * 59 + ". b")
def test_a_name_is_plain_whatever_it_is_made_of(name):
    plain = plain_name(name)
    assert SAFE.fullmatch(plain), plain
    assert plain_name(plain) == plain
    assert len(os.fsencode(plain + "-1000")) <= 255
    assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)", plain)


@given(odd_names.map(lambda name: name.replace("\0", "")).filter(bool))
def test_the_run_of_any_text_goes_to_a_folder_with_a_plain_name(text):
    name = load_config(texts=[text], preset="small").name
    assert SAFE.fullmatch(name), name


NAMES = {
    "letters/**/*.txt": "letters",
    "letters/*": "letters",
    "a/b/[xy]?.txt": "b",
    "chapter-??.txt": "chapter",
    "run?": "run",
    "*.txt": "old",
    "**": "old",
    "../*": "novels",
    "my novel (2nd ed.).txt": "my-novel-2nd-ed",
    ".hidden": "hidden",
    ".hidden.txt": "hidden",
    "-v.txt": "v",
    "--force": "force",
    "a\nb.txt": "a-b",
    "/dev/fd/63": "text",
    "/proc/self/fd/11": "text",
    "/dev/stdin": "text",
    "Übung.txt": "Übung",
    "роман.txt": "роман",
    "con.txt": "text-con",
    "...": "text",
    "~": "home",
    "~/tale.txt": "tale",
    "x" * 100 + ".txt": "x" * 60,
    "notes[1].txt": "notes-1",  # which exists
}


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_a_text_gives_its_run_a_name(tmp_path, monkeypatch, text, name):
    (tmp_path / "novels/old").mkdir(parents=True)
    (tmp_path / "novels/old/notes[1].txt").touch()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "novels/old")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert name_of(text) == load_config(texts=[text], preset="small").name == name


@pytest.mark.parametrize("name", ["*", "my novel", ".hidden", "-o", "a" * 200])
def test_a_name_that_is_set_is_made_plain_too(name):
    assert load_config("srnn", overrides=[f"name={name!r}"]).name == plain_name(name)


def test_a_config_s_file_gives_its_run_a_plain_name(tmp_path):
    (tmp_path / "my [old] one.yaml").touch()
    assert load_config(str(tmp_path / "my [old] one.yaml")).name == "my-old-one"


def test_plain_names_that_collide_are_numbered(tmp_path):
    names = [plain_name(text) for text in ("a b", "a*b", "a-b")]
    made = [RunDirectory.create_default(name, tmp_path).path.name for name in names]
    assert made == ["a-b", "a-b-2", "a-b-3"]


def test_the_home_folder_is_meant_wherever_a_text_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home/my.yaml").write_text("data: {text: [~/a.txt, b.txt], val_file: ~/v.txt}\n")
    home = tmp_path / "home"
    data = load_config("~/my.yaml").data
    assert data.texts == (str(home / "a.txt"), str(home / "b.txt"))
    assert data.val_file == str(home / "v.txt")
    data = load_config("srnn", overrides=["data.text=~/x", "data.val_file=~/y"]).data
    assert (data.text, data.val_file) == (str(home / "x"), str(home / "y"))
    assert load_config(texts=["~/c.txt"], preset="small").data.text == str(home / "c.txt")
    monkeypatch.chdir(tmp_path)
    own = load_config(texts=["~nobody-of-this-name/c.txt"], preset="small").data.text
    assert own == str(tmp_path / "~nobody-of-this-name/c.txt")


def test_a_pattern_is_one_in_a_folder_whose_name_looks_like_one(tmp_path, monkeypatch):
    folder = tmp_path / "a[1]"
    folder.mkdir()
    for name in ("b.txt", "notes[1].txt"):
        (folder / name).write_text("a text")
    monkeypatch.chdir(folder)

    def found(text: str) -> list[Path]:
        return [source.path for source in sources_of([load_config(texts=[text]).data.text])]

    assert found("*.txt") == [folder / "b.txt", folder / "notes[1].txt"]
    assert found("notes[1].txt") == [folder / "notes[1].txt"]
