"""Sampling from a model that is a table, so the samples are known exactly."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from charlm.errors import EvaluationError, TextError
from charlm.kernels.reference.sampling import read_and_sample, sample_symbols
from charlm.lm.sampling import SampledText, characters, collect, in_turn, streams
from charlm.text.vocab import Vocab

LINES = Vocab.from_alphabet("abc", eos=True)  # ids a 0, b 1, c 2, <EOS> 3
STREAM = Vocab.from_alphabet("abc", eos=False)


def chain(*successors: int):
    """A model that is sure of what follows each symbol; its state counts the symbols read."""

    def predict(symbols, state):
        count = np.zeros(len(symbols)) if state is None else state[0][0]
        assert len(count) == len(symbols)
        log_p = np.full((len(symbols), len(successors)), -np.inf)
        log_p[np.arange(len(symbols)), np.take(successors, symbols)] = 0.0
        return log_p, [(count + 1,)]

    return partial(read_and_sample, predict)


def sample(predict, vocab, limit=10, **options) -> SampledText:
    rngs = [np.random.default_rng(0)]
    return collect(characters(streams(predict, vocab, rngs, limit=limit, **options)))


def test_a_line_begins_and_ends_at_eos():
    assert sample(chain(1, 2, 3, 0), LINES) == SampledText("abc", complete=True)


def test_a_line_that_never_ends_is_cut_and_says_so():
    assert sample(chain(1, 0, 0, 0), LINES, limit=5) == SampledText("ababa", complete=False)


def test_a_stream_is_complete_at_any_length():
    assert sample(chain(1, 2, 0), STREAM, limit=4) == SampledText("bcab", complete=True)


def test_the_prime_is_read_and_not_repeated():
    assert sample(chain(1, 2, 3, 0), LINES, prime="ab").text == "c"


def test_an_unknown_prime_character_is_named():
    with pytest.raises(TextError, match="'z'"):
        sample(chain(1, 2, 3, 0), LINES, prime="az")


@pytest.mark.parametrize(
    ("stop", "expected"), [("c", "ab"), ("ca", "ab"), ("bc", "a"), ("cc", "abcabcabca")]
)
def test_the_text_ends_before_the_stop(stop, expected):
    predict = chain(1, 2, 0, 0)
    assert sample(predict, LINES, stop=stop).text == expected


def test_a_half_seen_stop_is_shown_after_all():
    # 'ab' is drawn while 'abb' is waited for; the c that follows releases it
    assert sample(chain(1, 2, 3, 0), LINES, stop="abb").text == "abc"


def coin(symbols, state):
    """A model that knows no more than that a line ends with every fourth symbol."""
    return np.log(np.full((len(symbols), 4), 0.25)), [(np.zeros(len(symbols)),)]


TOSS = partial(read_and_sample, coin)


def test_texts_side_by_side_are_those_drawn_one_by_one():
    def texts(seeds):
        rngs = [np.random.default_rng(seed) for seed in seeds]
        found = [""] * len(seeds)
        for part in streams(TOSS, LINES, rngs, limit=12, stop="cab"):
            found[part.text] += part.characters
        return found

    together = texts(range(30))
    assert together == [texts([seed])[0] for seed in range(30)]
    assert len(set(map(len, together))) > 4


def test_in_turn_each_text_is_whole():
    rngs = [np.random.default_rng(seed) for seed in range(20)]
    drawn = list(streams(TOSS, LINES, rngs, limit=8))
    whole = ["".join(p.characters for p in drawn if p.text == k) for k in range(20)]
    turns = list(in_turn(drawn))
    assert [part.text for part in turns] == sorted(part.text for part in turns)
    assert "".join(part.characters for part in turns) == "".join(whole)
    assert sum(part.complete is not None for part in turns) == 20


def test_frequencies_follow_the_probabilities():
    rng = np.random.default_rng(1)
    log_p = np.log([0.1, 0.2, 0.7])
    counts = np.bincount(
        sample_symbols(np.tile(log_p, (20_000, 1)), 1.0, rng.random(20_000)), minlength=3
    )
    assert np.allclose(counts / 20_000, [0.1, 0.2, 0.7], atol=0.015)


def test_temperature_sharpens_and_zero_takes_the_likeliest():
    rng = np.random.default_rng(1)
    log_p = np.tile(np.log([0.3, 0.3, 0.4]).astype(np.float32), (6000, 1))
    assert set(sample_symbols(log_p, 0.0, rng.random(6000))) == {2}
    for cold in (1e-6, 5e-324):  # no overflow
        assert set(sample_symbols(log_p, cold, rng.random(6000))) == {2}
    for hot in (1e6, 1.7e308):
        found = np.bincount(sample_symbols(log_p, hot, rng.random(6000)), minlength=3) / 6000
        assert np.allclose(found, 1 / 3, atol=0.03)


def test_an_impossible_symbol_is_never_drawn():
    rng = np.random.default_rng(2)
    log_p = np.tile([-np.inf, 0.0, -np.inf], (100, 1))
    assert set(sample_symbols(log_p, 1.0, rng.random(100))) == {1}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_probabilities_that_are_no_numbers_are_refused(temperature):
    def lost(symbols, state):
        return np.array([[0.0, np.nan, 0.0, 0.0]]), [(np.zeros(1),)]

    with pytest.raises(EvaluationError, match="not numbers"):
        sample(partial(read_and_sample, lost), LINES, temperature=temperature)
