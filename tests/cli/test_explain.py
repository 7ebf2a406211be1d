"""`charlm explain` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from charlm.config.schema import CELLS
from tests.cli.conftest import SMALL

TEXT = "the cat <b>sat</b> on the mat.\nthe rat & the cat\n" * 40


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("framing", ["stream", "lines"])
def test_every_cell_on_lines_and_streams(made, cell, framing):
    typed = made(f"--set model.cell={cell} --set data.framing={framing}")
    code, out, err = typed("charlm explain run --chars 20 --json")
    assert code == 0, err
    found = json.loads(out)
    assert found["places"] == 20
    assert found["unit"] == "char"
    assert set(found["ngram_bits_by_context"]) == set("1234567")
    assert [*found["bits_by_context"]][:3] == ["1", "2", "3"]
    assert found["gradient_by_lag"][0] > 0
    (layer,) = found["layers"]
    assert layer["units"] == 8
    assert (cell == "rnn") == (layer["gates"] == {})
    code, out, _ = typed('charlm explain run --text "the cat" --json')
    one = json.loads(out)
    assert (one["at"], one["symbol"]) == (7, "t")
    assert "".join(symbol for symbol, _ in one["gradients"]) == "the ca"


def test_words_then_a_table_and_a_picture(made):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    typed = made("--set model.cell=gru --encoding bytes")
    code, out, err = typed("charlm explain run --chars 20 --png explain.png")
    assert code == 0, err
    assert out.startswith("Half of the gradient falls on the last")
    assert max(map(len, out.splitlines())) <= 80
    assert "gate" in out
    assert "The best n-gram sees" in out
    assert "20 places in the held-out part" in err
    assert Path("explain.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_held_out_part_its_own_text_is_read(typed):
    typed(f"charlm -q train {SMALL} -o fox")
    code, out, err = typed("charlm explain fox --chars 9")
    assert code == 0
    assert "9 places in its own text" in err
    assert "none of 8 units is dead" in out or "of 8 units" in out


def test_one_prediction_in_colours_and_on_a_page(made):
    typed = made()
    code, out, _ = typed('charlm explain run --text "the cat <b>" --at 7 --color --html one.html')
    assert code == 0
    assert "Character 7, 't': surprisal" in out
    assert "\x1b[30;48;5;208m" in out
    assert out.rstrip().endswith("[t]")
    page = Path("one.html").read_text(encoding="utf-8")
    assert "of the largest" in page
    assert "<b>" not in page
    assert "Nothing comes before it." in typed("charlm explain run --text t")[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--at 3", "--at, --color and --html are for --text"),
        ('--text ""', "--text: it is empty"),
        ("--text cat --at 4", "--at 4: the text has 3 characters"),
        ("--text cät", "'ä' (U+00E4) at line 1, column 2"),
        ("--text cat --png a.png", "leave out --png or --text"),
        ("--png a.pdf", "ends in .png"),
    ],
)
def test_mistakes(made, options, said):
    typed = made()
    code, out, err = typed(f"charlm explain run {options}")
    assert code == 2
    assert said in err
    assert out == ""


def test_a_text_that_is_gone(made):
    typed = made()
    Path("text.txt").unlink()
    code, _, err = typed("charlm explain run")
    assert code == 2
    assert "cannot be read again" in err
    assert err.rstrip().endswith("if it was moved, put it there again")
