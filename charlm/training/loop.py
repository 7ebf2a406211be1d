"""The training loop, as a generator of events. It prints nothing: its caller decides what to show."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import asdict
from types import NoneType
from typing import Any

import attrs
import numpy as np

from charlm import progress as bars
from charlm.config import RunConfig, to_yaml
from charlm.engine.random import NumpyStream
from charlm.errors import BadGradientError, EvaluationError, OutputError, require
from charlm.lm.evaluation import evaluate
from charlm.lm.language_model import CharLM
from charlm.lm.sampling import collect
from charlm.ranks import Ranks
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.preparing import corpus_of, kept_data
from charlm.threads import use_threads
from charlm.training.budget import Budget, Clock
from charlm.training.events import (
    Evaluated,
    Event,
    Finished,
    Logged,
    Noticed,
    RolledBack,
    Sampled,
    Saved,
    Skipped,
    Stepped,
)
from charlm.training.ranks import learner_of
from charlm.training.record import RunRecord
from charlm.training.reports import meta, remarks, started, summary
from charlm.training.resuming import Before, changes, check_resumable, placed
from charlm.training.timetable import reports_due
from charlm.training.transfer import prepared
from charlm.training.work import compute_of, sample_limit, shown_limit

LONGEST_UNSAVED = 600.0
"""A checkpoint is written after this many seconds in any case: a slow model must not lose an hour."""


class Training:
    """One run: a text, what learns it, and the loop that trains, scores, samples and saves.

    Args:
        config: everything that decides the result. Kernels and threads that it leaves open are chosen here;
            ``self.config`` then names them.
        directory: for metrics, samples and checkpoints; None keeps the run in memory.
        init_from: a checkpoint; the run starts from its weights.
        text: the text itself; by default it is read as the config says.
        resume: a checkpoint of this run. Training continues from it as if it had never stopped.
        ranks: those that share the work; ``training/launch.py`` makes the same training on each.

    Attributes:
        before: how the run trained before it was resumed.
        score_wanted: set it between two events to get a held-out score before the next step.

    Raises:
        TextError: the text cannot be read or used.
        CheckpointError: ``init_from`` has other sizes; ``resume`` is of another text.
        ConfigError: ``resume`` is of another config.
        ArgumentError: an argument is of a wrong type.

    Example:
        >>> from charlm.config import load_config
        >>> config = load_config("srnn", overrides=["train.steps=6"])
        >>> [event.step for event in Training(config).events() if isinstance(event, Logged)]
        [1, 6]
    """

    def __init__(
        self,
        config: RunConfig,
        directory: RunDirectory | None = None,
        init_from: Checkpoint | None = None,
        text: str | None = None,
        resume: Checkpoint | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        require("Training: config", config, RunConfig, "what charlm.load_config returns")
        require(
            "Training: directory", directory, (RunDirectory, NoneType), "a RunDirectory or None"
        )
        require("Training: init_from", init_from, (Checkpoint, NoneType), "a Checkpoint or None")
        require("Training: text", text, (str, NoneType), "text or None")
        require("Training: resume", resume, (Checkpoint, NoneType), "a Checkpoint or None")
        if text is None:
            config = attrs.evolve(config, data=kept_data(config.data))
        self.directory = directory
        self.corpus = corpus_of(config.data, text, config.train.seed)
        if resume is not None:
            check_resumable(config, self.corpus.sha256, resume)
        config = placed(config, resume, directory)
        self.notices = (*self.corpus.notices, *remarks(config, self.corpus))
        self.model = CharLM(
            self.corpus.vocab,
            config.model,
            NumpyStream(config.train.seed),
            line_limit=sample_limit(self.corpus),
            normalize=config.data.normalize,
        )
        self.notices += (*prepared(self.model, config.train, init_from),)
        self.compute = compute_of(config, self.corpus)
        self.config = attrs.evolve(config, train=attrs.evolve(config.train, **asdict(self.compute)))
        self.model.kernels = self.compute.functions()
        self.learner = learner_of(self.model, self.corpus, self.config, ranks)
        self.budget = Budget.of(self.config.train, self.corpus.steps_per_pass)
        self.clock = Clock()
        self.record = RunRecord(None)
        self.score_wanted = False
        self._saved: tuple[int, int, int] | None = None
        self._saved_at = 0.0
        self._running = False
        self._resumed = None if resume is None else self.learner.restore(resume)
        self.before = Before.of(self.learner, resume, self._resumed)

    @property
    def step(self) -> int:
        """The number of steps so far."""
        return self.learner.progress.step

    @property
    def stopping(self) -> str | None:
        """Why the run is to end as soon as it can; None if it is not."""
        return self.learner.stopping

    @property
    def finished(self) -> str | None:
        """Why a resumed run has nothing left to do; None if it has something."""
        end = self._end(0.0 if self._resumed is None else self._resumed.seconds or 0.0)
        return None if any(self._reports_due(end)) else end

    def stop(self, why: str = "stopped") -> None:
        """Ask the loop to save a checkpoint and end as soon as it can."""
        self.learner.stopping = why

    def checkpoint(self) -> Checkpoint:
        """Return everything that this run needs to resume."""
        return self.learner.snapshot(self.record.lines, self.clock.seconds)

    def learning_rate(self) -> float:
        """Return the learning rate of the next update."""
        used = self.budget.progress(self.step, self.clock.seconds, self.learner.schedule.start)
        return self.learner.learning_rate(used)

    def update(self) -> tuple[float, int]:
        """Make the next update; return the loss before it and the number of characters that it learned from.

        Raises:
            BadGradientError: the loss or the gradient is not finite; only the place in the text has changed.
        """
        use_threads(self.compute.threads)  # another training in this process may use others
        return self.learner.update(self.learning_rate())

    def events(self) -> Iterator[Event]:
        """Train and yield what happens; the run's directory says at the end how it ended.

        Called again after an interrupt or an error, it continues from the last checkpoint: a step may be half done.
        """
        if self._running:
            self._go_back()
        if self.record.directory is not self.directory:
            self.record = RunRecord(self.directory)
        self._running = True
        try:
            self._open()
            finished = yield from self._loop()
        except GeneratorExit:
            self.abandon("closed")
            self._running = False  # between two steps
            raise
        except KeyboardInterrupt:
            self.abandon("interrupted")
            raise
        except Exception as error:
            with contextlib.suppress(OutputError):  # the first error is the one to report
                self.record.unsaved(self.summary("failed", str(error)))
            raise
        state = "stopped" if finished.stopped else "finished"
        self.record.summary(self.summary(state, finished.reason))
        self._running = False
        yield finished

    def _loop(self) -> Generator[Event, None, Finished]:
        """Sample, score and save when it is time, then make a step; repeat until something ends the run."""
        news = changes(self.learner, self.before, self.clock.seconds)
        yield started(self.model, self.corpus, self.step, (*self.notices, *news))
        while True:
            seconds = self.clock.seconds
            end = self._end(seconds)
            samples, scores = self._reports_due(end)
            if samples and not self.stopping and (sampled := self._sample()):
                yield sampled
            if scores and not self.stopping and (evaluated := self._score()):
                yield evaluated
                yield from self._notice(self.learner.signs_of_score())
            end = self.stopping or end or self._end(seconds)  # the score may end it
            if end or self._is_save_due():
                if self._saved == self._mark() or self.learner.is_sound():
                    yield from self._save()
                elif end and not self.stopping:
                    yield self._roll_back("the model's numbers are not finite")
                    continue
            if end:
                return Finished(self.step, self.clock.seconds, bool(self.stopping), end)
            try:
                with np.errstate(all="ignore"):
                    loss, characters = self.update()
            except BadGradientError as error:
                yield from self._skip(str(error))
            else:
                yield from self._count(loss, characters)
                yield from self._notice(self.learner.signs_of_loss(loss, characters))

    def _end(self, seconds: float) -> str | None:
        """Return which limit of the budget is reached, if one is."""
        progress = self.learner.progress
        return self.budget.end(progress.step, seconds, progress.evals_since_best)

    def _skip(self, reason: str) -> Iterator[Event]:
        """Report an update that changed nothing; after too many of them, go back."""
        guard = self.learner.guard
        guard.bad()
        self._log({"skipped": reason})
        yield Skipped(self.step, reason)
        if guard.must_roll_back:
            yield self._roll_back(reason)

    def _count(self, loss: float, characters: int) -> Iterator[Event]:
        """Report an update, and the loss every ``log_every`` steps."""
        self.learner.guard.good()
        progress = self.learner.progress
        progress.characters += characters
        progress.loss_sum += loss
        progress.loss_count += 1
        step = progress.step
        yield Stepped(step, characters, self.budget.progress(step, self.clock.seconds))
        # the tutorial reports steps 1, 6, 11, ...: the first at once
        if (step - 1) % self.config.train.log_every == 0:
            mean = progress.loss_sum / progress.loss_count
            progress.last_loss = loss if self.corpus.by_line else mean
            progress.loss_sum, progress.loss_count = 0.0, 0
            rate = self.learner.trainer.learning_rate
            self._log({"loss": progress.last_loss, "learning_rate": rate})
            yield Logged(step, progress.last_loss)

    def _notice(self, signs: Iterator[str]) -> Iterator[Noticed]:
        """Report signs that the settings do not suit the run."""
        for text in signs:
            self._log({"notice": text})
            yield Noticed(self.step, text)

    def _reports_due(self, end: str | None) -> tuple[bool, bool]:
        """Return whether to sample and whether to score at this step."""
        asked = self.score_wanted
        return reports_due(
            self.learner.progress, self.config.train, self.corpus, end is not None, asked
        )

    def _is_save_due(self) -> bool:
        if self._saved is None:
            return True
        every = self.config.train.checkpoint_every
        regular = self.step // every > self._saved[0] // every
        late = self.clock.seconds - self._saved_at > LONGEST_UNSAVED
        return (regular or late) and not self.learner.guard.level

    def _sample(self) -> Sampled | None:
        """Sample a text; None if that was interrupted, or the model's numbers are not finite."""
        progress, model = self.learner.progress, self.model
        # not the initialiser's stream: sampling disturbs nothing
        stream = model.stream(shown_limit(model), seed=[self.config.train.seed, progress.step])
        try:
            with self.learner.averaging.applied(), np.errstate(all="ignore"):
                sample = collect(stream, self._goes_on)
        except _StoppedError:
            return None
        except EvaluationError:
            sample = None
        progress.sampled = progress.step
        if sample is None:
            return None
        self.record.sample(progress.step, sample.text)
        return Sampled(progress.step, sample)

    def _score(self) -> Evaluated | None:
        """Score the held-out text, and keep the weights if they are the best; None if that was interrupted."""
        learner, most = self.learner, self.config.train.eval_characters
        self.score_wanted = False
        progress, held_out = learner.progress, len(self.corpus.held_out_ids)
        pieces = filter(self._goes_on, self.corpus.held_out_batches(most))
        with learner.averaging.applied(), np.errstate(all="ignore"):
            try:
                with bars.task("scoring", min(held_out, most or held_out)):
                    score = evaluate(self.model, pieces)
            except _StoppedError:
                return None
            best = progress.scored(score.nll)
            if best:
                self.record.save_best(learner.weights())
        learner.schedule.score(score.nll)
        names = ("nll", "bpc", "perplexity")
        self._log({f"held_out_{name}": getattr(score, name) for name in names})
        return Evaluated(progress.step, score, best)

    def _goes_on(self, _: object) -> bool:
        """Return True, or raise ``_StoppedError`` once the run is to stop."""
        if self.stopping:
            raise _StoppedError
        return True

    def _mark(self) -> tuple[int, int, int]:
        """Return what differs between two checkpoints."""
        progress = self.learner.progress
        return progress.step, progress.sampled, progress.evaluated

    def _save(self) -> Iterator[Saved]:
        if self._saved == self._mark():
            return
        self.learner.guard.saved()
        path = self.record.save(self.checkpoint())
        self._saved, self._saved_at = self._mark(), self.clock.seconds
        if path is not None:
            yield Saved(self.step, path)

    def _roll_back(self, why: str) -> RolledBack:
        """Go back to the last checkpoint with half the learning rate.

        Raises:
            DivergedError: that did not help the times before.
        """
        learner, step, guard = self.learner, self.step, self.learner.guard
        said = learner.watch.said
        if self._saved is None or guard.has_given_up:
            rate = learner.trainer.learning_rate
            raise guard.diverged(step, why, self.record.saved_step, rate)
        before = learner.go_back(self.record.last())
        learner.guard, learner.watch.said = guard, said
        guard.rolled_back()
        self.record.cut_back(attrs.asdict(before.lines))
        rate = self.learning_rate()
        row = {"rolled_back_from": step, "learning_rate": rate, "skipped_so_far": guard.skipped}
        self._log(row)
        self.record.save(self.checkpoint())
        return RolledBack(step, self.step, rate)

    def _go_back(self) -> None:
        """Return to the last checkpoint; before the first, no step was made."""
        if self._saved is not None:
            self._resumed = self.learner.go_back(self.record.last())
        self.learner.drop_unfinished_update()
        self._saved = self.learner.stopping = None

    def _open(self) -> None:
        """Begin the logs, or cut them back to where a resumed run continues."""
        resumed, seconds = self._resumed, 0.0
        if resumed is not None:
            seconds = max(self.record.cut_back(attrs.asdict(resumed.lines)), resumed.seconds or 0.0)
            self._resumed = None
        self.clock.set(seconds)
        self._saved_at = self.clock.seconds
        facts = meta(self.config, self.corpus, self.model.parameter_count())
        facts["ranks"] = self.learner.rank_count
        self.record.open(to_yaml(self.config), facts, None if resumed is None else self.step)
        if resumed is not None and self.directory is not None:
            self._saved = self._mark()
        self.record.summary(self.summary("running", "not ended"))

    def abandon(self, why: str) -> None:
        """Have the run's directory say that it was stopped without saving, if it has not ended."""
        if self._running:
            lost = f"{why} without saving: the steps after step {self.record.saved_step or 0:,} are lost"
            self.record.unsaved(self.summary("stopped", lost))

    def summary(self, state: str, reason: str) -> dict[str, Any]:
        """Return how far the run is, as its directory keeps it."""
        learner, seconds = self.learner, self.clock.seconds
        return summary(state, reason, self.budget, learner.progress, learner.guard, seconds)

    def _log(self, row: dict[str, Any]) -> None:
        """Log a row of numbers, with the step and the time."""
        self.record.metrics({"step": self.step, **row, "seconds": round(self.clock.seconds, 3)})


class _StoppedError(Exception):
    """The run is to stop. When it is resumed, it repeats the sample or score that this ends."""
