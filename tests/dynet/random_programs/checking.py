"""Hold programs on charlm.dynet against DyNet, and show a difference with as few lines as it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import charlm.dynet as dy
from tests.dynet.random_programs.graphs import graph
from tests.dynet.random_programs.rnns import rnn
from tests.dynet.random_programs.running import Difference, Notes, Program, differences, run
from tests.dynet.random_programs.trainers import trainer

KINDS: dict[str, Callable[[int], Program]] = {"graph": graph, "rnn": rnn, "trainer": trainer}

Theirs = Callable[[Program], "Notes | str"]  # a text says that DyNet ended its process


class Count:
    """How many programs and numbers agreed on these kernels, and how well."""

    def __init__(self, kernels: str = "auto") -> None:
        self.kernels = kernels
        dy.init(kernels=kernels)
        self.programs = 0
        self.notes = 0
        self.undetermined = 0
        self.largest = Difference("", 0.0, None, None)

    def check(self, program: Program, theirs: Theirs, ours: Any = dy) -> None:
        """Run a program on both; AssertionError, with the shortest program that shows it, if they differ."""
        found = compared(program, theirs, ours)
        assert isinstance(found, list), f"{found}\n" + "\n".join(program)
        if too_far(found):
            settled = determined(program, ours)
            ours.init(kernels=self.kernels)
            if not settled:
                self.undetermined += 1
                return
        assert not too_far(found), shown(program, theirs, ours)
        self.programs += 1
        self.notes += len(found)
        self.largest = max([self.largest, *found], key=lambda d: d.size)


def compared(program: Program, theirs: Theirs, ours: Any = dy) -> list[Difference] | str:
    notes = theirs(program)
    return notes if isinstance(notes, str) else differences(run(ours, program), notes)


def too_far(found: list[Difference]) -> list[Difference]:
    return [d for d in found if d.size > 1]


def determined(program: Program, ours: Any = dy) -> bool:
    """Whether float32 settles the numbers: numpy's are those of float64 to a tenth of what is tolerated."""
    ours.init(kernels="numpy")
    single = run(ours, program)
    ours.init(dtype="float64")
    double = run(ours, program)
    return max(d.size for d in differences(single, double)) <= 0.1


def shown(program: Program, theirs: Theirs, ours: Any = dy) -> str:
    """Leave out lines as long as the rest shows a difference, and say what it is."""

    def shows_it(program: Program) -> bool:
        if "NameError" in [v for v in run(ours, program).values() if isinstance(v, str)]:
            return False
        found = compared(program, theirs, ours)
        return isinstance(found, list) and bool(too_far(found))

    short = shrunk(program, shows_it)
    found = compared(short, theirs, ours)
    assert isinstance(found, list)
    values = [f"{d.name}\n  charlm: {d.ours}\n  DyNet: {d.theirs}" for d in too_far(found)[:3]]
    return "charlm and DyNet differ in\n" + "\n".join([*short, *values])


def shrunk(program: Program, shows_it: Callable[[Program], bool]) -> Program:
    """Leave out lines, from the last to the first, as long as the rest shows it."""
    for i in reversed(range(len(program))):
        shorter = program[:i] + program[i + 1 :]
        if shows_it(shorter):
            program = shorter
    return program
