"""Running the members of a comparison, in this process or in several, with what happens as events.

One coordinator at a time works in the folder of a comparison (``coordinating``). It gives the members to a backend
(``run_members``): this process, or processes on this machine through joblib.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from charlm.comparison.member import Shares, Stopping, ended, training_of
from charlm.comparison.plan import Member
from charlm.comparison.results import MemberResult
from charlm.errors import CharlmError, import_extra
from charlm.runs.directory import RunDirectory
from charlm.runs.lock import hold_after
from charlm.threads import cores

POLL = 0.3
"""Seconds between two looks at the progress of other processes."""


@dataclass(frozen=True)
class MemberStarted:
    """A member is read, scored, trained or resumed."""

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
RunsMembers: TypeAlias = Callable[[Sequence[Member], Path, Stopping], Iterator[MemberEvent]]
"""``run_members``, or another function that trains members elsewhere."""
Outcome: TypeAlias = MemberFinished | MemberFailed | None
"""How a member ended; None: it was stopped."""


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
        """Take back a sign that was given before."""
        self.path.unlink(missing_ok=True)

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.parent not in (os.getpid(), os.getppid()) or self.path.exists()


@contextlib.contextmanager
def coordinating(folder: Path, wait: Callable[[], object]) -> Iterator[StopSign]:
    """Keep other coordinators out of a folder, which is created; ``wait`` is called until none is in it.

    Raises:
        OutputError: the folder cannot be created or written.
    """
    RunDirectory.create_or_open(folder)
    with hold_after(folder / "lock", wait):
        sign = StopSign(folder / "stop")
        sign.clear()
        try:
            yield sign
        except BaseException:
            sign.give()  # to workers
            raise


def run_members(
    members: Sequence[Member], folder: Path, stopping: Stopping, workers: int = 1
) -> Iterator[MemberEvent]:
    """Train members, and yield what happens; the iterator ends early if they are asked to stop.

    Args:
        members: to train, in this order.
        folder: of the comparison.
        stopping: see ``train_member``. With several workers it is sent to them.
        workers: processes; 1 is this process.

    Raises:
        MissingExtraError: several workers are asked for, and joblib is not installed.
    """
    if workers == 1:
        return _here(members, folder, stopping)
    return _in_processes(members, folder, stopping, workers)


def outcome_of(member: Member, shares: Shares) -> Generator[float, None, Outcome]:
    """Train a member and return how that ended: an error of one is a result, not the end of the others."""
    try:
        result = yield from shares
    except CharlmError as error:
        return MemberFailed(member, str(error))
    except MemoryError:
        return MemberFailed(member, "not enough memory: use fewer workers, or a smaller model")
    return None if result is None else MemberFinished(member, result)


def _here(members: Sequence[Member], folder: Path, stopping: Stopping) -> Iterator[MemberEvent]:
    for member in members:
        yield MemberStarted(member)
        outcome = yield from _moves(
            member, outcome_of(member, training_of(member, folder, stopping))
        )
        if outcome is None:
            return
        yield outcome


def _moves(
    member: Member, shares: Generator[float, None, Outcome]
) -> Generator[MemberEvent, None, Outcome]:
    while True:
        try:
            yield MemberMoved(member, next(shares))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def _in_processes(
    members: Sequence[Member], folder: Path, stopping: Stopping, workers: int
) -> Iterator[MemberEvent]:
    """Train members in processes. If one of these is killed, all begin again where they were saved.

    If that happens twice before any member has ended, the next one is trained alone: then it is known
    whose process was killed.
    """
    left, kills = list(members), 0
    while left and not stopping():
        alone = kills > 1
        try:
            for event in _round(left[:1] if alone else left, folder, stopping, workers):
                if isinstance(event, MemberFinished | MemberFailed):
                    left.remove(event.member)
                    kills = 0
                yield event
        except BrokenExecutor:
            kills += 1
            if alone:
                yield MemberFailed(
                    left.pop(0),
                    "its process was killed, perhaps because the memory was not enough; it can be trained further",
                )
                kills = 0


def _round(
    members: Sequence[Member], folder: Path, stopping: Stopping, workers: int
) -> Iterator[MemberEvent]:
    """Give members to processes, and yield what happens.

    Raises:
        BrokenExecutor: a process was killed.
    """
    arrived: queue.SimpleQueue[Outcome | BaseException | _End] = queue.SimpleQueue()
    progress = _Progress(folder)
    work = (members, folder, stopping, workers, arrived.put)
    threading.Thread(target=_feed, args=work, daemon=True).start()
    while True:
        try:
            outcome = arrived.get(timeout=POLL)
        except queue.Empty:
            yield from progress.of(members)
            continue
        if isinstance(outcome, _End):
            return
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is not None:
            yield outcome


class _End:
    """Says that all members of a round have ended."""


def _feed(
    members: Sequence[Member],
    folder: Path,
    stopping: Stopping,
    workers: int,
    put: Callable[[Any], None],
) -> None:
    """Run members in joblib's processes, and put their outcomes as they come.

    The signals are for the coordinator, which asks its processes to stop: they share a terminal. So this thread blocks
    them, and its processes inherit that from their first instant on.
    """
    try:
        joblib = import_extra("joblib", "--workers")
        from multiprocessing import resource_tracker  # one process needs none of this

        resource_tracker.ensure_running()  # joblib would start it, and that unblocks signals
        signals = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        share = max(1, cores() // workers)
        # one process would be this one
        with joblib.parallel_config("loky", n_jobs=max(2, workers), inner_max_num_threads=share):
            jobs = (joblib.delayed(_work)(m, folder, stopping) for m in members)
            for outcome in joblib.Parallel(return_as="generator_unordered", batch_size=1)(jobs):
                put(outcome)
        put(_End())
    except BaseException as error:
        put(error)


def _work(member: Member, folder: Path, stopping: Stopping) -> Outcome:
    """Train a member in a process, which reports its progress in the run directory alone."""
    _watch(os.getppid())
    with _working:
        return ended(outcome_of(member, training_of(member, folder, stopping)))


_working = threading.Lock()


@cache
def _watch(parent: int) -> None:
    """End this process once its parent has died and its member, if it has one, is saved."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL)
        with _working:
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Progress:
    """The progress of members in other processes, as their metrics tell it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shares: dict[Member, float] = {}

    def of(self, members: Sequence[Member]) -> Iterator[MemberEvent]:
        """Yield which members have moved since the last call."""
        for member in members:
            row = RunDirectory(self._folder / member.folder).read_last_metrics()
            if row is None:
                continue
            share = member.budget.progress(row["step"], row["seconds"])
            if member not in self._shares:
                yield MemberStarted(member)
            if share != self._shares.get(member):
                self._shares[member] = share
                yield MemberMoved(member, share)
