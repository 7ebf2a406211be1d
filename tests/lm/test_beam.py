"""Beam search, on models so small that all their texts can be counted."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import ModelConfig
from charlm.errors import EvaluationError, InputError
from charlm.kernels.reference.sampling import read_and_sample
from charlm.lm.beam import beam_search
from charlm.lm.language_model import CharLM
from charlm.text.vocab import Vocab

LINES = Vocab.from_alphabet("abc", eos=True)
STREAM = Vocab.from_alphabet("abcd", eos=False)


def bigrams(p):
    """A model whose next symbol depends on the last one."""

    def step(symbols, state):
        count = np.zeros(len(symbols)) if state is None else state[0][0]
        return np.log(p)[symbols], [(count + 1,)]

    return step


def search(step, vocab, width, **options):
    parts = list(beam_search(partial(read_and_sample, step), step, vocab, width, **options))
    return "".join(part.characters for part in parts), parts[-1].complete


def likeliest(p, vocab, limit, stop=""):
    """The likeliest of all texts that end, or are cut at the limit; several if they are equally likely."""
    found = []
    ids = range(len(vocab.symbols))
    for length in range(limit + 1):
        for text in product(ids, repeat=length):
            symbols = [vocab.start, *text]
            spelled = "".join(vocab.symbols[i] for i in text if i != vocab.eos)
            ends = [i for i, s in enumerate(text) if s == vocab.eos]
            at = spelled.find(stop) if stop else -1
            if (ends and ends[0] != length - 1) or (at >= 0 and at + len(stop) != length):
                continue
            over = bool(ends) or at >= 0
            if not over and length != limit:
                continue
            log_p = sum(np.log(p[a][b]) for a, b in zip(symbols, text, strict=False))
            shown = spelled[:at] if at >= 0 else spelled
            found.append((log_p, (shown, over or vocab.eos is None)))
    best = max(log_p for log_p, _ in found)
    # two texts of the same pairs of symbols differ in rounding only
    return [text for log_p, text in found if log_p > best - 1e-9]


@given(st.integers(0, 10_000), st.sampled_from([LINES, STREAM]), st.sampled_from(["", "ab", "c"]))
def test_a_wide_search_finds_the_likeliest_of_all_texts(seed, vocab, stop):
    p = np.random.default_rng(seed).dirichlet(np.full(4, 0.7), 4) + 1e-9
    p /= p.sum(axis=1, keepdims=True)
    assert search(bigrams(p), vocab, 300, limit=4, stop=stop) in likeliest(p, vocab, 4, stop)


def test_it_finds_what_greedy_misses():
    p = np.array(
        [
            [0.05, 0.05, 0.85, 0.05],
            [0.3, 0.3, 0.3, 0.1],
            [0.02, 0.02, 0.02, 0.94],
            [0.4, 0.5, 0.05, 0.05],
        ]
    )
    assert search(bigrams(p), LINES, 1, limit=3)[0].startswith("b")
    assert search(bigrams(p), LINES, 3, limit=3) == ("ac", True)


def test_what_all_kept_texts_share_is_shown_before_the_end():
    p = np.full((4, 4), 0.01) + np.roll(np.eye(4), 1, axis=1) * 0.96
    parts = list(
        beam_search(partial(read_and_sample, bigrams(p)), bigrams(p), STREAM, 3, limit=400)
    )
    assert "".join(part.characters for part in parts) == "bcda" * 100
    assert sum(bool(part.characters) for part in parts) > 2


def test_a_stop_text_across_what_was_shown_is_seen():
    p = np.full((4, 4), 0.01) + np.roll(np.eye(4), 1, axis=1) * 0.96
    assert search(bigrams(p), STREAM, 2, limit=40, stop="cdab", prime="ab")[0] == ""
    assert search(bigrams(p), STREAM, 2, limit=40, stop="abcd", prime="ab")[0] == "cd"


def test_equal_texts_come_in_the_order_of_the_alphabet():
    assert search(bigrams(np.full((4, 4), 0.25)), STREAM, 3, limit=5)[0] == "aaaaa"


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(EvaluationError, match="not numbers"):
        search(bigrams(np.full((4, 4), np.nan)), LINES, 2, limit=3)


def test_it_finds_one_text():
    model = CharLM(LINES, ModelConfig(hidden_dim=4, embed_dim=3))
    assert model.sample(9, beam=3, seed=1) == model.sample(9, beam=3, seed=2)
    with pytest.raises(InputError, match="got 2 seeds"):
        model.streams([1, 2], beam=3)


def test_bytes_are_never_cut():
    model = CharLM(Vocab.of_bytes(eos=False), ModelConfig(hidden_dim=4, embed_dim=3))
    assert model.sample(9, beam=2, stop="é") is not None
