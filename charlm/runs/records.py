"""What a run's files hold, and what may be in them when they are read back."""

from __future__ import annotations

import attrs

from charlm.config.rules import line, number, one_of, or_nothing, whole
from charlm.config.stored import checked

STATES = ("running", "finished", "stopped", "failed")
_NUMBER = or_nothing(number())
_COUNT = or_nothing(whole(0))


@attrs.frozen(kw_only=True)
class Row:
    """A line of the metrics; others than these are a training's own."""

    step: int = checked(whole(0))
    seconds: float = checked(number(least=0))
    loss: float | None = checked(_NUMBER, None)
    held_out_nll: float | None = checked(_NUMBER, None)


@attrs.frozen(kw_only=True)
class Summary:
    """How a run stands or ended; the attributes are those of ``charlm.runs.listing.RunStatus``."""

    state: str = checked(one_of(*STATES))
    reason: str = checked(line)
    budget: str = checked(line, "")
    step: int = checked(whole(0), 0)
    steps: int | None = checked(_COUNT, None)
    seconds: float | None = checked(or_nothing(number(least=0)), None)
    last_loss: float | None = checked(_NUMBER, None)
    best_nll: float | None = checked(_NUMBER, None)
    best_step: int | None = checked(_COUNT, None)


@attrs.frozen(kw_only=True)
class Session:
    """When and by what command a run was resumed, and from where."""

    step: int = checked(whole(0))
    started: str = checked(line)
    command: str = checked(line)


@attrs.frozen(kw_only=True)
class Meta:
    """What a run is and was started with, as far as it is read back."""

    started: str | None = checked(or_nothing(line), None)
    command: str | None = checked(or_nothing(line), None)
    resumed: list[Session] = attrs.field(factory=list)
