"""docs/scoring.md and docs/looking-inside.md show what is shown, and the help of their commands has what works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.pages import check, told_by
from tests.cli.reference import help_of

SMALL = (
    "--set model.hidden_dim=8 --set model.embed_dim=4 --steps 3 --sample-every 0 --kernels numpy"
)


@pytest.mark.parametrize("page", ["docs/scoring.md", "docs/looking-inside.md"])
def test_a_page_shows_what_is_shown(page, tmp_path):
    told = told_by(page, tmp_path)
    assert len(told) >= 4
    check(told)


@pytest.mark.parametrize("command", ["score", "inspect", "explain", "gradcheck"])
def test_the_examples_of_the_help(command, typed):
    text = "It was late, and the fox sat there.\n" * 40
    for name in ("novel.txt", "words.txt"):
        Path(name).write_text(text)
    Path("my.yaml").write_text("model: {cell: gru, hidden_dim: 5, embed_dim: 5}\n")
    typed(f"charlm -q train novel.txt {SMALL}")
    examples = re.findall(r"^ +(charlm .*)$", help_of(command), re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        alone, _, pipe = example.partition(" | ")
        code, out, err = typed(alone)
        assert code == 0, err
        assert out or pipe or "written" in err
