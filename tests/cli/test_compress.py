"""`charlm compress` and `decompress` as a person meets them."""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from charlm.config import load_config
from charlm.runs.checkpoint import save_checkpoint
from charlm.training.loop import Training
from tests.cli.conftest import environment
from tests.cli.reference import help_of
from tests.compression.kept import DATA, TEXT

SIZE = len(TEXT)


@pytest.fixture
def run(tmp_path):
    """A run and a text, in the folder where commands are typed."""
    (tmp_path / "run").mkdir()
    for name in ("best", "last"):
        shutil.copy(DATA / "lstm.safetensors", tmp_path / f"run/{name}.safetensors")
    (tmp_path / "held.txt").write_text(TEXT)
    return tmp_path


def save_new(path, *settings):
    """Save a model that has learned nothing."""
    training = Training(load_config("srnn", overrides=["train.steps=0", *settings]))
    save_checkpoint(path, training.learner.weights())


def test_there_and_back(typed, run):
    code, out, err = typed("charlm compress run held.txt -o held.clm")
    assert (code, err) == (0, "")
    size = (run / "held.clm").stat().st_size
    xz = len(lzma.compress((run / "held.txt").read_bytes(), preset=9 | lzma.PRESET_EXTREME))
    head, units, *rows = out.splitlines()
    assert head == f"held.txt: {SIZE} bytes"
    assert units.split() == ["bytes", "bits/byte", "bits/char"]
    assert rows[0].split() == ["compressed", str(size), *[f"{8 * size / SIZE:.4f}"] * 2]
    assert rows[2].split()[:3] == ["xz", "-9e", str(xz)]
    code, out, _ = typed("charlm decompress run held.clm -o again.txt")
    assert (code, out) == (0, f"again.txt: {SIZE} bytes, as before compression\n")
    assert (run / "again.txt").read_bytes() == (run / "held.txt").read_bytes()


def test_it_keeps_what_eval_promises(typed, run):
    told = json.loads(typed("charlm compress run held.txt -o held.clm --json")[1])
    scored = json.loads(typed("charlm eval run held.txt --json")[1])
    assert told["model_bits"] == pytest.approx(scored["bpc"] * SIZE, rel=1e-4)
    assert 8 * told["compressed_bytes"] == pytest.approx(told["model_bits"], abs=8 * 24)
    assert told["characters"] == told["bytes"] == SIZE
    assert (told["unknown_characters"], told["stored"]) == (0, False)
    back = json.loads(typed("charlm decompress run held.clm -o again.txt --json")[1])
    assert back["model"] == told["model"]
    assert (back["bytes"], back["compressed_bytes"]) == (SIZE, told["compressed_bytes"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ""),
        (np.random.default_rng(0).bytes(3000), "stored unchanged"),
        ("the cat à a cat 水\r\n".encode() * 9, "no symbol for 18 of the"),
    ],
)
def test_files_of_other_kinds(typed, run, data, said):
    (run / "other").write_bytes(data)
    code, _, err = typed("charlm compress run other -o other.clm")
    assert code == 0
    assert said in err
    assert typed("charlm decompress run other.clm -o again")[0] == 0
    assert (run / "again").read_bytes() == data


def test_an_output_that_exists_is_kept_unless_forced(typed, run):
    (run / "held.clm").write_text("mine")
    code, _, err = typed("charlm compress run held.txt -o held.clm")
    assert code == 2
    assert "held.clm: there is a file of this name; --force replaces it" in err
    assert (run / "held.clm").read_text() == "mine"
    assert typed("charlm compress run held.txt -o held.clm --force")[0] == 0
    (run / "again.txt").write_text("mine")
    assert typed("charlm decompress run held.clm -o again.txt")[0] == 2
    assert (run / "again.txt").read_text() == "mine"
    assert typed("charlm decompress run held.clm -o again.txt --force")[0] == 0
    assert (run / "again.txt").read_text() == TEXT


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("compress run none.txt -o x", "none.txt: cannot be read: there is no such file"),
        ("compress run run -o x", "run: cannot be read: it is a folder"),
        ("compress run /dev/zero -o x", "/dev/zero: cannot be read: it is not a regular file"),
        ("compress none held.txt -o x", "none: no such run or checkpoint"),
        ("compress run held.txt -o no/x", "no/x: cannot write: the folder does not exist"),
        ("compress run held.txt -o run --force", "run: cannot write: it is a folder"),
        ("compress run held.txt -o - --json", "both use standard output"),
        ("decompress run held.txt -o x", "held.txt: not a compressed file; give one"),
        ("decompress run held.clm --checkpoint best -o x", "another model compressed it"),
        ("decompress run cut.clm -o x", "cut.clm: the compressed file is damaged"),
    ],
)
def test_mistakes_leave_nothing(typed, run, line, said):
    if "best" in line:  # the last is another one than the best
        save_new(run / "run/last.safetensors")
    assert typed("charlm compress run held.txt -o held.clm --checkpoint last")[0] == 0
    (run / "cut.clm").write_bytes((run / "held.clm").read_bytes()[:-1])
    code, out, err = typed(f"charlm {line}")
    assert code in (1, 2)
    assert said in err
    assert out == ""
    assert not (run / "x").exists()


def test_a_cell_that_cannot_compress_says_which_can(typed, run):
    save_new(run / "norm.safetensors", "model.cell=norm_lstm")
    code, _, err = typed("charlm compress norm.safetensors held.txt -o x")
    assert code == 2
    assert "cannot compress, because it has the cell norm_lstm" in err
    assert "the cells gru, lstm, rnn, without model.layer_norm" in err


def test_pipes(charlm, run):
    data = (TEXT[:300] + "\r\né").encode()
    packed = charlm("compress", "run", "-", "-o", "-", stdin=data)
    assert packed.returncode == 0
    assert b"standard input: 304 bytes" in packed.stderr
    back = charlm("-q", "decompress", "run", "-", "-o", "-", stdin=packed.stdout)
    assert (back.returncode, back.stdout, back.stderr) == (0, data, b"")
    cut = charlm("decompress", "run", "-", "-o", "-", stdin=packed.stdout[:-1])
    assert (cut.returncode, cut.stdout) == (2, b"")
    assert b"standard input: the compressed file is damaged" in cut.stderr


def test_an_interrupt_leaves_no_file(run):
    os.mkfifo(run / "long")
    process = subprocess.Popen(
        [sys.executable, "-m", "charlm", "compress", "run", "long", "-o", "long.clm"],
        cwd=run,
        env=environment(),
        stderr=subprocess.PIPE,
    )
    before = {file.name for file in run.iterdir()}
    (run / "long").write_text(TEXT * 10_000)  # minutes of work
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, b"charlm: interrupted\n")
    assert {file.name for file in run.iterdir()} == before


@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_the_examples_in_the_help_work(typed, run, command):
    Path("runs").mkdir()
    (run / "run").rename("runs/novel")
    Path("letter.txt").write_text("the cat sat")
    if command == "decompress":
        typed("charlm compress runs/novel letter.txt -o letter.clm")
    lines = [line.strip() for line in help_of(command, 120).splitlines()]
    examples = [line for line in lines if re.match(r"charlm \w+compress |charlm compress ", line)]
    assert examples
    for example in examples:
        assert typed(example)[0] == 0
    assert Path("again.txt").read_text() == "the cat sat"
