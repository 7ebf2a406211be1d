"""The n-gram models: against a dictionary's, as probabilities, and on a known text."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.baselines.ngram import FALLBACK, NGram, discounts, numbered
from charlm.text.vocab import Vocab

SIZE = 4
TINYSHAKESPEARE = Path(__file__).parents[3] / "shared" / "data" / "tinyshakespeare.txt"
texts = st.lists(st.integers(0, SIZE - 2), min_size=1, max_size=60)  # the last symbol never occurs
orders = st.integers(1, 5)


def as_ids(text):
    return np.array(text, dtype=np.uint8)


class Dictionary:
    """Modified Kneser-Ney as its definition reads, one probability at a time."""

    def __init__(self, text, order):
        self.order = min(order, len(text))
        self.counts = {}
        for k in range(1, self.order + 1):
            strings = [tuple(text[i : i + k]) for i in range(len(text) - k + 1)]
            self.counts[k] = Counter(strings)
        self.continued = {k: Counter() for k in range(1, self.order)}
        for k in range(1, self.order):
            for string in self.counts[k + 1]:
                self.continued[k][string[1:]] += 1

    def probability(self, history, symbol, order=None):
        order = self.order if order is None else order
        if order == 0:
            return 1 / SIZE
        counts = (self.counts if order == self.order else self.continued)[order]
        lower = self.probability(history, symbol, order - 1)
        if len(history) < order - 1:
            return lower
        context = tuple(history[len(history) - order + 1 :])
        after = {s[-1]: c for s, c in counts.items() if s[:-1] == context}
        if not after:
            return lower
        taken = [0.0, *discounts(np.array(list(counts.values())))]
        total = sum(after.values())
        left = sum(taken[min(c, 3)] for c in after.values()) / total
        count = after.get(symbol, 0)
        return (count - taken[min(count, 3)]) / total + left * lower


@given(texts, texts, orders)
def test_every_order_is_that_of_a_dictionary(train, held_out, order):
    model = NGram(as_ids(train), SIZE, order)
    found = model.probabilities(as_ids(train + held_out), len(train))
    assert found.shape == (model.order, len(held_out))
    for k in range(1, model.order + 1):
        slow = Dictionary(train, k)
        expected = [
            slow.probability(train + held_out[:i], symbol) for i, symbol in enumerate(held_out)
        ]
        assert found[k - 1] == pytest.approx(expected, rel=1e-12)


@given(texts, st.integers(0, 6), orders, st.data())
def test_probabilities_sum_to_one_after_any_context(train, length, order, data):
    context = data.draw(st.lists(st.integers(0, SIZE - 1), min_size=length, max_size=length))
    found = NGram(as_ids(train), SIZE, order).distributions(as_ids(context)[np.newaxis])
    assert found.min() > 0
    assert found.sum(-1) == pytest.approx(1, abs=1e-12)


def test_the_context_is_carried_over_the_split():
    train = as_ids([0, 1, 2] * 20)
    model = NGram(train, SIZE, 3)
    carried = model.probabilities(np.append(train, 0), len(train))
    cold = model.probabilities(as_ids([0]))
    assert carried[-1, 0] > 0.9
    assert cold[-1, 0] < 0.5


@pytest.mark.parametrize("counts", [[7], [1, 1, 2, 2, 3], [1, 2, 3, 3, 3, 3, 4], []])
def test_counts_that_tell_no_discounts_have_those_to_fall_back_on(counts):
    assert discounts(np.array(counts, dtype=int)) == FALLBACK


def test_a_small_alphabet_is_no_reason_to_give_up():
    train = as_ids([0, 1] * 500)
    found = NGram(train, 2, 8).probabilities(np.append(train, train), len(train))
    assert -np.log(found[-1]).mean() < 0.01


@pytest.mark.skipif(
    not TINYSHAKESPEARE.exists(), reason="tinyshakespeare is not beside the project"
)
def test_tinyshakespeare():
    text = TINYSHAKESPEARE.read_text(encoding="utf-8")
    vocab = Vocab.from_text(text, eos=False)
    ids = vocab.encode(text)
    kept = len(ids) - math.floor(0.1 * len(ids))
    model = NGram(ids[:kept], len(vocab))
    nlls = -np.log(model.probabilities(ids, kept)).mean(axis=1)
    assert nlls[4:] == pytest.approx([1.5612, 1.5226, 1.5165, 1.5192], abs=0.003)
    contexts = np.lib.stride_tricks.sliding_window_view(ids[kept:], 7)[::5000]
    assert model.distributions(contexts).sum(-1) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("vocab_size", [1, 2, 60, 5000, 70_000])
@pytest.mark.parametrize("length", [1, 5, 400])
def test_strings_are_numbered_in_their_order(vocab_size, length):
    ids = np.random.default_rng(0).integers(min(vocab_size, 9), size=length) * (
        vocab_size // 9 or 1
    )
    ids = (ids % vocab_size).astype(np.min_scalar_type(vocab_size))
    before = np.zeros(length + 1, np.int64)
    for k, (strings, numbers) in enumerate(numbered(ids, vocab_size, 8)):
        expected, before = np.unique(before[:-1] * vocab_size + ids[k:], return_inverse=True)
        assert strings.tolist() == expected.tolist()
        assert numbers.tolist() == before.tolist()
