"""Following a training while it runs: a bar, the last losses and a sample. Ctrl-C saves the run and ends it."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextvars import copy_context
from importlib import import_module
from types import FrameType
from typing import Any, TypeVar

from tqdm import TqdmWarning

from charlm import display
from charlm import progress as reports
from charlm.interrupts import is_ignored
from charlm.lm.model import described
from charlm.training.events import (
    Evaluated,
    Event,
    Finished,
    Logged,
    Noticed,
    RolledBack,
    Sampled,
    Skipped,
    Started,
    Stepped,
)
from charlm.training.loop import Training
from charlm.wording import CUT_MARK, counted, fixed, short

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # without ipywidgets, notebooks have a bar of text
    from tqdm.auto import tqdm

T = TypeVar("T")

ROWS = 5
"""The last losses that are shown."""
PAUSE = 0.2
"""Seconds between two changes of what a notebook shows."""
DELAY = 1.0
"""Seconds before a part of some work gets a bar."""


def with_bars(progress: bool, work: Callable[[], T]) -> T:
    """Do some work and return its result; if ``progress``, its long parts have bars, such as reading a text."""
    if not progress:
        return work()
    context = copy_context()
    context.run(reports.listen, _Bars())
    return context.run(work)


class _Bars:
    """Shows messages and the progress of long work."""

    def say(self, text: str) -> None:
        """Show a message."""
        tqdm.write(text, file=sys.stderr)

    @contextlib.contextmanager
    def task(self, what: str, total: float | None) -> Iterator[reports.Advance]:
        """Show the progress of work, unless it is short."""
        if not total:
            yield lambda amount: None
            return
        with tqdm(
            total=total, desc=what, unit="", unit_scale=True, leave=False, delay=DELAY
        ) as bar:
            yield bar.update


def follow(training: Training, progress: bool) -> None:
    """Train to the end, or until Ctrl-C, which saves the run; a second Ctrl-C raises ``KeyboardInterrupt``.

    Args:
        training: with a directory.
        progress: whether to show it.
    """
    show = View(training).show if progress else _ignore
    with _stopped_by_ctrl_c(training):
        for event in training.events():
            show(event)


def _ignore(event: Event) -> None:
    """Show nothing."""


@contextlib.contextmanager
def _stopped_by_ctrl_c(training: Training) -> Iterator[None]:
    """Let the first Ctrl-C in the block stop a training; Python allows this on the main thread only."""
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or is_ignored(signal.SIGINT):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if training.stopping:
            raise KeyboardInterrupt
        training.stop("Ctrl-C")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class View:
    """What is shown of a training: in a notebook an output that changes, elsewhere a line for each score and sample.

    Args:
        training: with a directory.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self._unit = training.corpus.vocab.unit
        self._rows: dict[int, dict[str, str]] = {}
        self._sample = ""
        self._notes: list[str] = []
        self._bar: tqdm[Any] | None = None
        self._end_of_bar = 0.0
        self._update = _notebook_output(self)
        self._updated = 0.0

    def show(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Started():
                self._start(event)
            case Stepped():
                self._advance(event.step)
            case Logged():
                self._number(event.step, "loss", short(event.loss))
            case Evaluated():
                self._number(event.step, "held out", fixed(event.score.nll))
                self._line(
                    f"step {event.step:>6}  held out {fixed(event.score.nll)} nats/{self._unit}"
                )
            case Sampled(step, sample):
                self._sample = sample.text + ("" if sample.complete else CUT_MARK)
                self._line(
                    f"step {step:>6}" + ("\n" if "\n" in sample.text else "  ") + self._sample
                )
            case Noticed():
                self._note(f"step {event.step}: {event.text}")
            case Skipped():
                self._note(f"step {event.step}: skipped, because {event.reason}")
            case RolledBack():
                self._note(
                    f"step {event.from_step}: too many steps were skipped; the run returns to step {event.step} with "
                    f"learning rate {event.learning_rate:g}"
                )
            case Finished():
                self._end(event)
        self._refresh(at_once=isinstance(event, Finished))

    def _start(self, started: Started) -> None:
        training = self._training
        model = f"{described(training.config.model)}, {counted(started.parameters, 'parameter')}"
        notices = (f"note: {notice}" for notice in started.notices)
        self._note(f"{training.config.name}: {model}", *notices)
        budget = training.budget
        self._end_of_bar = budget.steps or budget.seconds or 0.0
        unit = "step" if budget.steps else "s"
        self._bar = tqdm(total=self._end_of_bar, unit=unit, leave=False)
        self._advance(started.step)

    def _advance(self, step: int) -> None:
        if self._bar is not None:
            now = step if self._training.budget.steps else self._training.clock.seconds
            self._bar.update(min(now, self._end_of_bar) - self._bar.n)

    def _number(self, step: int, name: str, number: str) -> None:
        self._rows.setdefault(step, {})[name] = number
        for old in [*self._rows][:-ROWS]:
            del self._rows[old]
        if self._bar is not None:
            self._bar.set_postfix(self._rows[step], refresh=False)

    def _end(self, finished: Finished) -> None:
        if self._bar is not None:
            self._bar.close()
        assert self._training.directory is not None
        place, steps = str(self._training.directory.path), counted(finished.step, "step")
        if finished.stopped:
            self._note(f"Stopped by {finished.reason} after {steps}. Saved in {place}")
            self._note(f"To resume: charlm.Run({place!r}).resume()")
        else:
            self._note(f"Finished after {steps}. Saved in {place}")

    def _note(self, *notes: str) -> None:
        self._notes += notes
        for note in notes:
            self._line(note, sys.stderr)

    def _line(self, line: str, file: Any = None) -> None:
        """Print a line, above the bar, where there is no output that changes."""
        if self._update is None:
            tqdm.write(line, file=file)

    def _refresh(self, at_once: bool) -> None:
        if self._update is not None and (at_once or time.monotonic() - self._updated > PAUSE):
            self._update(self)
            self._updated = time.monotonic()

    def _table(self) -> tuple[list[str], list[list[str]]]:
        names = [
            name for name in ("loss", "held out") if any(name in r for r in self._rows.values())
        ]
        rows = [[str(step), *(row.get(n, "") for n in names)] for step, row in self._rows.items()]
        return ["step", *names], rows

    def __repr__(self) -> str:
        head, rows = self._table()
        lines = ["  ".join(f"{cell:>8}" for cell in row) for row in (head, *rows) if rows]
        return "\n".join([*self._notes, *lines, self._sample])

    def _repr_html_(self) -> str:
        head, rows = self._table()
        notes = "\n".join(self._notes)
        return display.text(notes) + display.table(rows, head) + display.text(self._sample)


def _notebook_output(shown: object) -> Callable[[object], object] | None:
    """Show an object in a notebook, and return the function that shows it again; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return None
    handle = import_module("IPython.display").display(shown, display_id=True)
    update: Callable[[object], object] = handle.update
    return update
