"""Comparisons: the verdict follows from the steps, and the tutorial's findings come out."""

from __future__ import annotations

import json

import pytest

from charlm.config import load_comparison
from charlm.errors import EvaluationError
from charlm.lm.analysis import bigrams_of
from charlm.lm.comparison import Comparison, ModelResult, SeedRun, judge
from charlm.lm.sampling import SampledText


def model(name, *losses_of_seeds):
    runs = [
        SeedRun(seed, tuple(losses), 0.001, SampledText("", True))
        for seed, losses in enumerate(losses_of_seeds)
    ]
    return ModelResult(name, 10, tuple(runs))


def test_the_first_below_the_threshold_is_ahead():
    fast, slow = model("fast", [9, 5, 1], [9, 1, 1]), model("slow", [9, 6, 4], [9, 9, 1])
    verdict = judge((slow, fast), (5.0, 2.0))
    assert (verdict.faster, verdict.threshold) == ("fast", 2.0)
    assert (verdict.seeds_ahead, verdict.seeds) == (2, 2)
    assert verdict.steps == {"slow": None, "fast": 2.5}


def test_a_threshold_that_nobody_reaches_in_some_seed_does_not_decide():
    fast, slow = model("fast", [9, 3], [9, 1]), model("slow", [9, 9], [9, 9])
    assert judge((fast, slow), (5.0, 2.0)).threshold == 5.0


def test_no_threshold_reached_is_no_verdict():
    verdict = judge((model("a", [9, 8]), model("b", [9, 8])), (5.0,))
    assert (verdict.faster, verdict.threshold, verdict.seeds_ahead) == (None, None, 0)


def test_a_draw_is_no_verdict():
    one, other = model("a", [9, 1, 1], [9, 9, 1]), model("b", [9, 9, 1], [9, 1, 1])
    verdict = judge((one, other), (5.0,))
    assert (verdict.faster, verdict.seeds_ahead) == (None, 1)
    same = judge((model("a", [1]), model("b", [1])), (5.0,))
    assert (same.faster, same.seeds_ahead) == (None, 0)


def finished(name, **options):
    comparison = Comparison(load_comparison(name), **options)
    for _ in comparison.events():
        pass
    return comparison.result()


def test_the_simple_rnn_learns_the_sentence_faster():
    result = finished("srnn-vs-lstm", seeds=2)
    assert result.verdict.faster == "srnn"
    assert result.verdict.seeds_ahead == 2
    assert result.bigrams.unique
    assert result.bigrams.determined
    facts = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert {m["name"] for m in facts["models"]} == {"srnn", "lstm"}
    assert facts["models"][0]["steps_to_threshold"].keys() == {"100", "10", "1"}
    assert facts["text"]["bigrams_unique"] is True
    assert len(facts["models"][0]["runs"][1]["losses"]) == result.steps


def test_more_layers_make_the_gap_larger():
    plain, deep = (
        finished("srnn-vs-lstm", seeds=1),
        finished("srnn-vs-lstm-deep", seeds=1, steps=80),
    )
    gaps = [r.models[1].steps_to(100.0)[0] - r.models[0].steps_to(100.0)[0] for r in (plain, deep)]
    assert gaps[1] > gaps[0] > 0


def test_the_lstm_wins_where_memory_is_needed():
    result = finished("srnn-vs-lstm-memory", seeds=2, steps=200)
    assert result.verdict.faster == "lstm"
    assert result.verdict.seeds_ahead == 2
    srnn, lstm = result.models
    assert lstm.last_loss.mean < 0.16 < 0.18 < srnn.last_loss.mean
    assert not result.bigrams.unique


def test_equal_seeds_give_equal_losses():
    runs = [finished("srnn-vs-lstm", seeds=1, steps=5).models[0].runs[0] for _ in range(2)]
    assert runs[0].losses == runs[1].losses


def test_a_result_before_the_end_is_refused():
    with pytest.raises(EvaluationError, match="to the end"):
        Comparison(load_comparison("srnn-vs-lstm"), seeds=1).result()


def test_a_bigram_may_occur_twice_and_still_tell_its_successor():
    report = bigrams_of("abcabc", lines=False)
    assert not report.unique
    assert report.determined
    assert not bigrams_of("abcabd", lines=False).determined
