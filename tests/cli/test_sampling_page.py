"""docs/sampling.md shows what its commands show, and its Python runs."""

from __future__ import annotations

import doctest
import importlib
import re

import pytest

from tests.cli.conftest import ROOT

PAGE = (ROOT / "docs/sampling.md").read_text(encoding="utf-8")


@pytest.fixture
def shown(typed):
    """Return what each command of the page shows, and what the page says."""
    found: list[tuple[str, str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                _, out, said = typed(line[2:])
                found.append((line, said + out, []))
            else:
                found[-1][2].append(line)
    return found


def test_the_page_shows_what_is_shown(shown, capfd):
    assert len(shown) > 8
    for command, output, expected in shown:
        wanted = "\n".join(expected) + "\n"
        good = doctest.OutputChecker().check_output(wanted, output, doctest.ELLIPSIS)
        assert good, f"{command}\n{output}"
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(code, "docs/sampling.md", "exec"), {})
        assert "quick brown fox" in capfd.readouterr().out


@pytest.mark.parametrize("module", ["sample", "novelty"])
def test_the_examples_of_the_help_run(typed, tmp_path, module):
    novel = "It was late, and the old house by the river was quiet. A fox sat there.\n" * 30
    for name in ("novel.txt", "letter.txt", "samples.txt"):
        (tmp_path / name).write_text(novel)
    small = "--set model.hidden_dim=4 --set model.embed_dim=4 --sample-every 0 --kernels numpy"
    assert typed(f"charlm -q train novel.txt --steps 1 {small}")[0] == 0
    text = importlib.import_module(f"charlm.cli.commands.{module}").HELP
    examples = re.findall(rf"^(charlm {module} .*?)(?:  .*)?$", text, re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        if "--interactive" not in example:  # needs a terminal
            code, out, said = typed(example + (" -l 30" if "--train" not in example else ""))
            assert code == 0, (example, said)
            assert out
