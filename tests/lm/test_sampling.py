"""Sampling, on a model that is a table: what it draws is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.errors import EvaluationError, InputError, TextError
from charlm.lm.sampling import SampledText, collect, draw, stream
from charlm.lm.text import Vocab

LINES = Vocab.from_alphabet("abc", eos=True)  # ids a 0, b 1, c 2, <EOS> 3
STREAM = Vocab.from_alphabet("abc", eos=False)


def chain(*successors: int):
    """A model that is sure of what follows each symbol; its state counts the symbols read."""

    def predict(symbol: int, state: int | None):
        log_p = np.full(len(successors), -np.inf)
        log_p[successors[symbol]] = 0.0
        return log_p, (state or 0) + 1

    return predict


def sample(predict, vocab, limit=10, **options) -> SampledText:
    return collect(stream(predict, vocab, np.random.default_rng(0), limit=limit, **options))


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
    drawn = stream(chain(1, 2, 3, 0), LINES, np.random.default_rng(0), limit=10, stop="abb")
    assert collect(drawn).text == "abc"


def test_frequencies_follow_the_probabilities():
    rng = np.random.default_rng(1)
    log_p = np.log([0.1, 0.2, 0.7])
    counts = np.bincount([draw(log_p, 1.0, rng) for _ in range(20_000)], minlength=3)
    assert np.allclose(counts / 20_000, [0.1, 0.2, 0.7], atol=0.015)


def test_temperature_sharpens_and_zero_takes_the_likeliest():
    rng = np.random.default_rng(1)
    log_p = np.log([0.3, 0.3, 0.4]).astype(np.float32)
    assert {draw(log_p, 0.0, rng) for _ in range(50)} == {2}
    assert {draw(log_p, 1e-6, rng) for _ in range(50)} == {2}  # no overflow
    hot = np.bincount([draw(log_p, 1e6, rng) for _ in range(6000)], minlength=3) / 6000
    assert np.allclose(hot, 1 / 3, atol=0.03)


def test_an_impossible_symbol_is_never_drawn():
    rng = np.random.default_rng(2)
    log_p = np.array([-np.inf, 0.0, -np.inf])
    assert {draw(log_p, 1.0, rng) for _ in range(100)} == {1}


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf")])
def test_a_temperature_out_of_range_is_refused(temperature):
    with pytest.raises(InputError, match="temperature must be 0 or more"):
        sample(chain(1, 2, 3, 0), LINES, temperature=temperature)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_probabilities_that_are_no_numbers_are_refused(temperature):
    with pytest.raises(EvaluationError, match="not numbers"):
        draw(np.array([0.0, np.nan]), temperature, np.random.default_rng(0))
