"""What a run's losses mean, in words: compared with the baselines, and with its earlier scores."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from charlm.baselines.measure import Baselines
from charlm.wording import fixed

NOTICED = 0.001
"""Nats per character; a smaller change of a held-out score counts as no change."""
_WINDOW = 5
_BLOWN_UP = 1.2
"""Times the uniform nll; a held-out score above it, with a training loss that has risen, is not a slow start."""


class Point(NamedTuple):
    """A loss and the step after which it was measured."""

    step: int
    loss: float


def verdict(held_out: Sequence[Point], losses: Sequence[Point], baselines: Baselines) -> str:
    """Describe a run by its held-out scores so far, in order, and its training losses.

    Example:
        >>> baselines = Baselines(900, 100, False, 3.3, 2.9, (2.9, 2.4, 2.0, 1.8, 1.9), 2.2)
        >>> verdict([Point(100, 2.5), Point(200, 1.9)], [], baselines)
        'better than the 3-gram (2.0000), worse than the 4-gram (1.8000); improved by 0.6000 since step 100'
        >>> trend([Point(100, 1.7), Point(200, 1.8), Point(300, 1.9)], [Point(100, 1.6), Point(300, 1.1)])
        'overfits since step 100, which had 1.7000'
    """
    last = held_out[-1]
    compared = against_baselines(last.loss, baselines)
    now = _recent(losses, last.step)
    risen = now is not None and now > losses[0].loss
    if risen and last.loss > _BLOWN_UP * baselines.uniform:
        return f"{compared}, and the training loss is above its first value: the learning rate may be too high"
    return f"{compared}; {trend(held_out, losses)}".removesuffix("; ")


def against_baselines(nll: float, baselines: Baselines) -> str:
    """Say which baselines a score is better than."""
    if not nll < baselines.uniform:
        return f"no better than chance (uniform, {fixed(baselines.uniform)})"
    nlls = (baselines.unigram, *baselines.ngram[1 : baselines.best_order])
    names = ["unigram", *(f"{order}-gram" for order in range(2, len(nlls) + 1))]
    models = [f"the {name} ({fixed(score)})" for name, score in zip(names, nlls, strict=True)]
    beaten = len(list(takewhile(lambda score: nll < score, nlls)))
    if beaten == 0:
        return f"worse than letter frequencies alone (unigram, {fixed(baselines.unigram)})"
    if beaten == len(models):
        return f"better than all n-grams: the best is {models[-1]}"
    return f"better than {models[beaten - 1]}, worse than {models[beaten]}"


def trend(held_out: Sequence[Point], losses: Sequence[Point]) -> str:
    """Say whether the held-out score still improves; the first score gets an empty text."""
    if len(held_out) < 2:
        return ""
    best = min(held_out[:-1], key=lambda point: point.loss)
    last = held_out[-1]
    change = last.loss - best.loss
    if change < -NOTICED:
        return f"improved by {fixed(-change)} since step {best.step}"
    if change <= NOTICED:
        return f"level since step {best.step}"
    since = f"step {best.step}, which had {fixed(best.loss)}"
    before, now = _recent(losses, best.step), _recent(losses, last.step)
    if before is not None and now is not None and now >= before:
        return f"worse than at {since}, in training too: the learning rate may be too high"
    if best == held_out[-2]:
        return f"worse than at {since}"  # one worse score may be chance
    return f"overfits since {since}"


def _recent(losses: Sequence[Point], step: int) -> float | None:
    """Return the mean of the last losses up to a step."""
    recent = [point.loss for point in losses if point.step <= step][-_WINDOW:]
    return sum(recent) / len(recent) if recent else None
