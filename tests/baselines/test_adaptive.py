"""Counting while reading, against an n-gram model that is made anew for every symbol."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.baselines import ngram
from charlm.baselines.adaptive import adaptive_probabilities
from charlm.baselines.ngram import NGram

SIZE = 4
texts = st.lists(st.integers(0, SIZE - 2), min_size=1, max_size=30)


def as_ids(text):
    return np.array(text, dtype=np.uint8)


@given(texts, texts, st.integers(1, 4))
def test_it_is_the_model_of_all_that_was_read_before(train, held_out, order):
    fixed = (
        0.5,
        1.0,
        1.5,
    )  # its discounts are those of the training text, the new models' would not be
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram, "discounts", lambda counts: fixed)
        model = NGram(as_ids(train), SIZE, order)
        found = adaptive_probabilities(model, as_ids(train + held_out), len(train))
        for i in range(len(held_out)):
            read = as_ids(train + held_out[: i + 1])
            anew = NGram(read[:-1], SIZE, order).probabilities(read, len(read) - 1)
            # a longer text may have strings of an order that the training text was too short for
            assert found[:, i] == pytest.approx(anew[: model.order, 0], rel=1e-12)


@given(texts, texts, texts)
def test_what_comes_later_changes_nothing(train, first, later):
    model = NGram(as_ids(train), SIZE, 4)
    alone = adaptive_probabilities(model, as_ids(train + first), len(train))
    longer = adaptive_probabilities(model, as_ids(train + first + later), len(train))
    assert (longer[:, : len(first)] == alone).all()


def test_a_text_that_repeats_itself_is_learned_while_it_is_read():
    train = as_ids([0, 1, 2] * 10)
    new = as_ids([2, 1, 0, 0, 2] * 20)
    text = np.append(train, new)
    model = NGram(train, SIZE, 4)
    frozen = -np.log(model.probabilities(text, len(train))[-1]).mean()
    adapted = -np.log(adaptive_probabilities(model, text, len(train))[-1]).mean()
    assert adapted < 0.5 < frozen
