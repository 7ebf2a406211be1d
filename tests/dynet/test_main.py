"""``python -m charlm.dynet PROGRAM``: programs for DyNet, import line and all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charlm.dynet import __main__ as runner

HEAD = "import sys\n"
USES = """
import dynet as dy
from dynet import ParameterCollection
print(sys.argv[1:], __name__, dy.__version__, sys.path[0].endswith("here"))
p = ParameterCollection().add_parameters(2)
print([round(float(n), 6) for n in p.as_array()], "charlm" in type(p).__module__)
"""
SEED_5 = "[-0.680975, -1.089582] True"  # DyNet's numbers
SEED_7 = "[-1.044973, 0.690725] True"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()

    def call(source, *arguments, before=()):
        (folder / "program.py").write_text(source)
        command = [sys.executable, "-m", "charlm.dynet", *before, "here/program.py", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )

    return call


def test_options_among_the_programs_arguments_stay_there_as_in_dynet(run):
    done = run(HEAD + USES, "a", "--dynet-seed", "5", "--mine")
    assert done.stdout.splitlines() == [
        "['a', '--dynet-seed', '5', '--mine'] __main__ 2.1 True",
        SEED_5,
    ]
    assert done.stderr == ""


def test_options_before_the_program_are_not_shown_to_it(run):
    done = run(HEAD + USES, "--seed", "3", before=("--dynet_seed=5", "--dynet-mem", "100"))
    assert done.stdout.splitlines() == ["['--seed', '3'] __main__ 2.1 True", SEED_5]


def test_what_the_program_sets_itself_counts(run):
    settings = "import dynet_config\ndynet_config.set(random_seed=5, autobatch=1)\n"
    assert SEED_5 in run(HEAD + settings + USES, "--dynet-seed", "7").stdout
    params = "import _dynet as dy\np = dy.DynetParams()\np.set_random_seed(5)\np.init()\n"
    assert SEED_5 in run(HEAD + params + USES.replace("import dynet as dy", "dy.__version__ = ''").replace(
        "from dynet", "from _dynet"), "--dynet-seed", "7").stdout  # fmt: skip


def test_a_star_import_and_the_seed_of_the_command_line_by_hand(run):
    source = "from _dynet import *\np = DynetParams()\np.from_args()\np.init()\n"
    source += "print('[%.6f, %.6f] True' % tuple(Model().add_parameters(2).as_array()))\n"
    assert run(source, before=("--dynet-seed", "5")).stdout.strip() == SEED_5


def test_exceptions_and_exit_codes_are_the_programs(run):
    done = run("import sys, dynet\ndef f():\n    dynet.pick(3, 1)\nf()\n")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[:2] == [
        "Traceback (most recent call last):",
        '  File "here/program.py", line 4, in <module>',
    ]
    assert "charlm/dynet/__main__.py" not in done.stderr
    done = run("x = = 1\n")
    assert done.returncode == 1
    assert done.stderr.startswith('  File "here/program.py", line 1')
    assert run("import sys\nsys.exit(7)\n").returncode == 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required: PROGRAM\n"),
        (["nowhere.py"], "nowhere.py: there is no such file"),
        (["--dynet-seed", "x", "a.py"], "--dynet-seed x"),
        (["--dynet-sed", "1", "a.py"], "unrecognized arguments: --dynet-sed"),
    ],
)
def test_wrong_usage(arguments, says, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["charlm.dynet", *arguments])
    with pytest.raises(SystemExit) as ended:
        runner.main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_help_lists_every_option(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["charlm.dynet", "--help"])
    with pytest.raises(SystemExit):
        runner.main()
    out = capsys.readouterr().out
    assert "PROGRAM [ARGUMENTS]" in out
    for name in ("seed", "mem", "autobatch", "weight-decay", "profiling", "devices"):
        assert f"--dynet-{name} VALUE" in out
