"""The threads that a kernel runs on, the barrier at which they meet, and the memory they work in.

The threads are ordinary Python threads that run compiled code without the interpreter's lock, so that
there is one pool, no OpenMP, and nothing that a fork could break. A kernel is entered once per call by
every thread; inside, the threads meet at a barrier in compiled code, which costs well below a
microsecond where a hand-over through Python costs 20.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from charlm.kernels.compiled.options import compiled, instructions
from charlm.kernels.compiled.vectors import pointer
from charlm.kernels.reference.common import Array

SPINS = 2000  # some microseconds; then the core is offered to whoever needs it
SMALL = 1 << 14  # numbers; below this the system's allocator is as good as ours

FLOAT32 = np.dtype(np.float32)  # to compare with it takes a tenth of comparing with the class
NOBODY = np.zeros(1, np.int64)
"""The meeting of a thread that is alone, which it does not write to."""


class Team:
    """Threads and reused memory.

    Args:
        threads: how many threads a kernel may use, the caller's included.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._workers: ThreadPoolExecutor | None = None
        self._process = 0
        self._buffers: list[Array] = []

    def run(self, kernel: Callable[..., None], *args: Any, threads: int) -> None:
        """Call ``kernel(*args, meeting, me, threads)`` once on each of ``threads`` threads."""
        if threads == 1:
            kernel(*args, NOBODY, 0, 1)
            return
        meeting = np.zeros(1, np.int64)
        if self._workers is None or self._process != os.getpid():
            self._workers = ThreadPoolExecutor(self.threads - 1, "charlm-kernel")
            self._process = os.getpid()
        others = [
            self._workers.submit(kernel, *args, meeting, i, threads) for i in range(1, threads)
        ]
        kernel(*args, meeting, 0, threads)
        for other in others:
            other.result()

    def empty(self, *shape: int) -> Array:
        """Return an array of float32 with no particular content.

        Fresh memory costs a page fault for every 4 KB, often more than the arithmetic on it. So large
        buffers are kept, and given out again once no array refers to them any more.
        """
        size = prod(shape)
        if size < SMALL:
            return np.empty(shape, FLOAT32)
        step = 1 << (size.bit_length() - 3)
        capacity = -(-size // step) * step  # texts of slightly different lengths share a buffer
        for buffer in self._buffers:
            # referred to by the list, the loop and the argument of getrefcount
            if buffer.size == capacity and sys.getrefcount(buffer) == 3:
                return buffer[:size].reshape(shape)
        self._drop_unused()
        buffer = np.empty(capacity, FLOAT32)
        self._buffers.append(buffer)
        return buffer[:size].reshape(shape)

    def _drop_unused(self) -> None:
        """Keep no more memory than is in use at the moment."""
        used = sum(b.size for b in self._buffers if sys.getrefcount(b) > 3)
        unused = 0
        kept = []
        for buffer in reversed(self._buffers):
            if sys.getrefcount(buffer) == 3:
                unused += buffer.size
            if sys.getrefcount(buffer) > 3 or unused <= used:
                kept.append(buffer)
        self._buffers = kept[::-1]


@instructions
def _arrive(typing: Any, meeting: Any) -> Any:
    """Add one to the count of arrivals, and make what this thread has written visible to the others."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], ir.IntType(64)(0))
        builder.atomic_rmw("add", at, ir.IntType(64)(1), "seq_cst")
        return context.get_dummy_value()

    return types.void(meeting), generate


@instructions
def _arrived(typing: Any, meeting: Any) -> Any:
    """The count of arrivals so far."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = pointer(context, builder, signature.args[0], args[0], ir.IntType(64)(0))
        return builder.load_atomic(at, "seq_cst", 8)

    return types.int64(meeting), generate


@instructions
def _yield_core(typing: Any) -> Any:
    """POSIX's sched_yield, found by name when the code is loaded."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        function = builder.module.globals.get("sched_yield")
        function = function or ir.Function(builder.module, kind, "sched_yield")
        builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), generate


@compiled("i8(i8[::1], i8, i8)")
def meet(meeting, expected, threads):
    """Wait until all threads are here; ``expected`` is what the last meeting returned, at first 0."""
    expected += threads
    if threads > 1:
        _arrive(meeting)
        spins = 0
        while _arrived(meeting) < expected:
            spins += 1
            if spins > SPINS:
                _yield_core()
    return expected


@compiled("UniTuple(i8, 2)(i8, i8, i8)")
def share(count, me, threads):
    """The part of ``count`` things that is this thread's: the first and the one after the last."""
    return count * me // threads, count * (me + 1) // threads
