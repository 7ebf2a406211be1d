"""What comes with charlm: every config loads, is described, and is found from any directory."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import charlm.config
from charlm.config import (
    RunConfig,
    bundled_comparisons,
    bundled_folder,
    bundled_runs,
    bundled_texts,
    is_config,
    load_comparison_config,
    load_config,
    resolve_text,
)
from charlm.errors import MissingTextError, TextError

RUNS = [name for name, _ in bundled_runs()]
EXPERIMENTS = ["adding", "copying", "counting"]
COMPARISONS = [name for name, _ in bundled_comparisons()]


def test_what_is_bundled():
    assert RUNS == ["gru", "large", "lists", "lstm", "medium", "small", "srnn", "text"]
    assert [
        *EXPERIMENTS,
        *("srnn-vs-lstm", "srnn-vs-lstm-deep", "srnn-vs-lstm-memory"),
    ] == COMPARISONS
    assert {"fox", "memory", "pretzels", "counts", "copies", "sums"} <= set(bundled_texts())


@pytest.mark.parametrize("name", RUNS)
def test_a_bundled_run_loads_under_its_name(name):
    assert load_config(name).name == name


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_bundled_comparison_loads_under_its_name(name):
    comparison = load_comparison_config(name)
    assert comparison.name == name
    cells = [model.config.model.cell for model in comparison.models]
    assert cells == (["rnn", "gru", "lstm"] if name in EXPERIMENTS else ["rnn", "lstm"])
    for text in comparison.base.data.texts:
        assert text in bundled_texts()


def test_the_cells_of_the_tutorial_s_runs_differ_and_nothing_else_does():
    for cell in ("lstm", "gru"):
        data = charlm.config.to_dict(RunConfig())
        data["model"]["cell"] = data["name"] = cell
        assert charlm.config.to_dict(load_config(cell)) == data


def test_the_comparisons_follow_the_tutorial():
    shallow, deep = (
        load_comparison_config("srnn-vs-lstm"),
        load_comparison_config("srnn-vs-lstm-deep"),
    )
    assert shallow.base == RunConfig(name="srnn-vs-lstm")
    assert deep.base.model.layers > 1
    assert deep.base.data == shallow.base.data


@pytest.mark.parametrize(("name", "described"), bundled_runs() + bundled_comparisons())
def test_a_bundled_config_starts_with_a_sentence_about_itself(name, described):
    first, *rest = (bundled_folder("configs") / f"{name}.yaml").read_text("utf-8").splitlines()
    assert first == f"# {described}"
    assert described.endswith(".")
    assert sum("  # " in line for line in rest) > 0


def test_what_an_argument_means():
    assert is_config("srnn")
    assert is_config("no/such.yaml")
    assert is_config("X.YML")
    assert not is_config("srnn-vs-lstm")
    assert not is_config("fox")
    assert not is_config("novel.txt")
    assert not is_config("")


def test_a_text_is_a_bundled_name_or_a_path(tmp_path):
    assert resolve_text("fox").read_text("utf-8") == "a quick brown fox jumped over the lazy dog\n"
    assert resolve_text(str(tmp_path)) == tmp_path


def test_a_text_that_is_not_there(tmp_path):
    with pytest.raises(TextError, match=r"foxx: no such text; did you mean fox\? \(bundled texts"):
        resolve_text(str(tmp_path / "foxx"))
    with pytest.raises(TextError, match=r"no such text; did you mean lstm\?"):
        resolve_text("lsmt", ["gru", "lstm"])
    for name in ("a\0b", "a\ud800b"):
        with pytest.raises(
            TextError, match="a path cannot contain a NUL character or half of a surrogate"
        ):
            resolve_text(name)
    (tmp_path / "novel.txt").touch()
    with pytest.raises(TextError, match=f"did you mean {re.escape(str(tmp_path))}/novel.txt"):
        resolve_text(str(tmp_path / "Nvel.txt"))  # typed as it is, from another folder
    (tmp_path / "file").touch()
    with pytest.raises(TextError, match="cannot be read: a part of the path is a file"):
        resolve_text(str(tmp_path / "file" / "novel.txt"))


BESIDE = [
    "Novel.txt",
    "diary.md",
    "paper.pdf",
    "poem.yaml",
    "essay.txt",
    "letters/a.txt",
    "drafts/b.md",
]
MEANT = {
    "novel.txt": "Novel.txt",
    "NOVEL.TXT": "Novel.txt",
    "novle.txt": "Novel.txt",
    "novel": "Novel.txt",
    "novel.md": "Novel.txt",
    "diry.md": "diary.md",
    "leters": "letters",
    "text.txt": None,  # a bundled config is no file
    "tale.txt": None,
    "test.txt": None,
    "fix.txt": None,  # the bundled text is called fox
    "pape.txt": None,  # no text by its ending
    "poem.txt": None,
    "draft": None,  # a folder without texts
    "essay": "essay.txt",
    "fix": "fox",
}


@pytest.mark.parametrize(("given", "meant"), MEANT.items())
def test_only_what_exists_and_is_a_text_is_suggested(tmp_path, monkeypatch, given, meant):
    monkeypatch.chdir(tmp_path)
    for name in BESIDE:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a text")
    with pytest.raises(MissingTextError) as raised:
        resolve_text(str(tmp_path / given))
    said = re.search(r"did you mean (.*)\?", str(raised.value))
    assert (said and said[1]) == meant


@pytest.mark.parametrize("kind", ["checkout", "wheel"])
def test_configs_and_data_are_found_from_any_directory(tmp_path, kind):
    package = Path(charlm.config.__file__).parents[1]
    for part in ("__init__.py", "errors.py", "files.py", "interrupts.py", "wording.py"):
        (tmp_path / "place/charlm").mkdir(parents=True, exist_ok=True)
        shutil.copy(package / part, tmp_path / "place/charlm")
    for part in ("config", "engine/rnn/cells"):
        shutil.copytree(package / part, tmp_path / "place/charlm" / part)
    bundle = tmp_path / ("place" if kind == "checkout" else "place/charlm/_bundled")
    for folder in ("configs", "data"):
        shutil.copytree(bundled_folder(folder), bundle / folder)
    code = (
        "from charlm.config import *; print(load_config().data.text, resolve_text('fox'), "
        "load_comparison_config('srnn-vs-lstm').name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "place")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["fox", str(bundle / "data/fox.txt"), "srnn-vs-lstm"]
