"""Comparing models: the same text, the same steps, several seeds, and a verdict with its evidence.

Seeds are compared in pairs: in each seed, which model's loss falls below a threshold first? A line's loss is the
sum over its characters, as training reports it; a stream's single batches are noisy, so its loss is the mean of
the last ``WINDOW`` steps.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import attrs

from charlm.config import ComparisonConfig, NamedModel
from charlm.errors import EvaluationError
from charlm.lm.analysis import BigramReport, bigrams_of
from charlm.lm.sampling import SampledText, collect
from charlm.lm.training import Finished, Logged, Started, Stepped, Training, text_of

WINDOW = 20


@dataclass(frozen=True)
class Spread:
    """A mean over seeds and the standard deviation around it."""

    mean: float
    std: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Return the spread of some numbers.

        Example:
            >>> Spread.of([1.0, 3.0])
            Spread(mean=2.0, std=1.0)
        """
        return cls(statistics.fmean(values), statistics.pstdev(values))


@dataclass(frozen=True)
class SeedRun:
    """One model trained from one seed; ``losses[k]`` is the loss at step k + 1."""

    seed: int
    losses: tuple[float, ...]
    seconds_per_step: float
    sample: SampledText

    def steps_to(self, threshold: float) -> int | None:
        """Return the first step with a loss below ``threshold``, or None."""
        below = (step for step, loss in enumerate(self.losses, 1) if loss < threshold)
        return next(below, None)


@dataclass(frozen=True)
class ModelResult:
    """One model over all seeds."""

    name: str
    parameters: int
    runs: tuple[SeedRun, ...]

    @property
    def first_loss(self) -> Spread:
        """The loss at the first step."""
        return Spread.of([run.losses[0] for run in self.runs])

    @property
    def last_loss(self) -> Spread:
        """The loss at the last step."""
        return Spread.of([run.losses[-1] for run in self.runs])

    @property
    def seconds_per_step(self) -> float:
        """The median over seeds."""
        return statistics.median(run.seconds_per_step for run in self.runs)

    def steps_to(self, threshold: float) -> list[int | None]:
        """Return for each seed the first step below ``threshold``."""
        return [run.steps_to(threshold) for run in self.runs]


@dataclass(frozen=True)
class Verdict:
    """Who learned faster: decided at the lowest threshold that anyone reached in every seed.

    Attributes:
        threshold: where it was decided; None if none was reached.
        faster: the model that was first there in more than half of the seeds, or None.
        seeds_ahead: in how many seeds it was strictly first.
        seeds: of how many.
        steps: the median number of steps to the threshold for each model, None where half the seeds or
            more never reached it.
    """

    threshold: float | None
    faster: str | None
    seeds_ahead: int
    seeds: int
    steps: dict[str, float | None]


@dataclass(frozen=True)
class ComparisonResult:
    """Everything that was measured."""

    name: str
    models: tuple[ModelResult, ...]
    thresholds: tuple[float, ...]
    verdict: Verdict
    bigrams: BigramReport
    steps: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for ``--json``."""
        return {
            "name": self.name,
            "steps": self.steps,
            "models": [self._model(model) for model in self.models],
            "verdict": {
                "faster": self.verdict.faster,
                "threshold": self.verdict.threshold,
                "seeds_ahead": self.verdict.seeds_ahead,
                "seeds": self.verdict.seeds,
                "steps": self.verdict.steps,
            },
            "text": {
                "bigrams": self.bigrams.bigrams,
                "bigrams_distinct": self.bigrams.distinct,
                "bigrams_unique": self.bigrams.unique,
                "trigrams_determined": self.bigrams.determined,
            },
        }

    def _model(self, model: ModelResult) -> dict[str, Any]:
        first, last = model.first_loss, model.last_loss
        return {
            "name": model.name,
            "parameters": model.parameters,
            "first_loss": {"mean": first.mean, "std": first.std},
            "last_loss": {"mean": last.mean, "std": last.std},
            "steps_to_threshold": {f"{t:g}": model.steps_to(t) for t in self.thresholds},
            "seconds_per_step": model.seconds_per_step,
            "runs": [
                {"seed": run.seed, "losses": list(run.losses), "sample": run.sample.text}
                for run in model.runs
            ],
        }


@dataclass(frozen=True)
class RunStarted:
    """A model begins from a seed."""

    model: str
    seed: int
    steps: int


@dataclass(frozen=True)
class RunStepped:
    """It made a step."""


@dataclass(frozen=True)
class RunFinished:
    """It is done."""

    model: str
    run: SeedRun


Event: TypeAlias = RunStarted | RunStepped | RunFinished


class Comparison:
    """Train the models of a comparison over several seeds.

    Args:
        config: the models, and what they have in common.
        seeds: how many seeds, from the base's on; the config's number if not given.
        steps: updates of each; the config's number if not given.

    Example:
        >>> from charlm.config import load_comparison
        >>> comparison = Comparison(load_comparison("srnn-vs-lstm"), seeds=1, steps=2)
        >>> events = list(comparison.events())
        >>> [model.name for model in comparison.result().models]
        ['srnn', 'lstm']
    """

    def __init__(
        self, config: ComparisonConfig, seeds: int | None = None, steps: int | None = None
    ) -> None:
        self.config = config
        self.seeds = config.seeds if seeds is None else seeds
        self.steps = config.base.train.steps if steps is None else steps
        self.text = text_of(config.base.data)
        self._parameters: dict[str, int] = {}
        self._runs: dict[str, list[SeedRun]] = {model.name: [] for model in config.models}

    def events(self) -> Iterator[Event]:
        """Train, seed by seed and model by model, and yield what happens."""
        first = self.config.base.train.seed
        for seed in range(first, first + self.seeds):
            for model in self.config.models:
                yield from self._train(model, seed)

    def result(self) -> ComparisonResult:
        """Return what was found; RuntimeError before ``events`` has been run to its end."""
        if any(len(runs) < self.seeds for runs in self._runs.values()):
            raise EvaluationError("a comparison has a result when its events() were run to the end")
        models = tuple(
            ModelResult(name, self._parameters[name], tuple(runs))
            for name, runs in self._runs.items()
        )
        return ComparisonResult(
            name=self.config.name,
            models=models,
            thresholds=self.config.thresholds,
            verdict=judge(models, self.config.thresholds),
            bigrams=bigrams_of(self.text, lines=self.config.base.data.framing == "lines"),
            steps=self.steps,
        )

    def _train(self, model: NamedModel, seed: int) -> Iterator[Event]:
        settings = attrs.evolve(
            model.config.train, seed=seed, steps=self.steps, log_every=1, sample_every=0
        )
        # held-out scoring would cost time and decides nothing here
        data = attrs.evolve(model.config.data, val_frac=0.0)
        config = attrs.evolve(model.config, train=settings, data=data)
        training = Training(config, text=self.text)
        yield RunStarted(model.name, seed, self.steps)
        losses: list[float] = []
        seconds = 0.0
        for event in training.events():
            if isinstance(event, Started):
                self._parameters[model.name] = event.parameters
            elif isinstance(event, Logged):
                losses.append(event.loss)
            elif isinstance(event, Stepped):
                yield RunStepped()
            elif isinstance(event, Finished):
                seconds = event.seconds
        if config.data.framing == "stream":
            losses = _smoothed(losses)
        sample = collect(training.model.stream(seed=[seed, self.steps]))
        run = SeedRun(seed, tuple(losses), seconds / max(1, self.steps), sample)
        self._runs[model.name].append(run)
        yield RunFinished(model.name, run)


def judge(models: tuple[ModelResult, ...], thresholds: tuple[float, ...]) -> Verdict:
    """Decide who was faster at the lowest threshold that in each seed at least one model reached."""
    seeds = len(models[0].runs)
    decided = None
    for threshold in sorted(thresholds):
        reached = zip(*(model.steps_to(threshold) for model in models), strict=True)
        if all(any(step is not None for step in seed) for seed in reached):
            decided = threshold
            break
    if decided is None:
        return Verdict(None, None, 0, seeds, {model.name: None for model in models})
    steps = {model.name: model.steps_to(decided) for model in models}
    firsts = dict.fromkeys(steps, 0)
    for seed in range(seeds):
        best = min(found[seed] or float("inf") for found in steps.values())
        winners = [name for name, found in steps.items() if (found[seed] or float("inf")) == best]
        if len(winners) == 1:
            firsts[winners[0]] += 1
    leader = max(firsts, key=lambda name: firsts[name])
    ahead = firsts[leader]
    return Verdict(
        decided,
        leader if 2 * ahead > seeds else None,
        ahead,
        seeds,
        {name: _median(found) for name, found in steps.items()},
    )


def _median(steps: list[int | None]) -> float | None:
    middle = statistics.median(float("inf") if step is None else step for step in steps)
    return None if middle == float("inf") else middle


def _smoothed(losses: list[float]) -> list[float]:
    return [statistics.fmean(losses[max(0, k - WINDOW) : k]) for k in range(1, len(losses) + 1)]
