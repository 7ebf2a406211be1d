"""Running the members of a comparison on a Dask cluster that the user brings.

A task of the cluster is a piece of a member's training: some seconds of it. Its argument is the run directory so far,
its result the run directory after it, which is then written here. So the trainings are on this machine's disk at
every moment, and what a dead worker costs is its piece. Dask starts that again on another worker.

joblib's backend for Dask is not used. Its tasks return once, at the end of a member; while it waits, nothing can be
written, nor be said if no worker is left; and it waits for ever if the scheduler cannot read a task.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from charlm.comparison.connection import Connection, Task, connected
from charlm.comparison.member import Stopping, result_of
from charlm.comparison.plan import Member
from charlm.comparison.pool import (
    MemberEvent,
    MemberFailed,
    MemberFinished,
    MemberMoved,
    MemberStarted,
    run_members,
)
from charlm.errors import InputError, RunBusyError, import_extra
from charlm.runs.copies import contents, receive
from charlm.runs.directory import RunDirectory

PIECE, LONGEST = 10.0, 30.0
"""The seconds of a piece, at least and at most. Between them, sending and starting it may take a twentieth of it."""
PAUSE = 0.05
"""Seconds between two looks at the pieces."""
HURRY = 30.0
"""Seconds to wait for pieces that are asked to end."""


@attrs.define(eq=False)
class _Work:
    """A member in training: its run directory, locked as long as this process trains it, and its next piece."""

    member: Member
    directory: RunDirectory
    locked: contextlib.ExitStack
    seconds: float
    began: float = 0.0


def run_on_cluster(
    members: Sequence[Member], folder: Path, stopping: Stopping, address: str
) -> Iterator[MemberEvent]:
    """Train members on a Dask cluster, and yield what happens. The run directories are as if trained here.

    Args:
        members: what to train. Their configurations name the kernels and the threads.
        folder: of the comparison.
        stopping: asks whether to stop; then the trainings are saved.
        address: of the scheduler, such as ``tcp://host:8786``.

    Raises:
        ClusterError: the cluster cannot be reached, a worker differs from this machine, or the connection is lost.
        InputError: the address is none, or the texts are too large.
        MissingExtraError: distributed is not installed.
    """
    check_address(address)
    waiting = []
    for member in members:
        if member.run is not None or result_of(member, folder) is not None:
            yield from run_members([member], folder, stopping)  # nothing to train
        else:
            waiting.append(member)
    if waiting:
        with connected(address, waiting) as cluster:
            yield from _Coordinator(cluster, waiting, folder, stopping).events()


def check_address(address: str) -> None:
    """Refuse what cannot be the address of a scheduler.

    Raises:
        InputError: it has another form.
        MissingExtraError: distributed is not installed.

    Example:
        >>> check_address("host:8786")
        Traceback (most recent call last):
        charlm.errors.InputError: 'host:8786' is not the address of a Dask scheduler...
    """
    import_extra("distributed", "training on a Dask cluster (--cluster)")
    if not re.fullmatch(r"(tcp|tls)://[^\s/]+:[0-9]{1,5}", address):
        raise InputError(
            f"{address!r} is not the address of a Dask scheduler; `dask scheduler` prints it when it starts, and it "
            "looks like tcp://host:8786"
        )


class _Coordinator:
    """Gives the workers pieces to train, and writes what they return."""

    def __init__(
        self,
        cluster: Connection,
        members: Sequence[Member],
        folder: Path,
        stopping: Stopping,
    ) -> None:
        self._cluster = cluster
        self._folder = folder
        self._stopping = stopping
        self._new = deque(members)
        self._waiting: deque[_Work] = deque()
        self._running: dict[Task, _Work] = {}

    def events(self) -> Iterator[MemberEvent]:
        """Train all members."""
        try:
            while self._new or self._waiting or self._running:
                if self._stopping():
                    yield from self._end()
                    return
                free = self._cluster.workers() - len(self._running)
                yield from self._begin(free - len(self._waiting))
                for _ in range(min(free, len(self._waiting))):
                    self._send(self._waiting.popleft())
                yield from self._collect()
                time.sleep(PAUSE)
        finally:
            for work in (*self._waiting, *self._running.values()):
                work.locked.close()

    def _begin(self, most: int) -> Iterator[MemberEvent]:
        """Lock the run directories of the next members, but for those that another process trains."""
        for _ in range(min(most, len(self._new))):
            member = self._new.popleft()
            directory = RunDirectory.create_or_open(self._folder / member.folder)
            locked = contextlib.ExitStack()
            try:
                locked.enter_context(directory.lock())
            except RunBusyError:
                self._new.append(member)
                continue
            yield MemberStarted(member)
            work = _Work(member, directory, locked, PIECE)
            if (result := result_of(member, self._folder)) is not None:  # the other made it
                locked.close()
                yield MemberFinished(member, result)
            else:
                self._waiting.append(work)

    def _send(self, work: _Work) -> None:
        work.began = time.monotonic()
        files = contents(work.directory)
        self._running[self._cluster.submit(work.member, files, work.seconds)] = work

    def _collect(self) -> Iterator[MemberEvent]:
        """Write what the workers have returned."""
        for task in [task for task in self._running if task.done()]:
            work = self._running[task]
            event = self._received(work, task)
            del self._running[task]
            if isinstance(event, MemberMoved):
                self._waiting.appendleft(work)
            else:
                work.locked.close()
            yield event

    def _received(self, work: _Work, task: Task) -> MemberMoved | MemberFinished | MemberFailed:
        member = work.member
        piece = self._cluster.result(task)
        if isinstance(piece, str):
            return MemberFailed(member, piece)
        lost = time.monotonic() - work.began - piece["seconds"]
        work.seconds = min(LONGEST, max(PIECE, 20 * lost))
        receive(work.directory, piece["files"])
        if piece["failed"] is not None:
            return MemberFailed(member, piece["failed"])
        result = result_of(member, self._folder)
        return (
            MemberMoved(member, piece["share"])
            if result is None
            else MemberFinished(member, result)
        )

    def _end(self) -> Iterator[MemberEvent]:
        """Let the pieces end, write what they return, and leave the others."""
        self._cluster.hurry()
        latest = time.monotonic() + HURRY
        while self._running and time.monotonic() < latest:
            yield from self._collect()
            time.sleep(PAUSE)
