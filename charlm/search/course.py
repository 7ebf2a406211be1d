"""The course of a trial: where its training is scored, and how it ends."""

from __future__ import annotations

import math

import attrs

from charlm.errors import ConfigError, DivergedError
from charlm.search.study import Running
from charlm.training.events import Evaluated, Event, RolledBack, Stepped
from charlm.training.loop import Training

SCORES = 5
"""Held-out scores in a trial, at equal parts of its training; trials are compared there."""


@attrs.define
class Course:
    """How far a trial is, and how it ends.

    Attributes:
        state: ``complete``, ``pruned`` or ``failed``.
        score: the best held-out score, as a run keeps it; of a pruned trial its last; of a failed one None.
        share: the part of its training that it did, from 0 to 1.
        steps: updates.
        reason: why it failed.
    """

    state: str = "complete"
    score: float | None = None
    share: float = 0.0
    steps: int = 0
    reason: str = ""

    def follow(self, event: Event, training: Training, running: Running) -> None:
        """Have the training scored at equal parts, and stop it if it is worse there than others.

        Raises:
            DivergedError: the loss or the score is not finite.
            ConfigError: the training ends in its warm-up.
        """
        match event:
            case Stepped():
                place = int(event.progress * SCORES)
                training.score_wanted = int(self.share * SCORES) < place < SCORES
                self.share, self.steps = event.progress, event.step
            case RolledBack():
                raise DivergedError(f"the loss is not finite after step {event.from_step}")
            case Evaluated():
                self._score(event, training, running)

    def fail(self, error: Exception) -> None:
        """Note why the trial has no score."""
        memory = isinstance(error, MemoryError)
        self.state, self.score = "failed", None
        self.reason = "the memory is not enough" if memory else str(error)

    def _score(self, event: Evaluated, training: Training, running: Running) -> None:
        nll, warmup = event.score.nll, training.config.train.warmup
        if not math.isfinite(nll):
            raise DivergedError(f"the held-out score is not finite at step {event.step}")
        is_warm = event.step >= warmup  # until then, trials differ by their warm-up
        self.score = training.learner.progress.best_nll
        if training.budget.end(event.step, training.clock.seconds, 0) is None:
            place = int(self.share * SCORES)
            if is_warm and running.is_worse(place, nll):
                self.state, self.score = "pruned", nll
                training.stop("pruned")
        elif not is_warm:
            raise ConfigError(
                f"the trial ends after {event.step} steps, in its warm-up of {warmup} updates; make trials longer "
                "with --budget, or set a shorter train.warmup"
            )
