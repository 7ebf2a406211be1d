"""Documents as a person meets them: trained, sampled, scored and compared by the commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import SMALL

RECIPES = [
    f"{name} soup\n\n- {k} eggs\n- {k + 1} {name}"
    for k in range(8)
    for name in ("rice", "bean", "milk")
]
TEXT = "\n---\n".join(RECIPES) + "\n"
DOCUMENTS = "--framing documents --separator ---"


def test_a_text_is_described_before_and_after_a_training(made):
    typed = made(DOCUMENTS)
    code, out, _ = typed(f"charlm info text.txt {DOCUMENTS}")
    assert code == 0
    assert "24 documents of 28 to 28 symbols, half of them of 28 or more" in out
    assert "end of document <EOD>" in out
    facts = json.loads(typed(f"charlm info text.txt {DOCUMENTS} --json")[1])
    assert facts["documents"] == {"count": 24, "characters": [28, 28, 28], "copies": 0}
    assert typed("charlm info run")[0] == 0
    code, _, err = typed("charlm info run --separator ---")
    assert code == 2
    assert "--separator is for a TEXT" in err


def test_equal_and_sorted_documents_are_said(typed):
    Path("sorted.txt").write_text("\n---\n".join(sorted([*RECIPES, RECIPES[0]])))
    out = typed(f"charlm info sorted.txt {DOCUMENTS}")[1]
    assert "1 of the 25 documents are equal to one before them" in out
    assert "the documents are sorted: they were shuffled" in out


def test_each_document_has_a_score_and_their_sum_is_that_of_eval(made):
    typed = made(DOCUMENTS)
    other = ["rice\n\nbean", RECIPES[3], "milk"]
    Path("other.txt").write_text("\n---\n".join(other))
    rows = [json.loads(row) for row in typed("charlm score run other.txt --json")[1].splitlines()]
    assert [(row["document"], row["text"]) for row in rows] == [*enumerate(other, 1)]
    assert [row["chars"] for row in rows] == [len(text) + 1 for text in other]
    facts = json.loads(typed("charlm eval run other.txt --json")[1])
    total = sum(row["log_probability"] for row in rows)
    assert -total / facts["characters"] == pytest.approx(facts["nll"], rel=1e-6)
    out = typed("charlm score run other.txt")[1]
    assert [line.split("\t")[2] for line in out.splitlines()] == [
        " ".join(t.split()) for t in other
    ]
    out = typed("charlm score run other.txt --per-char")[1].splitlines()
    assert out[0].startswith("document\tchar_id")
    assert [row.split("\t")[0] for row in out if "<EOD>" in row] == ["1", "2", "3"]


def test_an_unknown_character_is_found_in_its_document(made):
    typed = made(DOCUMENTS)
    Path("other.txt").write_text("rice\n---\n\nsoup\n\nX")
    code, _, err = typed("charlm score run other.txt")
    assert code == 2
    assert "'X' (U+0058) at document 2, line 3, column 1" in err


def test_samples_are_documents_that_can_be_read_again(made):
    typed = made(DOCUMENTS)
    rows = typed("charlm sample run -n 3 --seed 1 --json -l 40")[1].splitlines()
    out = typed("charlm sample run -n 3 --seed 1 -l 40")[1]
    texts = [json.loads(row)["text"] for row in rows]
    assert out == "".join(f"{text}\n---\n" for text in texts)
    out = typed("charlm sample run --prime 'rice soup\n\n- ' --greedy -l 5")[1]
    assert out.startswith("rice soup\n\n- ")


def test_a_folder_with_a_document_in_each_file(typed):
    Path("poems").mkdir()
    for k, recipe in enumerate(RECIPES):
        Path(f"poems/{k:02}.txt").write_text(recipe + "\n")
    code, out, err = typed(f"charlm train poems --framing documents {SMALL}")
    assert code == 0, err
    assert "held-out" in out
    assert "24 documents" in err
    again = typed("charlm eval runs/poems --json")[1]
    assert json.loads(again)["nll"] == pytest.approx(
        float(out.rsplit("held-out ")[1].split()[0]), abs=1e-4
    )


def test_a_training_is_resumed_and_compared(made):
    typed = made(DOCUMENTS)
    assert typed("charlm train --resume run --steps 5 --kernels numpy")[0] == 0
    config = Path("run/config.yaml").read_text().replace("name: text", "name: other")
    Path("other.yaml").write_text(config)
    code, out, err = typed("charlm compare other.yaml run text.txt --seeds 1 --kernels numpy")
    assert code == 0, err
    assert "other" in out


def test_what_cannot_be_is_refused(typed):
    Path("text.txt").write_text(TEXT)
    for options, said in (
        ("--separator ---", "has no effect with framing stream"),
        ("--framing documents --separator '/(/'", "expected a regular expression"),
        ("--framing documents", "--separator --- (23 lines)"),
        ("--framing documents --separator '***'", "no line within it is '***'"),
        ("--framing documents --separator '/[*]/'", "the pattern /[*]/ fits no line"),
    ):
        code, _, err = typed(f"charlm train text.txt {options}")
        assert code == 2
        assert said in err
    assert not Path("runs").exists()
