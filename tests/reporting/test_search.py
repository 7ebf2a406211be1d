"""The words about a search claim no more than its fresh scores show."""

from __future__ import annotations

import pytest

from charlm.config import RunConfig, load_config
from charlm.reporting.search import best_yaml, result_in_words, rows, trial_in_words
from charlm.search.result import Fresh, SearchResult
from charlm.search.space import configured
from charlm.search.study import Trial

BASE = RunConfig()
BEST = Trial(number=2, values={"train.learning_rate": 0.02}, state="complete", score=1.5, share=1.0)
TRIALS = (
    Trial(number=1, values={"train.learning_rate": 0.1}, state="complete", score=1.6, share=1.0),
    BEST,
    Trial(number=3, values={"train.learning_rate": 0.3}, state="lost"),
    Trial(number=4, values={"train.learning_rate": 0.4}, state="pruned", score=1.9, share=0.4),
    Trial(number=5, values={"train.learning_rate": 0.5}, state="failed", reason="no memory"),
)


def fresh(*scores: float, reasons: tuple[str, ...] = ()) -> Fresh:
    return Fresh(seeds=tuple(range(1000, 1000 + len(scores))), scores=scores, reasons=reasons)


def result(mine: Fresh | None, base: Fresh | None, **changes: object) -> SearchResult:
    config = configured(BASE, BEST.values)
    parts = {
        "trials": TRIALS,
        "best": BEST,
        "importance": {},
        "share": 1.0,
        "unit": "char",
        "config": config,
    }
    return SearchResult(**{**parts, "fresh": mine, "fresh_base": base, **changes})


def words(mine: Fresh | None, base: Fresh | None, **changes: object) -> str:
    return " ".join(result_in_words(result(mine, base, **changes), BASE))


def test_search_score_fresh_score_and_difference():
    assert words(fresh(1.51, 1.53), fresh(1.58, 1.6)) == (
        "Best trial: 2, train.learning_rate=0.02. Its score in the search is 1.5000 nats/char; from fresh seeds 1.5200 "
        "(mean of 1.5100, 1.5300). The config as it is (train.learning_rate=0.1) has 1.5900 (mean of 1.5800, 1.6000) "
        "from the same seeds. With each of 2 fresh seeds, the best trial's config is better than the config as it is: "
        "its score is 0.0700 lower (-0.0700, -0.0700)."
    )


@pytest.mark.parametrize("base", [(1.58, 1.52), (1.5, 1.5), (1.51, 1.53)])
def test_one_seed_against_it_is_enough_to_claim_nothing(base):
    said = words(fresh(1.51, 1.53), fresh(*base))
    assert "The fresh seeds do not show that the best trial's config is better" in said
    assert "Keep the config, or search with longer trials." in said


def test_the_config_as_it_is_is_the_best():
    same = fresh(1.5)
    said = words(same, same)
    assert "from a fresh seed 1.5000. These are the values of the config as it is." in said
    assert "No trial is better than the config as it is." in said


def test_trainings_that_failed_are_told():
    said = words(fresh(1.5, reasons=("the loss is NaN",)), fresh(1.6))
    assert "1.5000; 1 training failed: the loss is NaN" in said
    assert "With 1 fresh seed, the best trial's config is better" in said
    assert "it has no score (the loss is NaN)" in words(
        fresh(reasons=("the loss is NaN",)), fresh(1.6)
    )


def test_without_a_complete_trial_or_fresh_scores():
    assert words(None, None, best=None) == "No trial is complete, so there is no best config."
    assert "it is not scored again yet" in words(None, None)


def test_short_trials_and_importance():
    said = words(
        fresh(1.5), fresh(1.6), share=0.125, importance={"model.cell": 0.7, "model.layers": 0.3}
    )
    assert "from trainings with 0.12 of the config's own budget" in said
    assert "from 2 complete trials (PED-ANOVA): model.cell 0.70, model.layers 0.30." in said


def test_the_table_has_the_best_first_and_no_lost_trial():
    table = rows(result(None, None))
    assert table[0] == ["trial", "train.learning_rate", "score", "trained", "state"]
    assert [row[0] for row in table[1:]] == ["2", "1", "4", "5"]
    assert table[1][-1] == "best"
    assert table[4][-1] == "failed: no memory"
    assert trial_in_words(TRIALS[3]).startswith("1.9000 at 40% of its training, stopped there")


def test_the_best_config_is_complete_and_its_comment_breaks_nothing(tmp_path):
    found = result(fresh(1.5), fresh(1.6))
    text = best_yaml(found, BASE, "charlm search '\n: [\x07\ud800' --param é=1,2")
    assert text.startswith(
        "# The best of 4 trials of a search:\n#   charlm search ' : [??' --param é=1,2\n"
    )
    (tmp_path / "best.yaml").write_text(text)
    loaded = load_config(tmp_path / "best.yaml")
    assert loaded.train == found.config.train
    assert loaded.model == found.config.model
