"""Lists: every line is learned once in a pass, and the parts depend only on which lines there are."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import DataConfig
from charlm.text import lines as module
from charlm.text.corpus import LineCorpus
from charlm.text.lines import Lines, mixed
from charlm.text.preparing import corpus_of
from charlm.text.vocab import Vocab

texts = st.lists(st.text("abc ", max_size=6), min_size=1, max_size=40).filter(any)
sizes = st.integers(1, 9)


def corpus_with(lines, seed=0, **settings):
    vocab = Vocab.from_alphabet("abc ", eos=True)
    data = DataConfig(**settings)
    return LineCorpus.from_ids(vocab, vocab.encode("\n".join(lines), lines=True), data, None, seed)


def read(batches):
    """Return the lines of batches, from what is predicted; the inputs must fit."""
    found = []
    for batch in batches:
        counted = (
            np.ones(batch.targets_TB.shape, bool) if batch.counted_TB is None else batch.counted_TB
        )
        assert batch.fresh
        assert batch.characters == counted.sum()
        for k in range(counted.shape[1]):
            size = counted[:, k].sum()
            assert counted[:size, k].all()
            inputs, targets = batch.inputs_TB[:size, k], batch.targets_TB[:size, k]
            assert inputs[0] == targets[-1] == 4
            assert inputs[1:].tolist() == targets[:-1].tolist()
            found.append("".join("abc "[i] for i in targets[:-1]))
    return found


def a_pass(corpus, number=0):
    steps = corpus.steps_per_pass
    return read(corpus.batch(number * steps + k) for k in range(steps))


@given(texts, sizes, st.booleans(), st.floats(0, 0.5), st.floats(0, 0.4))
def test_each_line_is_read_once_in_a_pass_and_in_one_part(lines, size, shuffle, val, test):
    corpus = corpus_with(lines, batch_size=size, shuffle=shuffle, val_frac=val, test_frac=test)
    full = [line for line in lines if line]
    held_out, kept = read(corpus.held_out_batches()), read(corpus.test_batches())
    for number in range(3):
        found = a_pass(corpus, number)
        assert sorted([*found, *held_out, *kept]) == sorted(full)
        if not shuffle:
            assert found == full[: len(found)]
    assert len(corpus.train_ids) == sum(len(line) + 1 for line in found)
    assert corpus.characters_per_step * corpus.steps_per_pass == pytest.approx(
        len(corpus.train_ids)
    )


@given(texts, sizes, st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_order_of_the_text_does_not_matter(lines, size, seed, rng):
    other = [line for line in lines if line]
    rng.shuffle(other)
    settings = {"batch_size": size, "val_frac": 0.3, "test_frac": 0.2}
    one, two = (corpus_with(order, seed, **settings) for order in (lines, other))
    for step in range(2 * one.steps_per_pass):
        for mine, theirs in zip(one.batch(step), two.batch(step), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert one.held_out_ids.tolist() == two.held_out_ids.tolist()
    assert one.test_ids.tolist() == two.test_ids.tolist()


def test_passes_and_seeds_have_orders_of_their_own_and_the_parts_are_those_of_all_seeds():
    lines = ["".join(random.Random(k).choices("abc", k=5)) for k in range(60)]
    one, two = (corpus_with(lines, seed, batch_size=4, val_frac=0.2) for seed in (1, 2))
    orders = [a_pass(one, 0), a_pass(one, 1), a_pass(two, 0)]
    assert len(set(map(tuple, orders))) == 3
    assert a_pass(corpus_with(lines, 1, batch_size=4, val_frac=0.2), 1) == orders[1]
    assert read(one.held_out_batches()) == read(two.held_out_batches())
    assert sorted(orders[0]) == sorted(orders[2])


def test_a_batch_has_lines_of_like_length():
    lines = ["a" * k for k in range(1, 33)] * 8
    random.Random(0).shuffle(lines)
    corpus = corpus_with(lines, batch_size=8)
    batches = [corpus.batch(k) for k in range(corpus.steps_per_pass)]
    assert all(batch.counted_TB is None for batch in batches)
    lengths = [len(batch.inputs_TB) for batch in batches]
    assert lengths != sorted(lengths)


def test_equal_lines_are_in_one_part():
    lines = [f"{'abc'[k % 3]}{'abc '[k % 4]}{'a' * (k % 5)}" for k in range(600)]
    corpus = corpus_with(lines, val_frac=0.25)
    inside, outside = set(a_pass(corpus)), set(read(corpus.held_out_batches()))
    assert len(inside & outside) <= 1  # the one at the border


def test_a_large_list_is_put_in_order_in_parts(monkeypatch):
    vocab = Vocab.from_alphabet("abc ", eos=True)
    text = "\n".join("".join(random.Random(k).choices("abc ", k=1 + k % 7)) for k in range(100))
    lines = Lines.of(vocab, vocab.encode(text, lines=True))
    whole = mixed(lines, vocab)
    monkeypatch.setattr(module, "AT_ONCE", 7)
    assert mixed(lines, vocab).tolist() == whole.tolist()
    assert sorted(whole.tolist()) == list(range(len(lines)))


def test_the_split_is_the_same_with_another_alphabet(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("".join(f"{a}{b}{c}\n" for a in "xyz" for b in "abcde" for c in "aeiou"))
    settings = {"text": str(path), "framing": "lines", "val_frac": 0.2}
    corpora = [
        corpus_of(DataConfig(**settings, alphabet=None)),
        corpus_of(DataConfig(**settings, alphabet="zyxwvutsrqponmlkjihgfedcba")),
        corpus_of(DataConfig(**settings, alphabet=None, encoding="bytes")),
    ]
    first, *others = [corpus.places.tolist() for corpus in corpora]
    assert all(places == first for places in others)
