"""The examples in docs/python.md and README show what they say."""

from __future__ import annotations

import doctest
import re

import pytest

from tests.notebook.kernel import ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def blocks(name: str) -> list[str]:
    return BLOCK.findall((ROOT / name).read_text("utf-8"))


def test_the_page_about_python():
    session = "".join(blocks("docs/python.md"))
    examples = doctest.DocTestParser().get_doctest(session, {}, "python.md", "docs/python.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert runner.run(examples) == (0, len(examples.examples))
    assert len(examples.examples) > 10


def test_the_python_in_the_readme(capsys):
    for code in blocks("README.md"):
        exec(compile(code, "README.md", "exec"), {})
    assert "fox" in capsys.readouterr().out
