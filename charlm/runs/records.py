"""What a run's files hold, and what may be in them when they are read back."""

from __future__ import annotations

import attrs

from charlm.config.rules import line, number, one_of, or_nothing, whole
from charlm.config.stored import stored
from charlm.errors import SettingError

STATES = ("running", "finished", "stopped", "failed")
_NUMBER = or_nothing(number())
_COUNT = or_nothing(whole(0))


@attrs.frozen(kw_only=True)
class Row:
    """A line of the metrics; others than these are a training's own."""

    step: int = stored(whole(0))
    seconds: float = stored(number(least=0))
    loss: float | None = stored(_NUMBER, None)
    held_out_nll: float | None = stored(_NUMBER, None)


@attrs.frozen(kw_only=True)
class Summary:
    """How a run stands or ended; the attributes are those of ``charlm.runs.listing.RunStatus``."""

    state: str = stored(one_of(*STATES))
    reason: str = stored(line)
    budget: str = stored(line, "")
    step: int = stored(whole(0), 0)
    steps: int | None = stored(_COUNT, None)
    seconds: float | None = stored(or_nothing(number(least=0)), None)
    last_loss: float | None = stored(_NUMBER, None)
    best_nll: float | None = stored(_NUMBER, None)
    best_step: int | None = stored(_COUNT, None)

    def __attrs_post_init__(self) -> None:
        """Refuse a best score without its step, and a step without its score."""
        if (self.best_nll is None) != (self.best_step is None):
            missing, there = ("best_step", "best_nll")[:: 1 if self.best_step is None else -1]
            raise SettingError(f"{missing} is missing, but {there} is not")


@attrs.frozen(kw_only=True)
class Session:
    """When and by what command a run was resumed, and from where."""

    step: int = stored(whole(0))
    started: str = stored(line)
    command: str = stored(line)


@attrs.frozen(kw_only=True)
class Meta:
    """What a run is and was started with, as far as it is read back."""

    started: str | None = stored(or_nothing(line), None)
    command: str | None = stored(or_nothing(line), None)
    resumed: list[Session] = attrs.field(factory=list)
