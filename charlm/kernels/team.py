"""The threads that a kernel runs on, and the memory they work in.

The threads are ordinary Python threads that run compiled code without the interpreter's lock. So there is one
pool, no OpenMP, and nothing that a fork could break. Every thread enters a kernel once per call. Inside, the
threads meet at a barrier in compiled code, which costs well below a microsecond; a hand-over through
Python costs 20.

A kernel begins with ``enter`` and ends with ``leave`` of ``compiled/team.py``. The caller starts the other threads only
after it has entered itself, and leaves only after they are done, all in compiled code. So an exception that a signal
raises in the caller's Python code comes before the first thread has begun or after the last one has ended. No thread
ever waits for one that does not come.
"""

from __future__ import annotations

import os
from _thread import get_ident, start_new_thread
from collections.abc import Callable, Mapping
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from charlm.errors import EvaluationError
from charlm.kernels.memory import FLOAT32, Memory, address
from charlm.kernels.reference.common import Array

LINE = 16  # numbers of a cache line

ARRIVED, BEGUN, REFUSED, DONE, LOCKS = range(5)
"""The places in a meeting: how many threads arrived at the barrier, began and are done, whether one cannot begin, and
the address of each thread's lock."""
NOBODY = np.zeros(1, np.int64)
"""The meeting of a single thread, which does not write to it."""


class Team:
    """Threads and reused memory.

    Args:
        threads: how many threads a kernel may use, the caller's included.
        locks: the compiled functions ``new_lock``, ``rest`` and ``refuse`` (see ``compiled/team.py``).
    """

    def __init__(self, threads: int, locks: Mapping[str, Callable[[int], int]]) -> None:
        self.threads = threads
        self._locks = locks
        # the key is the id of the calling thread, which a later thread may reuse
        self._crews: dict[int, _Crew] = {}
        # a forked child has none of these threads
        os.register_at_fork(after_in_child=self._crews.clear)

    def run(self, kernel: Callable[..., None], *args: Any, threads: int) -> None:
        """Call ``kernel(*args, meeting, me, threads)`` once on each of ``threads`` threads.

        Raises:
            EvaluationError: the system gives no more threads.
        """
        if threads == 1:
            kernel(*args, NOBODY, 0, 1)
            return
        crew = self._crew()
        if crew.size < threads:
            crew.grow(threads)
        crew.error = None
        crew.job = kernel, args, threads
        try:
            kernel(*args, crew.meeting, 0, threads)
        finally:
            crew.job = None  # and with it the arrays
        if crew.error is not None:
            raise crew.error

    def call(self, kernel: Callable[..., None], *args: Any, threads: int) -> Callable[[], None]:
        """Return a function that runs a kernel on these arguments each time it is called."""
        if threads == 1:
            return partial(kernel, *args, NOBODY, 0, 1)
        return partial(self.run, kernel, *args, threads=threads)

    def empty(self, *shape: int) -> Array:
        """Return an array of float32 with no particular content.

        Each calling thread has memory of its own.
        """
        return self._crew().memory.empty(*shape)

    def temporary(self, *sizes: int) -> list[Array]:
        """Return flat arrays for a kernel to work in; the calling thread's next kernel gets the same memory."""
        crew = self._crew()
        ends = list(accumulate(-(-size // LINE) * LINE for size in sizes))
        if ends[-1] > len(crew.temporary):
            crew.temporary = np.empty(ends[-1], FLOAT32)
        return [
            crew.temporary[end - -(-size // LINE) * LINE :][:size]
            for size, end in zip(sizes, ends, strict=True)
        ]

    def _crew(self) -> _Crew:
        me = get_ident()
        return self._crews.get(me) or self._crews.setdefault(me, _Crew(self.threads, self._locks))


class _Crew:
    """The other threads of a calling thread, each of which waits at its own lock for a job, and the memory.

    Attributes:
        meeting: the counts that compiled code keeps, see ``ARRIVED``; the caller is thread 0.
        locks: see ``Team``.
        size: the number of threads, with the caller.
        job: the kernel, its arguments, and its number of threads.
        error: why a thread could not begin.
        temporary: memory in which kernels work, one after the other.
    """

    __slots__ = ("error", "job", "locks", "meeting", "memory", "size", "temporary")

    def __init__(self, most: int, locks: Mapping[str, Callable[[int], int]]) -> None:
        self.locks = locks
        self.meeting = np.zeros(LOCKS + most, np.int64)
        self.size = 1
        self.job: tuple[Callable[..., None], tuple[Any, ...], int] | None = None
        self.error: BaseException | None = None
        self.memory = Memory()
        self.temporary: Array = np.empty(0, FLOAT32)

    def grow(self, threads: int) -> None:
        """Start the missing threads.

        If an interrupt comes between a start and its count, a second thread starts for the same place. That does no
        harm: both wait at one lock, which lets one of them through.
        """
        for me in range(self.size, threads):
            if not self.meeting[LOCKS + me]:
                self.meeting[LOCKS + me] = self.locks["new_lock"](0)
            try:
                start_new_thread(_work, (self, me))
            except RuntimeError as problem:
                raise EvaluationError(
                    f"the system gives no thread to compute on ({problem}); compute on fewer threads"
                ) from problem
            self.size = me + 1


def _work(crew: _Crew, me: int) -> None:
    """Do part ``me`` of each job; no signal handler ever runs here.

    A part counts as done once it holds no reference to its arrays, so that their memory is free.
    """
    rest = np.array([address(crew.meeting), me, 0], np.int64)
    while True:
        crew.locks["rest"](address(rest))
        rest[2] = 1  # from now on it has done something
        try:
            assert crew.job is not None
            kernel, args, threads = crew.job
            kernel(*args, crew.meeting, me, threads)
        except BaseException as error:
            crew.error = error
            crew.locks["refuse"](address(crew.meeting))
        kernel = args = None  # type: ignore[assignment]
