"""`charlm score` as a person meets it: lines in a pipeline, tables of characters, colours, a page."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from charlm.config.schema import CELLS
from charlm.lm.language_model import load_model
from charlm.lm.lines import line_scores, spans
from charlm.lm.reader import Reader
from charlm.text.vocab import code_points
from tests.cli.conftest import SMALL, environment

TEXT = "the cat sat on the mat, the rat sat on the cat.\nan <i>old</i> cat & a rat\n" * 30

LINES = "--set data.framing=lines"


@pytest.mark.parametrize("options", ["", LINES, "--encoding bytes", f"{LINES} --encoding bytes"])
def test_the_sum_is_the_score_of_eval(made, options):
    typed = made(options)
    other = TEXT * 2 + "\n\nthe cat"
    Path("other.txt").write_text(other)
    _, out, err = typed("charlm score run other.txt --json")
    rows = [json.loads(line) for line in out.splitlines()]
    facts = json.loads(typed("charlm eval run other.txt --json")[1])
    count = sum(row.get("chars", row.get("bytes")) for row in rows)
    assert count == facts["characters"]
    assert -sum(row["log_probability"] for row in rows) / count == pytest.approx(
        facts["nll"], rel=1e-6
    )
    assert f"{facts['nll']:.4f} nats/{facts['unit']}" in err
    lines = [line for line in other.split("\n") if line or not options.startswith(LINES)]
    assert [row["text"] for row in rows] == lines


def test_columns_for_a_pipeline(made):
    typed = made()
    _, out, err = typed("charlm score run text.txt")
    columns = [line.split("\t") for line in out.splitlines()]
    assert [text for _, _, text in columns] == TEXT.splitlines()
    for log_p, bits, text in columns:
        symbols = len(text) + 1
        assert float(bits) == pytest.approx(-float(log_p) / symbols / math.log(2), abs=1e-3)
    assert "the state is carried from line to line" in err


def test_a_table_of_characters(made):
    typed = made()
    Path("other.txt").write_text("a rat\n<cat>")
    _, out, _ = typed("charlm score run other.txt --per-char")
    head, *rows = [line.split("\t") for line in out.splitlines()]
    assert head == ["line", "char_id", "char", "surprisal_bits", "rank"]
    assert [row[:3] for row in rows][4:8] == [
        ["1", "5", "t"],
        ["1", "6", r"\n"],
        ["2", "1", "<"],
        ["2", "2", "c"],
    ]
    of_lines = json.loads(
        "[" + ",".join(typed("charlm score run other.txt --json --per-char")[1].splitlines()) + "]"
    )
    assert [float(row[3]) for row in rows] == pytest.approx(
        [bits for line in of_lines for bits in line["surprisal_bits"]], abs=1e-4
    )
    assert [int(row[4]) for row in rows] == [rank for line in of_lines for rank in line["ranks"]]


def test_a_rank_counts_the_symbols_that_were_likelier(made):
    made()
    reader = Reader(load_model("run"))
    (piece,) = reader.read(reader._model.vocab.encode("the rat"))
    for log_p, symbol, rank in zip(piece.log_p_TV, piece.ids_T, piece.ranks, strict=True):
        assert sorted(log_p, reverse=True)[rank - 1] == log_p[symbol]
    symbols, probabilities = piece.likeliest(3)
    assert (symbols[piece.ranks == 1, 0] == piece.ids_T[piece.ranks == 1]).all()
    assert probabilities.sum(axis=1).max() <= 1
    assert piece.entropies.max() <= math.log(len(reader._model.vocab))


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_scores_do_not_depend_on_how_the_text_arrives(made, cut):
    made()
    model = load_model("run")
    points = model.vocab.encode(TEXT), code_points(TEXT)

    def parts():
        ids, codes = points
        for begin in range(0, len(ids), cut):
            yield codes[begin : begin + cut], ids[begin : begin + cut]

    whole = [line.log_p for line in line_scores(spans(Reader(model), parts()), model.vocab)]
    assert len(whole) == 60
    assert sum(whole) == pytest.approx(
        -sum(p.nlls.sum() for p in Reader(model).read(points[0])), rel=1e-6
    )


@pytest.mark.parametrize("options", ["", LINES])
def test_lines_that_stand_alone_have_no_neighbours(made, options):
    typed = made(options)
    alone = "" if options else " --alone"
    Path("ab.txt").write_text("the cat\nthe rat sat\n")
    Path("ba.txt").write_text("the rat sat\nthe cat\n")
    first, second = (
        sorted(typed(f"charlm score run {name}.txt{alone}")[1].splitlines())
        for name in ("ab", "ba")
    )
    assert first == second


def test_characters_without_a_symbol(made):
    typed = made()
    Path("other.txt").write_text("the cät\nthe röt, the cät")
    code, out, err = typed("charlm score run other.txt")
    assert (code, out) == (2, "")
    assert "'ä' (U+00E4) at line 1, column 6" in err
    assert "1 more character, 'ö' (U+00F6), are not in the vocabulary: leave them out" in err
    typed(f"charlm -q train text.txt {SMALL} --min-count 10 -o rare")
    code, out, err = typed("charlm score rare other.txt")
    assert code == 0
    assert "does not know 3 of them, which are scored as <UNK>" in err
    assert out.splitlines()[1].endswith("\tthe röt, the cät")


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell(made, cell):
    typed = made(f"--set model.cell={cell}")
    _, out, _ = typed("charlm score run text.txt")
    assert len(out.splitlines()) == 60


def test_a_line_is_scored_before_the_next_one_is_there(made, tmp_path):
    made()
    process = subprocess.Popen(
        [sys.executable, "-m", "charlm", "-q", "score", "run", "-"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in ("the cat\n", "the rat\n"):
        process.stdin.write(line)
        process.stdin.flush()
        assert process.stdout.readline().endswith(f"\t{line}")
    process.communicate()
    assert process.returncode == 0


def test_colours_and_a_page(made):
    typed = made()
    _, out, _ = typed("charlm score run text.txt --color")
    assert "\x1b[30;48;5;" in out
    assert "the likeliest" in out.splitlines()[0]
    code, out, err = typed("charlm score run text.txt --html page.html")
    assert (code, out) == (0, "")
    assert "page written to page.html" in err
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<i>" not in page
    assert "&lt;" in page


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("text.txt --color --per-char", "--per-char and --color are different forms"),
        ("text.txt --html page.html --json", "--html and --json"),
        ("nosuch.txt", "no such text"),
        ("text.txt --encoding bytes", "the model's symbols are characters"),
        ("text.txt --html nosuch/page.html", "nosuch/page.html: cannot write"),
        ("blank.txt", "has no line to score"),
        ("", "TEXT"),
    ],
)
def test_mistakes(made, options, said):
    typed = made()
    Path("blank.txt").write_text("")
    code, out, err = typed(f"charlm score run {options}")
    assert code in (1, 2)
    assert said in err
    assert out == ""
    assert not Path("page.html").exists()
