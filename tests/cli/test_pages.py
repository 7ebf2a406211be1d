"""Pages of docs/ show what the commands show; the examples in the help of commands work.

The blocks of the kind ``console`` of a page are run one after the other. Dots in an output stand for anything.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, environment
from tests.cli.reference import help_of

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPES = {"adding-an-op", "adding-a-cell"}  # ``test_docs.py`` runs them
PAGES = [
    page
    for page in sorted(ROOT.glob("docs/*.md"))
    if page.stem not in RECIPES and CONSOLE.search(page.read_text("utf-8"))
]
SHORTER = {
    "sample": " -l 30",
    "search": " --trials 1 --confirm 1 --set train.max_time=null --set train.steps=2 --set train.warmup=0"
    " --set train.kernels=numpy --set data.batch_size=2",
}
SMALL = "--steps 1 --hidden-dim 8 --embed-dim 4 --sample-every 0 --kernels numpy"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_is_shown(page, tmp_path):
    if page.stem == "cluster":
        pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    shell = {**environment(), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    output, commands = "", 0
    for line in "".join(CONSOLE.findall(page.read_text("utf-8"))).splitlines():
        if not line.startswith("$ "):
            pattern = ".*".join(map(re.escape, line.split("...")))
            assert re.search(f"^{pattern}", output, re.MULTILINE), (line, output)
            continue
        python = f'"{sys.executable}"'
        programs = f'charlm() {{ {python} -m charlm "$@"; }}; python() {{ {python} "$@"; }}'
        programs += f'; dask() {{ exec {python} -W ignore -m dask "$@"; }}'
        command = f"{programs}; {line[2:]}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**shell, "CHARLM_KERNELS": "numpy"},  # others take longer to prepare than to run
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        output = done.stdout.decode("utf-8", "replace")
        assert "Traceback" not in output
        commands += 1
    assert commands >= 1


def test_the_python_on_the_page_about_sampling_runs(typed, capfd):
    typed("charlm -q train --kernels numpy -o runs/srnn")
    page = (ROOT / "docs/sampling.md").read_text("utf-8")
    for code in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(compile(code, "docs/sampling.md", "exec"), {})
        assert "quick brown fox" in capfd.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        "sample",
        "novelty",
        "score",
        "inspect",
        "explain",
        "gradcheck",
        "search",
        "export",
        "import",
        "report",
        "plot",
    ],
)
def test_the_examples_of_the_help(command, typed):
    text = "It was late, and the old house by the river was quiet. A fox sat there.\n" * 30
    for name in ("novel.txt", "words.txt", "letter.txt", "samples.txt"):
        Path(name).write_text(text)
    Path("my.yaml").write_text("model: {cell: gru, hidden_dim: 5, embed_dim: 5}\n")
    for _ in range(2):
        typed(f"charlm -q train novel.txt {SMALL}")
    if command == "import":
        typed("charlm -q export runs/novel --to torch -o my.safetensors")
    examples = re.findall(rf"^ +(charlm {command} .*)$", help_of(command), re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        if "--interactive" in example:  # needs a terminal
            continue
        alone, _, pipe = example.partition(" | ")
        code, out, err = typed(alone + SHORTER.get(command, ""))
        assert code == 0, err
        assert out or pipe or "written" in err or "saved" in err.lower()
