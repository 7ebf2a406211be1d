"""The progress of a training: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time

from tqdm import tqdm

from charlm.cli.terminal.screen import PAUSE, Screen
from charlm.training.events import Evaluated, Event, Logged, RolledBack, Started, Stepped
from charlm.training.loop import Training
from charlm.wording import duration, fixed, short

STEP_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
TIME_BAR = "{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s{postfix}"


class TrainingBar:
    """Shows the step, the loss, the held-out score, the rate in characters a second, and the time left."""

    def __init__(self, training: Training, screen: Screen) -> None:
        self._training = training
        self._screen = screen
        self._loss = self._held_out = ""
        self._characters = 0
        self._said = time.perf_counter()
        self._began = 0.0  # by the training's clock: compiling does not count
        self._first: float | None = None
        self._now = 0.0

    def show(self, event: Event) -> None:
        """Record an event, and show the progress if it is time."""
        match event:
            case Started():
                self._start(event)
            case Stepped():
                self._step(event)
            case RolledBack():
                self._advance(event.step)
            case Logged():
                self._loss = f"loss {short(event.loss)}"
            case Evaluated():
                self._held_out = f"held-out {fixed(event.score.nll)}"

    def _start(self, started: Started) -> None:
        budget = self._training.budget
        if budget.steps is not None:
            self._screen.start_bar(budget.steps, started.step, bar_format=STEP_BAR)
        elif budget.seconds is not None:
            done = self._training.clock.seconds
            self._screen.start_bar(budget.seconds, done, bar_format=TIME_BAR)

    def _step(self, stepped: Stepped) -> None:
        if self._first is None:
            self._first = stepped.progress
            self._began = self._training.clock.seconds
        else:
            self._characters += stepped.characters
        self._now = stepped.progress
        self._advance(stepped.step)
        if self._screen.has_bar:
            place = "" if self._training.budget.steps is not None else f"step {stepped.step:,}"
            parts = (place, self._loss, self._held_out, self._rate())
            self._screen.note(", ".join(part for part in parts if part))
        elif self._characters and time.perf_counter() - self._said > PAUSE:
            self._said = time.perf_counter()
            self._screen.say(f"step {stepped.step:,}: {self._rate()}, {self._left()} left")

    def _advance(self, step: int) -> None:
        by_steps = self._training.budget.steps is not None
        self._screen.advance(step if by_steps else self._training.clock.seconds)

    def _rate(self) -> str:
        if not self._characters:
            return ""
        return f"{tqdm.format_sizeof(self._characters / self._seconds())} char/s"

    def _left(self) -> str:
        done = self._now - (self._first or 0.0)
        return duration(self._seconds() * (1 - self._now) / done) if done else "an unknown time"

    def _seconds(self) -> float:
        return self._training.clock.seconds - self._began
