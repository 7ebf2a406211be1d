"""Intervals keep their promise on simulated scores: equal models do not win, real differences are shown."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from charlm.comparison.statistics import Scores, difference, rank, t_quantile

BLOCKS = 100
SEEDS = [2, 3, 5]
TIMES = 200
NOISE = TIMES * 0.05 + 3 * math.sqrt(TIMES * 0.05 * 0.95)
"""So often may an event of 5 % happen, up to three standard deviations of chance."""


def failing(state, size):
    """Seeds of which a few are far worse than the others."""
    return state.exponential(1, size) - 1


def simulated(random, seeds, better=0.0, spread=0.01, blocks=BLOCKS, likes=0.0, luck=failing):
    """Scores of a model that needs 2 - ``better`` bits per character.

    Seeds differ by ``spread``. Each text has hard blocks, each seed its own errors, related in neighbouring blocks, and
    each model blocks that it likes. None of this is normal: hard blocks and failed seeds lie far out.
    """
    state = np.random.default_rng(random.integers(1 << 32))
    hard_K = 0.3 * np.random.default_rng(random.bit_generator.seed_seq.spawn_key).standard_t(
        4, blocks
    )
    own_SK = 0.005 * state.standard_t(4, (seeds, blocks))
    own_SK += 0.5 * np.roll(own_SK, 1, axis=1) + 0.25 * np.roll(own_SK, 2, axis=1)
    seed_S1 = spread * luck(state, (seeds, 1))
    units_K = 1000.0 + np.arange(blocks) % 7
    bits_SK = 2 - better + seed_S1 + hard_K + own_SK + likes * state.standard_t(4, blocks)
    return Scores(bits_SK * units_K * math.log(2), units_K)


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.1])
def test_a_against_a_has_no_winner(seeds, spread):
    random = np.random.default_rng(seeds)
    wins = 0
    for _ in range(TIMES):
        a, b = (simulated(random, seeds, spread=spread) for _ in range(2))
        wins += rank({"a": a, "b": b}).winner is not None
    assert wins <= NOISE


@pytest.mark.parametrize("seeds", SEEDS)
def test_the_best_of_many_equal_models_is_only_the_luckiest(seeds):
    random = np.random.default_rng(10 + seeds)
    claims = wins = 0
    for _ in range(TIMES):
        ranking = rank({name: simulated(random, seeds) for name in "abcde"})
        claims += any(lead.shown for lead in ranking.leads.values())
        wins += ranking.winner is not None
    assert claims <= NOISE
    assert wins <= NOISE


def test_an_interval_over_the_text_alone_would_declare_winners():
    # so that the simulation above is known to contain the danger: one seed of each stands for the model
    random = np.random.default_rng(0)
    trials = [difference(simulated(random, 1), simulated(random, 1)) for _ in range(TIMES)]
    assert sum(trial.shown for trial in trials) > 0.4 * TIMES


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("likes", [0.0, 0.1])
def test_the_interval_contains_the_true_difference(seeds, likes):
    def luck(state, size):
        return state.standard_t(4, size)

    random = np.random.default_rng(20 + seeds)
    missed = 0
    for _ in range(TIMES):
        good = simulated(random, seeds, better=0.05, spread=0.03, likes=likes, luck=luck)
        poor = simulated(random, seeds, likes=likes, luck=luck)
        low, high = difference(good, poor).interval
        missed += not low <= 0.05 <= high
    assert missed <= NOISE


@pytest.mark.parametrize(("seeds", "better"), [(2, 0.2), (3, 0.06), (5, 0.03)])
def test_a_real_difference_is_shown(seeds, better):
    random = np.random.default_rng(30 + seeds)
    wins = []
    for _ in range(TIMES):
        models = {"a": simulated(random, seeds), "b": simulated(random, seeds, better)}
        wins.append(rank(models).winner)
    assert wins.count("b") > 0.8 * TIMES
    assert "a" not in wins


def test_more_seeds_or_more_text_make_the_interval_narrower():
    random = np.random.default_rng(0)

    def half(seeds, blocks, likes):
        pairs = [
            difference(*(simulated(random, seeds, blocks=blocks, likes=likes) for _ in range(2)))
            for _ in range(50)
        ]
        return np.median([pair.half for pair in pairs])

    assert half(8, 50, 0.0) < half(3, 50, 0.0) / 1.5 < half(2, 50, 0.0) / 2
    assert half(3, 3200, 0.5) < half(3, 50, 0.5) / 4


def test_what_is_hard_for_both_cancels():
    hard_K = np.random.default_rng(0).exponential(1000.0, 50)
    units_K = np.full(50, 1000.0)
    lead = difference(Scores(hard_K[None], units_K), Scores(hard_K[None] + 1, units_K))
    assert lead.mean == pytest.approx(0.001 / math.log(2))
    assert lead.half == pytest.approx(0, abs=1e-9)
    assert lead.shown


def test_the_same_scores_are_no_difference():
    scores = simulated(np.random.default_rng(0), 1)
    lead = difference(scores, scores)
    assert (lead.mean, lead.half, lead.ahead, lead.shown) == (0, 0, 0.5, False)


def test_one_block_of_text_shows_nothing():
    good, poor = (Scores(np.array([[n], [n + 1]]), np.array([1000.0])) for n in (1.0, 900.0))
    lead = difference(good, poor)
    assert lead.half == math.inf
    assert not lead.shown
    assert rank({"poor": poor, "good": good}).winner is None


def test_a_model_with_one_seed_leaves_the_chance_of_the_others_seeds():
    random = np.random.default_rng(0)
    finished, config = simulated(random, 1), simulated(random, 3, spread=0.1)
    lead = difference(finished, config)
    spread = t_quantile(0.95, 2) * config.std / math.sqrt(3)
    assert spread < lead.half < 1.1 * spread
    assert finished.std is None


def test_weights_of_blocks_are_their_characters():
    scores = Scores(np.log([[2.0, 4.0]]), np.array([1.0, 3.0]))
    assert scores.bits.tolist() == pytest.approx([0.75])


def test_pairs_of_seeds_that_are_ahead():
    units_K = np.array([1.0, 1.0])

    def seeds(*nats):
        return Scores(np.array([[n, n] for n in nats]), units_K)

    assert difference(seeds(1.0, 3.0), seeds(2.0, 4.0)).ahead == 0.75
    assert difference(seeds(1.0), seeds(1.0, 4.0)).ahead == 0.75


def test_the_order_of_leads_is_from_the_best_down():
    units_K = np.full(3, 1000.0)
    bits = {"mid": 1400.0, "bad": 1500.0, "good": 1300.0}
    ranking = rank({name: Scores(np.full((1, 3), n), units_K) for name, n in bits.items()})
    assert (ranking.best, [*ranking.leads]) == ("good", ["mid", "bad"])


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.995, 0.9999])
def test_quantiles_agree_with_the_distributions_that_have_a_formula(confidence):
    # 1, 2 and 4 degrees of freedom have closed forms; many are nearly normal, with Fisher's first correction
    assert t_quantile(confidence, 1) == pytest.approx(math.tan(math.pi * confidence / 2))
    two = confidence * math.sqrt(2 / (1 - confidence**2))
    assert t_quantile(confidence, 2) == pytest.approx(two)
    t = t_quantile(confidence, 4)
    assert 1.5 * (s := t / math.sqrt(4 + t * t)) - 0.5 * s**3 == pytest.approx(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    assert t_quantile(confidence, 1e4) == pytest.approx(z + (z**3 + z) / 4e4, abs=1e-6)
    between = [t_quantile(confidence, freedom) for freedom in (1, 1.01, 1.5, 1.99, 2, 3, 30.5)]
    assert between == sorted(between, reverse=True)


@pytest.mark.parametrize("freedom", [1.3, 2.7, 5, 29])
def test_quantiles_agree_with_drawn_numbers(freedom):
    drawn = np.abs(np.random.default_rng(0).standard_t(freedom, 100_000))
    assert (drawn < t_quantile(0.95, freedom)).mean() == pytest.approx(0.95, abs=0.003)
