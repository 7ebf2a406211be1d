"""Documents: what separates them, and that each is read once, in pieces that follow each other in a row."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import DataConfig
from charlm.config.rules import separator as rule
from charlm.errors import SettingError, TextError
from charlm.text.documents import Separator
from charlm.text.packing import DocumentCorpus
from charlm.text.preparing import corpus_of, ids_of
from charlm.text.vocab import END, EOD, Vocab

contents = st.text("ab\n -", min_size=1, max_size=30).map(lambda text: text.strip("\r\n"))
documents = st.lists(
    contents.filter(lambda text: text and not {"--", "-- "} & set(text.split("\n"))), min_size=2
)


def split(separator, *pieces):
    return "".join(Separator(separator).apply(pieces)).split(chr(END))[:-1]


@given(documents, st.integers(0, 3), st.randoms(use_true_random=False))
def test_joined_documents_are_split_again_whatever_the_pieces(texts, blank, rng):
    texts = [t for t in texts if not any(line.rstrip() == "--" for line in t.split("\n"))]
    joined = ("\n" * (1 + blank) + "--" + "\n" * (1 + blank)).join(texts)
    cuts = sorted(rng.randrange(len(joined) + 1) for _ in range(4))
    pieces = [joined[i:j] for i, j in zip([0, *cuts], [*cuts, len(joined)], strict=True)]
    assert split("--", *pieces) == texts


@pytest.mark.parametrize(
    ("separator", "text", "expected"),
    [
        ("---", "a\n---\nb\n----\nc\n", ["a", "b\n----\nc"]),
        ("---", "---\na\n--- \n---\n\nb", ["a", "b"]),
        ("", "a\nb\n\n \nc\n", ["a\nb", "c"]),
        ("a.b", "axb\na.b\nc", ["axb", "c"]),
        ("//", "a\n//\nb", ["a", "b"]),
        (r"/<\|end\|>/", "a<|end|>b\n<|end|>\nc", ["a", "b", "c"]),
        ("/^(?=def )/", "def a\n  b\ndef c\n", ["def a\n  b", "def c"]),
        ("/^Chapter .*/", "Chapter 1\n\nx\n\nChapter 2\ny", ["x", "y"]),
        (None, "a\n---\n\nb\n\n", ["a\n---\n\nb"]),
        ("---", "a\r\n---\r\nb\r\n", ["a", "b"]),
        ("---", "\n\n", []),
    ],
)
def test_separators(separator, text, expected):
    assert split(separator, text) == expected
    assert split(separator, *text) == expected  # in pieces of one character


@pytest.mark.parametrize("wrong", ["/(/", "a\nb", 3])
def test_wrong_separators_are_refused(wrong):
    with pytest.raises(SettingError, match="expected"):
        rule(wrong)


def test_a_separator_without_documents_is_refused():
    with pytest.raises(SettingError, match="framing lines"):
        DataConfig(separator="--")


def test_an_end_of_a_document_is_no_newline():
    vocab = Vocab.from_alphabet("a\n", eos=True, end=EOD)
    assert (vocab.framing, vocab.text, vocab.start) == ("documents", "document", 2)
    assert vocab.encode(f"a\n{chr(END)}a").tolist() == [0, 1, 2, 0]
    assert Vocab.from_list(vocab.to_list()) == vocab
    with pytest.raises(TextError, match="EOD"):
        vocab.decode([0, 2])


@pytest.mark.parametrize("separator", [None, "---"])
@pytest.mark.parametrize("encoding", ["utf-8", "bytes"])
def test_files_end_documents(tmp_path, separator, encoding):
    for name, text in (("a", "one\n---\ntwo"), ("b", "three\n"), ("c", "\n")):
        (tmp_path / f"{name}.txt").write_text(text)
    data = DataConfig(
        text=str(tmp_path),
        framing="documents",
        separator=separator,
        alphabet=None,
        encoding=encoding,
    )
    corpus = corpus_of(data)
    ids = ids_of(data, corpus.vocab)
    texts = "".join(";" if i == corpus.vocab.eos else corpus.vocab.decode([i]) for i in ids)
    assert texts == ("one\n---\ntwo;three;" if separator is None else "one;two;three;")


def test_one_document_is_refused_with_separators_that_the_text_has():
    data = DataConfig(framing="documents", separator="***", alphabet=None)
    with pytest.raises(
        TextError, match=r"no line within it is '\*\*\*'.*--separator % \(2 lines\)"
    ):
        corpus_of(data, "a\n%\nb\n%\nc")


def corpus_with(texts, seed=0, **settings):
    data = DataConfig(framing="documents", separator="==", alphabet="ab\n -", **settings)
    return corpus_of(data, "\n==\n".join(texts), seed)


def read(batches):
    """Return the documents of batches, from what is predicted; each must go on in its row."""
    found, rows = [], {}
    for batch in batches:
        T, B = batch.targets_TB.shape
        counted = np.ones((T, B), bool) if batch.counted_TB is None else batch.counted_TB
        starts = np.full(B, batch.fresh) if batch.starts_B is None else batch.starts_B
        assert batch.characters == counted.sum()
        for k in range(B):
            size = counted[:, k].sum()
            assert counted[:size, k].all()
            inputs, targets = (x[:size, k].tolist() for x in (batch.inputs_TB, batch.targets_TB))
            if not size:
                assert starts[k]
                continue
            if starts[k]:
                assert not rows.get(k)
                assert inputs[0] == 5
            else:
                assert inputs[0] == rows[k][-1]
            assert inputs[1:] == targets[:-1]
            rows[k] = (rows.get(k) or []) + targets
            if targets[-1] == 5:
                found.append("".join("ab\n -"[i] for i in rows.pop(k)[:-1]))
            else:  # the state after the piece is that after the last step of the batch
                assert size == T
    assert not rows
    return found


def a_pass(corpus, number=0):
    steps = corpus.steps_per_pass
    return read(corpus.batch(number * steps + k) for k in range(steps))


@given(
    documents,
    st.integers(1, 5),
    st.integers(1, 9),
    st.booleans(),
    st.floats(0, 0.5),
    st.floats(0, 0.4),
)
def test_each_document_is_read_once_in_a_pass_and_in_one_part(
    texts, rows, length, shuffle, val, test
):
    corpus = corpus_with(
        texts, batch_size=rows, seq_length=length, shuffle=shuffle, val_frac=val, test_frac=test
    )
    assert isinstance(corpus, DocumentCorpus)
    held_out, kept = read(corpus.held_out_batches()), read(corpus.test_batches())
    for number in range(3):
        assert sorted([*a_pass(corpus, number), *held_out, *kept]) == sorted(texts)


@given(documents, st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_text_does_not_matter(texts, rows, rng):
    other = rng.sample(texts, len(texts))
    one, two = (corpus_with(t, batch_size=rows, seq_length=4, val_frac=0.3) for t in (texts, other))
    for k in range(2 * one.steps_per_pass):
        np.testing.assert_array_equal(one.batch(k).inputs_TB, two.batch(k).inputs_TB)
    assert one.held_out_ids.tolist() == two.held_out_ids.tolist()


def test_passes_have_orders_of_their_own_and_few_symbols_do_not_count():
    rng = random.Random(0)
    texts = ["".join(rng.choices("ab\n", k=rng.randrange(1, 300))) + "a" for _ in range(300)]
    texts = ["a" + t for t in texts]
    corpus = corpus_with(texts, batch_size=8, seq_length=16)
    orders = [a_pass(corpus, number) for number in range(2)]
    assert orders[0] != orders[1] != texts
    assert a_pass(corpus_with(texts, 1, batch_size=8, seq_length=16)) != orders[0]
    batches = [corpus.batch(k) for k in range(corpus.steps_per_pass)]
    places = sum(batch.targets_TB.size for batch in batches)
    assert sum(batch.characters for batch in batches) > 0.9 * places


def test_documents_keep_their_order():
    texts = [f"{'a' * k}b" for k in range(20, 0, -1)]
    corpus = corpus_with(texts, batch_size=1, seq_length=4, shuffle=False, val_frac=0.1)
    assert a_pass(corpus) == texts[:18]
    assert sorted(read(corpus.held_out_batches())) == ["aab", "ab"]


def test_the_same_bytes_in_other_files_are_another_text(tmp_path):
    digests = []
    for k, texts in enumerate((["one\n", "two\nthree\n"], ["one\ntwo\n", "three\n"])):
        folder = tmp_path / str(k)
        folder.mkdir()
        for name, text in enumerate(texts):
            (folder / f"{name}.txt").write_text(text)
        data = DataConfig(text=str(folder), framing="documents", alphabet=None)
        digests.append(corpus_of(data).sha256)
    assert digests[0] != digests[1]
