"""Run the members of a comparison: show their progress and their results, and stop them at a signal."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from charlm import progress
from charlm.baselines.counting import nll_to_bpc
from charlm.cli.live.interrupts import Stopping, handled_by
from charlm.cli.terminal.phrases import program
from charlm.cli.terminal.screen import Screen
from charlm.comparison.plan import Plan
from charlm.comparison.pool import (
    MemberFailed,
    MemberFinished,
    MemberMoved,
    MemberStarted,
    RunsMembers,
    StopSign,
    coordinating,
)
from charlm.comparison.results import MemberResult, Missing, Results
from charlm.runs.directory import check_names
from charlm.wording import counted, fixed, short

WAIT = 0.5
"""Seconds between two tries to enter a folder in which another comparison is running."""


def run(plan: Plan, folder: Path, run_members: RunsMembers, screen: Screen) -> tuple[Results, int]:
    """Run a comparison in its folder; return its results, and the exit code if a signal has stopped it."""
    screen.say(_introduced(plan))
    for note in plan.notes:
        screen.say(f"note: {note}")
    with contextlib.ExitStack() as stack:
        if all(member.run for member in plan.members):  # nothing is trained
            folder = Path(stack.enter_context(TemporaryDirectory()))
        else:
            check_names(folder)
        sign = stack.enter_context(coordinating(folder, _Waiting(folder, screen)))
        stopping = Stopping(
            lambda name: sign.give(),
            screen,
            "Stopping and saving; press Ctrl-C again to stop without saving",
            "stopped without saving: the steps since the last checkpoints are lost",
        )
        stack.enter_context(handled_by(stopping.handle))
        done, missing = _run(plan, folder, sign, run_members, screen)
        if stopping.code:
            left = len(plan.members) - len(done)
            screen.say(
                f"Stopped by {stopping.name}: {counted(len(done), 'training')} finished, {left} saved in {folder}"
            )
            screen.say(f"To continue: {program()} {shlex.join(sys.argv[1:])}")
        return plan.results(done, missing), stopping.code


def _introduced(plan: Plan) -> str:
    seeds = len({member.seed for member in plan.members if not member.run})
    budgets = {str(member.budget) for member in plan.members if not member.run}
    said = f"{plan.name}: models {', '.join(plan.models)}"
    said += f"; seeds: {seeds}" if seeds else ""
    return said + (f"; budget: {budgets.pop()}" if len(budgets) == 1 else "")


def _run(
    plan: Plan, folder: Path, sign: StopSign, run_members: RunsMembers, screen: Screen
) -> tuple[list[MemberResult], list[Missing]]:
    done: list[MemberResult] = []
    missing: list[Missing] = []
    shares = dict.fromkeys(plan.members, 0.0)
    with progress.task("training", sum(member.work for member in plan.members) or None):
        for event in run_members(plan.members, folder, sign):
            member, share = event.member, 1.0
            match event:
                case MemberStarted():
                    screen.note(f"{member.name}, seed {member.seed}")
                    continue
                case MemberMoved():
                    share = event.share
                case MemberFinished():
                    done.append(event.result)
                    screen.say(f"seed {member.seed}: {member.name:<8} {_shown(event.result)}")
                case MemberFailed():
                    missing.append(Missing(name=member.name, seed=member.seed, reason=event.reason))
                    screen.error(f"seed {member.seed}: {member.name} failed: {event.reason}")
            progress.advance((share - shares[member]) * member.work)
            shares[member] = share
    return done, missing


def _shown(result: MemberResult) -> str:
    if result.held_out is None:
        return f"{short(result.losses[0])} -> {short(result.losses[-1])}"
    nll = result.held_out.nll
    return f"held-out {fixed(nll)} nats, {fixed(nll_to_bpc(nll))} bits per character"


class _Waiting:
    """Says once that another comparison is running in the folder, and waits."""

    def __init__(self, folder: Path, screen: Screen) -> None:
        self._folder, self._screen, self._said = folder, screen, False

    def __call__(self) -> None:
        if not self._said:
            self._screen.say(
                f"another charlm compare works in {self._folder}; waiting until it ends (Ctrl-C stops waiting)"
            )
            self._said = True
        time.sleep(WAIT)
