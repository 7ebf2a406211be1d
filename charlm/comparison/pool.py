"""Running the members of a comparison, in this process or in several, with what happens as events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import attrs

from charlm.comparison.member import train_member
from charlm.comparison.plan import Member
from charlm.comparison.results import MemberResult
from charlm.errors import CharlmError


@dataclass(frozen=True)
class MemberStarted:
    """A member is read, trained or resumed."""

    member: Member


@dataclass(frozen=True)
class MemberMoved:
    """A part of its training is done, ``share`` in all, from 0 to 1."""

    member: Member
    share: float


@dataclass(frozen=True)
class MemberFinished:
    """A member has a result."""

    member: Member
    result: MemberResult


@dataclass(frozen=True)
class MemberFailed:
    """A member has no result; the others go on."""

    member: Member
    reason: str


MemberEvent: TypeAlias = MemberStarted | MemberMoved | MemberFinished | MemberFailed


@attrs.frozen
class StopSign:
    """Asks all members to save and stop, in this process and in its workers on this machine.

    A worker whose parent has died stops too. The sign is a file, so that a signal handler can give it.
    """

    path: Path
    parent: int = attrs.field(factory=os.getpid)

    def give(self) -> None:
        """Ask the members to stop."""
        self.path.touch()

    def clear(self) -> None:
        """Forget a sign that was given before."""
        self.path.unlink(missing_ok=True)

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.parent not in (os.getpid(), os.getppid()) or self.path.exists()


def outcome_of(
    member: Member, folder: Path, stopping: Callable[[], bool], tell: Callable[[float], object]
) -> MemberFinished | MemberFailed | None:
    """Train a member and return how that ended; None if it was stopped. Nothing but that is raised."""
    try:
        result = train_member(member, folder, stopping, tell)
    except CharlmError as error:
        return MemberFailed(member, str(error))
    except MemoryError:
        return MemberFailed(
            member, "the memory is not enough; train fewer at once, or smaller ones"
        )
    return None if result is None else MemberFinished(member, result)


def run_members(
    members: Sequence[Member], folder: Path, stopping: Callable[[], bool]
) -> Iterator[MemberEvent]:
    """Train members one by one, and yield what happens."""
    for member in members:
        yield MemberStarted(member)
        outcome = outcome_of(member, folder, stopping, lambda share: None)
        if outcome is None:
            return
        yield outcome
