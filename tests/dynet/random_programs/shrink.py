"""Make a program that shows a difference as short as it can be."""

from __future__ import annotations

from collections.abc import Callable

from tests.dynet.random_programs.running import Program


def shrunk(program: Program, shows_it: Callable[[Program], bool]) -> Program:
    """Leave out lines, from the last to the first, as long as the rest shows it."""
    for i in reversed(range(len(program))):
        shorter = program[:i] + program[i + 1 :]
        if shows_it(shorter):
            program = shorter
    return program
