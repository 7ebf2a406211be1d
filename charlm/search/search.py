"""A search: trials, which are short trainings with proposed values, and then the best of them from fresh seeds.

The best of many noisy scores looks better than it is. So its config, and the config as it is, are trained
again with seeds that no trial had; only these scores say what is better.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from charlm import progress
from charlm.benchmark import timed
from charlm.comparison.plan import Member
from charlm.comparison.pool import (
    MemberFailed,
    MemberFinished,
    MemberMoved,
    MemberStarted,
    run_members,
)
from charlm.config import RunConfig
from charlm.config.rules import seconds_of
from charlm.errors import CharlmError, ConfigError, TextError
from charlm.search.course import SCORES, Course
from charlm.search.result import Fresh, SearchResult
from charlm.search.small import in_small
from charlm.search.space import Space, configured
from charlm.search.study import SHARE, Running, Study, Trial
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import corpus_of, kept_data
from charlm.training.budget import Budget
from charlm.training.events import Event
from charlm.training.loop import Training
from charlm.wording import counted

FRESH_SEEDS = 1000
"""The fresh seeds begin this far above the config's seed; trials have that one, and the next for repeated values."""
USUAL = 0.7
"""The time of a trial on average, as a part of a complete one, because some are pruned. It plans their length."""
WAIT = 0.5
"""Seconds between two looks at the trials of other processes."""
TENTH = 10
"""The fewest lines or characters of which a tenth is one."""
FRESH, BEST, BASE = "fresh", "best", "as-it-is"
"""The folder of the trainings from fresh seeds, and the names of their two configs."""


@attrs.frozen
class TrialStarted:
    """A trial begins."""

    number: int
    values: dict[str, Any]
    training: Training


@attrs.frozen
class TrialMoved:
    """Something happened in the training of a trial."""

    event: Event


@attrs.frozen
class TrialEnded:
    """A trial has ended."""

    trial: Trial


@attrs.frozen
class ScoredAgain:
    """The config ``name`` has a score from a fresh seed, or a reason why it has none."""

    name: str
    seed: int
    score: float | str


SearchEvent: TypeAlias = TrialStarted | TrialMoved | TrialEnded | ScoredAgain


class Search:
    """A search in a folder. Several processes may take part in it.

    Args:
        config: as it is; a trial has other values of some keys.
        space: what varies.
        folder: of the journal and the results; it exists. If it has this search already, the search goes on.
        trials: the number of trials, of all processes.
        seed: of the proposals.
        confirm: the number of fresh seeds.
        seconds: the time that this process may take; None is no limit.
        share: the part of the config's training that a trial is; None chooses it so that the trials fit into the time.

    Attributes:
        trials: the number of trials; it is at most the number of combinations.
        share: the chosen one, or that of the trials which are there already.
        budget: of a trial.
        expected: seconds of a complete trial; None if no time limits it.
        stopping: why the search is to stop, if it is.

    Raises:
        TextError: the text cannot be used, or nothing of it is held out.
        ConfigError: the trials do not fit into the time.
        CharlmError: as ``Study``.
    """

    def __init__(
        self,
        config: RunConfig,
        space: Space,
        folder: Path,
        *,
        trials: int,
        seed: int = 0,
        confirm: int = 2,
        seconds: float | None = None,
        share: float | None = None,
    ) -> None:
        self._end = math.inf if seconds is None else time.perf_counter() + seconds
        self.config = attrs.evolve(config, data=kept_data(config.data))
        corpus = corpus_of(self.config.data)
        if not corpus.has_held_out:
            raise TextError(
                f"nothing of this text is held out, so trials have no score; {_remedy(corpus)}"
            )
        self.space = space
        self.trials = int(min(trials, space.size))
        self.confirm = confirm
        self.unit = corpus.vocab.unit
        self.stopping: str | None = None
        self._folder = folder
        self._text, self._steps_per_pass = corpus.sha256, corpus.steps_per_pass
        self._training: Training | None = None
        self._fresh: dict[str, dict[int, float | str]] = {BEST: {}, BASE: {}}
        self._scored: Trial | None = None
        full = _seconds_of(self.config, seconds is not None)
        if share is None:
            planned = USUAL * self.trials + 2 * confirm
            fitting = 1.0 if seconds is None or full is None else min(1.0, seconds / full / planned)
        self._study = Study(
            folder,
            space,
            most=self.trials,
            seed=seed,
            plan={
                "config, text or version of charlm": self._member(
                    BASE, self.config, self.config.train.seed
                ).id,
                "--param": [str(parameter) for parameter in space.parameters],
                **({} if share is None else {SHARE: share}),
            },
            first=space.proposal(self.config),
            share=fitting if share is None else share,
        )
        self.share = self._study.share
        self.budget = Budget.of(in_small(self.config, self.share).train, self._steps_per_pass)
        self.expected = None if full is None else full * self.share
        if seconds is not None and self.expected is not None:
            self._check_time(seconds, self.expected)

    def stop(self, why: str) -> None:
        """Stop as soon as possible. The trial in training is tried again when the search goes on."""
        self.stopping = why
        if self._training is not None:
            self._training.stop(why)

    def events(self) -> Iterator[SearchEvent]:
        """Train the trials, then the best config and the config as it is from fresh seeds; yield what happens."""
        while (running := self._next()) is not None:
            yield from self._train(running)
        if not self.stopping:
            yield from self._score_again()

    def result(self) -> SearchResult:
        """Return what is known so far."""
        trials = tuple(self._study.trials())
        best = self._scored or _best(trials)  # another process may find a better one meanwhile
        config = self.config if best is None else configured(self.config, best.values)
        base = self._scores(BASE)
        return SearchResult(
            trials=trials,
            best=best,
            importance=self._study.importance(),
            fresh=base if config == self.config else self._scores(BEST),
            fresh_base=base,
            config=config,
            share=self.share,
            unit=self.unit,
        )

    def seconds_left(self) -> float:
        """Return about how long the search still takes; 0 before a trial has ended."""
        trials = self._study.trials()
        times = [trial.seconds for trial in trials if trial.seconds] or [0.0]
        left = max(0, self.trials - sum(trial.state != "lost" for trial in trials))
        needed = statistics.fmean(times) * left + max(times) * 2 * self.confirm
        return max(0.0, min(needed, self._end - time.perf_counter()))

    def _next(self) -> Running | None:
        """Return the next trial; None if there is none, or no time for it. Wait for the trials of other processes."""
        while not self.stopping and self._is_time_for_a_trial():
            running = self._study.ask()
            if running is not None or not self._study.is_busy():
                return running
            time.sleep(WAIT)
        return None

    def _is_time_for_a_trial(self) -> bool:
        """Tell whether the fresh scores still fit into the time after another trial. The first trial always does."""
        if self.expected is None or self._end == math.inf:
            return True
        complete = [t.seconds for t in self._study.trials() if t.state == "complete"]
        longest = max([self.expected, *complete])
        return not complete or time.perf_counter() + longest * (1 + 2 * self.confirm) <= self._end

    def _train(self, running: Running) -> Iterator[SearchEvent]:
        """Train a trial. Its end is written into the journal; if there is none, the trial is given back."""
        began, course, ended = time.perf_counter(), Course(), None
        try:
            try:
                config = configured(self.config, running.values)
                config = _seeded(config, config.train.seed + running.repeats)
                training = self._training = Training(in_small(config, self.share))
                yield TrialStarted(running.number, running.values, training)
                for event in training.events():
                    course.follow(event, training, running)
                    yield TrialMoved(event)
            except (CharlmError, MemoryError) as error:
                course.fail(error)
            if not self.stopping:
                ended = running.end(**attrs.asdict(course), seconds=time.perf_counter() - began)
                yield TrialEnded(ended)
        finally:
            self._training = None
            if ended is None:
                running.give_back()

    def _score_again(self) -> Iterator[SearchEvent]:
        best = self._scored = _best(self._study.trials())
        if best is None:
            return
        configs = {BEST: configured(self.config, best.values), BASE: self.config}
        if configs[BEST] == self.config:
            del configs[BEST]
        first = self.config.train.seed + FRESH_SEEDS
        seeds = range(first, first + self.confirm)
        every = max(1, math.ceil(best.steps / SCORES))  # as often as a trial
        members = [
            self._member(name, _scored_every(in_small(config, self.share), every), seed)
            for seed in seeds
            for name, config in configs.items()
        ]
        shares = dict.fromkeys(members, 0.0)
        with progress.task("training from fresh seeds", len(members) * best.steps):
            for event in run_members(
                members, self._folder / FRESH, lambda: self.stopping is not None
            ):
                member, share = event.member, 1.0
                match event:
                    case MemberStarted():
                        continue
                    case MemberMoved():
                        share = event.share
                    case MemberFinished() | MemberFailed():
                        score = _score_of(event)
                        self._fresh[member.name][member.seed] = score
                        yield ScoredAgain(member.name, member.seed, score)
                progress.advance((share - shares[member]) * best.steps)
                shares[member] = share

    def _member(self, name: str, config: RunConfig, seed: int) -> Member:
        budget = Budget.of(config.train, self._steps_per_pass)
        config = _seeded(config, seed)
        return Member(name=name, seed=seed, config=config, text_sha256=self._text, budget=budget)

    def _scores(self, name: str) -> Fresh | None:
        fresh = self._fresh[name]
        scores = {seed: score for seed, score in fresh.items() if isinstance(score, float)}
        reasons = tuple(reason for reason in fresh.values() if isinstance(reason, str))
        if not fresh:
            return None
        return Fresh(seeds=tuple(scores), scores=tuple(scores.values()), reasons=reasons)

    def _check_time(self, seconds: float, expected: float) -> None:
        """Refuse a time in which not even one trial and the fresh scores fit."""
        needed = expected * (1 + 2 * self.confirm)
        if needed > 1.01 * seconds:  # a planned length fits exactly
            raise ConfigError(
                f"one trial and {2 * self.confirm} trainings from fresh seeds take {needed:.0f} s, but the search "
                f"may take {seconds:.0f} s; allow more time, or make trials shorter with --budget"
            )


def _best(trials: Sequence[Trial]) -> Trial | None:
    """Return the complete trial with the lowest score."""
    complete = [trial for trial in trials if trial.state == "complete"]
    return min(complete, key=lambda trial: trial.score or math.inf, default=None)


def _seeded(config: RunConfig, seed: int) -> RunConfig:
    return attrs.evolve(config, train=attrs.evolve(config.train, seed=seed))


def _remedy(corpus: LineCorpus | StreamCorpus) -> str:
    """Return how a part of a text can be held out, if it has ten characters or lines."""
    parts, what = len(corpus.train_ids), "character"
    if isinstance(corpus, LineCorpus):
        parts, what = len(corpus.train), corpus.vocab.text
    if parts < TENTH:
        return f"it has only {counted(parts, what)}; give a longer text"
    return "hold out a tenth of it: --set data.val_frac=0.1"


def _scored_every(config: RunConfig, steps: int) -> RunConfig:
    return attrs.evolve(config, train=attrs.evolve(config.train, eval_every=steps))


def _score_of(ended: MemberFinished | MemberFailed) -> float | str:
    """Return the score of a training as a run keeps it, the best; or the reason why it has none."""
    if isinstance(ended, MemberFailed):
        return ended.reason
    return min(score.nll for score in ended.result.scores)


def _seconds_of(config: RunConfig, measured: bool) -> float | None:
    """Return the seconds that a whole training takes; steps are timed if that is wanted."""
    limit = config.train.max_time
    limits = [] if limit is None else [seconds_of(limit)]
    if measured and (config.train.steps, config.train.epochs) != (None, None):
        training = Training(config)
        step = statistics.median(timed(training.update, 1, 0.0, 3, 3))
        limits.append(step * (training.budget.steps or 0))
    return min(limits, default=None)
