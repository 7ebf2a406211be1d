"""`charlm inspect` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from charlm.config.schema import CELLS

TEXT = '  She said "go (away)" to\nthe <b>Cat</b> & left.\n\n' * 60

LABELS = {
    "position in the line",
    "distance to the last space or newline",
    "indentation",
    "depth of brackets",
    "inside brackets",
    "inside quotes",
    "capitals",
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("framing", ["stream", "lines"])
def test_every_cell_on_lines_and_streams(made, cell, framing):
    typed = made(f"--set model.cell={cell} --set data.framing={framing}")
    code, out, err = typed("charlm inspect run text.txt --json")
    assert code == 0, err
    found = json.loads(out)
    assert {find["label"] for find in found["labels"]} == LABELS
    for find in found["labels"]:
        rs = [abs(unit["r"]) for unit in find["units"]]
        assert rs == sorted(rs, reverse=True)
        assert 0 <= find["control"] <= 1
    assert found["unit"] == {k: found["labels"][0]["units"][0][k] for k in found["unit"]}
    assert len(found["values"]) == found["characters"] - 1


def test_bytes(made):
    typed = made("--encoding bytes")
    Path("other.txt").write_bytes(b"caf\xc3\xa9 " * 40)
    code, out, _ = typed("charlm inspect run other.txt --unit 2 --color")
    assert code == 0
    assert "<0xC3><0xA9>" in out.replace("\x1b[0m", "")


def test_a_table_colours_a_page_and_a_picture(made):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    typed = made("--set model.cell=lstm")
    code, out, err = typed("charlm inspect run text.txt --html unit.html --png unit.png")
    assert code == 0
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert "position in the line" in out
    assert "page written to unit.html" in err
    page = Path("unit.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "position in the line" in page
    assert Path("unit.png").read_bytes().startswith(b"\x89PNG")
    _, out, _ = typed("charlm inspect run text.txt --layer 1 --unit c3 --color --chars 500")
    assert "the value of unit c3 of layer 1 after each character" in out
    assert "\x1b[30;48;5;" in out
    assert "500 characters read" in out


def test_a_short_text_is_coloured_by_a_unit_that_is_named(made):
    typed = made()
    Path("short.txt").write_text("the Cat")
    code, out, _ = typed("charlm inspect run short.txt --unit 3 --color")
    assert code == 0
    assert "A search needs at least 100" in out
    assert "the value of unit h3 of layer 1" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("text.txt --layer 2", "the model has one layer, 1"),
        ("text.txt --unit 9", "layer 1 has the units h1 to h8"),
        ("short.txt", "give a longer text, or name a unit"),
        ("short.txt --chars 2", "has 2 characters"),
        ("nosuch.txt", "no such text"),
        ("text.txt --color --json", "different forms"),
        ("text.txt --png unit.pdf", "ends in .png"),
        ("text.txt --html nosuch/unit.html", "cannot write"),
        ("", "TEXT"),
    ],
)
def test_mistakes(made, options, said):
    typed = made()
    Path("short.txt").write_text("the Cat")
    code, out, err = typed(f"charlm inspect run {options}")
    assert code in (1, 2)
    assert said in err
    assert out == ""
