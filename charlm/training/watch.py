"""Signs that the settings of a run do not suit it: a learning rate that is too high, and overfitting.

Each is said once, with what to do. The signs are strong ones: runs that learn well show none of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import attrs

from charlm.config import ModelConfig, RunConfig, TrainConfig
from charlm.config.rules import all_of, number, one_of, or_nothing, whole
from charlm.config.stored import stored
from charlm.wording import fixed, short

RATE, OVERFITTING = "rate", "overfitting"
FAR_ABOVE = 1.5
"""Times the nll of equal probabilities, and of the first update; updates above it do not learn."""
UPDATES = 10
"""This many such updates in a row are a sign."""
ROSE = 1.05
"""A held-out score and a training loss that both rose by this factor from one score to the next are a sign."""
ABOVE = 1.05
"""Scores and losses that stay above this factor times the nll of equal probabilities are a sign; text of random
characters has scores a little above it."""
OVER = 1.01
"""Overfitting: the held-out score is this factor above the best, and the training loss fell by as much."""
RISES = 2
"""Overfitting: this many scores in a row, each above the one before."""
KEPT = 0.95
"""The weight of the earlier losses in the mean of the last ones."""
USUAL = {
    "sgd": 1,
    "momentum": 0.1,
    "adagrad": 0.05,
    "rmsprop": 0.01,
    "adam": 0.01,
    "adamw": 0.01,
    "muon": 0.01,
}
"""The highest usual learning rates. The loss of a line is a sum, so sgd and momentum need a tenth for lines."""
MOST_DROPOUT = 0.5


class Scored(NamedTuple):
    """A held-out score and its step."""

    step: int
    nll: float


@attrs.define
class Watch:
    """What is remembered of the losses, in nats per character.

    Attributes:
        first: the loss before the first update.
        above: the number of updates in a row that were far above it.
        recent: the mean of about the last 20 losses, with falling weights.
        train: this mean at the last held-out score.
        best_train: this mean at the best held-out score.
        nll: the last held-out score.
        rises: scores in a row that were above the one before.
        said: which signs were said.
    """

    first: float | None = stored(or_nothing(number()), None)
    above: int = stored(whole(0), 0)
    recent: float | None = stored(or_nothing(number()), None)
    train: float | None = stored(or_nothing(number()), None)
    best_train: float | None = stored(or_nothing(number()), None)
    nll: float | None = stored(or_nothing(number()), None)
    rises: int = stored(whole(0), 0)
    said: list[str] = stored(all_of(one_of(RATE, OVERFITTING)), attrs.Factory(list))

    def learned(self, loss: float, uniform: float, config: RunConfig) -> Iterator[str]:
        """Note the loss of an update; yield a sign that it completes.

        Args:
            loss: in nats per character.
            uniform: the nll of equal probabilities.
            config: of the run.
        """
        self.first = loss if self.first is None else self.first
        self.recent = loss if self.recent is None else KEPT * self.recent + (1 - KEPT) * loss
        limit = FAR_ABOVE * max(self.first, uniform)
        self.above = self.above + 1 if loss > limit else 0
        if self.above >= UPDATES:
            yield from self._say(
                RATE,
                f"the training loss rose from {fixed(self.first)} to {fixed(loss)}: {too_high(config)}",
            )

    def scored(self, now: Scored, best: Scored, uniform: float, config: RunConfig) -> Iterator[str]:
        """Note a held-out score, with the best so far; yield a sign that it completes."""
        if not math.isfinite(now.nll) or self.recent is None:
            return
        before, was = self.nll, self.train
        self.nll, self.train = now.nll, self.recent
        self.rises = self.rises + 1 if before is not None and now.nll > before else 0
        if best == now or self.best_train is None:
            self.best_train = self.train
        if before is None or was is None:
            return
        rose = now.nll > ROSE * before and self.train > ROSE * was
        if rose or (min(now.nll, self.train) > ABOVE * uniform and now.nll > before / ROSE):
            yield from self._say(
                RATE,
                f"the held-out score went from {fixed(before)} to {fixed(now.nll)}, and the training loss from "
                f"{fixed(was)} to {fixed(self.train)}: {too_high(config)}",
            )
        elif (
            self.rises >= RISES
            and now.nll > OVER * best.nll
            and OVER * self.train < self.best_train
        ):
            yield from self._say(OVERFITTING, overfits(now, best, config))

    def _say(self, sign: str, text: str) -> Iterator[str]:
        if sign not in self.said:
            self.said.append(sign)
            yield text


def too_high(config: RunConfig) -> str:
    """Return that a learning rate is too high, with one that is not."""
    settings = config.train
    return (
        f"the learning rate of {settings.learning_rate:g} is too high; stop this run (Ctrl-C), and start again with a "
        f"lower one, such as --lr {lower_rate(settings, config.data.framing == 'lines'):g}"
    )


def lower_rate(settings: TrainConfig, sums: bool) -> float:
    """Return a tenth of a learning rate, or the highest usual one if that is lower.

    Args:
        settings: of the training.
        sums: whether the loss is a sum over a line, and not a mean.

    Example:
        >>> lower_rate(TrainConfig(trainer="adam", learning_rate=5.0), sums=False)
        0.01
    """
    usual = USUAL.get(settings.trainer, math.inf)
    if sums and settings.trainer in ("sgd", "momentum"):
        usual /= 10
    return min(usual, float(short(settings.learning_rate / 10, 2)))


def overfits(now: Scored, best: Scored, config: RunConfig) -> str:
    """Return that a run overfits, and which settings help."""
    helps = ["more text", *helping(config.model)]
    stops = "" if config.train.patience else "; --patience 3 ends a run that overfits"
    return (
        f"the held-out score rose from {fixed(best.nll)} at step {best.step:,} to {fixed(now.nll)}, while the training "
        f"loss fell: the model overfits, it learns the training text by heart. The weights of step {best.step:,} are "
        f"kept as the best. A new run is better with {' or '.join(helps)}{stops}"
    )


def helping(model: ModelConfig) -> Iterator[str]:
    """Yield the options that are known to help a model that overfits.

    >>> [*helping(ModelConfig(dropout=0.2))]
    ['--dropout 0.4']
    """
    more = min(MOST_DROPOUT, round(model.dropout + 0.2, 2))
    if more > model.dropout:
        yield f"--dropout {more:g}"
