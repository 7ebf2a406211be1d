"""The help of every command: readable at every width, without docstrings too, and the same in docs/cli.md."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from inspect import signature
from keyword import iskeyword

import click
import pytest

from charlm.baselines.ngram import MAX_ORDER
from charlm.cli import COMMANDS, cli
from tests.cli import reference
from tests.cli.conftest import environment
from tests.cli.reference import help_of

PAGES = ["", *COMMANDS]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_the_terminal_and_shows_no_mark_of_its_layout(name, width):
    text = help_of(name, width)
    assert max(map(len, text.splitlines())) <= width
    assert "\\b" not in text
    assert not {c for c in text if not c.isprintable()} - {"\n"}


def test_an_example_is_a_line():
    lines = [line.strip() for line in help_of("train", 60).splitlines()]
    assert sum(line.startswith("charlm train ") for line in lines) == 5


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda page: page.name)
def test_a_page_of_the_reference_is_current(page):
    written = page.read_text(encoding="utf-8")
    assert written == reference.PAGES[page](), "python -m tests.cli.reference writes it"


def test_it_is_the_same_where_python_keeps_no_docstrings():
    wanted = "".join(f"{help_of(name)}\n" for name in PAGES)
    code = (
        "from tests.cli.reference import help_of\n"
        "from charlm.cli import COMMANDS\n"
        "for name in ['', *COMMANDS]: print(help_of(name))"
    )
    done = subprocess.run(
        [sys.executable, "-OO", "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == wanted, done.stderr


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "help"])  # it is one file
def test_a_command_does_what_is_typed(name):
    """What it takes is what is typed: the two stand in two files."""
    declared = cli.get_command(click.Context(cli), name)
    file = f"{name}_" if iskeyword(name) else name
    function = vars(import_module(f"charlm.cli.{file}"))["eval_" if name == "eval" else file]
    given = {param.name: None for param in declared.params}
    context = [] if "obj" not in signature(function).parameters else [{}]
    signature(function).bind(*context, **given)


def test_a_default_that_is_told_is_the_default():
    assert f"(default: {MAX_ORDER})" in help_of("baseline")


def test_help_needs_no_numpy():
    """A subprocess, for numpy is here already."""
    code = (
        "import sys, charlm.cli\n"
        "for name in sys.argv[1:]:\n"
        "    try: charlm.cli.main([*name.split(), '--help'])\n"
        "    except SystemExit: pass\n"
        "sys.exit('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *PAGES],
        env={**os.environ, **environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Usage: charlm") == len(PAGES)
