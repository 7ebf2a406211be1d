"""What README and docs tell to type works: commands run in a small world, options and settings exist.

The recipes for an operation and a cell are run by ``test_docs.py``, docs/texts.md and docs/compression.md with
their outputs by ``cli/test_pages.py``.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from charlm import benchmark
from charlm.cli import COMMANDS, cli, hoisted, main
from charlm.config import RunConfig, load_config, to_dict

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
RUN_ELSEWHERE = {
    "docs/adding-a-cell.md",
    "docs/adding-an-op.md",
    "docs/cluster.md",
    "docs/comparing.md",
    "docs/compression.md",
    "docs/documents.md",
    "docs/exporting.md",
    "docs/index.md",
    "docs/looking-inside.md",
    "docs/names.md",
    "docs/reporting.md",
    "docs/sampling.md",
    "docs/scoring.md",
    "docs/searching.md",
    "docs/texts.md",
    "docs/tutorial.md",
    "docs/verdicts.md",
    "docs/web.md",
    "docs/why-counting.md",
    "docs/why-loss.md",
    "docs/why-lstm.md",
}
NOT_RUN = {
    "make": "makes an environment and downloads into it; people and CI run it",
    "^C": "is a key",
}
"""Commands in blocks that the tests do not run, by their first word, and why."""
SMALL = ["--set", "model.hidden_dim=8", "--set", "model.embed_dim=8", "--steps", "2"]
SMALLER = {
    "train": [*SMALL, "--sample-every", "0", "--kernels", "numpy"],
    "compare": ["--steps", "3", "--seeds", "1"],
    "bench": ["--hidden", "8", "--layers", "1", "--steps", "3", "--kernels", "numpy"],
}
"""What is added to commands, so that they take no time."""
OTHERS = {
    "--cells": "the benchmarks",
    "--sizes": "the benchmarks",
    "--fix": "ruff",
    "--strict": "mypy",
    "--store": "the random programs of the tests",
    **dict.fromkeys(
        [
            "--host",
            "--port",
            "--scheduler-file",
            "--nthreads",
            "--nworkers",
            "--no-dashboard",
            "--no-nanny",
        ],
        "dask",
    ),
    **dict.fromkeys(["--hostfile", "--map-by", "--bind-to"], "mpirun of Open MPI"),
    **dict.fromkeys(
        ["--ntasks", "--ntasks-per-node", "--cpus-per-task", "--mem-per-cpu", "--mpi"], "srun"
    ),
    **dict.fromkeys(["--network", "--scale"], "docker"),
}
"""Options of other programs."""
NOVEL = "It was late, and the old house by the river was quiet. A quick fox sat there.\n" * 40


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the content of each block of code of a page."""
    kind: str | None = None
    lines: list[str] = []
    for line in page(name).splitlines():
        if not line.startswith("```"):
            lines.append(line)
        elif kind is None:
            kind, lines = line.removeprefix("```"), []
        else:
            yield kind, "\n".join(lines)
            kind = None


def commands(name: str) -> Iterator[str]:
    """Yield what is typed in the blocks of a page: the lines after a prompt, or all lines of a block of commands."""
    for kind, content in blocks(name):
        lines = content.replace("\\\n", " ").splitlines()
        prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        if prompted:
            yield from prompted
        elif kind in ("sh", "bash") or any(line.startswith("charlm ") for line in lines):
            yield from lines


def inline(name: str) -> list[str]:
    """Return the commands of charlm's in the sentences of a page."""
    return re.findall(r"`(charlm [^`]+)`", page(name))


def parse(command: str) -> None:
    """Have a command line read as charlm does; what it names need not exist, and what a pipe does is not charlm's."""
    command = re.split(r" [|>] ", command)[0]
    arguments = [a for a in hoisted(shlex.split(command, comments=True)[1:]) if a != "..."]
    names = [argument for argument in arguments if argument in COMMANDS]
    if not names or arguments == names:  # of all commands, or a command's name alone
        assert names or arguments[-1] in ("--help", "--version"), command
        return
    found = cli.get_command(click.Context(cli), names[0])
    assert found is not None
    rest = arguments[arguments.index(names[0]) + 1 :]
    with contextlib.suppress(click.exceptions.Exit, click.MissingParameter):
        # --help; or `charlm eval --dynamic`, in a sentence
        found.make_context(names[0], rest, **cli.context_settings)


@pytest.mark.parametrize("name", PAGES)
def test_command_lines_are_read(name):
    for command in [*commands(name), *inline(name)]:
        if command.startswith("charlm"):
            parse(command)


def test_what_is_not_run_is_known():
    first = {c.split()[0] for name in PAGES if name not in RUN_ELSEWHERE for c in commands(name)}
    assert first - {"charlm"} == set(NOT_RUN), "say in NOT_RUN what is not run, and why"


@pytest.fixture
def world(tmp_path, monkeypatch, capfd):
    """Make a folder with what the pages speak of; return what types a command there and gives what is shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for seconds in ("SECONDS", "SAMPLING_SECONDS"):  # that are measured
        monkeypatch.setattr(benchmark, seconds, 0.01)
    Path("letters").mkdir()
    for file in ("novel.txt", "letters/a.txt", "letters/b.txt"):
        Path(file).write_text(NOVEL)

    def typed(command: str) -> str:
        arguments = shlex.split(command, comments=True)[1:]
        name = next(argument for argument in arguments if argument in COMMANDS)
        if not {"--resume", "--list"} & set(arguments):
            arguments += SMALLER.get(name, [])
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        shown = "".join(capfd.readouterr())
        assert ended.value.code == 0, f"{command}: {shown}"
        assert "Traceback" not in shown
        return shown

    return typed


@pytest.mark.parametrize("name", [name for name in PAGES if name not in RUN_ELSEWHERE])
def test_the_commands_of_a_page_work_one_after_the_other(name, world):
    for kind, content in blocks(name):
        if kind.startswith("yaml"):
            Path("my.yaml").write_text(content)
    typed = [command for command in commands(name) if command.startswith("charlm")]
    for command in typed:
        if "runs/tinyshakespeare" in command:  # a run of hours, of which the output is shown
            shutil.copytree("runs/novel", "runs/tinyshakespeare", dirs_exist_ok=True)
        assert world(command)
    assert typed or name not in ("README.md", "docs/runs.md")
    for kind, content in blocks(name):
        if kind == "python" and ">>>" not in content:
            exec(compile(content, name, "exec"), {})


def test_configs_in_pages_are_configs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = [content for name in PAGES for kind, content in blocks(name) if kind == "yaml"]
    for content in found:
        Path("my.yaml").write_text(content)
        assert load_config("my.yaml") != RunConfig()
    assert found


@pytest.mark.parametrize("name", PAGES)
def test_settings_that_a_page_names_exist(name):
    keys = to_dict(RunConfig())
    named = set(
        re.findall(r"(?<![\w/.])(model|data|train)\.(?!(?:py|lua)\b)(\w+)(?![\w(])", page(name))
    )
    assert {f"{section}.{key}" for section, key in named if key not in keys[section]} == set()


@pytest.mark.parametrize("name", PAGES)
def test_options_that_a_page_names_exist(name):
    known = {"--help", *OTHERS}
    for command in [cli, *(cli.get_command(click.Context(cli), c) for c in COMMANDS)]:
        known |= {option for parameter in command.params for option in parameter.opts}
    text = re.sub(r"(?ms)^```\w*\n\$ python.*?^```", "", page(name))
    if (
        name == "docs/coming-from.md"
    ):  # in whose tables the first column has the options of other programs
        text = re.sub(r"(?m)^\| .*? \|", "", text)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert named - known == set()
