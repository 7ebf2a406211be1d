"""Which model predicts the held-out text best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from charlm.comparison.results import Results
from charlm.comparison.statistics import Ranking, Scores, rank


@dataclass(frozen=True)
class Judgement:
    """The scores of all models that have a result, and what they show.

    Attributes:
        unit: of the text, ``character`` or ``byte``; scores are in bits per unit.
        scores: of each model, the best first.
        ranking: the best model, and its lead over each of the others.
    """

    unit: str
    scores: Mapping[str, Scores]
    ranking: Ranking


def judge_held_out(results: Results) -> Judgement:
    """Judge results that all have a held-out score.

    Example:
        >>> from charlm.comparison.results import BlockScores, MemberResult
        >>> def member(name, *nats):
        ...     lengths = {"characters": (1000, 1000), "bytes": (1100, 1000), "symbols": 2000}
        ...     used = {"seed": 0, "parameters": 9, "steps": 1, "characters": 1, "seconds": 1.0, "losses": ()}
        ...     return MemberResult(name=name, **used, held_out=BlockScores(nats=nats, **lengths))
        >>> members = member("a", 700.0, 800.0), member("b", 650.0, 751.0)
        >>> made = judge_held_out(Results(name="", models=("a", "b"), members=members))
        >>> made.unit, [*made.scores], made.ranking.winner
        ('character', ['b', 'a'], 'b')
    """
    unit = "byte" if results.per_byte else "character"
    scores = {}
    for name in results.models:
        held_out = [member.held_out for member in results.of(name) if member.held_out is not None]
        if held_out:
            units = held_out[0].bytes if results.per_byte else held_out[0].characters
            nats_SK = np.array([blocks.nats for blocks in held_out])
            scores[name] = Scores(nats_SK, np.array(units, np.float64))
    ranking = rank(scores)
    return Judgement(unit, {name: scores[name] for name in (ranking.best, *ranking.leads)}, ranking)
