"""Results of comparisons, made without any training."""

from __future__ import annotations

import math

import numpy as np

from charlm.baselines.measure import Baselines
from charlm.comparison.results import BlockScores, MemberResult, Missing, Results, ScoreAt

BLOCKS = 60
BITS = {"uniform": 4.5, "unigram": 3.9, "xz": 2.9, "3-gram": 2.35}
"""Of the baselines, per character."""


def baselines(**options) -> Baselines:
    """The baselines with these bits."""
    uniform, unigram, xz, best = (math.log(2) * bits for bits in BITS.values())
    ngram = (unigram, best + 0.2, best, best + 0.1)
    sizes = {"train_characters": 540_000, "held_out_characters": 1000 * BLOCKS, "sampled": False}
    return Baselines(**sizes | options, uniform=uniform, unigram=unigram, ngram=ngram, xz=xz)


def member(name: str, seed: int, bits: float, sample: str = "a sample", blocks: int = BLOCKS):
    """A training that ends with this score; each block and seed has its own errors."""
    hard = np.random.default_rng(0).normal(0, 0.2, blocks)
    own = np.random.default_rng([seed, len(name)]).normal(0, 0.01, blocks)
    nats = 1000 * math.log(2) * (bits + hard - hard.mean() + own - own.mean())
    return MemberResult(
        name=name,
        seed=seed,
        parameters=10_000 * len(name),
        steps=2000,
        characters=640_000,
        seconds=30.0 + seed,
        losses=(3.0, 2.0),
        scores=tuple(
            ScoreAt(
                step=step,
                characters=320 * step,
                seconds=step / 70 + seed,
                nll=math.log(2) * (bits + 400 / (step + 100)),
            )
            for step in range(100, 2001, 100)
        ),
        held_out=BlockScores(
            nats=tuple(nats.tolist()),
            characters=(1000,) * blocks,
            bytes=(1250,) * blocks,
            symbols=1000 * blocks,
        ),
        sample=sample,
    )


def results(scores: dict[str, list[float]], **options) -> Results:
    """Results with these bits per character of each seed of each model."""
    members = tuple(
        member(name, seed, bits) for name, of in scores.items() for seed, bits in enumerate(of)
    )
    return Results(name="lstm, gru, srnn", models=tuple(scores), members=members, **options)


CLEAR = {"gru": [2.13, 2.14, 2.12], "lstm": [2.02, 2.03, 2.02], "srnn": [2.41, 2.48, 2.44]}
CLOSE = {"lstm": [2.02, 2.05, 2.00], "gru": [2.04, 2.06, 2.01], "srnn": [2.41, 2.48, 2.44]}
ALONE = {"lstm": [2.02], "gru": [2.06]}
MIXED = {"lstm": [2.02], "gru": [2.06, 2.07, 2.065]}
FAILED = Missing(name="srnn", seed=3, reason="step 7 failed, because the loss is nan")
