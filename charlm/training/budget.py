"""How long a run trains: steps, passes over the text, time, patience; whichever ends first ends it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from charlm.config import TrainConfig
from charlm.config.rules import seconds_of
from charlm.kernels.compiling import COMPILING
from charlm.wording import counted


@dataclass(frozen=True)
class Budget:
    """What a run may use up.

    Attributes:
        steps: updates in all; None sets no limit.
        why: how the steps were given.
        max_time: the same in time, as it was given.
        patience: held-out scores in a row that are no improvement.

    Example:
        >>> budget = Budget.of(TrainConfig(steps=100, epochs=0.5, max_time="1m"), steps_per_pass=90)
        >>> budget.steps, budget.progress(9, 30.0), budget.end(45, 30.0, 0)
        (45, 0.5, '0.5 epochs')
    """

    steps: int | None
    why: str
    max_time: str | None
    patience: int | None

    @classmethod
    def of(cls, settings: TrainConfig, steps_per_pass: int) -> Budget:
        """Return the budget of a config, on a text that is read once in so many steps of one batch."""
        limits: list[tuple[int, str]] = []
        if settings.steps is not None:
            limits.append((settings.steps, counted(settings.steps, "step")))
        if settings.epochs is not None:
            limits.append(
                (
                    math.ceil(settings.epochs * (steps_per_pass / settings.accumulate)),
                    counted(settings.epochs, "epoch"),
                )
            )
        steps, why = min(limits, default=(None, ""))
        return cls(steps, why, settings.max_time, settings.patience)

    @property
    def seconds(self) -> float | None:
        """The time that may be used up."""
        return None if self.max_time is None else seconds_of(self.max_time)

    def progress(self, step: int, seconds: float) -> float:
        """Return the part that is used up, from 0 to 1: a schedule follows it."""
        parts = [step / self.steps if self.steps else 1.0] if self.steps is not None else []
        parts += [seconds / self.seconds] if self.seconds is not None else []
        return min(1.0, max(parts))

    def end(self, step: int, seconds: float, stale: int) -> str | None:
        """Return why a run ends here, or None if it goes on.

        Args:
            step: updates so far.
            seconds: time used so far.
            stale: held-out scores since the best.
        """
        if self.steps is not None and step >= self.steps:
            return self.why
        if self.seconds is not None and seconds >= self.seconds:
            return self.max_time
        if self.patience is not None and stale >= self.patience:
            return f"no better held-out score in {counted(self.patience, 'measurement')}"
        return None

    def __str__(self) -> str:
        """Return what was given."""
        given = [self.why] if self.steps is not None else []
        given += [self.max_time] if self.max_time is not None else []
        given += [f"patience of {self.patience}"] if self.patience is not None else []
        return " or ".join(given)


class Clock:
    """The time that a run has taken: training, evaluation, sampling and saving.

    Reading the text and compiling are not charged to it: how long they take is not the run's.
    """

    def __init__(self) -> None:
        self.set(0.0)

    def set(self, seconds: float) -> None:
        """Let ``seconds`` have gone by until now."""
        self._start = _now() - seconds

    @property
    def seconds(self) -> float:
        """The time so far."""
        return _now() - self._start


def _now() -> float:
    return time.perf_counter() - COMPILING.seconds
