"""Comparisons: the verdict follows from the steps, and the tutorial's findings come out."""

from __future__ import annotations

import json

import attrs
import pytest

from charlm.comparison.analysis import bigrams_of
from charlm.comparison.comparison import Comparison, RunFinished, RunStarted, RunStepped
from charlm.comparison.learning import (
    ModelResult,
    SeedRun,
    final_loss_of_the_slowest,
    judge,
    learning,
)
from charlm.comparison.planning import WINDOW
from charlm.config import load_comparison_config
from charlm.errors import BadGradientError, EvaluationError
from charlm.lm.sampling import SampledText
from charlm.reporting.comparison.curves import plot_report
from charlm.reporting.comparison.training import training_report
from charlm.text.corpus import StreamCorpus
from charlm.text.preparing import corpus_of, text_of


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
    assert verdict.steps_ahead is None  # in one of the two seeds there is nobody to be ahead of


def test_the_lead_is_the_median_over_seeds_of_the_way_to_the_next_model():
    fast = model("fast", [9, 1, 1, 1], [9, 1, 1, 1], [9, 9, 9, 1])
    mid = model("mid", [9, 9, 1, 1], [9, 9, 9, 1], [9, 1, 1, 1])
    slow = model("slow", [9, 9, 9, 1], [9, 9, 9, 1], [9, 9, 9, 9])
    verdict = judge((slow, fast, mid), (5.0,))
    assert (verdict.faster, verdict.seeds_ahead, verdict.seeds) == ("fast", 2, 3)
    assert verdict.steps == {"fast": 2, "mid": 3, "slow": 4}
    assert verdict.steps_ahead == 1  # of 1, 2 and -2


def test_a_threshold_is_reached_below_it_and_not_at_it():
    (run,) = model("a", [9, 5, 4.9]).runs
    assert (run.steps_to(5.0), run.steps_to(4.9)) == (3, None)


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
    level = judge((model("a", [9, 1]), model("b", [9, 1])), (5.0,))
    assert (level.faster, level.seeds_ahead, level.threshold) == (None, 0, 5.0)


def test_a_threshold_that_is_met_before_anything_is_learned_does_not_decide():
    low, high = model("low", [4, 4, 4]), model("high", [9, 4, 1])
    assert judge((low, high), (5.0,)).faster is None
    assert judge((low, high), (5.0, 2.0)).faster == "high"


def test_without_thresholds_it_is_judged_final_loss_of_the_slowest():
    fast, slow = model("fast", [9, 3, 1.5], [9, 2, 1]), model("slow", [9, 5, 3.1], [9, 4, 2.9012])
    assert final_loss_of_the_slowest((fast, slow)) == 3.0
    config = attrs.evolve(load_comparison_config("srnn-vs-lstm"), thresholds=())
    comparison = Comparison(config, seeds=1, steps=40)
    list(comparison.events())
    result = comparison.result()
    assert result.thresholds == (final_loss_of_the_slowest(result.models),)
    assert result.verdict.faster == "srnn"
    assert result.models[1].last_loss.mean == pytest.approx(result.thresholds[0], rel=0.005)


def finished(name, **options):
    comparison = Comparison(load_comparison_config(name), **options)
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
    srnn, lstm = (model["start"] for model in facts["models"])
    assert srnn["gates"] == {}
    assert [*lstm["gates"]] == ["input", "forget", "output"]
    assert srnn["gradient_first"] > 10 * lstm["gradient_first"] > 0
    assert srnn["gradient_near"] > srnn["gradient_first"]
    assert srnn["output"] > 3 * lstm["output"]
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
    assert result.verdict.threshold == 0.15
    srnn, lstm = result.models
    assert lstm.last_loss.mean < 0.13 < 0.17 < srnn.last_loss.mean
    assert (result.bigrams.unique, result.bigrams.determined) == (False, False)
    assert result.unit == "nats per character"


def test_nothing_of_the_memory_text_is_read_twice():
    base = load_comparison_config("srnn-vs-lstm-memory").base
    corpus = corpus_of(base.data, text_of(base.data))
    assert isinstance(corpus, StreamCorpus)
    assert base.train.steps <= corpus.steps_per_pass
    assert not corpus.notices


def test_equal_seeds_give_equal_losses():
    runs = [finished("srnn-vs-lstm", seeds=1, steps=5).models[0].runs[0] for _ in range(2)]
    assert runs[0].losses == runs[1].losses


def test_each_seed_is_a_run_of_its_own_and_the_base_has_the_first():
    zero, one = finished("srnn-vs-lstm", seeds=2, steps=3).models[0].runs
    assert (zero.seed, one.seed) == (0, 1)
    assert zero.losses != one.losses
    config = load_comparison_config("srnn-vs-lstm")
    later = attrs.evolve(config.base, train=attrs.evolve(config.base.train, seed=1))
    comparison = Comparison(attrs.evolve(config, base=later), seeds=1, steps=3)
    list(comparison.events())
    assert comparison.result().models[0].runs[0].losses == one.losses


def on(text, tmp_path, **options):
    """A comparison whose models learn ``text`` line by line."""
    (tmp_path / "own.txt").write_text(text)
    (tmp_path / "own.yaml").write_text(
        "base:\n  data: {text: own.txt}\n  model: {hidden_dim: 5, embed_dim: 5}\n"
        f"  train: {options}\nmodels: [{{name: a}}, {{name: b, model: {{cell: gru}}}}]\n"
    )
    return load_comparison_config(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(("lines", "window"), [(1, 1), (3, 3), (50, WINDOW)])
def test_the_loss_is_a_mean_over_the_lines_where_there_are_more(tmp_path, lines, window):
    # lines of different lengths, so of different losses, which a step by step reading would compare
    config = on("".join("ab" * (k % 7 + 1) + "\n" for k in range(lines)), tmp_path)
    comparison = Comparison(config, seeds=1, steps=6)
    assert comparison.window == window
    list(comparison.events())
    losses = comparison.result().models[0].runs[0].losses
    steps = [losses[0]]  # undo the means
    for k in range(1, 6):
        total = losses[k] * min(window, k + 1)
        steps.append(total - sum(steps[max(0, k + 1 - window) : k]))
    plain = Comparison(config, seeds=1, steps=6)
    plain.window = 1
    list(plain.events())
    assert steps == pytest.approx(plain.result().models[0].runs[0].losses, rel=1e-6)


@pytest.mark.parametrize("clip_norm", [5, 0])
def test_a_model_that_diverges_is_named(tmp_path, clip_norm):
    config = on("abab\n", tmp_path, learning_rate=1e38, clip_norm=clip_norm, seed=7)
    with pytest.raises(
        BadGradientError, match=r"a, seed 7: step \d+ failed, because the .* is (nan|inf)"
    ):
        list(Comparison(config, seeds=1, steps=20).events())


def test_events_tell_of_each_run_and_can_be_asked_for_again():
    comparison = Comparison(load_comparison_config("srnn-vs-lstm"), seeds=2, steps=3)
    for _ in range(2):
        events = list(comparison.events())
        started = [(e.seed, e.model) for e in events if isinstance(e, RunStarted)]
        assert started == [(0, "srnn"), (0, "lstm"), (1, "srnn"), (1, "lstm")]
        assert sum(isinstance(e, RunStepped) for e in events) == 12
        assert sum(isinstance(e, RunFinished) for e in events) == 4
        assert [len(m.runs) for m in comparison.result().models] == [2, 2]


def test_a_plot_of_one_seed_and_one_step(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    plot_report(
        training_report(finished("srnn-vs-lstm", seeds=1, steps=1)), tmp_path / "curves.png"
    )
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_a_result_before_the_end_is_refused():
    with pytest.raises(EvaluationError, match="to the end"):
        Comparison(load_comparison_config("srnn-vs-lstm"), seeds=1).result()


def test_a_bigram_may_occur_twice_and_still_tell_its_successor():
    report = bigrams_of("abcabc", lines=False)
    assert not report.unique
    assert report.determined
    assert not bigrams_of("abcabd", lines=False).determined


def test_a_seed_that_failed_counts_for_no_model():
    comparison = Comparison(load_comparison_config("srnn-vs-lstm"), seeds=2, steps=20)
    list(comparison.events())
    results = comparison.results()
    srnn, _, *lstm = results.members
    common = attrs.evolve(results, members=(srnn, *lstm)).complete()
    result = learning(common, comparison.plan)
    assert [[run.seed for run in model.runs] for model in result.models] == [[0], [0]]
    none = [attrs.evolve(results, members=members) for members in ((*lstm,), (srnn, lstm[1]), ())]
    assert [made.complete().members for made in none] == [(), (), ()]


def test_a_model_without_a_result_is_left_out():
    comparison = Comparison(load_comparison_config("srnn-vs-lstm"), seeds=1, steps=20)
    list(comparison.events())
    results = attrs.evolve(comparison.results(), models=("gru", "srnn", "lstm"))
    assert results.complete().models == ("srnn", "lstm")
