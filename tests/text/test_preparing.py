"""From a config's data section to a corpus: the parts, the report, what can run again."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import DataConfig
from charlm.errors import ConfigError, MissingTextError, TextError
from charlm.text.preparing import copies_of_texts, corpus_of, kept_data, text_of
from charlm.text.vocab import UNK

NOVEL = "the cat sat on the mat, the rat sat on the cat.\nso it was.\n" * 60


def stream(given=None, **changes):
    return corpus_of(DataConfig(**{"framing": "stream", "alphabet": None, **changes}), given)


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


fractions = st.floats(0, 0.5), st.floats(0, 0.4)


@given(st.text("abc\n", min_size=20, max_size=300), *fractions)
def test_the_parts_of_a_stream_are_the_text(text, val_frac, test_frac):
    corpus = stream(text, val_frac=val_frac, test_frac=test_frac)
    parts = [corpus.train_ids, corpus.held_out_ids, corpus.test_ids]
    assert corpus.vocab.decode(np.concatenate(parts)) == text
    assert len(parts[1]) == int(len(text) * val_frac)
    assert len(parts[2]) == int(len(text) * test_frac)
    before = parts[0][-1]
    for ids, batches in (
        (parts[1], corpus.held_out_batches()),
        (parts[2], corpus.test_batches()),
    ):
        if len(ids):
            (inputs, targets, fresh, *_), *more = batches
            assert fresh
            assert not more
            assert inputs[:, 0].tolist() == [before, *ids[:-1]]
            assert targets[:, 0].tolist() == ids.tolist()
            before = ids[-1]


@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=30), *fractions)
def test_the_parts_of_lines_are_the_lines(lines, val_frac, test_frac):
    how = {"shuffle": False, "batch_size": 1}
    data = DataConfig(alphabet="abc", val_frac=val_frac, test_frac=test_frac, **how)
    corpus = corpus_of(data, "\n".join(lines))
    parts = np.concatenate([corpus.train_ids, corpus.held_out_ids, corpus.test_ids])
    assert [corpus.vocab.symbols[i] for i in parts] == [
        s for line in lines for s in (*line, "<EOS>")
    ]
    assert len(corpus.train) >= 1
    found = [batch.targets_TB[:-1, 0] for batch in corpus.test_batches()]
    assert [corpus.vocab.decode(ids) for ids in found] == lines[len(lines) - len(corpus.test) :]


def test_a_text_of_its_own_to_measure_on(tmp_path):
    files = {
        "text": written(tmp_path, "a.txt", NOVEL),
        "val_file": written(tmp_path, "b.txt", "the sat."),
    }
    corpus = stream(**files, val_frac=0.1, test_frac=0.1)
    assert corpus.vocab.decode(corpus.held_out_ids) == "the sat."
    assert len(corpus.test_ids) == len(NOVEL) // 10
    assert len(corpus.train_ids) == len(NOVEL) - len(NOVEL) // 10
    lines = corpus_of(DataConfig(**files, alphabet=None))
    assert len(lines.held_out) == 1


def test_a_character_that_only_the_text_to_measure_on_has(tmp_path):
    files = {
        "text": written(tmp_path, "a.txt", NOVEL),
        "val_file": written(tmp_path, "b.txt", "the Äpfel"),
    }
    with pytest.raises(
        TextError, match=r"val_file .*b\.txt: 'Ä' \(U\+00C4\) at line 1, column 5.*min_count"
    ):
        stream(**files)
    corpus = stream(**files, min_count=2)
    assert corpus.held_out_ids.tolist().count(corpus.vocab.unknown) == 4  # Ä, p, f and l
    assert [corpus.vocab.symbols[i] for i in corpus.held_out_ids][4:7] == [UNK, UNK, UNK]


def test_the_report_tells_what_is_learned(tmp_path):
    corpus = stream(text=written(tmp_path, "a.txt", NOVEL), val_frac=0.1, test_frac=0.1)
    report = corpus.report
    assert (report.bytes, report.characters) == (len(NOVEL), len(NOVEL))
    assert sum(report.parts) == len(NOVEL)
    assert (
        report.notices
        == corpus.notices
        == (
            "at the beginning, 50% of the lines are 'the cat sat on the mat, the rat sat on the cat.'",
        )
    )
    assert (
        f"{len(NOVEL):,} bytes, {len(NOVEL):,} characters, sha256 {report.sha256[:16]}"
        in report.lines[0]
    )
    assert report.lines[1] == "16 symbols: newline, space, ',', '.', a, c, e, h, i, m-o, r-t, w"


ODD = [
    ("a\0b" * 100, "control characters: '\\x00' (U+0000, 100 times)"),
    ("a\ufffdb\n" * 100, "U+FFFD occurs 100 times: an earlier conversion"),
    ("one\r\ntwo\r\n" * 50, "line ends (CRLF) became newlines"),
    ("one\rtwo\r\n" * 50, "line ends (CR and CRLF) became newlines"),
    ("\ufeffone\n" * 1, "a byte order mark at the beginning was left out"),
    ("one two " * 50, "there is no newline in the text"),
    ("cafe\u0301 \n" * 50, "data.normalize=NFC"),
    (
        "ab\n" * 1000 + "ß" + "ab\n" * 1000,
        "fewer than 10 times: 'ß' (U+00DF, once); charlm train --min-count 10",
    ),
    ("ab\n" * 100 + "q", "only the held-out part has 'q' (U+0071, once)"),
    ("same line\n" * 20 + "another\n", "95% of the lines are 'same line'"),
]


@pytest.mark.parametrize(("text", "said"), ODD, ids=[said[:30] for _, said in ODD])
def test_what_is_odd_about_a_text_is_said(tmp_path, text, said):
    corpus = stream(text=written(tmp_path, "a.txt", text), val_frac=0.1)
    assert any(said in notice for notice in corpus.notices), corpus.notices


def test_nothing_odd_nothing_said(tmp_path):
    lines = [f"line {i} has {i * 7919 % 1000} of {i * 104729 % 10000}\n" for i in range(1000)]
    assert stream(text=written(tmp_path, "a.txt", "".join(lines)), val_frac=0.1).notices == ()
    assert corpus_of(DataConfig()).notices == ()


def test_rare_characters_that_became_one_symbol_are_counted(tmp_path):
    path = written(tmp_path, "a.txt", "ab\n" * 50 + "xyz")
    corpus = stream(text=path, min_count=2)
    assert "3 characters, 3 times in the text, became <UNK>" in corpus.notices
    assert corpus.vocab.symbols == ("\n", "a", "b", UNK)


class Stdin:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def test_the_standard_input_can_run_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", Stdin(b"abc\r\nabc\n"))
    data = kept_data(DataConfig(text="-", framing="stream", alphabet=None))
    assert data.text.startswith(str(tmp_path / "charlm/stdin/charlm-stdin-"))
    assert kept_data(data) == data
    assert text_of(data) == text_of(data) == "abc\nabc\n"
    assert "standard input (kept as " in corpus_of(data).report.lines[0]
    with pytest.raises(TextError, match="give it once"):
        kept_data(DataConfig(text="-", val_file="-"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"encoding": "bytes"}, "alphabet: expected nothing with encoding bytes"),
        ({"encoding": "bytes", "alphabet": None, "min_count": 2}, "min_count: expected 1 with"),
        ({"encoding": "bytes", "alphabet": None, "normalize": "NFC"}, "normalize: expected 'none'"),
        ({"min_count": 2}, "min_count: expected 1 with an alphabet"),
        ({"encoding": "utf9"}, "encoding: expected bytes, or an encoding that Python knows"),
        ({"encoding": "base64"}, "encoding: expected bytes, or an encoding that Python knows"),
        ({"encoding": "punycode"}, "encoding: expected an encoding of texts"),
        ({"normalize": "NFD"}, "normalize: expected none or NFC or NFKC"),
        ({"test_frac": 0.5}, "test_frac: expected a number of 0 or more and of at most 0.4"),
    ],
)
def test_settings_that_cannot_be(settings, said):
    with pytest.raises(ConfigError) as raised:
        DataConfig(**settings)
    assert str(raised.value).startswith(said)


def test_a_text_is_read_from_its_copy(tmp_path):
    data = DataConfig(text="no-such-folder/novel.txt")
    (tmp_path / "copy").mkdir()
    for name, part in (("000000.txt", "the cat\n"), ("000001.txt", "the rat\n")):
        (tmp_path / "copy" / name).write_text(part)
    with copies_of_texts({"no-such-folder/novel.txt": tmp_path / "copy"}):
        assert text_of(data) == "the cat\nthe rat\n"
        assert kept_data(data) == data
    with pytest.raises(MissingTextError):
        text_of(data)
