"""The threads that a kernel runs on, the barrier at which they meet, and the memory they work in.

The threads are ordinary Python threads that run compiled code without the interpreter's lock. So there is one
pool, no OpenMP, and nothing that a fork could break. Every thread enters a kernel once per call. Inside, the
threads meet at a barrier in compiled code, which costs well below a microsecond; a hand-over through
Python costs 20.

A kernel begins with ``enter`` and ends with ``leave``. The caller starts the other threads only after it has
entered itself, and leaves only after they are done, all in compiled code. So an exception that a signal raises in
the caller's Python code comes before the first thread has begun or after the last one has ended. No thread
ever waits for one that does not come.
"""

from __future__ import annotations

import os
from _thread import get_ident, start_new_thread
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from charlm.errors import EvaluationError
from charlm.kernels.compiled.options import compiled, instructions
from charlm.kernels.compiled.vectors import pointer
from charlm.kernels.memory import FLOAT32, Memory
from charlm.kernels.reference.common import Array

LINE = 16  # numbers of a cache line
SPINS = 2000  # some microseconds; then other threads may use the core

ARRIVED, BEGUN, REFUSED, DONE, LOCKS = range(5)
"""The places in a meeting: how many threads arrived at the barrier, began and are done, whether one cannot begin, and
the address of each thread's lock."""
NOBODY = np.zeros(1, np.int64)
"""The meeting of a single thread, which does not write to it."""


class Team:
    """Threads and reused memory.

    Args:
        threads: how many threads a kernel may use, the caller's included.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
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
        return self._crews.get(me) or self._crews.setdefault(me, _Crew(self.threads))


class _Crew:
    """The other threads of a calling thread, each of which waits at its own lock for a job, and the memory.

    Attributes:
        meeting: the counts that compiled code keeps, see ``ARRIVED``; the caller is thread 0.
        size: the number of threads, with the caller.
        job: the kernel, its arguments, and its number of threads.
        error: why a thread could not begin.
        temporary: memory in which kernels work, one after the other.
    """

    __slots__ = ("error", "job", "meeting", "memory", "size", "temporary")

    def __init__(self, most: int) -> None:
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
                self.meeting[LOCKS + me] = _new_lock()
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
    done = 0
    while True:
        _rest(crew.meeting, me, done)
        done = 1
        try:
            assert crew.job is not None
            kernel, args, threads = crew.job
            kernel(*args, crew.meeting, me, threads)
        except BaseException as error:
            crew.error = error
            _refuse(crew.meeting)
        kernel = args = None  # type: ignore[assignment]


@instructions
def _add(typing: Any, meeting: Any, where: Any) -> Any:
    """Add one to a count, and make all that this thread has written visible to the others."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], args[1])
        builder.atomic_rmw("add", at, ir.IntType(64)(1), "seq_cst")
        return context.get_dummy_value()

    return types.void(meeting, types.intp), generate


@instructions
def _count(typing: Any, meeting: Any, where: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.load_atomic(at, "seq_cst", 8)

    return types.int64(meeting, types.intp), generate


def _call(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """Call a C function of the process; its name is looked up when the code is loaded."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, args)


@instructions
def _yield_core(typing: Any) -> Any:
    """POSIX's sched_yield."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _call(builder, "sched_yield", ir.IntType(32))
        return context.get_dummy_value()

    return types.void(), generate


# Locks of Python's C interface: to take and to release one takes neither the interpreter's lock nor a signal.


@instructions
def _allocate_lock(typing: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lock = _call(builder, "PyThread_allocate_lock", ir.IntType(8).as_pointer())
        return builder.ptrtoint(lock, ir.IntType(64))

    return types.int64(), generate


@instructions
def _acquire(typing: Any, lock: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        _call(builder, "PyThread_acquire_lock", ir.IntType(32), at, ir.IntType(32)(1))
        return context.get_dummy_value()

    return types.void(types.int64), generate


@instructions
def _release(typing: Any, lock: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        _call(builder, "PyThread_release_lock", ir.VoidType(), at)
        return context.get_dummy_value()

    return types.void(types.int64), generate


@compiled("i8()")
def _new_lock():
    """Return the address of a new, locked lock; 0 if there is no memory for one."""
    lock = _allocate_lock()
    if lock:
        _acquire(lock)
    return lock


@compiled("void(i8[::1], i8, i8)")
def _await(meeting, where, expected):
    spins = 0
    while _count(meeting, where) < expected:
        spins += 1
        if spins > SPINS:
            _yield_core()


@compiled("void(i8[::1], i8, i8)")
def _rest(meeting, me, done):
    """Count a thread as done, unless it has just started, and wait for the next job."""
    if done:
        _add(meeting, DONE)
    _acquire(meeting[LOCKS + me])


@compiled("void(i8[::1])")
def _refuse(meeting):
    """Note that a thread cannot begin."""
    meeting[REFUSED] = 1
    _add(meeting, BEGUN)


@compiled("void(i8[::1], i8, i8)")
def leave(meeting, me, threads):
    """Let the caller wait until the others are done."""
    if me == 0 and threads > 1:
        _await(meeting, DONE, threads - 1)


@compiled("b1(i8[::1], i8, i8)")
def enter(meeting, me, threads):
    """Wait until all threads are in the kernel. False if one cannot begin: then each must return at once."""
    if threads == 1:
        return True
    if me == 0:
        meeting[:LOCKS] = 0
        for other in range(1, threads):
            _release(meeting[LOCKS + other])
    _add(meeting, BEGUN)
    _await(meeting, BEGUN, threads)
    complete = meeting[REFUSED] == 0
    if not complete:
        leave(meeting, me, threads)
    return complete


@compiled("i8(i8[::1], i8, i8)")
def meet(meeting, expected, threads):
    """Wait until all threads are here; ``expected`` is the result of the last meeting, at first 0."""
    expected += threads
    if threads > 1:
        _add(meeting, ARRIVED)
        _await(meeting, ARRIVED, expected)
    return expected


@compiled("UniTuple(i8, 2)(i8, i8, i8)")
def share(count, me, threads):
    """Return this thread's part of ``count`` things: the first, and the one after the last."""
    return count * me // threads, count * (me + 1) // threads
