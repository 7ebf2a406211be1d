"""Verdicts on held-out text in words, which claim no more than the intervals allow."""

from __future__ import annotations

import math
from collections.abc import Collection

from charlm.comparison.judging import Judgement
from charlm.comparison.statistics import CONFIDENCE, Difference
from charlm.wording import counted, fixed

ONE_SEED = "Whether another seed would decide the same, one seed cannot tell; --seeds 3 can."
FINISHED = (
    "Whether trainings with other seeds would decide the same, finished runs cannot tell; their configs can, compared "
    "with --seeds 3."
)
LISTED = 2
"""The most models that the words name one by one; the table has all."""
PERCENT = f"{100 * CONFIDENCE:g} %"


def interval_in_words(lead: Difference) -> str:
    """Return the ends of an interval.

    Example:
        >>> interval_in_words(Difference(0.02, 0.03, 0.04, 1.0))
        '-0.0300 to 0.0700'
        >>> interval_in_words(Difference(0.02, 0.03, math.inf, 1.0))
        'unknown'
    """
    low, high = lead.interval
    return f"{fixed(low)} to {fixed(high)}" if math.isfinite(lead.half) else "unknown"


def verdict_in_words(judgement: Judgement, finished: Collection[str] = ()) -> tuple[str, ...]:
    """Return which model predicts the held-out text best, as far as that is shown, and what could show more.

    Args:
        judgement: of the models.
        finished: those of them that were trained before, which no option gives other seeds.
    """
    ranking = judgement.ranking
    best, leads = ranking.best, ranking.leads
    if not leads:
        return (f"Only {best} has a result, so there is nothing to compare it with.",)
    if not all(math.isfinite(lead.half) for lead in leads.values()):
        return (_too_short(judgement),)
    shown = {name: lead for name, lead in leads.items() if lead.shown}
    hidden = {name: lead for name, lead in leads.items() if not lead.shown}
    said = [_shown(judgement, shown)] if shown else []
    if len(hidden) > LISTED:
        said.append(_many_not_shown(judgement, hidden))
    else:
        said += [_not_shown(judgement, name) for name in hidden]
    return (*said, _reach(judgement, finished))


def _shown(judgement: Judgement, shown: dict[str, Difference]) -> str:
    best, total = judgement.ranking.best, len(judgement.ranking.leads)
    if judgement.ranking.winner:
        what = "predicts the held-out text best"
    elif len(shown) > LISTED:
        what = f"is better than {len(shown)} of the {total} other models"
    else:
        what = f"is better than {' and '.join(shown)}"
    less = "; ".join(
        f"{fixed(lead.mean)} bits per {judgement.unit} less than {name} ({PERCENT} interval {interval_in_words(lead)})"
        for name, lead in [*shown.items()][:LISTED]
    )
    more = " The table has the other differences." if len(shown) > LISTED else ""
    return f"{best} {what}. It needs {less}.{more}"


def _many_not_shown(judgement: Judgement, hidden: dict[str, Difference]) -> str:
    widest = max(hidden.values(), key=lambda lead: lead.half)
    return (
        f"No difference is shown between {judgement.ranking.best} and {len(hidden)} other models: the {PERCENT} "
        f"intervals contain 0. Only a measured difference of more than {fixed(widest.half)} would be shown for each of "
        f"them here; more {_wanted(widest)} would show a smaller one."
    )


def _not_shown(judgement: Judgement, other: str) -> str:
    best, lead = judgement.ranking.best, judgement.ranking.leads[other]
    if lead.half == lead.mean == 0:
        return f"{best} and {other} have exactly the same scores."
    return (
        f"No difference is shown between {best} and {other}. {best} needs {fixed(lead.mean)} bits per "
        f"{judgement.unit} less, but the {PERCENT} interval is {interval_in_words(lead)}. Only a measured "
        f"difference of more than {fixed(lead.half)} would be shown; more {_wanted(lead)} would show a smaller one."
    )


def _wanted(lead: Difference) -> str:
    """Return what would make an interval narrower."""
    return "seeds" if lead.half_of_seeds > lead.half_of_text else "held-out text"


def _too_short(judgement: Judgement) -> str:
    size = int(judgement.scores[judgement.ranking.best].units_K.sum())
    return (
        f"Undecided: the held-out text has only {counted(size, judgement.unit)}, too few to tell how much of a "
        "difference is chance. Hold out 2,000 characters or more; 30,000 or more are better."
    )


def _reach(judgement: Judgement, finished: Collection[str]) -> str:
    """Return which chances the intervals include, and which not."""
    alone = [name for name, scores in judgement.scores.items() if len(scores.nats_SK) == 1]
    if not alone:
        return "The intervals allow for other seeds and for other text of this kind."
    if len(alone) == len(judgement.scores):
        more = FINISHED if finished else ONE_SEED
        return f"These weights were judged: the intervals allow for other text of this kind only. {more}"
    whose = "its" if len(alone) == 1 else "their"
    return (
        "The intervals allow for other text of this kind, and for other seeds of models with several. "
        f"{', '.join(alone)} had one seed: this is about {whose} weights, and another seed may decide otherwise."
    )
