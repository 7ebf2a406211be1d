"""The barrier at which the threads of a kernel meet, and the locks at which they wait for the next one.

``kernels/team.py`` describes how the threads work together.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from charlm.kernels.compiled.addresses import integers_at
from charlm.kernels.compiled.options import compiled, instructions
from charlm.kernels.compiled.vectors import pointer
from charlm.kernels.team import ARRIVED, BEGUN, DONE, LOCKS, REFUSED

SPINS = 2000  # some microseconds; then other threads may use the core


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


@compiled("i8(i8)")
def new_lock(_):
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


@compiled("i8(i8)")
def rest(address):
    """Count a thread as done, unless it has just started, and wait for the next job.

    At the address are that of the meeting, the number of the thread, and whether it has done something.
    """
    call = integers_at(address, (3,))
    me = call[1]
    meeting = integers_at(call[0], (LOCKS + me + 1,))
    if call[2]:
        _add(meeting, DONE)
    _acquire(meeting[LOCKS + me])
    return 0


@compiled("i8(i8)")
def refuse(address):
    """Note that a thread cannot begin; the meeting is at the address."""
    meeting = integers_at(address, (LOCKS,))
    meeting[REFUSED] = 1
    _add(meeting, BEGUN)
    return 0


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


ENTRIES = {f.__name__: f for f in (new_lock, refuse, rest)}
