"""`charlm novelty` as a person meets it."""

from __future__ import annotations

import json

import pytest

NOVEL = "".join(
    f"the {a} {b} sat on the {c}.\n"
    for a in ("red", "old")
    for b in ("cat", "rat")
    for c in ("mat", "hat")
)
SMALL = (
    "--set model.hidden_dim=4 --set model.embed_dim=4 --set train.sample_every=0 --kernels numpy"
)


@pytest.fixture
def novel(tmp_path):
    (tmp_path / "novel.txt").write_text(
        NOVEL * 4 + "a new end that nobody has ever read before: quite something\n" * 2
    )
    return tmp_path


def test_samples_beside_held_out_text(typed, novel):
    (novel / "samples.txt").write_text("the old rat sat on the mat.\nhe sits.\n")
    code, out, err = typed("charlm novelty samples.txt --train novel.txt")
    assert (code, err) == (0, "")
    assert "37 characters in samples.txt, compared with" in out
    said = " ".join(out.split())
    assert "at line 7 of the training text: 'the old rat sat on the mat." in said
    assert "copy more than new text does" in said
    code, out, _ = typed("charlm novelty samples.txt --train novel.txt --json")
    found = json.loads(out)
    assert found["samples"]["longest"]["length"] == 28
    assert found["copied"] == "the old rat sat on the mat.\nh"[:30] or found["copied"].startswith(
        "the old rat"
    )
    assert found["held_out"]["characters"] == 37
    assert found["samples"]["new"]["8"] < found["held_out"]["new"]["8"]


@pytest.mark.parametrize("framing", ["stream", "lines", "bytes"])
def test_a_run(typed, novel, framing):
    how = "--encoding bytes" if framing == "bytes" else f"--set data.framing={framing}"
    assert typed(f"charlm -q train novel.txt -o run --steps 2 {SMALL} {how}")[0] == 0
    code, out, _ = typed("charlm novelty run --length 100 --json")
    assert code == 0
    found = json.loads(out)
    assert found["samples"]["characters"] == 100
    assert typed("charlm novelty run --length 100 --json")[1] == out
    code, out, _ = typed("charlm novelty run --train novel.txt --val-frac 0.3 -l 50")
    assert code == 0
    assert f"50 {'bytes' if framing == 'bytes' else 'characters'} sampled from run" in out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("charlm novelty novel.txt", "give it with --train TEXT"),
        ("charlm novelty none.txt --train novel.txt", "none.txt"),
        ("charlm novelty novel.txt --train none.txt", "none.txt: no such"),
        ("charlm novelty novel.txt --train novel.txt -l 5", "are for a RUN"),
        ("charlm novelty empty.txt --train novel.txt", "nothing to compare"),
        ("charlm novelty novel.txt --train novel.txt -t -1", "--temperature: expected"),
    ],
)
def test_mistakes(typed, novel, command, said):
    (novel / "empty.txt").write_text("")
    code, out, err = typed(command)
    assert (code, out) == (2, "")
    assert said in err


def test_without_a_held_out_part(typed, novel):
    assert typed("charlm -q train srnn -o fox --steps 2 --sample-every 0 --kernels numpy")[0] == 0
    code, out, _ = typed("charlm novelty fox -l 300")
    assert code == 0
    assert "Nothing is held out" in out
