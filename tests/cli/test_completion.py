"""What Tab completes: by the words that shells hand over, and by pressing the key in a real bash."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from charlm.cli import COMMANDS, COMPLETION, main
from charlm.config.keys import keys
from charlm.runs.mark import MARK
from tests.cli.conftest import ROOT
from tests.cli.terminal import Terminal


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with texts and two runs."""
    for name in ("novel.txt", "story.txt", "my book.txt"):
        (tmp_path / name).touch()
    (tmp_path / "letters").mkdir()
    for name in ("novel", "poems"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.yaml").write_text(MARK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def completed(folder, monkeypatch, capfd):
    """Complete a line that ends at the cursor, as the script of a shell asks; `<file>` leaves it to the shell."""

    def complete(line: str, shell: str = "bash") -> list[str]:
        words = line.split()
        place = len(words) - (not line.endswith(" "))
        monkeypatch.setenv(COMPLETION, f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        word = "" if line.endswith(" ") else words[-1]
        monkeypatch.setenv("COMP_CWORD", word if shell == "fish" else str(place))
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 0
        lines = capfd.readouterr().out.strip("\n").splitlines()
        if shell == "zsh":
            lines = [f"{kind},{value}" for kind, value in zip(lines[::3], lines[1::3], strict=True)]
        found = [item.partition("\t")[0].split(",", 1) for item in lines]
        return [value if kind == "plain" else f"<{kind}>{value}" for kind, value in found]

    return complete


LINES = {
    "charlm ": list(COMMANDS),
    "charlm tra": ["train"],
    "charlm help tra": ["train"],
    "charlm train nov": ["<file>nov"],
    "charlm train s": ["small", "srnn", "sums", "<file>s"],
    "charlm train lstm s": ["sums", "<file>s"],
    "charlm train fo": ["fox", "<file>fo"],
    "charlm -q train fo": ["fox", "<file>fo"],
    "charlm train -q --threads 2 fo": ["fox", "<file>fo"],
    "charlm train --thr": ["--threads"],
    "charlm train --threads ": [],
    "charlm train --print": ["--print-config"],
    "charlm train --preset m": ["medium"],
    "charlm train --kernels num": ["numpy", "numba"],
    "charlm train --encoding koi8-r": ["koi8-r"],
    "charlm train --encoding by": ["bytes"],
    "charlm train --encoding base64": [],  # it decodes no text
    "charlm train --resume ru": ["runs/novel", "runs/poems"],
    "charlm train --init-from runs/n": ["runs/novel"],
    "charlm train --val-file st": ["<file>st"],
    "charlm train --set model.ce": ["model.cell="],
    "charlm train --set nosuch=": [],
    "charlm train --seed 1": [],
    "charlm sample ru": ["runs/novel", "runs/poems"],
    "charlm sample runs/novel/b": ["<file>runs/novel/b"],
    "charlm sample --checkpoint b": ["best"],
    "charlm eval runs/p": ["runs/poems"],
    "charlm eval runs/novel st": ["<file>st"],
    "charlm eval --split t": ["test"],
    "charlm compare srnn-vs-lstm-": ["srnn-vs-lstm-deep", "srnn-vs-lstm-memory", "<file>srnn-vs-lstm-"],
    "charlm compare srnn g": ["gru", "<file>g"],
    "charlm info runs/n": ["runs/novel"],
    "charlm info st": ["<file>st"],
    "charlm runs --follow runs/n": ["runs/novel"],
    "charlm baseline pre": ["pretzels", "<file>pre"],
    "charlm bench --cell g": ["gru", "gru_after"],
    "charlm bench --trainer ad": ["adagrad", "adam", "adamw"],
    "charlm bench --config te": ["text", "<file>te"],
}  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_words_become(completed, shell):
    assert {line: completed(line, shell) for line in LINES} == LINES


WHOLE = {
    "charlm train --set train.trainer=sg": "train.trainer=sgd",
    "charlm train --set model.tied=t": "model.tied=true",
    "charlm train --set data.encoding=koi8-r": "data.encoding=koi8-r",
    "charlm train --set=data.framing=l": "--set=data.framing=lines",
    "charlm train --preset=s": "--preset=small",
    "charlm train --resume=runs/n": "--resume=runs/novel",
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_stands_behind_an_equals_sign_is_completed(completed, shell):
    found = {line: completed(line, shell) for line in WHOLE}
    if shell == "fish":  # it wants the whole word
        assert found == {line: [word] for line, word in WHOLE.items()}
    else:
        assert found == {line: [word.rpartition("=")[2]] for line, word in WHOLE.items()}


def test_every_key_is_completed(completed):
    assert completed("charlm train --set ") == [f"{key}=" for key in keys()]


def test_completing_needs_no_numpy(folder):
    lines = [line for line in LINES if line != "charlm "]
    code = (
        "import os, sys, charlm.cli\n"
        "for line in sys.argv[1:]:\n"
        "    os.environ['COMP_WORDS'] = line\n"
        "    try: charlm.cli.main([])\n"
        "    except SystemExit: pass\n"
        "sys.exit('numpy' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), COMPLETION: "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", code, *lines], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def bash_version() -> tuple[int, ...]:
    if not shutil.which("bash"):
        return (0,)
    said = subprocess.run(
        ["bash", "-c", "echo $BASH_VERSION"], capture_output=True, check=False
    ).stdout
    return tuple(map(int, re.findall(rb"\d+", said)[:2]))


@pytest.mark.skipif(bash_version() < (4, 4), reason="needs bash 4.4 or newer")
def test_tab_in_a_real_bash(folder):
    (folder / "bin").mkdir()
    program = folder / "bin" / "charlm"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m charlm "$@"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "PS1": "> ",
    }
    with Terminal(["bash", "--norc", "--noprofile", "-i"], folder, environment) as bash:
        bash.type('eval "$(_CHARLM_COMPLETE=bash_source charlm)"; echo rea"dy"\n')
        bash.shown_until("ready\n")
        for typed, wanted in {
            "charlm train nov": "charlm train novel.txt ",
            "charlm train my": r"charlm train my\ book.txt ",
            "charlm train sm": "charlm train small ",
            "charlm train lett": "charlm train letters/",
            "charlm sample ru": "charlm sample runs/",
            "charlm sample runs/n": "charlm sample runs/novel ",
            "charlm train --set model.ce\tls": "charlm train --set model.cell=lstm ",
            "charlm train --set=data.text=sto": "charlm train --set=data.text=story.txt ",
            "charlm train --encoding=koi8-r": "charlm train --encoding=koi8-r ",
        }.items():
            bash.type(typed + "\t")
            assert wanted in bash.shown_until(wanted)
            bash.type("\x15")  # clears the line
        bash.type("charlm train s\t\t")
        assert "small" in bash.shown_until("story.txt")
