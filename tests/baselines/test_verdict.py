"""What is said of a run's losses."""

from __future__ import annotations

import pytest

from charlm.baselines import measure as measuring
from charlm.baselines.measure import Baselines, measure
from charlm.baselines.verdict import Point, against_baselines, trend, verdict
from charlm.text.vocab import Vocab

KNOWN = Baselines(900, 100, False, 3.3, 2.9, (2.9, 2.4, 2.0, 1.8, 1.9), 2.2)


@pytest.mark.parametrize(
    ("nll", "said"),
    [
        (3.5, "no better than chance"),
        (float("nan"), "no better than chance"),
        (3.0, "worse than letter frequencies alone (unigram, 2.9000)"),
        (2.8, "better than the unigram (2.9000), worse than the 2-gram (2.4000)"),
        (1.95, "better than the 3-gram (2.0000), worse than the 4-gram (1.8000)"),
        (1.7, "better than all n-grams: the best is the 4-gram (1.8000)"),
    ],
)
def test_a_score_beside_the_baselines(nll, said):
    assert against_baselines(nll, KNOWN).startswith(said)


def test_each_baseline_has_one_name_and_one_number():
    unordered = Baselines(900, 100, False, 3.3, 2.9, (2.8, 3.0), 3.1)
    assert dict(unordered.rows()) == {"uniform": 3.3, "unigram": 2.9, "xz": 3.1}
    assert len(unordered.rows()) == 3
    assert against_baselines(2.85, unordered).endswith("the best is the unigram (2.9000)")


def points(*losses):
    return [Point(100 * k, loss) for k, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("held_out", "losses", "said"),
    [
        ((2.0,), (2.0,), ""),
        ((2.0, 1.9), (2.0, 1.9), "improved by 0.1000 since step 100"),
        ((2.0, 1.9, 1.9005), (2.0, 1.9, 1.8), "level since step 200"),
        ((1.9, 2.0), (2.0, 1.9), "worse than at step 100, which had 1.9000"),
        ((1.9, 2.0, 2.1), (2.0, 1.9, 1.8), "overfits since step 100, which had 1.9000"),
        ((1.9, 2.0, 2.1), (2.0, 2.1, 2.2), "worse than at step 100, which had 1.9000, in training"),
    ],
)
def test_from_one_score_to_the_next(held_out, losses, said):
    found = trend(points(*held_out), points(*losses))
    assert found.startswith(said)
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("held_out", "losses", "too_high"),
    [
        ((78555.8,), (4.2, 77259.0), True),
        ((78555.8, 75583.7), (4.2, 77259.0, 86956.7), True),  # "improving" by thousands of nats
        ((4.2,), (3.4, 3.6), True),
        ((3.31,), (3.31,), False),  # a slow start is not worse than chance
        ((3.4, 3.3), (3.4, 3.31), False),
        ((8.0, 9.0), (3.4, 0.1, 0.05), False),  # overfits
    ],
)
def test_a_rate_that_is_too_high_is_said_with_any_score(held_out, losses, too_high):
    said = verdict(points(*held_out), [Point(1, losses[0]), *points(*losses[1:])], KNOWN)
    assert ("the learning rate may be too high" in said) == too_high
    assert not (too_high and "improving" in said)


def test_a_long_text_is_sampled_and_it_is_said(monkeypatch):
    monkeypatch.setattr(measuring, "SAMPLE", 100)
    monkeypatch.setattr(measuring, "LARGE", 399)
    vocab = Vocab.from_alphabet("ab", eos=False)
    ids = vocab.encode("ab" * 200)
    found = measure(vocab, ids[:300], ids[300:])
    assert (found.train_characters, found.held_out_characters, found.sampled) == (90, 10, True)
    assert found.is_of(300, 100)
    assert "90 characters before the split" in found.sample_note


def test_baselines_are_kept_in_a_file(tmp_path):
    assert Baselines.load(tmp_path) is None
    KNOWN.save(tmp_path)
    assert Baselines.load(tmp_path) == KNOWN
    (tmp_path / "baselines.json").write_text("{}")
    assert Baselines.load(tmp_path) is None
