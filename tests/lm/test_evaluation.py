"""Scores of texts: the same however they are read, and honest where something is learned on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charlm.baselines.mixture import mixture
from charlm.config import ModelConfig
from charlm.lm import evaluation
from charlm.lm.evaluation import Score, dynamic_trainer, evaluate, read, standard_error
from charlm.lm.language_model import CharLM
from charlm.lm.scoring import score_text
from charlm.text.batch import Batch
from charlm.text.corpus import LineCorpus
from charlm.text.vocab import Vocab

TEXT = "the cat sat on the mat; the rat sat on the cat. " * 12


def a_model(eos=False):
    vocab = Vocab.from_alphabet("".join(sorted(set(TEXT))), eos=eos)
    return CharLM(vocab, ModelConfig(cell="lstm", embed_dim=8, hidden_dim=12))


def test_the_pieces_that_a_text_is_read_in_make_no_difference():
    model = a_model()
    ids = model.vocab.encode(TEXT)
    whole = read(model, ids, 1, size=1000)
    assert read(model, ids, 1, size=7) == pytest.approx(whole, abs=1e-5)
    assert read(model, ids, 200, warm_up=199) == pytest.approx(whole[199:], abs=1e-5)
    inputs, targets = ids[:-1, np.newaxis], ids[1:, np.newaxis]
    assert evaluate(model, [Batch(inputs, targets, fresh=True)]).nll == pytest.approx(
        whole.mean(), abs=1e-5
    )


def test_a_model_of_lines_starts_each_line_anew():
    model = a_model(eos=True)
    corpus = LineCorpus.from_text("the cat\nsat on\nthe mat", "".join(model.vocab.symbols[:-1]))
    ids = np.append(model.vocab.eos, corpus.train_ids)
    expected = evaluate(model, map(corpus.batch, range(3))).nll
    assert read(model, ids, 1, size=4).mean() == pytest.approx(expected, abs=1e-5)


def test_dynamic_evaluation_learns_and_leaves_the_model_as_it_was():
    model = a_model()
    ids = model.vocab.encode(TEXT)
    before = model.arrays()
    static = score_text(model, ids, 300, ids[:300])
    dynamic = score_text(model, ids, 300, ids[:300], dynamic=True, rate=0.01)
    assert dynamic.nll < static.nll - 0.1
    assert dynamic.rate == 0.01
    for name, value in model.arrays().items():
        assert (value == before[name]).all()


def test_nothing_is_learned_from_what_comes_later():
    model = a_model()
    ids = model.vocab.encode(TEXT)
    changed = ids.copy()
    changed[400:] = 0

    def nlls(text):
        trainer = dynamic_trainer(model, ids[:300], rate=0.01)
        found = read(model, text, 300, size=20, learn=trainer.update)
        trainer.reset()
        return found

    assert (nlls(ids)[:100] == nlls(changed)[:100]).all()
    p = np.random.default_rng(0).random((2, 200))
    q = p.copy()
    q[:, 100:] /= 2
    assert (mixture(*p)[0][:100] == mixture(*q)[0][:100]).all()


def test_a_mixture_with_ngrams_is_better_than_a_model_that_knows_nothing():
    model = a_model()
    ids = model.vocab.encode(TEXT)
    alone = score_text(model, ids, 300)
    for dynamic in (False, True):
        mixed = score_text(model, ids, 300, ids[:300], dynamic=dynamic, rate=0.001, mix=True)
        assert mixed.nll < alone.nll - 1
        assert 0 < mixed.mix.weight < 0.5
        # the weight begins as 1/2, and the text is short
        assert mixed.mix.ngram_nll < mixed.nll < mixed.mix.model_nll
        alone = score_text(model, ids, 300, ids[:300], dynamic=dynamic, rate=0.001)
        assert mixed.mix.model_nll == pytest.approx(alone.nll)


def test_what_a_score_is_in_other_units():
    score = Score(math.log(8), 10)
    assert score.bpc == pytest.approx(3)
    assert score.perplexity == pytest.approx(8)


def test_the_standard_error_sees_that_neighbours_are_alike():
    alone = np.random.default_rng(0).random(3000)
    assert standard_error(alone) == pytest.approx(alone.std() / math.sqrt(3000), rel=0.3)
    assert standard_error(np.repeat(alone, 50)) == pytest.approx(standard_error(alone), rel=0.3)
    assert math.isnan(standard_error(np.array([1.0])))


def test_the_rate_is_chosen_on_the_training_text(monkeypatch):
    model = a_model()
    ids = model.vocab.encode(TEXT)
    monkeypatch.setattr(evaluation, "RATES", (1e-5, 1e-3, 1e-2, 1e3, 1e4))
    assert dynamic_trainer(model, ids).learning_rate == 1e-2
