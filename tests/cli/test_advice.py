"""Advice is tried: what a message says to type is typed, and works."""

# ruff: noqa: RUF001  (letters that look like others are what this is about)

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from charlm.config import load_config
from charlm.runs.checkpoint import load_checkpoint
from charlm.runs.directory import RunDirectory

TEXT = "Старый дом стоял на берегу реки, très près.\n" * 60
RUSSIAN = TEXT.replace(", très près", "")
TINY = "--set model.hidden_dim=8 --set model.embed_dim=4 --steps 2 --sample-every 0"


@pytest.fixture
def run(typed):
    """Train a tiny run on a text, which is called tale.txt."""
    Path("tale.txt").write_text(TEXT, "utf-8")
    code, _, err = typed(f"charlm -q train tale.txt {TINY} --steps 4 -o runs/tale")
    assert code == 0, err
    return typed


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("command", ["train", "info", "baseline"])
def test_an_encoding_is_advised_where_it_can_be_given(typed, command, encoding):
    Path("old.txt").write_bytes(RUSSIAN.encode(encoding))
    options = f"{TINY} -o run" if command == "train" else ""
    code, out, err = typed(f"charlm {command} old.txt {options}")
    assert (code, out) == (2, "")
    assert not Path("run").exists()
    advised = re.search(r"(--encoding \S+) \(for all texts given\)", err)
    assert "Старый дом стоял на берегу реки." in err
    code, out, err = typed(f"charlm {command} old.txt {options} {advised[1]}")
    assert code == 0, err
    if command == "train":
        data = load_config("run/config.yaml").data
        assert data.encoding == advised[1].split()[1]


@pytest.mark.parametrize("alphabet", ["null", "abc"])
def test_bytes_are_advised_where_they_can_be_learned(typed, alphabet):
    Path("old.txt").write_bytes(RUSSIAN.encode("cp1251"))
    line = f"charlm train srnn {TINY} --set data.text=old.txt --set data.alphabet={alphabet}"
    _, _, err = typed(line)
    advised = re.search(r"learn its bytes with (--encoding bytes)", err)
    assert (advised is not None) == (alphabet == "null")
    assert alphabet != "null" or typed(f"{line} {advised[1]}")[0] == 0


def converted(err: str) -> None:
    """Run the command that a message gives to convert a file."""
    command = re.search(r"convert the file with (iconv .*?)(; or|\n|$)", err)
    subprocess.run(["bash", "-c", command[1]], check="-c -f" not in command[1])


def test_a_file_of_several_is_converted(typed):
    Path("new.txt").write_text(TEXT, "utf-8")
    Path("old.txt").write_bytes(RUSSIAN.encode("cp1251"))
    _, _, err = typed(f"charlm train new.txt old.txt {TINY}")
    converted(err)
    assert typed(f"charlm train new.txt old.utf-8.txt {TINY}")[0] == 0


@pytest.mark.parametrize("what", ["eval", "val_file", "broken", "broken utf-16"])
def test_a_command_without_the_option_advises_to_convert(run, what):
    Path("old.txt").write_bytes(TEXT.encode("cp1251", "ignore"))
    if what == "broken utf-16":
        Path("old.txt").write_bytes(TEXT.encode("utf-16") + b"\n")
    elif what == "broken":
        Path("old.txt").write_bytes(b"\xff" + TEXT.encode() + b"\xd0")
    given = f"train tale.txt --val-file {{}} {TINY}" if what == "val_file" else "eval runs/tale {}"
    code, out, err = run("charlm " + given.format("old.txt"))
    assert (code, out) == (2, "")
    assert what == "val_file" or "--encoding" not in err
    converted(err)
    code, _, err = run("charlm " + given.format("old.utf-8.txt"))
    assert code == 0, err


def test_a_comparison_advises_its_config(typed):
    Path("old.txt").write_bytes(RUSSIAN.encode("cp1251"))
    base = "base:\n  data: {text: old.txt, alphabet: null}\n  train: {steps: 2}\n"
    models = "models: [{name: a}, {name: b}]\nseeds: 1\n"
    Path("both.yaml").write_text(base + models)
    code, _, err = typed("charlm compare both.yaml")
    assert code == 2
    advised = re.search(r"data\.(encoding: \S+) in the config", err)
    Path("both.yaml").write_text(base.replace("data: {", f"data: {{{advised[1]}, ") + models)
    assert typed("charlm compare both.yaml")[0] == 0


def test_a_text_that_is_piped_packed_can_be_unpacked(typed, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(gzip.compress(TEXT.encode())))
    monkeypatch.setattr(sys, "stdin", stream)
    _, _, err = typed(f"charlm train - {TINY}")
    command = re.search(r"it is a gzip file; unpack it: (.*)", err)
    subprocess.run(["bash", "-ec", command[1]], check=True)
    (made,) = Path().glob("*.txt")
    assert made.read_text("utf-8") == TEXT


def test_nothing_is_said_of_a_run_that_cannot_be(typed):
    Path("old.txt").write_bytes(RUSSIAN.encode("cp1251"))
    Path("novel.txt").write_text(TEXT, "utf-8")
    Path("taken").mkdir()
    Path("taken/file").touch()
    for line in ("nope.txt", "old.txt", "novel.txt -o taken", "novel.txt --dry-run -o taken"):
        code, out, err = typed(f"charlm train {line} {TINY}")
        assert (code, out) == (2, "")
        assert err.startswith("charlm: "), err


def test_the_size_of_what_is_piped_is_not_known(typed, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert "preset small, for a text of any size" in typed(f"charlm train - {TINY}")[2]


@pytest.mark.parametrize("end", [f"{TINY} --dry-run", TINY, "--print-config"])
def test_the_preset_is_said_of_one_that_can_be(typed, end):
    Path("novel.txt").write_text(TEXT, "utf-8")
    code, _, err = typed(f"charlm train novel.txt {end}")
    assert code == 0, err
    assert "preset small, chosen by the size of the text" in err
    often = "with dropout 0.5 for how often the training reads it ("
    assert (often in err) is (TINY not in end)


@pytest.mark.parametrize(
    ("given", "meant"), [("novle.txt", "novel.txt"), ("novel", "novel.txt"), ("lsmt", "lstm")]
)
def test_what_is_meant_can_be_typed(typed, given, meant):
    Path("novel.txt").write_text(TEXT, "utf-8")
    code, _, err = typed(f"charlm train {given} --steps 1")
    assert code == 2
    assert f"did you mean {meant}?" in err
    assert typed(f"charlm -q train {meant} --steps 1 {TINY}")[0] == 0


def test_a_run_is_no_text(run):
    code, _, err = run("charlm train runs/tale")
    assert code == 2
    advised = re.search(r"this is a run, not a text; to resume it: .*?(train .*)", err)
    assert run(f"charlm {advised[1]}")[0] == 0


@pytest.mark.parametrize("name", ["n" * 300, "n" * 300 + "*", "n" * 300 + ".yaml"])
@pytest.mark.parametrize("command", ["train", "train srnn", "baseline", "info"])
def test_a_name_that_is_too_long_is_said_to_be(typed, command, name):
    code, _, err = typed(f"charlm {command} {name}")
    assert code == 2
    assert re.match(f"charlm: .*{'n' * 300}.*: (cannot be read|no (such )?file)", err)


def test_what_is_advised_for_a_character_that_the_alphabet_lacks(run):
    Path("mine.yaml").write_text("data: {text: Q.txt}\ntrain: {steps: 1}\n", "utf-8")
    Path("Q.txt").write_text("Qui\n" * 9, "utf-8")
    code, _, err = run("charlm train mine.yaml")
    assert code == 2
    assert (
        "set data.alphabet to null (all characters of the text), and data.min_count to 2 or more"
        in err
    )
    for advised in ("", " --set data.min_count=2"):
        assert run(f"charlm train mine.yaml --force --set data.alphabet=null{advised}")[0] == 0


def test_a_config_is_not_suggested_where_a_text_is_wanted(run):
    for line in ("baseline lsmt", "info lsmt", "eval runs/tale lsmt", "train lstm lsmt"):
        code, _, err = run(f"charlm {line}")
        assert code == 2
        assert "no such text (bundled texts: " in err


def test_a_folder_without_texts_advises_a_pattern(typed):
    folder = Path("my [old] letters")
    (folder / "deep").mkdir(parents=True)
    (folder / "a.md").write_text(TEXT, "utf-8")
    for name, count in (("a.md", 1), ("deep/b.txt", 2)):
        (folder / name).write_text(TEXT * count, "utf-8")
        _, _, err = typed(f"charlm train '{folder}'")
        pattern = re.search(r"give the pattern (.*)\n", err)
        code, _, err = typed(f"charlm train {pattern[1]} {TINY} -o run{count}")
        assert code == 0, err
        assert f"{len(TEXT.encode()) * count:,} bytes" in err


MOVED = {
    "one": ("tale.txt", "tale.txt"),
    "several": ("'a, [b].txt' tale.txt", "tale.txt"),
    "measured on": ("'a, [b].txt' --val-file tale.txt", "tale.txt"),
    "a folder": ("letters", "letters"),
    "a pattern": ("'letters/*.txt'", "letters"),
}


@pytest.mark.parametrize("what", MOVED)
def test_a_run_goes_on_where_its_text_was_moved_to(typed, what):
    texts, moved = MOVED[what]
    Path("letters").mkdir()
    for name in ("tale.txt", "a, [b].txt", "letters/c.txt"):
        Path(name).write_text(TEXT, "utf-8")
    code, _, err = typed(f"charlm -q train {texts} {TINY} -o 'my runs/tale'")
    assert code == 0, err
    Path("new").mkdir()
    Path(moved).rename(f"new/{moved}")
    for how in ("", "--dry-run"):
        code, out, err = typed(f"charlm train --resume 'my runs/tale' --steps 6 {how}")
        assert (code, out) == (2, "")
        command = re.search(r"if it was moved, give its new place: .*?(train --resume .*)\n", err)
    place = f"new/{'letters/*.txt' if what == 'a pattern' else moved}"
    code, _, err = typed(f"charlm {command[1].replace('PATH', place)} --steps 6")
    assert code == 0, err
    last = load_checkpoint("my runs/tale", "last")
    assert last.state["step"] == 6
    assert typed("charlm train --resume 'my runs/tale' --steps 8")[0] == 0
    Path(f"new/{moved}").rename("gone")
    Path("other.txt").write_text(TEXT.replace("дом", "сад"), "utf-8")
    code, _, err = typed(f"charlm {command[1].replace('PATH', 'other.txt')} --steps 9")
    assert code == 2
    assert "the text is not the one that the run was trained on" in err


def test_a_run_s_text_that_was_converted_is_another(run):
    Path("tale.txt").write_bytes(RUSSIAN.encode("cp1251"))
    code, _, err = run("charlm train --resume runs/tale --steps 9")
    assert code == 2
    assert "runs/tale was trained on another text; restore that text" in err
    assert "--encoding" not in err
    code, _, err = run("charlm eval runs/tale")
    assert code == 2
    assert "the text of runs/tale" in err
    assert "--encoding" not in err


def test_home_is_meant_in_quotes_too(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    lines = [
        "sample '~/runs/tale' -l 3",
        "eval '~/runs/tale' '~/tale.txt'",
        "info '~/runs/tale'",
        "baseline '~/tale.txt'",
        "runs '~/runs'",
        f"train '~/tale.txt' -o '~/runs/two' --init-from '~/runs/tale' --val-file '~/tale.txt' {TINY}",
        "train --resume '~/runs/two' --steps 3",
    ]
    for line in lines:
        code, _, err = run(f"charlm -q {line}")
        assert code == 0, (line, err)
    assert load_checkpoint("~/runs/two", "last").state["step"] == 3
    assert not Path("~").exists()


@pytest.mark.parametrize("name", ["*", "", "--force", "run?", "a\nb"])
@pytest.mark.parametrize("how", ["", "--dry-run"])
def test_an_output_that_would_be_a_trap_is_refused(typed, name, how):
    code, out, err = typed(f"charlm train --steps 1 {how} -o '{name}'")
    assert (code, out) == (2, "")
    assert list(Path().iterdir()) == []
    if name:
        advised = re.search(r"such as '(.*)'", err)
        assert typed(f"charlm train --steps 1 -o '{advised[1]}'")[0] == 0


def test_a_run_starts_from_one_of_other_sizes(run):
    tiny = "--steps 2 --sample-every 0"
    sizes = "--set model.layers=2 --set 'model.hidden_dim=[6, 4]' --set model.cell=gru"
    assert run(f"charlm train tale.txt {tiny} {sizes} -o runs/other")[0] == 0
    for start in ("--init-from runs/tale", "--finetune runs/other", "--init-from runs/other"):
        assert run(f"charlm train tale.txt {tiny} {start} -o runs/new --force")[0] == 0
    assert load_checkpoint("runs/new").config["model"]["hidden_dim"] == [6, 4]
    code, _, err = run(f"charlm train tale.txt {tiny} --init-from runs/other --layers 1")
    assert code == 2
    assert "--layers 1: model.layers: the weights of runs/other need 2 here; set it to 2" in err
    code, _, err = run("charlm train tale.txt --init-from runs/tale --finetune runs/tale")
    assert code == 2
    assert "--init-from and --finetune both name a run" in err


def test_the_note_on_a_training_time_names_only_what_was_chosen_for_it(run):
    command = "charlm train tale.txt --max-time 1m --print-config"
    assert "speed that presets are made for: " in run(command)[2]
    for given, rest in {
        "--init-from runs/tale": r"dropout [\d.]+, learning rate [\d.]+",
        "--hidden 48": r"dropout [\d.]+, learning rate [\d.]+",
        "--set model.dropout=0.1": r"\d+ units, learning rate [\d.]+",
        "--set 'model={hidden_dim: 48, dropout: 0}' --lr 0.002": "",
    }.items():
        code, _, err = run(f"{command} {given}")
        assert code == 0, err
        named = re.search(r"presets are made for: (.*) \(", err)
        assert re.fullmatch(rest, named[1] if named else ""), given


@pytest.mark.parametrize(
    "budget",
    [
        "--steps 3",
        "--epochs 0.01",
        "--max-time 1s --steps 1000000",
        "--steps 50 --patience 2 --set train.eval_every=2",
    ],
)
def test_a_finished_run_is_trained_further_as_advised(run, budget):
    still = "--set train.learning_rate=1e-30 --set train.schedule=constant --set train.decay=null"
    code, _, err = run(f"charlm train tale.txt {TINY} {still} {budget} -o runs/done")
    assert code == 0, err
    step = load_checkpoint("runs/done", "last").state["step"]
    reason = RunDirectory(Path("runs/done")).read_summary()[0].reason
    code, _, err = run("charlm train --resume runs/done")
    assert code == 0, err
    assert f"after {reason}\n" in err or f" ({reason})\n" in err
    assert (re.search("--max-time .*", err) is not None) == ("--max-time" in budget)
    advised = re.search(r"To train it further: .*?(train --resume .*)", err)
    code, _, err = run(f"charlm {advised[1]}")
    assert code == 0, err
    assert load_checkpoint("runs/done", "last").state["step"] > step


def test_a_run_that_saved_nothing_is_begun_again_as_advised(run):
    for file in Path("runs/tale").glob("*.safetensors"):
        file.unlink()
    code, _, err = run("charlm train --resume runs/tale")
    assert code == 2
    advised = re.search(r"start it again: .*?(train .*)", err)
    assert run(f"charlm {advised[1]}")[0] == 0
    assert load_checkpoint("runs/tale", "last").state["step"] == 4


CONFIGS = {
    "train my.yaml": "train My.yml --steps 1",
    "bench --config lsmt": None,
    "compare mines.yaml": "compare mine.yaml --steps 2 --seeds 1",
    "compare srnn-vs-ltsm": "compare srnn-vs-lstm --steps 2 --seeds 1",
    "compare srnn-vs-lstm lstm": None,
    "train srnn-vs-lstm": "compare srnn-vs-lstm --steps 2 --seeds 1",
    "train nothing.yaml": None,
}


@pytest.mark.parametrize("given", CONFIGS)
def test_a_config_that_is_meant_is_of_the_kind_wanted(typed, given):
    Path("My.yml").write_text("train: {steps: 2}\n")
    Path("mine.yaml").write_text("models: [{name: a}, {name: b}]\n")
    code, _, err = typed(f"charlm {given}")
    assert code == 2
    meant = CONFIGS[given]
    if given.startswith("train srnn"):
        assert "compare srnn-vs-lstm" in err
    elif meant is None:
        assert "did you mean" not in err or "did you mean lstm?" in err
    else:
        assert f"did you mean {meant.split()[1]}?" in err
    assert meant is None or typed(f"charlm -q {meant}")[0] == 0


def test_what_a_note_on_a_text_advises_works(typed):
    Path("odd.txt").write_text(TEXT * 5 + "cafe\u0301 ", "utf-8")
    code, _, err = typed(f"charlm train odd.txt {TINY} -o before")
    assert code == 0, err
    advised = re.findall(r"charlm train (--\S+(?: \S+=\S+| \d+)) (?:makes|composes)", err)
    assert len(advised) == 2
    code, _, err = typed(f"charlm train odd.txt {TINY} -o after {' '.join(advised)}")
    assert code == 0, err
    assert "<UNK>" in err
    assert "charlm train" not in err.replace("charlm train --resume", "")


def test_a_run_is_scored_where_its_text_was_moved_to(run):
    Path("tale.txt").rename("moved.txt")
    code, _, err = run("charlm eval runs/tale")
    assert code == 2
    assert "charlm eval runs/tale/best.safetensors --text PATH" in err
    assert run("charlm eval runs/tale --text moved.txt")[0] == 0
