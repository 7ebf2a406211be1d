"""A search of tiny models: what is trained, pruned, stopped and scored again."""

from __future__ import annotations

import attrs
import pytest

from charlm.config import load_config
from charlm.errors import ConfigError, InputError, TextError
from charlm.search.course import SCORES
from charlm.search.search import FRESH_SEEDS, ScoredAgain, Search, TrialMoved
from charlm.search.small import in_small
from charlm.search.space import configured, parse
from charlm.training.events import Evaluated, Stepped
from charlm.training.loop import Training
from tests.search.studies import ended, search

pytest.importorskip("optuna", reason="optuna is not installed")

RATES = "train.learning_rate=log:1e-7..0.3"


def trained(config, seed):
    """Train as a trial does, and return the best of its scores."""
    training = Training(
        attrs.evolve(config, train=attrs.evolve(config.train, seed=seed, eval_every=4))
    )
    for _ in training.events():
        pass
    return training.learner.progress.best_nll


def test_the_best_values_are_found_and_scored_again_from_fresh_seeds(tmp_path):
    searching = search(tmp_path, "train.learning_rate=1e-7,0.05", confirm=2)
    trials = ended(searching)
    result = searching.result()
    assert [trial.state for trial in trials] == ["complete", "complete"]
    assert result.best.values == {"train.learning_rate": 0.05}
    assert result.best.score == min(trial.score for trial in trials)
    seeds = (FRESH_SEEDS, FRESH_SEEDS + 1)
    best = in_small(configured(searching.config, result.best.values), 1.0)
    assert result.fresh.seeds == result.fresh_base.seeds == seeds
    assert result.fresh.scores == tuple(trained(best, seed) for seed in seeds)
    assert result.fresh_base.scores == tuple(
        trained(in_small(searching.config, 1.0), s) for s in seeds
    )
    assert result.best.score not in result.fresh.scores
    assert result.is_better
    assert result.config.train.learning_rate == 0.05
    assert result.config.train.steps == 20


def test_a_trial_has_the_score_of_a_training_and_is_scored_at_equal_parts(tmp_path):
    searching = search(tmp_path, "model.cell=lstm,gru", share=0.5)
    steps, scored = [], []
    for event in searching.events():
        if isinstance(event, TrialMoved):
            steps += [event.event.step] if isinstance(event.event, Stepped) else []
            scored += [event.event.step] if isinstance(event.event, Evaluated) else []
    assert max(steps) == 10
    assert scored == [2, 4, 6, 8, 10] * 2
    assert len(scored) == SCORES * 2


def test_the_config_as_it_is_may_be_the_best(tmp_path):
    searching = search(tmp_path, "train.learning_rate=1e-7,0.0125")
    ended(searching)
    result = searching.result()
    assert result.best.number == 1
    assert result.fresh is result.fresh_base
    assert len(result.fresh.scores) == 1
    assert not result.is_better


@pytest.mark.parametrize("warmup", [0, 11])
def test_trials_are_pruned_but_not_in_the_warm_up(tmp_path, warmup):
    searching = search(tmp_path, RATES, trials=14, overrides=(f"train.warmup={warmup}",))
    trials = ended(searching)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert len(trials) == 14
    assert pruned
    assert min(trial.steps for trial in pruned) == (12 if warmup else 4)
    assert all(trial.share < 1 and trial.score > searching.result().best.score for trial in pruned)


def test_a_trial_that_ends_in_its_warm_up_fails_with_the_remedy(tmp_path):
    searching = search(tmp_path, "model.cell=lstm,gru", overrides=("train.warmup=50",))
    trials = ended(searching)
    assert [trial.state for trial in trials] == ["failed", "failed"]
    assert (
        "ends after 20 steps, in its warm-up of 50 updates; make trials longer" in trials[0].reason
    )
    assert searching.result().best is None
    assert not any(isinstance(event, ScoredAgain) for event in searching.events())


def test_values_that_are_refused_together_fail_and_count(tmp_path):
    searching = search(tmp_path, "model.tied=true,false", "model.embed_dim=4,6")
    trials = ended(searching)
    failed = [trial for trial in trials if trial.state == "failed"]
    assert len(trials) == 4
    assert [trial.values for trial in failed] == [{"model.tied": True, "model.embed_dim": 4}]
    assert failed[0].reason.startswith("model.tied: one table needs one size, but embed_dim is 4")
    assert ended(searching) == []


def test_a_loss_that_is_not_finite_fails(tmp_path):
    overrides = ("train.trainer=sgd", "train.clip_norm=0")
    searching = search(tmp_path, "train.learning_rate=0.01,1e200", overrides=overrides)
    states = {trial.values["train.learning_rate"]: trial for trial in ended(searching)}
    assert states[0.01].state == "complete"
    assert states[1e200].state == "failed"
    assert "not finite" in states[1e200].reason


def test_a_stopped_search_goes_on(tmp_path):
    searching = search(tmp_path, RATES)
    for event in searching.events():
        moved = isinstance(event, TrialMoved) and isinstance(event.event, Stepped)
        if moved and event.event.step == 3 and len(searching.result().trials) == 2:
            searching.stop("Ctrl-C")
        assert not isinstance(event, ScoredAgain)
    states = [trial.state for trial in searching.result().trials]
    assert states == ["complete", "lost"]
    again = search(tmp_path, RATES)
    trials = ended(again)
    assert trials[0].values == searching.result().trials[1].values
    assert [t.state for t in again.result().trials if t.state != "lost"] == ["complete"] * 4
    (tmp_path / "whole").mkdir()
    whole = search(tmp_path / "whole", RATES)
    assert [t.score for t in [searching.result().trials[0], *trials]] == [
        t.score for t in ended(whole)
    ]


def test_a_search_that_is_abandoned_gives_its_trial_back(tmp_path):
    events = search(tmp_path, RATES).events()
    assert next(events).number == 1
    events.close()
    assert next(search(tmp_path, RATES).events()).number == 2


def test_fresh_trainings_are_not_made_twice(tmp_path):
    first = search(tmp_path, RATES)
    ended(first)
    again = search(tmp_path, RATES)
    events = list(again.events())
    assert [type(event) for event in events] == [ScoredAgain, ScoredAgain]
    assert again.result() == first.result()


def test_fresh_scores_are_those_of_the_best_also_if_another_process_finds_a_better_one(tmp_path):
    rates = "train.learning_rate=1e-7,1e-6,0.05"
    mine = search(tmp_path, rates, trials=3, seconds=3600)
    mine.expected = 4000.0  # no time for a second trial
    events = mine.events()
    first = next(event for event in events if isinstance(event, ScoredAgain))
    others = ended(search(tmp_path, rates, trials=3))
    assert min(trial.score for trial in others) < mine.result().best.score
    assert mine.result().best.values == {"train.learning_rate": 1e-7}
    assert mine.result().fresh.scores == (first.score,)


def test_an_equal_config_of_other_trials_is_refused(tmp_path):
    ended(search(tmp_path, RATES, trials=1))
    assert search(tmp_path, RATES, share=1.0).share == 1.0
    for change in ({"share": 0.5}, {"overrides": ("model.layers=2",)}):
        with pytest.raises(InputError, match="this folder has a search with another"):
            search(tmp_path, RATES, **change)


def test_a_text_without_a_held_out_part_is_refused_with_a_remedy_that_works(tmp_path):
    with pytest.raises(
        TextError, match=r"nothing of this text is held out.* --set data.val_frac=0.1"
    ):
        search(tmp_path, RATES, overrides=("data.val_frac=0",))
    folder = tmp_path / "fox"
    folder.mkdir()
    with pytest.raises(TextError, match="it has only 1 line; give a longer text"):
        Search(load_config("srnn"), parse([RATES]), folder, trials=1)
    assert list(folder.iterdir()) == []


def test_trials_are_shortened_to_fit_into_the_time(tmp_path):
    overrides = ("train.steps=null", "train.max_time=100s")
    searching = search(tmp_path, RATES, overrides=overrides, trials=10, confirm=2, seconds=110)
    assert searching.share == pytest.approx(0.1)
    assert searching.expected == pytest.approx(10)
    other = tmp_path / "steps"
    other.mkdir()
    assert 0 < search(other, RATES, seconds=0.001).share < 1


def test_a_time_that_is_too_short_for_the_given_trials_is_refused(tmp_path):
    overrides = ("train.steps=null", "train.max_time=100s")
    with pytest.raises(
        ConfigError,
        match="one trial and 2 trainings from fresh seeds take 150 s, but the search may",
    ):
        search(tmp_path, RATES, overrides=overrides, share=0.5, seconds=100)


def test_no_time_is_left_for_another_trial(tmp_path):
    searching = search(tmp_path, RATES, trials=50, seconds=3600)
    searching.expected = 4000.0
    assert len(ended(searching)) == 1
    assert isinstance(searching.result().fresh.mean, float)
