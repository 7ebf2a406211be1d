"""Every way to draw follows its distribution, which is worked out here in plain loops over probabilities."""

from __future__ import annotations

import math
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import ModelConfig
from charlm.engine.random import NumpyStream
from charlm.errors import ArgumentError, EvaluationError, SettingError
from charlm.kernels import NUMPY, select
from charlm.kernels.reference.sampling import read_and_sample, sample_symbols
from charlm.lm import filters
from charlm.lm.decoding import Sampling, sampling_of
from charlm.lm.filters import FilteredSampler, filtered, normalised
from charlm.lm.language_model import CharLM
from charlm.lm.predictor import Predictor
from charlm.lm.sampling import streams
from charlm.text.vocab import Vocab

P = [0.02, 0.3, 0.05, 0.25, 0.08, 0.2, 0.1]
NOBODY = np.empty((1, 0), int)


def expected(p, how: Sampling, recent=()):
    """The distribution that a sampler has to follow, from probabilities and with nothing in log space."""
    p = [q**how.repeat_penalty if i in recent else q for i, q in enumerate(p)]
    p = shared(p, range(len(p)))
    likeliest = sorted(range(len(p)), key=lambda i: -p[i])
    if how.top_k is not None:
        p = shared(p, likeliest[: how.top_k])
    if how.typical is not None:
        entropy = sum(-q * math.log(q) for q in p if q)
        near = [i for i in range(len(p)) if p[i]]
        near.sort(key=lambda i: abs(-math.log(p[i]) - entropy))
        p = shared(p, until(p, near, how.typical))
    if how.top_p is not None:
        p = shared(p, until(p, likeliest, how.top_p))
    if how.min_p is not None:
        p = shared(p, [i for i in range(len(p)) if p[i] >= how.min_p * max(p)])
    if how.temperature == 0 or how.greedy:
        return shared(p, [p.index(max(p))])
    return shared([q ** (1 / how.temperature) for q in p], range(len(p)))


def shared(p, kept):
    whole = sum(p[i] for i in kept)
    return [q / whole if i in set(kept) else 0.0 for i, q in enumerate(p)]


def until(p, order, mass):
    kept, total = [], 0.0
    for i in order:
        kept.append(i)
        total += p[i]
        if total >= mass:
            break
    return kept


def assert_follows(counts, p):
    """A chi-square test at a level of 0.001; the seeds are fixed, so it gives the same answer every time."""
    n = sum(counts)
    possible = [i for i, q in enumerate(p) if q]
    assert sum(counts[i] for i in possible) == n, "something impossible was drawn"
    statistic = sum((counts[i] - n * p[i]) ** 2 / (n * p[i]) for i in possible)
    df = len(possible) - 1
    # Wilson and Hilferty (1931); 3.09 is the normal quantile
    limit = df * (1 - 2 / (9 * df) + 3.09 * math.sqrt(2 / (9 * df))) ** 3 if df else 0.0
    assert statistic <= limit + 1e-9, f"{counts} instead of {[n * q for q in p]}"


SAMPLERS = [
    Sampling(),
    Sampling(temperature=0.5),
    Sampling(temperature=2.5),
    Sampling(top_k=3),
    Sampling(top_k=3, temperature=1.7),
    Sampling(top_p=0.6),
    Sampling(top_p=0.6, temperature=0.7),
    Sampling(min_p=0.3),
    Sampling(min_p=0.3, temperature=3),
    Sampling(typical=0.5),
    Sampling(typical=0.9, temperature=0.4),
    Sampling(repeat_penalty=1.5),
    Sampling(repeat_penalty=0.5, temperature=2),
    Sampling(repeat_penalty=1.3, top_k=5, typical=0.9, top_p=0.8, min_p=0.2, temperature=1.4),
    Sampling(greedy=True),
    Sampling(greedy=True, repeat_penalty=3),
]


@pytest.mark.parametrize("how", SAMPLERS, ids=str)
def test_a_sampler_follows_its_distribution(how):
    rng = np.random.default_rng(5)
    n, recent = 20_000, [1, 3, 3]
    log_p = filtered(normalised(np.log([P]) + 7), np.array([recent]), how)  # scores have any zero
    assert np.allclose(np.exp(log_p).sum(), 1)
    drawn = sample_symbols(np.tile(log_p, (n, 1)), how.sharpness, rng.random(n))
    assert_follows(np.bincount(drawn, minlength=len(P)).tolist(), expected(P, how, recent))


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "repeat_penalty": st.floats(0.2, 5),
        "top_k": st.integers(1, 9),
        "typical": st.floats(0.01, 1),
        "top_p": st.floats(0.01, 1),
        "min_p": st.floats(0, 1),
    },
)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=9, unique=True), FILTERS)
def test_filters_keep_what_a_plain_loop_keeps(weights, options):
    how = Sampling(**options)
    p = [w / sum(weights) for w in weights]
    found = np.exp(filtered(normalised(np.log([p])), np.array([[0, 1]]), how))[0]
    wanted = expected(p, how, [0, 1])
    if not np.allclose(found, wanted):  # rounding has put a sum on the other side of its bound
        bounds = [name for name in ("typical", "top_p", "min_p") if 0 < options.get(name, 0) < 1]
        nudged = [
            {**options, **{n: options[n] * (1 + s) for n, s in zip(bounds, signs, strict=True)}}
            for signs in product((-1e-9, 1e-9), repeat=len(bounds))
        ]
        assert any(np.allclose(found, expected(p, Sampling(**o), [0, 1])) for o in nudged)


def test_the_order_is_llama_cpp_s():
    p = np.log([[0.4, 0.3, 0.2, 0.1]])
    # top-p on what top-k left, which is a whole again: 0.4/0.7 is less than 0.6
    assert np.isfinite(filtered(p, NOBODY, Sampling(top_k=2, top_p=0.6)))[0].tolist() == [
        True,
        True,
        False,
        False,
    ]
    # the temperature comes last: it changes nothing of what is kept
    hot = filtered(p, NOBODY, Sampling(top_p=0.5, temperature=100))
    assert np.isfinite(hot)[0].tolist() == [True, True, False, False]


def test_ties_are_broken_by_the_alphabet():
    p = np.log([[0.25, 0.25, 0.25, 0.25]])
    assert np.isfinite(filters.top_k(p, 2))[0].tolist() == [True, True, False, False]
    assert np.isfinite(filters.top_p(p, 0.5))[0].tolist() == [True, True, False, False]
    assert np.isfinite(filters.typical(p, 0.5))[0].tolist() == [True, True, False, False]
    assert np.isfinite(filters.min_p(p, 1))[0].tolist() == [True, True, True, True]


@pytest.mark.parametrize(
    "options", [{}, {"top_k": 2}, {"top_p": 0.9}, {"typical": 0.9}, {"min_p": 0.1}]
)
@pytest.mark.parametrize("temperature", [5e-324, 1e-6, 1.0, 1e6, 1.7e308])
def test_no_temperature_breaks_a_sampler(options, temperature):
    scores = np.array([[-800.0, 0.0, 900.0, 899.0, -np.inf]], np.float32)
    log_p = filtered(normalised(scores), NOBODY, Sampling(**options))
    drawn = sample_symbols(
        np.tile(log_p, (500, 1)), temperature, np.random.default_rng(0).random(500)
    )
    assert set(drawn) <= {0, 1, 2, 3}
    if temperature < 1e-3:
        assert set(drawn) == {2}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top_k": 0}, "top_k: expected 1 or more, got 0"),
        ({"top_k": 2.5}, "top_k: expected a whole number, got 2.5"),
        ({"top_p": 0}, "top_p: expected a number above 0 and of at most 1, got 0"),
        ({"top_p": 1.5}, "top_p: expected"),
        ({"min_p": -0.1}, "min_p: expected a number of 0 or more and of at most 1, got -0.1"),
        ({"typical": float("nan")}, "typical: expected"),
        ({"repeat_penalty": 0}, "repeat_penalty: expected a number above 0"),
        ({"repeat_window": 0, "repeat_penalty": 2}, "repeat_window: expected 1 or more"),
        ({"repeat_window": 9}, "repeat_window: it needs a repeat_penalty"),
        ({"temperature": -1}, "temperature: expected a number of 0 or more, got -1"),
        ({"temperature": float("inf")}, "temperature: expected a number of 0 or more, got inf"),
        ({"temperature": float("nan")}, "temperature: expected a number of 0 or more, got nan"),
        ({"beam": 0}, "beam: expected 1 or more"),
        ({"greedy": 1}, "greedy: expected true or false"),
        ({"greedy": True, "temperature": 0.5}, "leave out temperature, or greedy"),
        ({"greedy": True, "top_k": 3, "top_p": 0.5}, "leave out top_k and top_p, or greedy"),
        ({"greedy": True, "by_word": True}, "leave out by_word, or greedy"),
        ({"beam": 3, "temperature": 2}, "leave out temperature, or beam"),
        ({"beam": 3, "repeat_penalty": 2}, "leave out repeat_penalty, or beam"),
        ({"beam": 3, "greedy": True}, "leave out beam, or greedy"),
    ],
)
def test_settings_out_of_range_or_against_each_other_are_errors(options, said):
    with pytest.raises(SettingError) as raised:
        sampling_of(options)
    assert said in str(raised.value)


def test_a_setting_that_does_not_exist_is_named():
    with pytest.raises(ArgumentError, match="did you mean top_k"):
        sampling_of({"topk": 3})


def test_what_removes_nothing_is_no_filter():
    assert not Sampling(repeat_penalty=1, top_p=1, min_p=0, typical=1).filters
    assert Sampling(top_k=np.int64(3), top_p=np.float32(0.5)).top_k == 3


WORDS = Vocab.from_alphabet("ab \u0301", eos=True)  # ids a 0, b 1, space 2, the mark 3, <EOS> 4


def table(symbols, state):
    """A model that knows nothing: its next symbol never depends on what it has read."""
    count = np.zeros(len(symbols)) if state is None else state[0][0]
    return np.tile(np.log([0.1, 0.4, 0.3, 0.15, 0.05]), (len(symbols), 1)), [(count + 1,)]


def drawn(how, limit=2000, prime="", vocab=WORDS, model=table):
    drawing = FilteredSampler(partial(read_and_sample, model), model, how, vocab)
    found = streams(
        drawing,
        vocab,
        [np.random.default_rng(3)],
        limit=limit,
        temperature=how.sharpness,
        prime=prime,
    )
    return "".join(part.characters for part in found)


def test_by_word_draws_at_the_start_of_a_word_and_takes_the_likeliest_inside():
    vocab = Vocab.from_alphabet("ab \u0301", eos=False)

    def model(symbols, state):  # words of two letters
        count = np.zeros(len(symbols)) if state is None else state[0][0]
        p = [0.1, 0.6, 0.2, 0.1] if int(count[0]) % 3 != 2 else [0.01, 0.01, 0.97, 0.01]
        return np.tile(np.log(p), (len(symbols), 1)), [(count + 1,)]

    text = drawn(Sampling(by_word=True), limit=9000, vocab=vocab, model=model)
    firsts, inside = np.zeros(4, int), False
    for place, character in enumerate(text):
        if inside:
            assert character == (" " if place % 3 == 2 else "b")
        elif place % 3 == 0:
            firsts["ab \u0301".index(character)] += 1
        inside = character != " "
    assert firsts.sum() > 2900
    assert_follows(firsts.tolist(), [0.1, 0.6, 0.2, 0.1])


def test_the_window_of_the_penalty_is_the_last_characters_with_the_prime_and_without_the_start():
    likeliest = partial(drawn, limit=1)
    forbid = {"repeat_penalty": 1000.0, "greedy": True}
    assert likeliest(Sampling(**forbid)) == "b"
    assert likeliest(Sampling(**forbid), prime="b") == " "
    assert likeliest(Sampling(**forbid, repeat_window=2), prime="b a") == "b"
    assert likeliest(Sampling(**forbid, repeat_window=3), prime="b a") == "\u0301"
    assert likeliest(Sampling(**forbid), prime="b" * 5000) == " "
    # of b, space, mark and a, in turn, the one that came longest ago is the likeliest
    assert drawn(Sampling(**forbid, repeat_window=3), limit=8) == "b \u0301ab \u0301a"


def test_scores_that_are_no_numbers_are_refused():
    def lost(symbols, state):
        return np.full((1, 5), np.nan), [(np.zeros(1),)]

    for how in (
        Sampling(top_k=2),
        Sampling(typical=0.5),
        Sampling(by_word=True),
        Sampling(min_p=0.1),
    ):
        with pytest.raises(EvaluationError, match="not numbers"):
            drawn(how, model=lost)


VOCAB = Vocab.from_alphabet("abcdefghijklmnopqrstuvwxyz .,", eos=True)
HOWS = [
    {"top_k": 3},
    {"top_p": 0.8, "temperature": 0.7},
    {"min_p": 0.2, "repeat_penalty": 1.2},
    {"typical": 0.7},
    {"by_word": True},
    {"greedy": True},
    {"greedy": True, "repeat_penalty": 1.5, "repeat_window": 5},
    {"beam": 4},
]


def model(cell: str) -> CharLM:
    made = CharLM(VOCAB, ModelConfig(cell=cell, hidden_dim=20, embed_dim=9), NumpyStream(1))
    for p in made.collection.parameters:
        p.scale(2.5)
    return made


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "norm_lstm"])
def test_samplers_are_the_same_for_plain_and_compiled_kernels(cell):
    pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")
    made = model(cell)
    texts = []
    for kernels in (NUMPY, select("numba")):
        made.kernels = kernels
        texts.append([made.sample(40, seed=7, prime="so ", stop="qz", **how) for how in HOWS])
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 4


@pytest.mark.parametrize("cell", ["lstm", "norm_lstm"])
def test_one_candidate_is_greedy(cell):
    made = model(cell)
    for prime in ("", "a", "th"):
        greedy = made.sample(30, prime=prime, greedy=True)
        assert greedy == made.sample(30, prime=prime, temperature=0)
        for one in ({"top_k": 1}, {"beam": 1}, {"top_p": 1e-9}, {"min_p": 1.0}):
            assert made.sample(30, prime=prime, **one) == greedy, one


def test_texts_side_by_side_are_those_drawn_alone():
    made = model("lstm")
    how = {"top_k": 8, "repeat_penalty": 1.3, "repeat_window": 4}
    found = [""] * 6
    for part in made.streams(range(6), 30, prime="so", **how):
        found[part.text] += part.characters
    assert found == [made.sample(30, seed=seed, prime="so", **how) for seed in range(6)]


def test_a_sampler_without_filters_draws_from_the_model_itself():
    """Nothing stands between the compiled function, which draws many characters in one call, and the texts."""
    from charlm.lm.generator import sampler_of

    made = model("lstm")
    with Predictor(made) as predict:
        for how in (
            Sampling(),
            Sampling(temperature=0.3),
            Sampling(greedy=True),
            Sampling(top_p=1),
        ):
            assert sampler_of(predict, how, VOCAB) == predict.sample
