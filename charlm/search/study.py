"""The trials of a search: proposed by Optuna, and kept in a journal that several processes can share.

A trial belongs to the process that holds the lock on its file. If the process is killed, the system releases the lock,
and the next process that asks for a trial gives the lost one back, to be tried again.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from charlm.config.rules import line, number, one_of, or_nothing, whole
from charlm.config.stored import made, stored
from charlm.errors import InputError, StoredError, import_extra
from charlm.files import LineLog, read_whole, why_unreadable
from charlm.runs.lock import hold, hold_after, is_held
from charlm.search.space import Choice, Space

JOURNAL = "journal.log"
MOST = 1 << 30
"""The maximum bytes of a journal."""
RANDOM = 5
"""The first trials are random; a trial is compared with the others, and may be pruned, only after this many."""
MOST_RETRIES = 2
"""How often a trial is tried again whose process ended in it: the trial may be the reason, with its memory."""
FEWEST = 10
"""Complete trials without which the importance of parameters would be noise."""
BETTER = 0.3
"""The importance of a parameter is how differently this share of the trials, the best, is distributed in it."""
_GIVEN_UP = {
    "state": "failed",
    "reason": f"its process ended in it, {1 + MOST_RETRIES} times; the memory may not be enough",
}
PAUSE = 0.05
"""Seconds between two tries to get a lock."""


SHARE = "--budget"
"""The name of the part of a training that a trial is, among what has to be the same for all trials."""
STATES = ("complete", "pruned", "failed", "running", "lost")


@attrs.frozen(kw_only=True)
class Outcome:
    """How far a trial is, or how it ended.

    Attributes:
        state: one of ``STATES``; a lost trial ended with its process.
        score: held-out nats per symbol; that of a pruned trial is its last.
        share: the part of its training that it did, from 0 to 1.
        steps: updates.
        seconds: its time.
        reason: why it failed.
    """

    state: str = stored(one_of(*STATES))
    score: float | None = stored(or_nothing(number()), None)
    share: float = stored(number(least=0, most=1), 0.0)
    steps: int = stored(whole(0), 0)
    seconds: float = stored(number(least=0), 0.0)
    reason: str = stored(line, "")


@attrs.frozen(kw_only=True)
class Trial(Outcome):
    """A trial, as the journal has it.

    Attributes:
        number: from 1 on.
        values: the value of each key.
    """

    number: int
    values: dict[str, Any]


class Running:
    """A trial that this process trains.

    Attributes:
        number: from 1 on.
        values: the value of each key.
        repeats: the number of earlier trials with the same values. This one needs another seed.
    """

    def __init__(self, study: Study, trial: Any, repeats: int, lock: contextlib.ExitStack) -> None:
        self.number: int = trial.number + 1
        self.values = study.space.values(trial.params)
        self.repeats = repeats
        self._study = study
        self._trial = trial
        self._lock = lock
        self._can_write = True

    def is_worse(self, place: int, nll: float) -> bool:
        """Report a held-out score at a place of the training, the same of all trials; tell whether to prune."""
        with self._writing():
            self._trial.report(nll, place)
            return bool(self._trial.should_prune())

    def end(self, state: str, score: float | None = None, **facts: Any) -> Trial:
        """Write how the trial ended into the journal: ``complete``, ``pruned`` or ``failed``; return it.

        To Optuna a failed trial is a pruned one: it learns to avoid such values.
        """
        with self._writing():
            self._trial.set_user_attr("facts", {"state": state, "score": score, **facts})
            told = {"values": score} if state == "complete" else {"state": self._study.state.PRUNED}
            self._study.study.tell(self._trial, **told)
        self._lock.close()
        return Trial(number=self.number, values=self.values, state=state, score=score, **facts)

    def give_back(self) -> None:
        """Have the trial tried again later, because the search stops in it."""
        if self._can_write:
            with self._writing():
                self._study.lose(self._trial, retried=True)
        self._lock.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Write into the journal; after a failure nothing more, because a line may be written partly.

        The trial is then lost, and tried again by the next process.
        """
        try:
            with _quiet():
                yield
        except OSError:
            self._can_write = False
            raise


class Study:
    """The trials of a search, in a folder.

    Args:
        folder: of the search; it exists.
        space: what varies.
        most: the number of trials.
        seed: of the proposals. They depend on it and on the earlier trials alone.
        plan: what has to be the same for all trials, by name; ``SHARE`` too, if the user chose it.
        first: the proposal to try first, if there is one.
        share: the part of a training that a trial is, if the journal has none yet.

    Raises:
        MissingExtraError: Optuna is not installed.
        InputError: the folder has a search with another plan.
        StoredError: the journal is damaged.
        OutputError: it cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        *,
        most: int,
        seed: int,
        plan: dict[str, Any],
        first: dict[str, Any] | None,
        share: float,
    ) -> None:
        self.space = space
        self.most = most
        self._folder = folder
        self._seed = seed
        journal = folder / JOURNAL
        with _quiet():
            self._optuna = import_extra("optuna", "charlm search")
            self._optuna.logging.set_verbosity(self._optuna.logging.CRITICAL)
            self.state = self._optuna.trial.TrialState
        with self._alone(), _damaged(journal), _quiet():
            lock = _JournalLock(folder / "journal.lock")
            _cut_partial_line(journal, lock)
            backend = self._optuna.storages.journal.JournalFileBackend(str(journal), lock)
            self.study = self._optuna.create_study(
                storage=self._optuna.storages.JournalStorage(backend),
                study_name="search",
                direction="minimize",
                load_if_exists=True,
                pruner=self._optuna.pruners.MedianPruner(n_startup_trials=RANDOM),
            )
            if not self.study.user_attrs:
                self.study.set_user_attr("plan", {**plan, SHARE: share})
                self._begin(first)
            before = dict(self.study.user_attrs["plan"])
            self.share: float = number(above=0, most=1)(before[SHARE])
        differ = [name for name, wanted in plan.items() if before.get(name) != wanted]
        if differ:
            raise InputError(
                f"{folder}: this folder has a search with another {' and another '.join(differ)}; its trials cannot be "
                "compared with new ones: choose another folder with -o, or remove this one"
            )

    def ask(self) -> Running | None:
        """Return a new trial; None if there are enough."""
        with self._alone(), _quiet():
            trials = self._retried()
            taken = [t for t in trials if t.state not in (self.state.WAITING, self.state.FAIL)]
            if len(taken) >= self.most:
                return None
            self.study.sampler = self._sampler(len(taken))
            trial = self.study.ask()
            for parameter in self.space.parameters:
                if isinstance(parameter, Choice):
                    trial.suggest_categorical(parameter.key, parameter.words)
                else:
                    suggest = trial.suggest_int if parameter.whole else trial.suggest_float
                    suggest(parameter.key, parameter.low, parameter.high, log=parameter.log)
            lock = contextlib.ExitStack()
            lock.enter_context(hold(self._lock_of(trial)))
            lock.callback(self._lock_of(trial).unlink, missing_ok=True)
            repeats = sum(t.params == trial.params for t in taken)
        return Running(self, trial, repeats, lock)

    def is_busy(self) -> bool:
        """Tell whether a process trains a trial."""
        return any(
            t.state == self.state.RUNNING and is_held(self._lock_of(t)) for t in self._trials()
        )

    def trials(self) -> list[Trial]:
        """Return all trials that have begun, in their order."""
        with _damaged(self._folder / JOURNAL):
            return [self._trial(t) for t in self._trials() if t.state != self.state.WAITING]

    def importance(self) -> dict[str, float]:
        """Return the importance of each parameter, the largest first, as parts of 1; nothing if it would be noise.

        The evaluator is PED-ANOVA (Watanabe et al., 2023), which needs no other package.
        """
        complete = [t for t in self._trials() if t.state == self.state.COMPLETE]
        if len(self.space.parameters) < 2 or len(complete) < FEWEST:
            return {}
        importance = self._optuna.importance
        with _quiet():
            evaluator = importance.PedAnovaImportanceEvaluator(target_quantile=BETTER)
            return dict(importance.get_param_importances(self.study, evaluator=evaluator))

    def lose(self, trial: Any, retried: bool) -> None:
        """End a trial without a result, and have it tried again."""
        with _quiet():
            self.study.tell(trial.number, state=self.state.FAIL)
            if retried:
                self.study.enqueue_trial(trial.params)

    def _begin(self, first: dict[str, Any] | None) -> None:
        """Enqueue the config as it is, and, if their number is small enough, all combinations."""
        if first is not None:
            self.study.enqueue_trial(first)
        if self.space.size <= self.most:
            for proposal in self.space.all():
                self.study.enqueue_trial(proposal, skip_if_exists=True)

    def _retried(self) -> list[Any]:
        """Give back the trials of processes that have ended; return all trials."""
        trials = self._trials()
        lost = [
            t for t in trials if t.state == self.state.RUNNING and not is_held(self._lock_of(t))
        ]
        for trial in lost:
            before = [t for t in trials if t.state == self.state.FAIL and t.params == trial.params]
            if len(before) == MOST_RETRIES:
                self.study.tell(trial.number, state=self.state.PRUNED)
            else:
                self.lose(trial, retried=len(trial.params) == len(self.space.parameters))
            self._lock_of(trial).unlink(missing_ok=True)
        return self._trials() if lost else trials

    def _trials(self) -> list[Any]:
        with _quiet(), _damaged(self._folder / JOURNAL):
            return list(self.study.get_trials(deepcopy=False))

    def _trial(self, trial: Any) -> Trial:
        facts = {
            self.state.RUNNING: {"state": "running"},
            self.state.FAIL: {"state": "lost"},
        }.get(trial.state) or trial.user_attrs.get("facts", _GIVEN_UP)
        outcome = made(Outcome, facts, str(self._folder / JOURNAL))
        return Trial(
            number=trial.number + 1,
            values=self.space.values(trial.params) if trial.params else {},
            **attrs.asdict(outcome),
        )

    def _sampler(self, before: int) -> Any:
        """Return the sampler of the next proposal: its seed is another one for each."""
        seed = int(np.random.SeedSequence([self._seed, before]).generate_state(1)[0])
        several = len(self.space.parameters) > 1
        return self._optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=RANDOM, multivariate=several, constant_liar=True
        )

    def _lock_of(self, trial: Any) -> Path:
        return self._folder / f"trial-{trial.number + 1}.lock"

    def _alone(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from asking in this block."""
        return hold_after(self._folder / "search.lock", lambda: time.sleep(PAUSE))


class _JournalLock:
    """The lock on the journal that Optuna asks for. Its own ones outlive a killed process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = contextlib.ExitStack()

    def acquire(self) -> bool:
        self._held.enter_context(hold_after(self._path, lambda: time.sleep(PAUSE)))
        return True

    def release(self) -> None:
        self._held.close()


def _cut_partial_line(journal: Path, lock: _JournalLock) -> None:
    """Remove the end of a journal that was written partly, before the machine or its disk failed."""
    lock.acquire()
    try:
        LineLog(journal).cut(read_whole(journal, MOST).count(b"\n"))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoredError(f"{journal}: {why_unreadable(error)}") from error
    finally:
        lock.release()


@contextlib.contextmanager
def _damaged(journal: Path) -> Iterator[None]:
    """Refuse a journal that Optuna cannot read, or that another program wrote."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        if isinstance(error, StoredError):
            raise
        raise StoredError(
            f"{journal}: damaged, or not the journal of a search; choose another folder with -o, or remove this one"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's warnings from the screen: they speak to programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
