"""Texts as ids: the same in pieces and from the cache, which is never trusted blindly."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charlm.config import DataConfig
from charlm.errors import TextError
from charlm.text import cache as cache_module
from charlm.text import sources
from charlm.text.encoding import counts_of, encode
from charlm.text.reading import Files, GivenText
from charlm.text.sources import Source
from charlm.text.vocab import EOS, UNK, Vocab

STREAM = DataConfig(framing="stream", alphabet=None)


def encoded(path, vocab=None, **changes):
    data = DataConfig(**{"framing": "stream", "alphabet": None, **changes})
    return encode(Files([Source(path, f"text {path}")], data.encoding, data.normalize), data, vocab)


@given(
    st.text("ab\nλ語", min_size=1, max_size=60).filter(str.strip),
    st.integers(1, 7),
    st.integers(1, 3),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_in_pieces_a_text_has_the_ids_of_the_whole(tmp_path, monkeypatch, text, piece, min_count):
    path = tmp_path / "a.txt"
    path.write_text(text)
    monkeypatch.setattr(sources, "PIECE", piece)
    try:
        whole = encode(
            GivenText(text), DataConfig(framing="stream", alphabet=None, min_count=min_count)
        )
    except TextError:
        assert max(map(text.count, text)) < min_count
        return
    found = encoded(path, min_count=min_count)
    assert found.vocab == whole.vocab
    assert found.ids.tolist() == whole.ids.tolist()
    assert found.counts == {ord(c): text.count(c) for c in text}
    rare = [c for c in text if text.count(c) < min_count]
    assert (UNK in found.vocab) == (min_count > 1)
    shown = "".join("\ufffd" if c in rare else c for c in text)
    assert found.vocab.decode(found.ids) == shown


@given(st.binary(min_size=1, max_size=40).filter(lambda data: data.strip()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_bytes_are_their_own_ids(tmp_path, data):
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    found = encoded(path, encoding="bytes")
    assert found.ids.dtype == np.uint8
    assert found.ids.tobytes() == data
    assert len(found.vocab) == 256
    assert found.vocab.encode(found.vocab.decode(found.ids)).tobytes() == data


@pytest.mark.parametrize(
    ("symbols", "dtype"), [(256, np.uint8), (257, np.uint16), (300, np.uint16)]
)
def test_ids_are_as_small_as_the_vocabulary_allows(cache, tmp_path, symbols, dtype):
    path = tmp_path / "a.txt"
    text = "".join(chr(0x4E00 + i) for i in range(symbols))
    path.write_text(text, encoding="utf-8")
    for _ in range(2):  # made, and found
        found = encoded(path)
        assert found.ids.dtype == dtype
        assert found.vocab.decode(found.ids) == text


def test_newlines_end_lines(cache, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("ab\n\nba")
    found = encoded(path, framing="lines")
    assert found.vocab.symbols == ("a", "b", EOS)
    assert found.ids.tolist() == [0, 1, 2, 2, 1, 0]


def test_a_text_is_encoded_once(cache, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfabc\r\nab\n")
    first = encoded(path)
    files = sorted(cache.iterdir())
    assert [file.suffix for file in files] == [".ids", ".json"]
    stamps = [file.stat().st_ino for file in files]
    again = encoded(path)
    assert [file.stat().st_ino for file in files] == stamps
    assert isinstance(again.ids.base, np.memmap)
    assert again.ids.tolist() == first.ids.tolist()
    assert (again.vocab, again.counts) == (first.vocab, first.counts)
    assert again.facts == first.facts


def test_a_changed_text_and_changed_settings_are_encoded_anew(cache, tmp_path):
    path = tmp_path / "a.txt"
    for text in ("abc\n" * 9, "abd\n" * 9):
        path.write_text(text)
        os.utime(path, (1, 1))  # nothing but the content tells
        assert encoded(path).vocab.decode(encoded(path).ids) == text
    changes = [
        {},
        {"min_count": 2},
        {"framing": "lines"},
        {"encoding": "cp1252"},
        {"normalize": "NFC"},
    ]
    found = [encoded(path, **change) for change in changes]
    assert len(list(cache.glob("*.ids"))) == 2 - 1 + len(changes)
    assert UNK in found[1].vocab
    assert EOS in found[2].vocab


@pytest.mark.parametrize("damage", ["ids", "shorter", "json", "nothing", "no json"])
def test_a_damaged_entry_is_made_again(cache, tmp_path, damage):
    path = tmp_path / "a.txt"
    path.write_text("abc\n" * 9)
    before = encoded(path).ids.tolist()
    (ids,), (about,) = cache.glob("*.ids"), cache.glob("*.json")
    if damage == "ids":
        ids.write_bytes(b"\1" * len(before))
    elif damage == "shorter":
        ids.write_bytes(ids.read_bytes()[:-1])
    elif damage == "nothing":
        ids.write_bytes(b"")
    elif damage == "json":
        about.write_text(about.read_text()[:20])
    else:
        about.write_text(json.dumps({"count": 3}))
    assert encoded(path).ids.tolist() == before
    assert encoded(path).ids.tolist() == before


def test_without_a_cache_the_ids_are_in_memory(cache, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abc\n" * 9)
    cache.parent.mkdir(parents=True)
    cache.touch()  # a file where the folder should be
    found = encoded(path)
    assert found.vocab.decode(found.ids) == "abc\n" * 9
    assert not isinstance(found.ids.base, np.memmap)


def test_a_full_disk_leaves_the_ids_in_memory(cache, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abc\n" * 5000)
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "from charlm.text import encoding; encoding.SMALL = 0\n"
        "from tests.text.test_encoding import encoded\n"
        f"from pathlib import Path; print(len(encoded(Path({str(path)!r})).ids))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.stdout == "20000\n", done.stderr
    assert list(cache.iterdir()) == []


def _length(path):
    from charlm.text import encoding

    encoding.SMALL = 0
    return encoded(path).ids.tolist()


def test_two_at_once_do_not_disturb_each_other(cache, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abcdefgh\n" * 20_000)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, two = pool.map(_length, [path, path])
    assert one == two == encoded(path).ids.tolist()
    assert len(list(cache.iterdir())) == 2


def test_the_cache_has_a_bound(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "LIMIT", 100)
    keys = []
    for number, letter in enumerate("abcd"):
        path = tmp_path / letter
        path.write_text(letter * 40)
        encoded(path)
        (new,) = {file.stem for file in cache.glob("*.json")} - set(keys)
        keys.append(new)
        os.utime(cache / f"{new}.json", (number + 1, number + 1))
    left = cache / ".charlm-x.tmp"
    left.touch()
    os.utime(left, (1, 1))
    (tmp_path / "e").write_text("e")
    encoded(tmp_path / "e")
    kept = {file.stem for file in cache.glob("*.ids")}
    assert kept & set(keys) == set(keys[2:])  # those used last; what is new comes on top
    assert not left.exists()


def test_a_text_that_changes_while_it_is_read_is_refused(cache, tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("abc")
    read = Files.read

    def changing(self, facts, digest=None):
        yield from read(self, facts, digest)
        path.write_text("abca")

    monkeypatch.setattr(Files, "read", changing)
    with pytest.raises(TextError, match="was changed while it was read"):
        encoded(path)
    assert list(cache.iterdir()) == []


def test_a_character_that_is_no_symbol_is_named_with_its_place_in_the_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("ab\nab\naZ")
    monkeypatch.setattr(sources, "PIECE", 3)
    with pytest.raises(
        TextError, match=r"'Z' \(U\+005A\) at line 3, column 2 of the text \(offset 7\)"
    ):
        encoded(path, vocab=Vocab(("\n", "a", "b")))
    known = encoded(path, vocab=Vocab(("\n", "a", "b", UNK)))
    assert known.ids.tolist() == [1, 2, 0, 1, 2, 0, 1, 3]


def test_no_character_is_frequent_enough(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abcc")
    with pytest.raises(
        TextError, match=r"no character occurs 3 times.*the most frequent occurs 2 times"
    ):
        encoded(path, min_count=3)


@given(st.lists(st.integers(0, 9), max_size=50))
def test_counting_in_pieces(numbers):
    ids = np.array(numbers, dtype=np.uint8)
    assert counts_of(ids, 10).tolist() == [numbers.count(n) for n in range(10)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory as Linux tells it")
def test_a_large_text_takes_little_more_memory_than_its_ids(tmp_path):
    """40 MB of text, in 1.5 times its ids: the arrays of a piece, and the ids as they are mapped."""
    path = tmp_path / "a.txt"
    line = "Once more the same few words, and an é.\n"
    path.write_text(line * 1_000_000, encoding="utf-8")
    code = (
        "import resource\n"
        "from charlm.config import DataConfig\n"
        "from charlm.text.preparing import corpus_of\n"
        "from charlm.baselines.counting import unigram_nll\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "corpus_of(DataConfig(framing='stream', alphabet=None, text='fox'))\n"
        "before = peak()\n"
        f"data = DataConfig(framing='stream', alphabet=None, val_frac=0.1, text={str(path)!r})\n"
        "corpus = corpus_of(data)\n"
        "unigram_nll(corpus.train_ids, corpus.held_out_ids, len(corpus.vocab))\n"
        "batch = corpus.batch(100)\n"
        "ids = corpus.train_ids.nbytes + corpus.held_out_ids.nbytes\n"
        "print(peak() - before, ids)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    for _ in range(2):  # encoded, and from the cache
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        used, ids = map(int, done.stdout.split())
        assert ids == 40_000_000
        assert used < 1.5 * ids, time.perf_counter() - began
