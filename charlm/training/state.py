"""What a checkpoint holds of a training, beside its tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs

from charlm.config.rules import line, number, one_of, or_nothing, real, shown, whole
from charlm.config.stored import stored
from charlm.errors import SettingError
from charlm.lm.saved import ModelState
from charlm.training.guard import Guard
from charlm.training.schedule import PlateauState
from charlm.training.watch import Watch


@attrs.define
class Progress:
    """How far a run is.

    Attributes:
        step: updates so far, skipped ones included; it tells which text comes next.
        characters: learned from so far.
        loss_sum: the losses of the steps since the last log.
        loss_count: the number of these steps.
        last_loss: the last logged loss.
        sampled: the step of the last sample.
        evaluated: the step of the last held-out score; -1 before the first.
        last_nll: that score.
        best_nll: the best score.
        best_step: its step.
        evals_since_best: held-out scores since the best one.
    """

    step: int = stored(whole(0), 0)
    characters: int = stored(whole(0), 0)
    loss_sum: float = stored(number(), 0.0)
    loss_count: int = stored(whole(0), 0)
    last_loss: float | None = stored(or_nothing(number()), None)
    sampled: int = stored(whole(0), 0)
    evaluated: int = stored(whole(-1), -1)
    last_nll: float | None = stored(or_nothing(real), None)
    best_nll: float | None = stored(or_nothing(number()), None)
    best_step: int | None = stored(or_nothing(whole(0)), None)
    evals_since_best: int = stored(whole(0), 0)

    def scored(self, nll: float) -> bool:
        """Note a held-out score; return whether it is the best so far."""
        best = math.isfinite(nll) and (self.best_nll is None or nll < self.best_nll)
        self.evaluated, self.last_nll = self.step, nll
        self.evals_since_best += 1
        if best:
            self.best_nll, self.best_step, self.evals_since_best = nll, self.step, 0
        return best


@attrs.frozen
class Lines:
    """How many lines the logs of a run have."""

    metrics: int = stored(whole(0))
    samples: int = stored(whole(0))


def _odd(value: Any) -> int:
    number: int = whole(1, 2**128 - 1)(value)
    if not number % 2:
        raise SettingError(f"expected an odd number, got {shown(value)}")
    return number


@attrs.frozen
class Lcg:
    """The numbers inside PCG64."""

    state: int = stored(whole(0, 2**128 - 1))
    inc: int = stored(_odd)


@attrs.frozen(kw_only=True)
class Stream:
    """The state of a model's random numbers (``numpy.random.PCG64``)."""

    bit_generator: str = stored(one_of("PCG64"))
    state: Lcg
    has_uint32: int = stored(whole(0, 1))
    uinteger: int = stored(whole(0, 2**32 - 1))


@attrs.frozen(kw_only=True)
class TrainingState(ModelState):
    """What a run needs to resume, beside its tensors.

    Attributes:
        updates: of the trainer.
        averaged: updates in the average of the weights.
        stream: of the model's random numbers.
        lines: of the logs.
        seconds: used so far, if there is a time limit.
        ranks: how many shared each gradient.
        watch: signs that the settings do not suit the run.
    """

    text_sha256: str = stored(line)
    updates: int = stored(whole(0))
    progress: Progress
    guard: Guard
    schedule: PlateauState
    averaged: int = stored(whole(0))
    stream: Stream
    lines: Lines
    seconds: float | None = stored(or_nothing(number(least=0)))
    ranks: int = stored(whole(1), 1)
    watch: Watch = attrs.field(factory=Watch)

    def contradictions(self) -> Iterator[str]:
        """Yield what cannot be true at the same time."""
        progress, guard = self.progress, self.guard
        if self.step != progress.step:
            yield f"step is {self.step}, and progress.step {progress.step}"
        for name in ("sampled", "evaluated", "best_step", "loss_count"):
            if (getattr(progress, name) or 0) > progress.step:
                yield f"progress.{name} is {getattr(progress, name)}, after progress.step, {progress.step}"
        if (progress.best_nll is None) != (progress.best_step is None):
            yield "one of progress.best_nll and progress.best_step is missing"
        if (progress.last_nll is None) != (progress.evaluated < 0):
            yield f"progress.last_nll is {progress.last_nll}, and progress.evaluated {progress.evaluated}"
        if self.updates > progress.step:
            yield f"updates is {self.updates}, more than progress.step, {progress.step}"
        if guard.tries > guard.rollbacks or guard.factor != 0.5**guard.rollbacks:
            yield f"guard has {guard.rollbacks} rollbacks, {guard.tries} tries and the factor {guard.factor:g}"
