"""The content of a run's files, with the rules for each field when they are read back."""

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
    """A line of the metrics; a training may add other keys."""

    step: int = stored(whole(0))
    seconds: float = stored(number(least=0))
    loss: float | None = stored(_NUMBER, None)
    held_out_nll: float | None = stored(_NUMBER, None)


@attrs.frozen(kw_only=True)
class Summary:
    """The status of a run; the attributes are those of ``charlm.runs.listing.RunStatus``."""

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
        """Refuse a best score without its step, and the other way round."""
        if (self.best_nll is None) != (self.best_step is None):
            missing, there = ("best_step", "best_nll")[:: 1 if self.best_step is None else -1]
            raise SettingError(f"{missing} is missing, but {there} is not")


@attrs.frozen(kw_only=True)
class Session:
    """A resumed session: its first step, its time and its command."""

    step: int = stored(whole(0))
    started: str = stored(line)
    command: str = stored(line)


@attrs.frozen(kw_only=True)
class Meta:
    """The facts about a run that are read back."""

    started: str | None = stored(or_nothing(line), None)
    command: str | None = stored(or_nothing(line), None)
    resumed: list[Session] = attrs.field(factory=list)
