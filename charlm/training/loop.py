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
from charlm.errors import BadGradientError, OutputError, require
from charlm.lm.language_model import CharLM
from charlm.lm.sampling import State
from charlm.lm.saved import config_of
from charlm.lm.step import Gradient
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.corpus import LineCorpus
from charlm.text.preparing import corpus_of, kept_data
from charlm.threads import use_threads
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
from charlm.training.reports import meta, remarks, sample, score, session, summary
from charlm.training.schedule import Schedule
from charlm.training.state import (
    Place,
    TrainingState,
    changes,
    check_resumable,
    restore,
    snapshot,
)
from charlm.training.transfer import start_from
from charlm.training.work import STREAM_SAMPLE, compute_of

LINE_LIMIT_FACTOR = 10
"""A sample that never draws ``<EOS>`` is cut at this many times the longest training line."""
LONGEST_UNSAVED = 600.0
"""Seconds after which a checkpoint is written in any case: a slow model is not to lose an hour."""


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
        ArgumentError: an argument is of a wrong type.
    """

    def __init__(
        self,
        config: RunConfig,
        directory: RunDirectory | None = None,
        init_from: Checkpoint | None = None,
        text: str | None = None,
        resume: Checkpoint | None = None,
    ) -> None:
        require("Training: config", config, RunConfig, "what charlm.load_run returns")
        require(
            "Training: directory", directory, (RunDirectory, NoneType), "a RunDirectory or None"
        )
        require("Training: init_from", init_from, (Checkpoint, NoneType), "a Checkpoint or None")
        require("Training: text", text, (str, NoneType), "text or None")
        require("Training: resume", resume, (Checkpoint, NoneType), "a Checkpoint or None")
        self.directory = directory
        if text is None:
            config = attrs.evolve(config, data=kept_data(config.data))
        corpus = corpus_of(config.data, text)
        self.corpus = corpus
        self.notices = (*corpus.notices, *remarks(config, corpus))
        limit = (
            LINE_LIMIT_FACTOR * corpus.longest_line
            if isinstance(corpus, LineCorpus)
            else STREAM_SAMPLE
        )
        settings = config.train
        self.model = CharLM(
            corpus.vocab,
            config.model,
            NumpyStream(settings.seed),
            line_limit=limit,
            normalize=config.data.normalize,
        )
        if init_from is not None:
            self.notices += (start_from(self.model, init_from),)
        self.compute = compute_of(config, corpus)
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
        self._training = False
        self._before = self.config.train  # how it was trained so far
        self._resumed: TrainingState | None = None
        if resume is not None:
            check_resumable(self, resume)
            self._before = config_of(resume).train
            self._resumed = restore(self, resume)

    @property
    def step(self) -> int:
        """How many steps were made."""
        return self.place.step

    @property
    def finished(self) -> str | None:
        """Why nothing is left to do for a run that is resumed; None if something is."""
        place = self.place
        seconds = 0.0 if self._resumed is None else self._resumed.seconds or 0.0
        ended = self.budget.end(place.step, seconds, place.stale)
        owes_score = self.corpus.has_held_out and place.evaluated != place.step
        owes_sample = self._ends_with_sample and place.sampled != place.step
        return None if owes_score or owes_sample else ended

    @property
    def _ends_with_sample(self) -> bool:
        """Whether a text is drawn at the end: of lines without a held-out part it is not, as in the tutorial."""
        of_tutorial = isinstance(self.corpus, LineCorpus) and not self.corpus.has_held_out
        return bool(self.config.train.sample_every) and not of_tutorial

    def stop(self, why: str = "stopped") -> None:
        """Ask the loop to end as soon as it can, with the checkpoint saved."""
        self.stopping = why

    def events(self) -> Iterator[Event]:
        """Train and yield what happens; the run's directory tells at the end how it ended.

        Called again after an interrupt or an error, this goes on from the last checkpoint: a step may be half done.
        """
        if self._training:
            self._go_back()
        if self.record.directory is not self.directory:
            self.record = Record(self.directory)
        self._training = True
        try:
            self._open()
            finished = yield from self._events()
        except GeneratorExit:
            self.abandon("closed")
            self._training = False  # between two steps
            raise
        except KeyboardInterrupt:
            self.abandon("interrupted")
            raise
        except Exception as error:
            with contextlib.suppress(OutputError):  # what went wrong is the error that counts
                self._unsaved("failed", str(error))
            raise
        state = "stopped" if finished.stopped else "finished"
        self.record.summary(summary(self, state, finished.reason))
        self._training = False
        yield finished

    def abandon(self, why: str) -> None:
        """Have the run's directory tell that it was stopped without saving, if it is not at its end."""
        if self._training:
            lost = f"{why}, without saving: what came after step {self.record.saved_step or 0:,} is lost"
            self._unsaved("stopped", lost)

    def _unsaved(self, state: str, reason: str) -> None:
        """Have the directory name the step that resuming starts at."""
        self.record.summary({**summary(self, state, reason), "step": self.record.saved_step or 0})

    def _go_back(self) -> None:
        """Be what the last checkpoint says; before the first, no step was made."""
        if self._saved is not None:
            self._resumed = restore(self, self.record.last())
        self.model.collection.clear_gradients()
        self.gradient = Gradient(self.model)  # its graphs may be half evaluated
        self._saved = self.stopping = None

    def checkpoint(self) -> Checkpoint:
        """Return everything that this run has learned, and where it stands."""
        return snapshot(self)

    def update(self) -> tuple[float, int]:
        """Make one training step; return the loss before it and the number of characters it was taken over.

        Raises:
            BadGradientError: the loss or the gradient is not finite; only the place in the text has changed.
        """
        use_threads(self.compute.threads)  # another training may compute beside this one
        parts = self.config.train.accumulate
        loss, characters = 0.0, 0
        first = self.step * parts
        self.trainer.learning_rate = self.learning_rate()
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
            self.model.collection.clear_gradients()
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
            self._resumed = None
        self._saved_at = self.clock.seconds
        if directory is None:
            return
        directory.sweep()
        directory.write_config(to_yaml(self.config))
        facts = meta(self)
        if resumed is not None:
            facts = directory.read_meta() or facts
            facts.setdefault("resumed", []).append({"step": self.step, **session()})
            self._saved, self.record.saved_step = self._mark(), self.step
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
        """Sample and evaluate if it is time for it and was not done yet; being stopped leaves it for later.

        A score comes with a sample, and so does the end: a short run shows more than its first steps.
        """
        settings, place = self.config.train, self.place
        step = place.step
        scored = self.corpus.has_held_out
        looks = final or (scored and step and step % settings.eval_every == 0)
        samples = settings.sample_every and step and (step - 1) % settings.sample_every == 0
        samples = samples or (looks and self._ends_with_sample)
        with np.errstate(all="ignore"):
            if samples and place.sampled != step and not self.stopping:
                event = sample(self)
                if event is not None:
                    yield event
            if looks and scored and place.evaluated != step:
                found = None if self.stopping else score(self)
                if found is not None:
                    yield found

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
        rate = self.learning_rate()
        self.log({"rolled_back_from": step, "learning_rate": rate, "skipped_so_far": guard.skipped})
        self.record.save(snapshot(self))
        return RolledBack(step, self.step, rate)

    def learning_rate(self) -> float:
        """Return the learning rate of the next update."""
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
            (*self.notices, *changes(self, self._before)),
        )
