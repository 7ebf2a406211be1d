"""The bytes of a text: of all its characters, those that are no symbols too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import DataConfig
from charlm.errors import TextError
from charlm.text import sources
from charlm.text.preparing import corpus_of, ids_of
from charlm.text.sizes import (
    unknown_sizes,
    unknown_sizes_of_part,
    utf_8_length,
    utf_8_sizes,
)
from charlm.text.vocab import Vocab, code_points

KNOWN = Vocab.from_alphabet("ab \nñ", eos=False, unknown=True)


@given(st.text())
def test_every_code_point_has_its_size(text):
    points = code_points(text)
    assert int(utf_8_sizes(points).sum()) == len(text.encode("utf-8", "surrogatepass"))


@given(st.text("ab ñéЖ日😀\n", min_size=1))
def test_a_text_has_the_size_that_it_has_in_utf_8(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text(f"a{text}", encoding="utf-8", newline="")
    data = DataConfig(text=str(file), framing="stream", alphabet=None, min_count=2)
    ids = ids_of(data, KNOWN)
    assert utf_8_length(KNOWN, ids, unknown_sizes(data, KNOWN)) == file.stat().st_size


CASES = {
    "no newline at the end": (b"ZZ \xc3\xa9", {}, 5),
    "CRLF": (b"ZZ\r\n\xc3\xa9\r\n", {}, 6),
    "CR": (b"ZZ\r\xc3\xa9", {}, 5),
    "a byte order mark": (b"\xef\xbb\xbfZZ \xc3\xa9", {}, 5),
    "two code points for one letter": (b"ZZ e\xcc\x81", {}, 6),
    "normalised": (b"ZZ e\xcc\x81", {"normalize": "NFC"}, 5),
    "latin-1": (b"ZZ \xe9", {"encoding": "latin-1"}, 5),
    "utf-16": ("ZZ é".encode("utf-16"), {"encoding": "utf-16"}, 5),
    "shift_jis": ("ZZ 日".encode("shift_jis"), {"encoding": "shift_jis"}, 6),
    "lines: a line's end is one byte, empty lines are left out": (
        b"ZZ\r\n\r\n\n\xc3\xa9",
        {"framing": "lines"},
        6,
    ),
    "bytes as they are": (
        b"\xef\xbb\xbfZZ\r\n\xe9",
        {"encoding": "bytes", "min_count": 1},
        8,
    ),
}


@pytest.mark.parametrize(("content", "settings", "size"), CASES.values(), ids=CASES)
def test_what_is_counted_is_the_text_as_it_is_scored(tmp_path, content, settings, size):
    (tmp_path / "text.txt").write_bytes(content)
    given_ = {"framing": "stream", "alphabet": None, "min_count": 2, **settings}
    data = DataConfig(text=str(tmp_path / "text.txt"), **given_)
    lines = data.framing == "lines"
    vocab = Vocab.of_bytes(lines)
    if data.encoding != "bytes":
        vocab = Vocab.from_alphabet("a " if lines else "a \n", lines, unknown=True)
    assert utf_8_length(vocab, ids_of(data, vocab), unknown_sizes(data, vocab)) == size


@pytest.mark.parametrize("framing", ["stream", "lines"])
@pytest.mark.parametrize("val_file", [False, True])
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_each_part_has_its_own_unknown_characters(tmp_path, monkeypatch, framing, val_file, piece):
    monkeypatch.setattr(sources, "PIECE", piece)
    lines = [f"abc{'é日😀ЖZ'[k % 5] * (k % 3)}\n" for k in range(40)]
    (tmp_path / "text.txt").write_text("".join(lines), "utf-8")
    (tmp_path / "other.txt").write_text("abc日日\nabc\n", "utf-8")
    data = DataConfig(
        **{"text": str(tmp_path / "text.txt"), "framing": framing, "alphabet": None},
        **{"min_count": 40, "val_frac": 0.25, "test_frac": 0.25},
        val_file=str(tmp_path / "other.txt") if val_file else None,
    )
    corpus = corpus_of(data)
    whole = "".join(lines if corpus.places is None else [lines[k] for k in corpus.places])
    begin, sizes = len(corpus.train_ids), {}
    for split, part in (("val", corpus.held_out_ids), ("test", corpus.test_ids)):
        text = whole[begin : begin + len(part)]
        if split == "val" and val_file:
            text = "abc日日\nabc\n"
        else:
            begin += len(part)
        unknown = unknown_sizes_of_part(corpus, data, split)
        sizes[split] = utf_8_length(corpus.vocab, part, unknown)
        assert sizes[split] == len(text.encode())
    assert begin == len(whole)


def test_a_text_that_is_changed_between_two_readings_is_refused(tmp_path):
    (tmp_path / "text.txt").write_text("ZZ")
    data = DataConfig(text=str(tmp_path / "text.txt"), framing="stream", alphabet=None, min_count=2)
    ids = ids_of(data, KNOWN)
    (tmp_path / "text.txt").write_text("ZZZ")
    with pytest.raises(TextError, match="was changed"):
        utf_8_length(KNOWN, ids, unknown_sizes(data, KNOWN))
