"""The threads of a kernel begin and end together, whatever happens; memory is given to one at a time."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

from charlm.errors import EvaluationError

pytest.importorskip("numba", reason="the compiled kernels need numba, which is an extra")

from charlm.kernels import team as team_module
from charlm.kernels.compiled.options import compiled
from charlm.kernels.compiled.team import ENTRIES, enter, leave, meet
from charlm.kernels.memory import SMALL
from charlm.kernels.team import Team


@compiled()
def rounds(counts, meeting, me, threads):
    """Count a thread's rounds; in each round it adds up what the others counted before."""
    if not enter(meeting, me, threads):
        return
    met = 0
    for _ in range(50):
        total = 0
        for other in range(threads):
            total += counts[other]
        met = meet(meeting, met, threads)
        counts[me] += 1 + total - total // threads * threads
        met = meet(meeting, met, threads)
    leave(meeting, me, threads)


def run(team: Team, threads: int = 3) -> list[int]:
    counts = np.zeros(threads, np.int64)
    team.run(rounds, counts, threads=threads)
    return counts.tolist()


EVERY_INSTRUCTION = """
import sys
from tests.kernels.test_team import ENTRIES, Team, run, team_module

class At:
    '''Raises at the n-th instruction of the team's Python code, where a signal could be handled.'''
    def __init__(self, n):
        self.left = n
    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename != team_module.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return self

run(Team(3, ENTRIES))  # compile
interrupts, going = 0, True
while going:
    team = Team(3, ENTRIES)  # whose threads are yet to be started
    for _ in range(2):
        sys.settrace(At(interrupts))
        try:
            run(team)
            going = False
        except KeyboardInterrupt:
            going = True
        finally:
            sys.settrace(None)
        assert run(team) == run(team) == [50] * 3
    interrupts += 1
print(interrupts)
"""


def test_an_interrupt_at_any_instruction_leaves_a_team_that_works():
    done = subprocess.run(
        [sys.executable, "-c", EVERY_INSTRUCTION],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert int(done.stdout) > 50


@pytest.mark.parametrize("threads", [2, 3])
def test_a_thread_that_cannot_begin_keeps_nobody_waiting(threads):
    def kernel(counts, meeting, me, threads):
        if me == 1:
            raise MemoryError("no memory")
        rounds(counts, meeting, me, threads)

    team = Team(3, ENTRIES)
    for _ in range(20):
        counts = np.zeros(3, np.int64)
        with pytest.raises(MemoryError, match="no memory"):
            team.run(kernel, counts, threads=threads)
        assert counts.tolist() == [0, 0, 0]
        assert run(team) == [50] * 3


def test_no_more_threads(monkeypatch):
    def full(*_):
        raise RuntimeError("can't start new thread")

    team = Team(3, ENTRIES)
    with monkeypatch.context() as patched:
        patched.setattr(team_module, "start_new_thread", full)
        with pytest.raises(EvaluationError, match="no thread to compute on"):
            run(team)
    assert run(team) == [50] * 3


def test_fewer_threads_than_the_team_has():
    team = Team(3, ENTRIES)
    assert [run(team, threads) for threads in (3, 1, 2, 3, 2)] == [
        [50] * n for n in (3, 1, 2, 3, 2)
    ]


def test_memory_in_use_is_not_given_out_again():
    """However it is referred to, and where Python counts no reference for an argument (3.14) too."""
    views = (
        lambda a: a,
        lambda a: a[5:],
        lambda a: a.reshape(2, -1).T,
        lambda a: a[1:].ravel()[::2],
        lambda a: a.view(np.int32)[3:],
        memoryview,
    )
    team, chance, held, addresses = Team(2, ENTRIES), random.Random(0), [], set()
    for _ in range(500):
        given = team.empty(chance.choice([2, 3]), SMALL)
        addresses.add(given.__array_interface__["data"][0])
        assert not any(np.shares_memory(given, np.asarray(other), max_work=1) for other in held)
        held.append(chance.choice(views)(given))
        del given
        while len(held) > chance.randrange(12):
            del held[chance.randrange(len(held))]
    assert len(addresses) < 50
