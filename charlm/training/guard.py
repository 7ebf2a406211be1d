"""The guard against losses and gradients that are not finite.

A bad step changes nothing. After three in a row, or more than one in ten for long, the run goes back to its last
checkpoint with half the learning rate. If it does not reach the next checkpoint after ``MOST_ROLLBACKS`` halvings,
it has diverged.
"""

from __future__ import annotations

import attrs

from charlm.config.rules import number, whole
from charlm.config.stored import stored
from charlm.errors import DivergedError

MOST_ROLLBACKS = 5
"""Rollbacks to one checkpoint; the learning rate is then a 32nd of its value there."""
BAD, LIMIT = 10, 30
"""A bad step raises the level by ``BAD``, a good one lowers it by one; at ``LIMIT`` the run goes back."""


@attrs.define
class Guard:
    """The bad steps of a run.

    Attributes:
        skipped: the number of bad steps.
        rollbacks: their number.
        tries: rollbacks since the last checkpoint.
        level: see ``LIMIT``.
        factor: what the learning rate is multiplied by.
    """

    skipped: int = stored(whole(0), 0)
    rollbacks: int = stored(whole(0), 0)
    tries: int = stored(whole(0, MOST_ROLLBACKS), 0)
    level: int = stored(whole(0, LIMIT), 0)
    factor: float = stored(number(above=0, most=1), 1.0)

    def good(self) -> None:
        """Note a step with a finite loss and gradient."""
        self.level = max(0, self.level - 1)

    def bad(self) -> None:
        """Note a step that was skipped."""
        self.skipped += 1
        self.level += BAD

    @property
    def must_roll_back(self) -> bool:
        """Whether there were too many bad steps."""
        return self.level >= LIMIT

    @property
    def has_given_up(self) -> bool:
        """Whether the run went back as often as it may."""
        return self.tries >= MOST_ROLLBACKS

    def rolled_back(self) -> None:
        """Note that the run goes back."""
        self.rollbacks += 1
        self.tries += 1
        self.level = 0
        self.factor /= 2

    def saved(self) -> None:
        """Note that the run reached its next checkpoint."""
        self.tries = 0

    def diverged(self, step: int, why: str, checkpoint: int | None, rate: float) -> DivergedError:
        """Return the error that ends a run; ``checkpoint`` is the step of the last checkpoint, if there is one."""
        if checkpoint is None:
            return DivergedError(
                f"step {step}: {why}, from the first step on: the first weights of the run cannot be used"
            )
        return DivergedError(
            f"step {step}: {why}. {self.skipped} bad steps were skipped, and {self.tries} times the run went "
            f"back to the checkpoint of step {checkpoint}, with half the learning rate each time: it is "
            f"{rate:g} now. That checkpoint is kept. Begin again with a smaller "
            "train.learning_rate or train.clip_norm; --init-from RUN starts from the weights of the checkpoint"
        )
