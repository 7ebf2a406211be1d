"""The group: help, version, global options, what loads when."""

from __future__ import annotations

import subprocess
import sys

import charlm as package
from charlm.cli import COMMANDS
from tests.cli.conftest import environment


def test_help_lists_every_command(charlm):
    done = charlm("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"  {name} " in done.stdout
        assert charlm(name, "--help").returncode == 0


def test_version(charlm):
    assert package.__version__ in charlm("--version").stdout


def test_an_unknown_command_is_told_the_known_ones(charlm):
    done = charlm("tran")
    assert done.returncode == 2
    assert "train, sample, compare" in done.stderr


def test_help_needs_no_numpy():
    code = (
        "import sys, charlm.cli\n"
        "try: charlm.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_threads_is_set_before_numpy_is_there():
    code = (
        "import os, charlm.cli\n"
        "try: charlm.cli.main(['train', '--threads', '1', '--list'])\n"
        "except SystemExit: pass\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "1"


def test_a_comparison_computes_on_one_thread_unless_told():
    code = (
        "import os, sys, charlm.cli\n"
        "os.environ.pop('OPENBLAS_NUM_THREADS', None)\n"
        "try: charlm.cli.main([*sys.argv[1:], 'compare', '--list'])\n"
        "except SystemExit: pass\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    for options, expected in (([], "1"), (["--threads", "2"], "2")):
        done = subprocess.run(
            [sys.executable, "-c", code, *options],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines()[-1] == expected
