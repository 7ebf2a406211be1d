"""Mixtures, n-grams and the probabilities of what is drawn, beside what the models say themselves."""

from __future__ import annotations

import numpy as np
import pytest

from charlm.baselines.ngram import NGram
from charlm.config import ModelConfig
from charlm.engine.random import NumpyStream
from charlm.errors import InputError
from charlm.lm.choices import choices
from charlm.lm.counting import NGramGenerator
from charlm.lm.filters import normalised
from charlm.lm.language_model import CharLM
from charlm.lm.mixture import Mixture, Part
from charlm.text.vocab import Vocab

LINES = Vocab.from_alphabet("abcdefgh \u00e9", eos=True)
STREAM = Vocab.from_alphabet("abcdefgh \u00e9", eos=False)
BYTES = Vocab.of_bytes(eos=False)


def model(vocab=LINES, seed=1, cell="lstm") -> CharLM:
    made = CharLM(vocab, ModelConfig(cell=cell, hidden_dim=12, embed_dim=9), NumpyStream(seed))
    for p in made.collection.parameters:
        p.scale(2.0)
    return made


def log_p(model, text):
    """The log-probabilities of what follows a text, read symbol by symbol."""
    state = None
    with model.predictor() as predict:
        for symbol in [model.vocab.start, *model.vocab.encode(text).tolist()]:
            scores, state = predict.step(np.array([symbol]), state)
    return normalised(scores)[0]


@pytest.mark.parametrize("vocab", [LINES, STREAM])
def test_a_mixture_is_the_weighted_mean_of_probabilities(vocab):
    a, b, c = model(vocab), model(vocab, 2, "gru"), model(vocab, 3, "norm_lstm")
    mixed = Mixture([Part("a", a, 0.5), Part("b", b, 0.3), Part("c", c, 0.2)])
    for text in ("", "a", "abba bead"):
        mean = sum(w * np.exp(log_p(m, text)) for m, w in ((a, 0.5), (b, 0.3), (c, 0.2)))
        assert np.allclose(np.exp(log_p(mixed, text)), mean, atol=1e-6)
    found = [""] * 3
    for part in mixed.streams(range(3), 30, prime="ab", top_k=4, repeat_penalty=1.1):
        found[part.text] += part.characters
    alone = [mixed.sample(30, seed=k, prime="ab", top_k=4, repeat_penalty=1.1) for k in range(3)]
    assert found == alone


def test_a_model_mixed_with_itself_draws_what_it_draws():
    a = model()
    mixed = Mixture([Part("a", a, 0.25), Part("again", a, 0.75)])
    for how in ({}, {"greedy": True}, {"beam": 3}, {"top_p": 0.5}):
        assert mixed.sample(30, seed=4, prime="he", **how) == a.sample(
            30, seed=4, prime="he", **how
        )


@pytest.mark.parametrize(
    ("vocab", "said"),
    [
        (STREAM, "a has <EOS>, which b does not have"),
        (
            Vocab.from_alphabet("abcdefgx \u00e9", eos=True),
            "a has 'h' (U+0068), which b does not have; b has 'x' (U+0078)",
        ),
        (
            Vocab.from_alphabet("bacdefgh \u00e9", eos=True),
            "at place 0, a has 'a' (U+0061) and b 'b'",
        ),
        (BYTES, "b has the values of bytes"),
    ],
)
def test_models_of_other_alphabets_are_refused_with_the_difference(vocab, said):
    with pytest.raises(InputError) as raised:
        Mixture([Part("a", model(), 0.5), Part("b", model(vocab), 0.5)])
    assert said in str(raised.value)


@pytest.mark.parametrize("weights", [(1.2, -0.2), (0.5, 0.6), (float("nan"), 0.5), (1.0, 0.0)])
def test_weights_sum_to_one(weights):
    with pytest.raises(InputError, match="weight"):
        Mixture([Part(str(k), model(), w) for k, w in enumerate(weights)])


TEXT = "abba had a cabbage\nhe fed a bad head\nface a dead \u00e9 bee\n" * 5


@pytest.mark.parametrize("order", [1, 2, 5])
def test_ngrams_are_those_of_the_baseline(order):
    ids = STREAM_OF_TEXT.encode(TEXT)
    counted = NGramGenerator(STREAM_OF_TEXT, ids, order)
    plain = NGram(ids, len(STREAM_OF_TEXT), order)
    text = "a bad cab"
    read = np.append(STREAM_OF_TEXT.start, STREAM_OF_TEXT.encode(text))
    for symbol in range(len(STREAM_OF_TEXT)):
        wanted = plain.probabilities(np.append(read, symbol))[-1, -1]
        assert np.isclose(np.exp(log_p(counted, text)[symbol]), wanted)


STREAM_OF_TEXT = Vocab.from_text(TEXT, eos=False)


def test_ngrams_take_all_that_a_network_takes():
    vocab = Vocab.from_text(TEXT, eos=True)
    counted = NGramGenerator(vocab, vocab.encode(TEXT, lines=True), 6, line_limit=50)
    lines = TEXT.split("\n")
    assert counted.sample(seed=1, temperature=0.2) in lines
    assert f"he{counted.sample(prime='he', greedy=True)}" in lines
    assert f"he{counted.sample(prime='he', beam=3)}" in lines
    assert counted.sample(prime="he", greedy=True, stop="bad") == " fed a "
    mixed = Mixture([Part("net", model(vocab), 0.5), Part("counted", counted, 0.5)])
    assert mixed.sample(20, seed=1) != counted.sample(20, seed=1)


def test_an_unknown_character_is_never_drawn_from_ngrams():
    vocab = Vocab.from_alphabet("ab", eos=False, unknown=True)
    counted = NGramGenerator(vocab, np.array([0, 2, 1, 2, 0, 2] * 9), 3)
    assert set(counted.sample(300, seed=1)) == {"a", "b"}


@pytest.mark.parametrize(
    "how", [{}, {"temperature": 0.5}, {"top_k": 3}, {"greedy": True}, {"by_word": True}]
)
@pytest.mark.parametrize("stop", ["", "a", "ea"])
@pytest.mark.parametrize("vocab", [LINES, STREAM, BYTES])
def test_choices_are_the_characters_of_the_text_and_their_probabilities(vocab, stop, how):
    made = model(vocab)
    for seed in range(4):
        found = list(choices(made, seed, 25, made.prompt("he", stop), **how))
        ended = bool(found) and found[-1].symbol == vocab.eos
        ids = [c.symbol for c in found[: len(found) - ended]]
        text = made.sample(25, seed=seed, prime="he", stop=stop, **how)
        assert vocab.decode(ids) == text
        for n, c in enumerate(found if vocab is not BYTES else found[:1]):
            p = np.exp(log_p(made, "he" + vocab.decode(ids[:n])))
            assert np.isclose(c.probability, p[c.symbol], atol=1e-6)
            assert c.rank == 1 + (p > p[c.symbol]).sum()
            others = [(q, other) for other, q in enumerate(p) if other != c.symbol]
            assert [other for other, _ in c.others] == [
                other for _, other in sorted(others)[:-4:-1]
            ]
            assert all(np.isclose(q, p[other], atol=1e-6) for other, q in c.others)


def test_a_search_has_no_choices():
    with pytest.raises(InputError, match="beam search samples nothing"):
        list(choices(model(), 1, 5, model().prompt(), beam=2))
