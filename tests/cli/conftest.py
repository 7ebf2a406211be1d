"""Running the command as a person does: a process of its own, in an empty folder."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from charlm.cli import main

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Typed = Callable[[str], "tuple[int, str, str]"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


@pytest.fixture
def charlm(tmp_path: Path) -> Run:
    """Call the command in an empty folder; stdin is empty unless given."""

    def run(*arguments: object, stdin: str | bytes = "", **options: object):
        text = not isinstance(stdin, bytes)
        return subprocess.run(
            [sys.executable, "-m", "charlm", *map(str, arguments)],
            cwd=tmp_path,
            env=environment(),
            input=stdin,
            capture_output=True,
            text=text,
            encoding="utf-8" if text else None,
            timeout=120,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Run a command line in this process, in an empty folder; return the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(line: str) -> tuple[int, str, str]:
        program, *arguments = shlex.split(line)
        assert program == "charlm"
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return ended.value.code, *capfd.readouterr()

    return run


SMALL = (
    "--set model.hidden_dim=8 --set model.embed_dim=4 --steps 3 --sample-every 0 --kernels numpy"
)


@pytest.fixture
def made(typed: Typed, request: pytest.FixtureRequest):
    """Train a small model in `run`, on the test module's TEXT, and return what runs a command line."""

    def make(options: str = "") -> Typed:
        Path("text.txt").write_text(request.module.TEXT, encoding="utf-8")
        code, _, err = typed(f"charlm -q train text.txt {options} {SMALL} -o run")
        assert code == 0, err
        return typed

    return make
