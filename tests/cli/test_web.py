"""`charlm export --to web`: the file, and what the command says about weights of 8 bits."""

from __future__ import annotations

import json
from pathlib import Path

TEXT = "It was late, and the old house by the river was quiet. A quick fox sat there.\n" * 12


def test_a_page_is_one_file(made):
    typed = made()
    code, out, _ = typed("charlm export run --to web")
    page = Path("run.html").read_text(encoding="utf-8")
    assert (code, out) == (0, f"run.html: {len(page.encode()):,} bytes\n")
    assert "<title>run, a language model</title>" in page
    assert "rounded to 8 bits" not in page
    for loads in ("src=", "href=", "@import", "url(", "fetch(", "XMLHttp"):
        assert loads not in page


def test_the_cost_of_8_bits_is_measured_on_the_held_out_text(made):
    typed = made("--val-frac 0.2")
    code, out, err = typed("charlm export run --to web --bits 8 --json")
    assert code == 0
    loss = json.loads(out)["rounding"]
    assert (loss["part"], loss["symbols"]) == ("held-out", len(TEXT) // 5)
    assert loss["nll"] != loss["rounded_nll"]
    assert abs(loss["nll"] - loss["rounded_nll"]) < 0.01
    assert f"on {loss['symbols']} symbols of the held-out text" in err
    assert "of the held-out text from" in Path("run.html").read_text(encoding="utf-8")
    _, evaluated, _ = typed("charlm eval run --cold --json")
    assert abs(json.loads(evaluated)["nll"] - loss["nll"]) < 0.05


def test_without_a_held_out_text_the_training_text_is_scored(made):
    typed = made("--val-frac 0")
    _, out, _ = typed("charlm export run --to web --bits 8 --json")
    assert json.loads(out)["rounding"]["part"] == "training"


def test_a_text_that_was_moved_is_said(made):
    typed = made()
    Path("text.txt").unlink()
    code, out, err = typed("charlm export run --to web --bits 8 --json")
    assert code == 0
    assert json.loads(out)["rounding"] is None
    assert "note: what the rounding costs is not known: the text of run cannot be read" in err
    assert "was not measured" in Path("run.html").read_text(encoding="utf-8")


def test_a_file_that_exists_is_refused_before_a_text_is_scored(made):
    typed = made()
    Path("run.html").write_text("mine")
    code, _, err = typed("charlm export run --to web --bits 8")
    assert code == 2
    assert "run.html: there is a file of this name" in err
    assert "without the rounding" not in err
    assert Path("run.html").read_text() == "mine"


def test_bits_are_for_a_page_alone(made):
    typed = made()
    code, _, err = typed("charlm export run --to npz --bits 8")
    assert code == 2
    assert "--bits is for a web page: leave it out, or give --to web" in err
    assert not Path("run.npz").exists()
