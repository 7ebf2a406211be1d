"""Baselines against sums done the long way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.baselines.counting import nll_to_bpc, uniform_nll, unigram_nll

SIZE = 5
ids = st.lists(st.integers(0, SIZE - 1), max_size=30).map(lambda xs: np.array(xs, dtype=np.uint8))
some_ids = ids.filter(len)


@given(ids, some_ids)
def test_unigram_nll_is_the_mean_over_the_held_out_characters(train, held_out):
    expected = 0.0
    for symbol in held_out.tolist():
        count = train.tolist().count(symbol)
        expected -= math.log((count + 1) / (len(train) + SIZE))
    assert unigram_nll(train, held_out, SIZE) == pytest.approx(expected / len(held_out), rel=1e-9)


@given(some_ids)
def test_without_a_training_text_the_unigram_model_is_the_uniform_one(held_out):
    nothing = np.array([], dtype=np.uint8)
    assert unigram_nll(nothing, held_out, SIZE) == pytest.approx(uniform_nll(SIZE))


def test_a_skewed_text_is_easier_than_a_uniform_one_and_one_never_seen_is_harder():
    train = np.array([0] * 90 + [1] * 10, dtype=np.uint8)
    assert unigram_nll(train, train, SIZE) < uniform_nll(SIZE)
    assert unigram_nll(train, np.array([4]), SIZE) == pytest.approx(math.log(105))


def test_the_tutorials_first_loss_is_near_the_uniform_one():
    # 28 symbols; 43 predictions in the sentence, "<EOS>" included; the tutorial printed 149.12
    assert 43 * uniform_nll(28) == pytest.approx(143.28, abs=0.01)


def test_a_bit_is_ln_2_nats():
    assert nll_to_bpc(math.log(2)) == 1
    assert nll_to_bpc(uniform_nll(8)) == pytest.approx(3)
