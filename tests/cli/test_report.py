"""`charlm report` and `charlm plot` as a person meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlm.config.schema import CELLS

pytest.importorskip("jinja2", reason="jinja2 is not installed")
TEXT = "the cat <b>sat</b> on the mat.\nthe rat & the cat\n" * 20


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", ["--encoding bytes", "--set data.framing=lines"])
def test_every_cell_on_bytes_and_lines(made, cell, kind):
    typed = made(f"--set model.cell={cell} {kind}")
    code, out, err = typed("charlm report run")
    assert (code, out, err) == (0, "", "report written to report.html\n")
    page = Path("report.html").read_text("utf-8")
    assert "What the model looks at" in page
    assert "<b>sat" not in page


def test_what_is_left_out_is_said(made):
    typed = made()
    Path("text.txt").unlink()
    code, _, err = typed("charlm report run -o a.html")
    assert code == 0
    assert "note: run: left out: the surprisal of a text and what the model looks at: " in err
    code, _, err = typed("charlm -q report run")
    assert (code, err) == (0, "")


@pytest.mark.parametrize("command", ["report", "plot"])
def test_wrong_paths(command, made):
    typed = made()
    code, _, err = typed(f"charlm {command} runn")
    assert code == 2
    assert "no run is there" in err
    for output in ("no/such.png", "folder.png"):
        Path("folder.png").mkdir(exist_ok=True)
        code, _, err = typed(f"charlm {command} run -o {output}")
        assert code == 1
        assert f"{output}: cannot write" in err


def test_a_plot_as_png_and_as_svg(made):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    typed = made()
    assert typed("charlm plot run") == (0, "", "plot written to curves.png\n")
    assert Path("curves.png").read_bytes().startswith(b"\x89PNG")
    assert typed("charlm plot run run -o both.SVG")[0] == 0
    assert "<svg" in Path("both.SVG").read_text("utf-8")
    code, _, err = typed("charlm plot run -o curves.pdf")
    assert code == 2
    assert "a plot is written as PNG or SVG; give a name that ends in .png or .svg" in err


def test_watching_needs_one_running_training(made):
    typed = made()
    code, _, err = typed("charlm plot run --watch")
    assert code == 2
    assert "no training is running there (the run is finished)" in err
    assert err.endswith("charlm report run\n")
    assert typed("charlm plot run run --watch")[0] == 2
    assert typed("charlm plot run --watch -o a.png")[0] == 2
