"""Held-out text that is in the training part: planted copies of known sizes, and texts without any."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import DataConfig
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.leakage import NOTED, SPAN, leakage, leakage_note
from charlm.text.preparing import corpus_of as corpus_of_files
from charlm.text.vocab import Vocab

WORDS = [f"{a}{b}{c}" for a in ("b", "st", "m", "gr") for b in "aeiou" for c in ("n", "rd", "sk")]


def prose(seed: int, words: int) -> str:
    """Return sentences of a small language, in which short phrases repeat by chance."""
    rng = np.random.default_rng(seed)
    drawn = rng.zipf(1.3, words) % len(WORDS)
    ends = rng.random(words) < 0.1
    return "".join(WORDS[k] + (".\n" if e else " ") for k, e in zip(drawn, ends, strict=True))


def ids_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def copied_by_trying(train: str, held_out: str) -> int:
    """Return the characters in spans of ``SPAN`` or more, from a search that tries everything."""
    covered = [False] * len(held_out)
    for at in range(len(held_out) - SPAN + 1):
        if held_out[at : at + SPAN] in train:
            covered[at : at + SPAN] = [True] * SPAN
    return sum(covered)


@given(
    st.integers(0, 99),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(60, 400)), max_size=3),
)
def test_copies_are_counted_exactly(seed, copies):
    train = prose(seed, 1000)
    held_out = prose(seed + 1000, 60)
    for at, length in copies:
        held_out += train[at : at + length] + prose(seed + at, 20)
    found = leakage(ids_of(train), ids_of(held_out))
    assert found.copied == copied_by_trying(train, held_out)
    length, at, source = found.longest
    assert held_out[at : at + length] == train[source : source + length]
    assert (length >= SPAN) == (found.copied > 0)


def test_a_copy_in_a_long_text_is_found_from_some_of_its_grams():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 60, 9_000_000).astype(np.uint8)
    held_out = np.concatenate([rng.integers(0, 60, 100_000).astype(np.uint8), train[5000:5900]])
    found = leakage(train, held_out)
    assert (found.copied, found.longest) == (900, (900, 100_000, 5000))
    assert found.changed == 0


def test_of_a_very_long_text_the_parts_beside_the_split_are_compared(monkeypatch):
    monkeypatch.setattr("charlm.text.leakage.MOST_TRAIN", 20_000)
    monkeypatch.setattr("charlm.text.leakage.MOST_HELD_OUT", 2_000)
    text = prose(0, 10_000)
    held_out = text[-500:] + prose(1, 2000)
    corpus = corpus_of(text, held_out)
    assert leakage(corpus.train_ids, corpus.held_out_ids).longest.source == len(text) - 500
    note = leakage_note(corpus, DataConfig(val_file="other.txt"))
    assert f"the last 20,000 of the {len(text):,} training characters" in note
    assert f"the first 2,000 of the {len(held_out):,} held-out characters" in note


def corpus_of(train: str, held_out: str) -> StreamCorpus:
    vocab = Vocab.from_text(train + held_out, eos=False)
    return StreamCorpus(vocab, vocab.encode(train), vocab.encode(held_out), 8, 32)


def test_the_note_says_how_much_and_where():
    train, new = prose(0, 4000), prose(1, 800)
    at = 1 + train.index("\n", 5000)
    copy = train[at : at + 600]
    note = leakage_note(corpus_of(train, new + copy), DataConfig())
    share = 600 / (len(new) + 600)
    assert note.startswith(f"{share:.1%} of the held-out part is in the training part too")
    assert "600 characters in spans of 100 or more" in note
    lines = train.count("\n") + new.count("\n") + 1
    assert f"line {lines:,}, and at line {train[:at].count(chr(10)) + 1:,}" in note
    assert "with small changes" not in note


@pytest.mark.parametrize("apart", [40, 60])
def test_a_copy_with_small_changes_is_counted_too(apart):
    train, new = prose(0, 4000), prose(1, 800)
    changed = "".join("x" if k % apart == 0 else c for k, c in enumerate(train[2000:4000]))
    found = leakage(ids_of(train), ids_of(new + changed))
    assert found.copied == 0
    assert 0.8 * len(changed) <= found.changed <= 1.2 * len(changed)


@pytest.mark.parametrize("seed", range(3))
def test_prose_without_copies_has_no_note(seed):
    text = prose(seed, 60_000)
    corpus = StreamCorpus.from_text(text, val_frac=0.1)
    found = leakage(corpus.train_ids, corpus.held_out_ids)
    assert found.share < NOTED / 2
    assert leakage_note(corpus, DataConfig()) is None


def lines_corpus(train: list[str], held_out: list[str]) -> LineCorpus:
    every = "\n".join(train + held_out)
    return LineCorpus.from_text(every, val_frac=len(held_out) / (len(train) + len(held_out)))


def test_lines_that_both_parts_have_are_counted():
    names = [f"{a}{b}" for a in WORDS for b in WORDS]
    corpus = lines_corpus(names[:900], [*names[900:980], *names[40:60]])
    note = leakage_note(corpus, DataConfig())
    assert "20 of 100 lines" in note
    assert "awk '!seen[$0]++'" in note
    assert leakage_note(lines_corpus(names[:900], names[900:1000]), DataConfig()) is None


@pytest.mark.parametrize("name", ["my names.txt", "charlm-stdin-5.txt"])
def test_the_command_against_repeated_lines_works(tmp_path, name):
    file = tmp_path / name
    file.write_text("".join(f"{a}{b}\n" for a in WORDS for b in WORDS) * 2)
    data = DataConfig(text=str(file), framing="lines", alphabet=None, val_frac=0.1, shuffle=False)
    note = leakage_note(corpus_of_files(data), data)
    command = re.search("awk .* > unique.txt", note)[0]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert len((tmp_path / "unique.txt").read_text().split()) == len(WORDS) ** 2


def test_lines_with_a_changed_word_are_counted():
    sentences = [line for line in prose(0, 12_000).split("\n") if len(line) > 60]
    new = [line for line in prose(1, 3_000).split("\n") if len(line) > 60][:50]
    assert leakage_note(lines_corpus(sentences, new), DataConfig()) is None
    changed = [line[:30] + "x" + line[31:] for line in sentences[:10]]
    note = leakage_note(lines_corpus(sentences, [*new, *changed]), DataConfig())
    assert "with small changes" in note
    assert "lines" not in note.split("(")[0]
