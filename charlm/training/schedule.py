"""The learning rate over a training: a rise at the start, and one of five ways to fall.

Each way is a pure function of the part of the training that is done, from 0 to 1. It returns a factor of the
configured learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs

from charlm.config import TrainConfig
from charlm.config.rules import number, whole
from charlm.config.stored import stored
from charlm.errors import ConfigError


def cosine(done: float, end: float) -> float:
    """Half a cosine wave from 1 down to ``end`` (Loshchilov and Hutter, 2017, without restarts).

    >>> [round(cosine(done, 0.1), 3) for done in (0, 0.5, 1)]
    [1.0, 0.55, 0.1]
    """
    return end + (1 - end) * (1 + math.cos(math.pi * done)) / 2


def exponential(done: float, end: float) -> float:
    """``end`` to the power of ``done``: the same factor at every update, and ``end`` after the last.

    >>> [round(exponential(done, 0.01), 3) for done in (0, 0.5, 1)]
    [1.0, 0.1, 0.01]
    """
    return float(end**done)


def step(done: float, factor: float, places: Sequence[float]) -> float:
    """``factor`` to the power of the number of ``places`` that are reached.

    >>> [step(done, 0.5, (0.5, 0.75)) for done in (0.49, 0.5, 0.8)]
    [1.0, 0.5, 0.25]
    """
    return float(factor ** sum(done >= place for place in places))


def after_warmup(updates: int, progress: float, warmup: int) -> float:
    """Return the part that is done of the training after the warm-up, from 0 to 1.

    The warm-up took ``warmup / updates`` of ``progress``, which is the part of the whole training.

    >>> after_warmup(50, 0.5, warmup=0)
    0.5
    """
    if updates <= warmup:
        return 0.0
    rose = progress * warmup / updates
    return min(1.0, (progress - rose) / (1 - rose)) if rose < 1 else 1.0


def _best(value: Any) -> float:
    return math.inf if value == math.inf else number()(value)


@attrs.define
class PlateauState:
    """What the schedule ``plateau`` remembers of the held-out scores.

    Attributes:
        best: the best so far.
        waited: scores since the best or since the last fall.
        falls: how often the rate fell.
    """

    best: float = stored(_best, math.inf)
    waited: int = stored(whole(0), 0)
    falls: int = stored(whole(0), 0)


class Schedule:
    """The learning rate of every update of a training.

    Args:
        settings: ``learning_rate``, ``warmup``, ``schedule`` and its own settings.
        scored: whether there is a held-out text, which ``plateau`` needs.

    Attributes:
        start: the step and the seconds at which it begins.
        plateau: what ``plateau`` remembers of the scores.

    Raises:
        ConfigError: ``plateau`` without a held-out text.

    Example:
        >>> schedule = Schedule(TrainConfig(learning_rate=1.0, warmup=4, schedule="cosine", decay=0.0))
        >>> [round(schedule.rate(updates, updates / 100), 2) for updates in (0, 1, 4, 52, 100)]
        [0.25, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(self, settings: TrainConfig, scored: bool = True) -> None:
        if settings.schedule == "plateau" and not scored:
            raise ConfigError(
                "train.schedule: plateau depends on the held-out score, but no text is held out; set data.val_frac, "
                "or choose cosine"
            )
        self._settings = settings
        self.start = settings.schedule_start
        self.plateau = PlateauState()

    def rate(self, updates: int, progress: float) -> float:
        """Return the learning rate of the next update.

        Args:
            updates: how many there were before.
            progress: the part of the training after ``start`` that is done, from 0 to 1, in steps or in time.
        """
        settings = self._settings
        updates = max(0, updates - int(self.start[0]))
        if updates < settings.warmup:
            return settings.learning_rate * (updates + 1) / settings.warmup
        return settings.learning_rate * self._share(updates, min(progress, 1.0))

    def score(self, nll: float) -> None:
        """Note a held-out score, for ``plateau``."""
        plateau = self.plateau
        if nll < plateau.best:
            plateau.best, plateau.waited = nll, 0
            return
        plateau.waited += 1
        if plateau.waited == self._settings.decay_after:
            plateau.falls, plateau.waited = plateau.falls + 1, 0

    def _share(self, updates: int, progress: float) -> float:
        settings = self._settings
        done = after_warmup(updates, progress, settings.warmup)
        if settings.schedule == "cosine":
            return cosine(done, settings.decay_share)
        if settings.schedule == "exponential":
            return exponential(done, settings.decay_share)
        if settings.schedule == "step":
            return step(progress, settings.decay_share, settings.decay_places)
        return float(settings.decay_share**self.plateau.falls)  # for a constant rate, 1
