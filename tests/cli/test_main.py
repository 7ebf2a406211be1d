"""The group: help, version, global options, what loads when."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import charlm as package
from charlm.cli import COMMANDS
from tests.cli.conftest import environment


def test_help_lists_every_command(charlm):
    done = charlm("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"  {name} " in done.stdout
        assert charlm(name, "--help").returncode == 0


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(charlm, flag):
    assert package.__version__ in charlm(flag).stdout


def test_help_as_a_command(typed):
    for typed_as, flag in (("help", "--help"), ("help train", "train --help")):
        assert typed(f"charlm {typed_as}") == typed(f"charlm {flag}")
    assert "No such command 'tran'" in typed("charlm help tran")[2]


def test_an_unknown_command_is_told_the_known_ones(charlm):
    done = charlm("tran")
    assert done.returncode == 2
    assert "train, sample, compare" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["train", "--list"],
        ["train", "--print-config"],
        ["bench", "--help"],
    ],
)
def test_help_needs_no_numpy(arguments):
    code = (
        "import sys, charlm.cli\n"
        "try: charlm.cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="counts threads as Linux shows them"
)
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread in any case")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "--steps", "1", "--threads", "1"], 1),
        (["--threads", "2", "train", "--steps", "1"], 2),
        (["train", "--steps", "1", "--set", "train.threads=1"], 1),
        (["compare", "--list"], 1),
        (["--threads=2", "compare", "--list"], 2),
    ],
)
def test_threads_are_what_numpy_then_has(arguments, expected, tmp_path):
    code = (
        "import os, sys, charlm.cli\n"
        "try: charlm.cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    free = {k: v for k, v in environment().items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        env=free,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == str(expected), done.stderr


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_an_optimising_python_drops_nothing_that_is_needed(tmp_path, option):
    done = subprocess.run(
        [sys.executable, option, "-m", "charlm", "train", "--steps", "2", "-o", "run"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
