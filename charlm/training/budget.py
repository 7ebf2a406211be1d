"""How long a run trains: steps, epochs, time, patience. The first limit that is reached ends it."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from charlm.config import TrainConfig
from charlm.config.rules import seconds_of
from charlm.kernels.compiling import COMPILING
from charlm.wording import counted

UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


@dataclass(frozen=True)
class Budget:
    """The limits of a run; None is no limit.

    Attributes:
        steps: updates in all.
        why: the setting that gives the steps, in words.
        max_time: the time limit, as the config has it.
        patience: held-out scores in a row without improvement.

    Example:
        >>> budget = Budget.of(TrainConfig(steps=100, epochs=0.5, max_time="1m"), steps_per_pass=90)
        >>> budget.steps, budget.progress(9, 30.0), budget.end(45, 30.0, 0)
        (45, 0.5, '0.5 epochs')
        >>> str(budget)
        'at most 0.5 epochs or 1 minute'
    """

    steps: int | None
    why: str
    max_time: str | None
    patience: int | None

    @classmethod
    def of(cls, settings: TrainConfig, steps_per_pass: int) -> Budget:
        """Return the budget of a config; ``steps_per_pass`` batches read the text once."""
        limits: list[tuple[int, str]] = []
        if settings.steps is not None:
            limits.append((settings.steps, counted(settings.steps, "step")))
        if settings.epochs is not None:
            steps = math.ceil(settings.epochs * (steps_per_pass / settings.accumulate))
            limits.append((steps, counted(settings.epochs, "epoch")))
        fewest, why = min(limits, default=(None, ""))
        return cls(fewest, why, settings.max_time, settings.patience)

    @property
    def seconds(self) -> float | None:
        """The time limit."""
        return None if self.max_time is None else seconds_of(self.max_time)

    def progress(self, step: int, seconds: float, start: tuple[float, float] = (0, 0.0)) -> float:
        """Return the part of the budget that is used up, from 0 to 1. A schedule follows it.

        Args:
            step: updates so far.
            seconds: the time so far.
            start: the step and the seconds from which on the budget counts.
        """
        first, began = start
        parts = [] if self.steps is None else [_share(step - first, self.steps - first)]
        parts += [] if self.seconds is None else [_share(seconds - began, self.seconds - began)]
        return min(1.0, max(0.0, *parts))

    def end(self, step: int, seconds: float, evals_since_best: int) -> str | None:
        """Return why a run ends after these steps, seconds and held-out scores since the best; None if it continues."""
        if self.steps is not None and step >= self.steps:
            return self.why
        if self.seconds is not None and seconds >= self.seconds:
            return time_is_up(str(self.max_time))
        if self.patience is not None and evals_since_best >= self.patience:
            return f"no improvement in {counted(self.patience, 'held-out score')}"
        return None

    @property
    def length(self) -> str:
        """The limits on steps and time, in words."""
        steps = [] if self.steps is None else [self.why]
        return " or ".join(steps + ([] if self.max_time is None else [_in_words(self.max_time)]))

    def __str__(self) -> str:
        """Return all limits, in words."""
        if self.patience is None:
            return f"at most {self.length}" if " or " in self.length else self.length
        bring = "brings" if self.patience == 1 else "in a row bring"
        scores = counted(self.patience, "held-out score")
        return f"at most {self.length}, or until {scores} {bring} no improvement"


def _share(done: float, all_of_it: float) -> float:
    return done / all_of_it if all_of_it > 0 else 1.0


def time_is_up(limit: str) -> str:
    """Return why a run ended that reached its time limit."""
    return f"time limit of {limit}"


class Clock:
    """The time that a run has used: for training, scoring, sampling and saving.

    Reading the text and compiling do not count.
    """

    def __init__(self) -> None:
        self.set(0.0)

    def set(self, seconds: float) -> None:
        """Continue from ``seconds``."""
        self._start = _now() - seconds

    @property
    def seconds(self) -> float:
        """The time so far."""
        return _now() - self._start


def _now() -> float:
    return time.perf_counter() - COMPILING.seconds


def _in_words(time: str) -> str:
    """Return a time of a config with its units in full.

    >>> _in_words("1h30m"), _in_words("0.5s")
    ('1 hour 30 minutes', '0.5 seconds')
    """
    parts = re.findall(r"([\d.]+)([dhms])", time)
    return " ".join(counted(float(number), UNITS[unit]) for number, unit in parts)
