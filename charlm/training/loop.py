"""The training loop, as a generator of events. It prints nothing; who runs it decides what to show.

for event in Training(config).events():
    match event:
        case Logged(): ...
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Iterator
from dataclasses import asdict
from types import NoneType
from typing import Any

import attrs
import numpy as np

from charlm.config import RunConfig, to_yaml
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import TRAINERS
from charlm.errors import BadGradientError, OutputError, need
from charlm.lm.compute import decide, operations_per_character
from charlm.lm.model import CharLM
from charlm.lm.sampling import State
from charlm.lm.step import Gradient
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import corpus_of, kept_data
from charlm.training.averaging import Averaging
from charlm.training.budget import Budget, Clock
from charlm.training.events import (
    Event,
    Finished,
    Logged,
    RolledBack,
    Saved,
    Skipped,
    Started,
    Stepped,
)
from charlm.training.gradients import add_gradient
from charlm.training.guard import Guard, diverged, is_sound
from charlm.training.record import Record
from charlm.training.reports import meta, sample, score, session, summary
from charlm.training.schedule import Schedule
from charlm.training.state import Place, TrainingState, check_resumable, restore, snapshot
from charlm.training.transfer import start_from

LINE_LIMIT_FACTOR = 10
"""A sample that never draws ``<EOS>`` is cut at this many times the longest training line."""
STREAM_SAMPLE = 200
"""Characters in a sample of a model trained on a stream."""
LONGEST_UNSAVED = 600.0
"""Seconds after which a checkpoint is written in any case: a slow model is not to lose an hour."""
OPERATIONS_PER_SECOND = 2e10
"""About what numpy does on one core: how much a run that is limited by time alone will compute."""


class Training:
    """One run: text, model and trainer of a config.

    Args:
        config: everything that decides the result. Where it leaves kernels and threads open, they are
            decided here; ``self.config`` then names them.
        directory: where metrics, samples and checkpoints are written; None keeps the run in memory.
        init_from: a checkpoint whose weights are the first ones.
        text: the text itself, for a caller that has it already; by default it is read as the config says.
        resume: a checkpoint of this run, which goes on from there as if it had never stopped.

    Raises:
        TextError: the text cannot be read or used.
        CheckpointError: ``init_from`` has other sizes; ``resume`` is of another text.
        ConfigError: ``resume`` is of another config.
    """

    def __init__(
        self,
        config: RunConfig,
        directory: RunDirectory | None = None,
        init_from: Checkpoint | None = None,
        text: str | None = None,
        resume: Checkpoint | None = None,
    ) -> None:
        need(config, RunConfig, "Training: config")
        need(directory, (RunDirectory, NoneType), "Training: directory")
        need(init_from, (Checkpoint, NoneType), "Training: init_from")
        need(text, (str, NoneType), "Training: text")
        need(resume, (Checkpoint, NoneType), "Training: resume")
        self.directory = directory
        if text is None:
            config = attrs.evolve(config, data=kept_data(config.data))
        corpus = corpus_of(config.data, text)
        self.corpus = corpus
        self.notices = tuple(corpus.notices)
        limit = (
            LINE_LIMIT_FACTOR * corpus.longest_line
            if isinstance(corpus, LineCorpus)
            else STREAM_SAMPLE
        )
        settings = config.train
        held_out, most = len(corpus.held_out_ids), settings.eval_characters
        if most is not None and held_out > most:
            self.notices += (
                f"held-out scores are of about {most:,} of the {held_out:,} characters held out, evenly placed "
                "(train.eval_characters); charlm eval scores all of them",
            )
        self.model = CharLM(
            corpus.vocab, config.model, NumpyStream(settings.seed), line_limit=limit
        )
        if init_from is not None:
            self.notices += (start_from(self.model, init_from),)
        self.compute = decide(settings.kernels, settings.threads, operations(config, corpus))
        self.config = attrs.evolve(config, train=attrs.evolve(settings, **asdict(self.compute)))
        self.model.kernels = self.compute.functions()
        self.trainer = TRAINERS[settings.trainer](
            self.model.collection,
            settings.learning_rate,
            kernels=self.model.kernels,
            **settings.rule,
        )
        self.gradient = Gradient(self.model)
        self.trainer.clip_threshold = settings.clip_norm
        self.schedule = Schedule(settings, scored=corpus.has_held_out)
        self.averaging = Averaging(self.model, settings.average)
        self.budget = Budget.of(settings, corpus.steps_per_pass)
        self.place = Place()
        self.guard = Guard()
        self.clock = Clock()
        self.record = Record(None)
        self.carried: State | None = None
        self.stopping: str | None = None
        self._saved: tuple[int, int, int] | None = None
        self._saved_at = 0.0
        self._resumed: TrainingState | None = None
        if resume is not None:
            check_resumable(self, resume)
            self._resumed = restore(self, resume)

    @property
    def step(self) -> int:
        """How many steps were made."""
        return self.place.step

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do for a run that is resumed."""
        place = self.place
        seconds = 0.0 if self._resumed is None else self._resumed.seconds or 0.0
        ended = self.budget.end(place.step, seconds, place.stale) is not None
        return ended and (place.evaluated == place.step or not self.corpus.has_held_out)

    def stop(self, why: str = "stopped") -> None:
        """Ask the loop to end as soon as it can, with the checkpoint saved."""
        self.stopping = why

    def events(self) -> Iterator[Event]:
        """Train and yield what happens; the run's directory tells at the end how it ended."""
        self.record = Record(self.directory)
        try:
            self._open()
            finished = yield from self._events()
        except (KeyboardInterrupt, GeneratorExit) as interrupt:
            why = "closed" if isinstance(interrupt, GeneratorExit) else "interrupted twice"
            self.record.summary(summary(self, "stopped", f"{why}, without saving"))
            raise
        except Exception as error:
            with contextlib.suppress(OutputError):  # what went wrong is the error that counts
                self.record.summary(summary(self, "failed", str(error)))
            raise
        state = "stopped" if finished.stopped else "finished"
        self.record.summary(summary(self, state, finished.reason))
        yield finished

    def checkpoint(self) -> Checkpoint:
        """Return everything that this run has learned, and where it stands."""
        return snapshot(self)

    def update(self) -> tuple[float, int]:
        """Make one training step; return the loss before it and the number of characters it was taken over.

        Raises:
            BadGradientError: the loss or the gradient is not finite; only the place in the text has changed.
        """
        parts = self.config.train.accumulate
        loss, characters = 0.0, 0
        first = self.step * parts
        self.trainer.learning_rate = self._learning_rate()
        self.place.step += 1
        try:
            for index in range(first, first + parts):
                part, count, self.carried = add_gradient(
                    self.gradient, self.corpus, index, self.carried, parts
                )
                loss += part
                characters += count
            # the trainer looks at the norm when it clips by it
            if not self.trainer.clip_threshold and not math.isfinite(self.trainer.gradient_norm()):
                raise BadGradientError("the gradient is not finite")
            self.trainer.update()
        except BadGradientError:
            self.carried = None
            for parameter in self.model.collection.parameters:
                parameter.clear_gradient()
            for table in self.model.collection.lookups:
                table.clear_gradient()
            raise
        self.averaging.update()
        return loss, characters

    def _open(self) -> None:
        """Begin the directory's files, or cut them back to where a resumed run goes on."""
        resumed, directory = self._resumed, self.directory
        self.clock.set(0.0)
        if resumed is not None:
            seconds = self.record.cut_back(attrs.asdict(resumed.lines))
            self.clock.set(max(seconds, resumed.seconds or 0.0))
        self._saved_at = self.clock.seconds
        if directory is None:
            return
        directory.sweep()
        directory.write_config(to_yaml(self.config))
        facts = meta(self)
        if resumed is not None:
            facts = directory.read_meta() or facts
            facts.setdefault("resumed", []).append({"step": self.step, **session()})
            self._saved = self._mark()
        directory.write_meta(facts)
        directory.write_summary(summary(self, "running", "not ended"))

    def _events(self) -> Generator[Event, None, Finished]:
        yield self._started()
        while True:
            place, seconds = self.place, self.clock.seconds
            end = self.budget.end(place.step, seconds, place.stale)
            yield from self._report(final=end is not None)
            end = self.stopping or end or self.budget.end(place.step, seconds, place.stale)
            if end or self._is_due_to_save():
                if self._saved == self._mark() or is_sound(self):
                    yield from self._save()
                elif end and not self.stopping:
                    yield self._roll_back("the model's numbers are not finite")
                    continue
            if end:
                return Finished(place.step, self.clock.seconds, bool(self.stopping), end)
            yield from self._step()

    def _step(self) -> Iterator[Event]:
        place, settings = self.place, self.config.train
        try:
            with np.errstate(all="ignore"):
                loss, characters = self.update()
        except BadGradientError as error:
            self.guard.bad()
            self.log({"skipped": str(error)})
            yield Skipped(place.step, str(error))
            if self.guard.must_roll_back:
                yield self._roll_back(str(error))
            return
        self.guard.good()
        place.characters += characters
        place.loss_sum += loss
        place.loss_count += 1
        yield Stepped(place.step, characters, self.budget.progress(place.step, self.clock.seconds))
        # the tutorial reports steps 1, 6, 11, ...: the first at once
        if (place.step - 1) % settings.log_every == 0:
            lines = isinstance(self.corpus, LineCorpus)
            place.last_loss = loss if lines else place.loss_sum / place.loss_count
            place.loss_sum, place.loss_count = 0.0, 0
            self.log({"loss": place.last_loss, "learning_rate": self.trainer.learning_rate})
            yield Logged(place.step, place.last_loss)

    def _report(self, final: bool) -> Iterator[Event]:
        """Sample and evaluate if it is time for it and was not done yet; being stopped leaves it for later."""
        settings, place = self.config.train, self.place
        step = place.step
        samples = settings.sample_every and step and (step - 1) % settings.sample_every == 0
        scores = final or (step and step % settings.eval_every == 0)
        with np.errstate(all="ignore"):
            if samples and place.sampled != step and not self.stopping:
                event = sample(self)
                if event is not None:
                    yield event
            if scores and self.corpus.has_held_out and place.evaluated != step:
                scored = None if self.stopping else score(self)
                if scored is not None:
                    yield scored

    def _mark(self) -> tuple[int, int, int]:
        return self.place.step, self.place.sampled, self.place.evaluated

    def _is_due_to_save(self) -> bool:
        if self._saved is None:
            return True
        steps = self.step // self.config.train.checkpoint_every
        regular = steps > self._saved[0] // self.config.train.checkpoint_every
        late = self.clock.seconds - self._saved_at > LONGEST_UNSAVED
        return (regular or late) and not self.guard.level

    def _save(self) -> Iterator[Saved]:
        if self._saved == self._mark():
            return
        self.guard.saved()
        path = self.record.save(snapshot(self))
        self._saved, self._saved_at = self._mark(), self.clock.seconds
        if path is not None:
            yield Saved(self.step, path)

    def _roll_back(self, why: str) -> RolledBack:
        """Go back to the last checkpoint with half the learning rate.

        Raises:
            DivergedError: that did not help the times before.
        """
        step, guard = self.step, self.guard
        if self._saved is None or guard.has_given_up:
            raise diverged(self, why)
        last = self.record.last()
        was = restore(self, last)
        self.guard = guard
        guard.rolled_back()
        self.record.cut_back(attrs.asdict(was.lines))
        rate = self._learning_rate()
        self.log({"rolled_back_from": step, "learning_rate": rate, "skipped_so_far": guard.skipped})
        self.record.save(snapshot(self))
        return RolledBack(step, self.step, rate)

    def _learning_rate(self) -> float:
        progress = self.budget.progress(self.step, self.clock.seconds)
        return self.schedule.rate(self.step, progress) * self.guard.factor

    def log(self, row: dict[str, Any]) -> None:
        """Log a row of numbers, with the step and the time."""
        self.record.metrics({"step": self.step, **row, "seconds": round(self.clock.seconds, 3)})

    def _started(self) -> Started:
        corpus = self.corpus
        return Started(
            self.step,
            self.model.parameter_count(),
            len(corpus.vocab),
            len(corpus.train_ids),
            len(corpus.held_out_ids),
            self.notices,
        )


def operations(config: RunConfig, corpus: LineCorpus | StreamCorpus) -> float:
    """Return the additions and multiplications of a whole run: its updates, held-out scores and samples.

    A sample is counted as ``STREAM_SAMPLE`` characters: how long a line will be is not known before.
    """
    settings = config.train
    budget = Budget.of(settings, corpus.steps_per_pass)
    most = math.inf if budget.seconds is None else OPERATIONS_PER_SECOND * budget.seconds
    if budget.steps is None:
        return most
    forward = operations_per_character(config.model, len(corpus.vocab))
    characters = 3.0 * budget.steps * settings.accumulate * corpus.characters_per_step
    scored = min(len(corpus.held_out_ids), settings.eval_characters or math.inf)
    characters += budget.steps // settings.eval_every * scored
    if settings.sample_every:
        characters += budget.steps // settings.sample_every * STREAM_SAMPLE
    return min(most, forward * characters)
