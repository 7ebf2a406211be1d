"""`charlm sample` as a person meets it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.conftest import environment
from tests.cli.terminal import Terminal

FOX = "a quick brown fox jumped over the lazy dog"


@pytest.fixture
def fox(charlm, tmp_path):
    """A run that knows the sentence by heart."""
    assert charlm("-q", "train", "--sample-every", 0, "-o", "fox").returncode == 0
    return tmp_path / "fox"


def test_a_run_or_its_checkpoint(charlm, fox):
    for run in (fox, fox / "last.safetensors"):
        done = charlm("sample", run, "-t", 0)
        assert done.returncode == 0, done.stderr
        assert done.stdout == FOX + "\n"


def test_options(charlm, fox):
    assert charlm("sample", fox, "-t", 0, "-n", 3).stdout == (FOX + "\n") * 3
    assert charlm("sample", fox, "-t", 0, "-l", 7).stdout == "a quick\n"
    assert charlm("sample", fox, "-t", 0, "--prime", "a quick b").stdout == FOX + "\n"
    assert charlm("sample", fox, "-t", 0, "--stop", " fox").stdout == "a quick brown\n"


def test_a_seed_is_printed_and_repeats(charlm, fox):
    first = charlm("sample", fox, "-t", 3, "-n", 2)
    seed = first.stderr.split()[-1]
    again = charlm("sample", fox, "-t", 3, "-n", 2, "--seed", seed)
    assert again.stdout == first.stdout
    assert again.stderr == ""
    # each text has its own seed: more texts do not change the first
    assert (
        charlm("sample", fox, "-t", 3, "--seed", seed).stdout == first.stdout.split("\n")[0] + "\n"
    )


def test_json(charlm, fox):
    done = charlm("sample", fox, "-t", 0, "-n", 2, "--seed", 1, "--json", "--prime", "a")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    about = {"seed": 1, "temperature": 0, "prime": "a", "text": FOX[1:], "complete": True}
    assert found == [{"number": number, **about} for number in (1, 2)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--prime", "a Quick"], "'Q'"),
        (["-t", "-1"], "-1"),
        (["-l", "0"], "0"),
        (["-n", "none"], "none"),
    ],
)
def test_wrong_options(charlm, fox, arguments, named):
    done = charlm("sample", fox, *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_missing_run(charlm):
    done = charlm("sample", "runs/nosuch")
    assert done.returncode == 2
    assert "runs/nosuch" in done.stderr


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_checkpoint(charlm, fox, damage):
    file = fox / "last.safetensors"
    data = bytearray(file.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flip":
        data[len(data) // 3] ^= 1
    else:
        data = bytearray(b"" if damage == "empty" else b"not a checkpoint at all, but text")
    file.write_bytes(data)
    done = charlm("sample", fox)
    assert done.returncode == 2
    assert "last.safetensors" in done.stderr
    assert "Traceback" not in done.stderr


def test_head_may_close_the_pipe(charlm, fox, tmp_path):
    command = f"'{sys.executable}' -m charlm -q sample '{fox}' -n 3000 | head -1"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_several_texts_of_several_lines_have_borders_on_a_terminal(charlm, tmp_path):
    (tmp_path / "novel.txt").write_text("the cat\nsat\n" * 200)
    small = ["--set", "model.hidden_dim=4", "--set", "train.sample_every=0"]
    assert charlm("train", "novel.txt", "-o", "run", "--steps", 1, *small).returncode == 0
    several = ["sample", "run", "-l", "30", "--seed", "1", "-n"]
    command = [sys.executable, "-m", "charlm", *several, "3"]
    with Terminal(command, tmp_path, environment()) as terminal:
        shown = terminal.shown_until("never").replace("\r", "")
    begin = [f"--- {number} of 3 ---\n" for number in (1, 2, 3)]
    assert [shown.count(line) for line in begin] == [1, 1, 1]
    plain = charlm(*several, 3).stdout
    assert "---" not in plain
    for line in begin:
        shown = shown.replace(line, "")
    assert shown == plain
    with Terminal([*command[:-1], "1"], tmp_path, environment()) as terminal:
        assert "---" not in terminal.shown_until("never")
