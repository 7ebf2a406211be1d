"""Contenders as processes that take turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from charlm.threads import VARIABLES

ROOT = Path(__file__).parents[1]
TURN = 0.2
"""Seconds that a turn lasts at least, if a call is shorter."""
PAUSE = 0.05
"""Seconds between two turns, in which the threads of the one before go to sleep."""


def environment(threads: int) -> dict[str, str]:
    """Return the environment of every contender."""
    return {**os.environ, **dict.fromkeys(VARIABLES, str(threads)), "PYTHONPATH": str(ROOT)}


Jobs: TypeAlias = dict[str, tuple[str, str, dict[str, Any]]]
"""Contenders by name: the system, the task and the job."""


class Contender:
    """A process that makes calls of one task when it is told to."""

    def __init__(self, system: str, task: str, job: dict[str, Any]) -> None:
        self.turns: list[list[float]] = []
        self.end: dict[str, Any] = {}
        self._calls = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", system, task, json.dumps(job)],
            cwd=ROOT,
            env=environment(job["threads"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> None:
        """Wait for the preparations, and compute the number of calls in a turn."""
        self._hear()
        self._calls = 1
        seconds = statistics.median(self._turn())
        self._calls = max(1, min(50, round(TURN / seconds)))

    def turn(self) -> None:
        """Make the calls of one turn."""
        self.turns.append(self._turn())

    def finish(self) -> None:
        """End the process, which reports the memory that it used."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.end = self._hear()
        self._process.wait()

    def stop(self) -> None:
        """End the process whatever it does."""
        with self._process:  # which closes its pipes
            self._process.kill()

    def _turn(self) -> list[float]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._calls}\n")
        self._process.stdin.flush()
        seconds: list[float] = self._hear()["seconds"]
        return seconds

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(map(str, self._process.args))} ended too early")  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass
class Timed:
    """The times of a contender, in seconds: a list for each turn."""

    turns: list[list[float]]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Over all calls."""
        return statistics.median(s for turn in self.turns for s in turn)

    @property
    def mad(self) -> float:
        """The median distance from the median."""
        middle = self.median
        return statistics.median(abs(s - middle) for turn in self.turns for s in turn)

    @property
    def each(self) -> list[float]:
        """The median of each turn."""
        return [statistics.median(turn) for turn in self.turns]


def take_turns(jobs: Jobs, seconds: float, fewest: int = 3) -> dict[str, Timed]:
    """Run contenders in turns for some seconds, and return their times."""
    contenders: dict[str, Contender] = {}
    try:
        for name, job in jobs.items():
            # one after another, so that the preparation of one does not slow another
            contenders[name] = Contender(*job)
            contenders[name].ready()
        began, rounds = time.perf_counter(), 0
        while rounds < fewest or time.perf_counter() - began < seconds:
            order = list(contenders.values())
            for contender in order if rounds % 2 else reversed(order):
                time.sleep(PAUSE)
                contender.turn()
            rounds += 1
        for contender in contenders.values():
            contender.finish()
    finally:
        for contender in contenders.values():
            contender.stop()
    return {name: Timed(c.turns, c.end) for name, c in contenders.items()}


@dataclass(frozen=True)
class Program:
    """A module that runs in a process of its own, and prints JSON on its last line.

    Attributes:
        arguments: those of ``python -m``.
        settings: what its environment has beside that of every contender.
        folder: where the package is.
    """

    arguments: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT

    def run(self, threads: int) -> tuple[float, Any]:
        """Return its running time in seconds, and its output."""
        env = {**environment(threads), **self.settings, "PYTHONPATH": str(self.folder)}
        command = [sys.executable, "-m", *self.arguments]
        before = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.folder, env=env, check=True, stdout=subprocess.PIPE, text=True
        )
        return time.perf_counter() - before, json.loads(done.stdout.splitlines()[-1])


def alternate(
    programs: dict[str, Program], threads: int, repeats: int
) -> dict[str, list[tuple[float, Any]]]:
    """Run programs in turns; return for each what ``run`` returned."""
    results: dict[str, list[tuple[float, Any]]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            results[name].append(program.run(threads))
    return results


def command_seconds(command: list[str], cwd: Path, **more: str) -> float:
    """Return how long a command takes, from its start to its end."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    before = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True)
    return time.perf_counter() - before
