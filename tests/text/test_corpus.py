"""Sequences and minibatches: every character is read in order and scored once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.errors import TextError
from charlm.text.corpus import HELD_OUT_LENGTH, LineCorpus, StreamCorpus

lines = st.lists(st.text("abc ", max_size=6), min_size=1, max_size=8).filter(any)


def decoded(corpus, column):
    return "".join(corpus.vocab.symbols[i] for i in column)


@given(lines)
def test_each_line_is_framed_and_the_order_kept(given_lines):
    corpus = LineCorpus.from_text("\n".join(given_lines))
    expected = [line for line in given_lines if line]
    for step in range(2 * len(expected)):
        inputs, targets, fresh, *_ = corpus.batch(step)
        line = expected[step % len(expected)]
        assert decoded(corpus, inputs[:, 0]) == "<EOS>" + line
        assert decoded(corpus, targets[:, 0]) == line + "<EOS>"
        assert fresh
    assert corpus.longest_line == max(map(len, expected))


@given(lines, st.floats(0, 0.5))
def test_the_last_lines_are_held_out_and_one_is_always_left(given_lines, fraction):
    corpus = LineCorpus.from_text("\n".join(given_lines), val_frac=fraction)
    count = sum(map(bool, given_lines))
    assert len(corpus.train) == max(1, count - int(count * fraction))
    assert len(corpus.train) + len(corpus.held_out) == count
    assert sum(len(b.targets_TB) for b in corpus.held_out_batches()) == len(corpus.held_out_ids)


def test_a_text_without_a_line_is_refused():
    with pytest.raises(TextError, match="no line"):
        LineCorpus.from_text("\n\n", alphabet="ab")


def test_a_character_outside_the_alphabet_is_named_with_its_place():
    with pytest.raises(TextError, match=r"'Z'.*line 2, column 2.*offset 4"):
        LineCorpus.from_text("ab\naZ\n", alphabet="ab")


texts = st.text("abcde", min_size=2, max_size=400)
sizes = st.integers(1, 12)


@given(texts, sizes, sizes)
def test_streams_read_on_without_a_gap(text, batch_size, seq_length):
    corpus = StreamCorpus.from_text(text, batch_size=batch_size, seq_length=seq_length)
    assert corpus.batch_size <= batch_size
    assert corpus.seq_length <= seq_length
    columns = ["" for _ in range(corpus.batch_size)]
    last = None
    for step in range(corpus.steps_per_pass):
        inputs, targets, fresh, *_ = corpus.batch(step)
        assert inputs.shape == (corpus.seq_length, corpus.batch_size)
        assert fresh == (step == 0)
        assert last is None or np.array_equal(inputs[0], last)
        assert np.array_equal(inputs[1:], targets[:-1])
        last = targets[-1]
        columns = [c + decoded(corpus, col) for c, col in zip(columns, inputs.T, strict=True)]
    assert text.startswith("".join(columns))  # the streams lie end to end
    # what a pass leaves out is less than one more batch
    assert len(text) - 1 - len("".join(columns)) < corpus.batch_size * corpus.seq_length
    assert corpus.batch(corpus.steps_per_pass).fresh


@given(texts, sizes, sizes)
def test_every_character_is_learned_from_in_the_end(text, batch_size, seq_length):
    corpus = StreamCorpus.from_text(text, batch_size=batch_size, seq_length=seq_length)
    read = np.zeros(len(text), bool)
    where = StreamCorpus(
        corpus.vocab, np.arange(len(text)), corpus.held_out_ids, batch_size, seq_length
    )
    for step in range(2 * corpus.steps_per_pass):
        read[where.batch(step).targets_TB] = True
    assert read[1:].all()


@given(texts)
def test_a_text_too_short_is_read_in_smaller_pieces_and_this_is_said(text):
    corpus = StreamCorpus.from_text(text, batch_size=32, seq_length=64)
    asked_for = (corpus.batch_size, corpus.seq_length) == (32, 64)
    assert bool(corpus.notices) != asked_for
    assert corpus.steps_per_pass >= 1


@given(st.integers(4, 20 * HELD_OUT_LENGTH), st.floats(0.01, 0.5))
def test_each_held_out_character_is_predicted_once_from_its_predecessor(count, fraction):
    text = "".join(chr(0x4E00 + i) for i in range(count))  # every character different
    corpus = StreamCorpus.from_text(text, val_frac=fraction)
    held_out = corpus.held_out_ids.tolist()
    predicted = []
    for inputs, targets, *_ in corpus.held_out_batches() if corpus.has_held_out else []:
        assert np.array_equal(inputs.astype(int) + 1, targets)
        predicted += targets.ravel().tolist()
    assert sorted(predicted) == held_out
    assert len(held_out) == int(count * fraction)


@pytest.mark.parametrize("text", ["", "x"])
def test_fewer_than_two_characters_are_refused_with_the_arithmetic(text):
    with pytest.raises(TextError, match=f"{len(text)} character"):
        StreamCorpus.from_text(text, alphabet="x")


@pytest.mark.parametrize("most", [1, 100, 3000, 4000, 5000, None])
def test_a_sample_of_the_held_out_text_is_evenly_placed(most):
    text = "".join(map(chr, range(97, 123))) * 200
    corpus = StreamCorpus.from_text(text, val_frac=0.5)
    held_out = len(corpus.held_out_ids)
    scored = np.concatenate([b.targets_TB.ravel() for b in corpus.held_out_batches(most)])
    wanted = held_out if most is None or most >= held_out else most
    assert wanted - 8 < len(scored) <= wanted
    for inputs, targets, *_ in corpus.held_out_batches(most):
        assert ((inputs + 1) % 26 == targets).all()


def test_a_sample_of_held_out_lines():
    corpus = LineCorpus.from_text("abc\n" * 100, val_frac=0.5)
    assert len(list(corpus.held_out_batches(100))) == 25
    assert len(list(corpus.held_out_batches(200))) == 50
