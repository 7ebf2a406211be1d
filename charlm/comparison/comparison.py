"""Comparing models: the same text, the same steps, several seeds, and a verdict with its evidence.

Seeds are compared one by one: in each, which model's loss falls below a threshold first? The loss is training's
(the sum over a line, the mean nll of a stream's batch), recorded at every step. Where one step's text is not the
next one's, it is noisy, and judged as the mean of the last steps: see ``Comparison``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import attrs

from charlm.comparison.analysis import BigramReport, Start, bigrams_of, start_of
from charlm.config import KERNELS, ComparisonConfig, NamedModel
from charlm.config.rules import checked, one_of, or_nothing, whole
from charlm.errors import BadGradientError, EvaluationError, require
from charlm.lm.compute import Compute, decide, operations_per_character, saved_by_reading
from charlm.lm.sampling import SampledText, collect
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import corpus_of, text_of
from charlm.training.events import Finished, Logged, Skipped, Started, Stepped
from charlm.training.loop import Training

WINDOW = 20
"""Steps that a noisy loss is averaged over."""


@dataclass(frozen=True)
class Spread:
    """A mean over seeds and the standard deviation around it."""

    mean: float
    std: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of some numbers.

        Example:
            >>> Spread.of([1.0, 3.0])
            Spread(mean=2.0, std=1.0)
        """
        return cls(statistics.fmean(values), statistics.pstdev(values))


@dataclass(frozen=True)
class SeedRun:
    """One model trained from one seed; ``losses[k]`` is the (smoothed) loss at step k + 1."""

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
    """One model over all seeds; ``start`` is what it does before the first step, from the first seed."""

    name: str
    parameters: int
    runs: tuple[SeedRun, ...]
    start: Start | None = None

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
        """Return for each seed the first step below ``threshold``, or None."""
        return [run.steps_to(threshold) for run in self.runs]

    def median_steps_to(self, threshold: float) -> float | None:
        """Return the median over seeds; None where half of them or more never get there."""
        return _finite(statistics.median(map(_or_never, self.steps_to(threshold))))


@dataclass(frozen=True)
class Verdict:
    """Who learned faster, decided at one threshold.

    Attributes:
        threshold: the lowest that in every seed some model crossed; None if there is none.
        faster: the model that crossed it first in more than half of the seeds, or None.
        seeds_ahead: in how many seeds it was strictly the first; without a faster one, the most of any model.
        seeds: of how many.
        steps: the median steps to the threshold of each model, None where half of the seeds or more never
            reach it.
        steps_ahead: the median over seeds of the faster model's lead on the next one, None where half of
            them or more see no other model arrive.
    """

    threshold: float | None
    faster: str | None
    seeds_ahead: int
    seeds: int
    steps: dict[str, float | None]
    steps_ahead: float | None


@dataclass(frozen=True)
class ComparisonResult:
    """Everything that was measured; ``lines`` and ``window`` say what a loss is (see ``Comparison``)."""

    name: str
    models: tuple[ModelResult, ...]
    thresholds: tuple[float, ...]
    verdict: Verdict
    bigrams: BigramReport
    steps: int
    lines: bool
    window: int

    @property
    def unit(self) -> str:
        """What a loss counts."""
        return "nats per line" if self.lines else "nats per character"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for ``--json``."""
        return {
            "name": self.name,
            "steps": self.steps,
            "loss": {"unit": self.unit, "window": self.window},
            "models": [self._model(model) for model in self.models],
            "verdict": asdict(self.verdict),
            "text": {
                "bigrams": self.bigrams.bigrams,
                "bigrams_distinct": self.bigrams.distinct,
                "bigrams_unique": self.bigrams.unique,
                "bigrams_repeated": dict(self.bigrams.repeated),
                "trigrams_determined": self.bigrams.determined,
            },
        }

    def _model(self, model: ModelResult) -> dict[str, Any]:
        return {
            "name": model.name,
            "parameters": model.parameters,
            "start": None if model.start is None else asdict(model.start),
            "first_loss": asdict(model.first_loss),
            "last_loss": asdict(model.last_loss),
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


@dataclass(frozen=True)
class RunStepped:
    """It made a step."""


@dataclass(frozen=True)
class RunFinished:
    """It is done, and this is what came of it."""

    model: str
    run: SeedRun


Event: TypeAlias = RunStarted | RunStepped | RunFinished


class Comparison:
    """Train the models of a comparison over several seeds.

    A loss is that of a step where the text is one line. Where it has more, it is the mean of the last steps: as
    many as there are lines, and at most ``WINDOW``. In a stream, it is the mean of the last ``WINDOW`` steps.

    A comparison without thresholds is judged where its slowest model ends: at the highest of the last losses.

    Args:
        config: the models, and what they have in common.
        seeds: how many seeds, from the base's on; the config's number if not given.
        steps: updates of each; the config's number if not given.
        kernels: what all models are computed with; by default what the base says. The threads are the
            process's.

    Raises:
        TextError: the text cannot be read or used.

    Example:
        >>> from charlm.config import load_comparison
        >>> comparison = Comparison(load_comparison("srnn-vs-lstm"), seeds=1, steps=30)
        >>> for event in comparison.events():
        ...     pass  # RunStarted, RunStepped (30 of them), RunFinished; for each seed and model
        >>> result = comparison.result()
        >>> result.verdict.faster, result.verdict.threshold
        ('srnn', 10.0)
        >>> [(model.name, model.parameters) for model in result.models]
        [('srnn', 7878), ('lstm', 23028)]
    """

    def __init__(
        self,
        config: ComparisonConfig,
        seeds: int | None = None,
        steps: int | None = None,
        kernels: str | None = None,
    ) -> None:
        require(
            "Comparison: config", config, ComparisonConfig, "what charlm.load_comparison returns"
        )
        for name, value in (("seeds", seeds), ("steps", steps)):
            checked(or_nothing(whole(1)), name, value)
        checked(or_nothing(one_of(*KERNELS)), "kernels", kernels)
        self.config = config
        self.seeds = config.seeds if seeds is None else seeds
        steps = config.base.train.steps if steps is None else steps
        assert steps is not None  # a comparison's config has a number
        self.steps = steps
        self.text = text_of(config.base.data)
        corpus = corpus_of(config.base.data, self.text)
        self.window = min(WINDOW, len(corpus.train)) if isinstance(corpus, LineCorpus) else WINDOW
        self.compute = self._decide(corpus, kernels)
        self._parameters: dict[str, int] = {}
        self._starts: dict[str, Start | None] = {}
        self._runs: dict[str, list[SeedRun]] = {}

    def events(self) -> Iterator[Event]:
        """Train, seed by seed and model by model, and yield what happens.

        Raises:
            BadGradientError: a model diverges.
        """
        self._runs = {model.name: [] for model in self.config.models}
        first = self.config.base.train.seed
        for seed in range(first, first + self.seeds):
            for model in self.config.models:
                yield RunStarted(model.name, seed)
                try:
                    run = yield from self._train(model, seed)
                except BadGradientError as error:
                    raise BadGradientError(f"{model.name}, seed {seed}: {error}") from error
                self._runs[model.name].append(run)
                yield RunFinished(model.name, run)

    def result(self) -> ComparisonResult:
        """Return what was found.

        Raises:
            EvaluationError: ``events`` has not been run to its end.
        """
        if not self._runs or any(len(runs) < self.seeds for runs in self._runs.values()):
            raise EvaluationError("a comparison has a result when its events() were run to the end")
        models = tuple(
            ModelResult(name, self._parameters[name], tuple(runs), self._starts[name])
            for name, runs in self._runs.items()
        )
        lines = self.config.base.data.framing == "lines"
        thresholds = self.config.thresholds or (where_the_slowest_ends(models),)
        return ComparisonResult(
            name=self.config.name,
            models=models,
            thresholds=thresholds,
            verdict=judge(models, thresholds),
            bigrams=bigrams_of(self.text, lines),
            steps=self.steps,
            lines=lines,
            window=self.window,
        )

    def _decide(self, corpus: LineCorpus | StreamCorpus, kernels: str | None) -> Compute:
        """Return what all models are computed on: their times are compared too."""
        configs = [model.config for model in self.config.models]
        texts, size = corpus.batch_size, len(corpus.vocab)
        updates = 3 * self.seeds * self.steps * corpus.characters_per_step
        saved = sum(
            updates * config.train.accumulate * saved_by_reading(config.model, size, texts)
            for config in configs
        )
        at_once = texts * max(operations_per_character(config.model, size) for config in configs)
        return decide(kernels or self.config.base.train.kernels, None, saved, at_once)

    def _train(self, model: NamedModel, seed: int) -> Generator[Event, None, SeedRun]:
        settings = attrs.evolve(
            model.config.train,
            seed=seed,
            steps=self.steps,
            epochs=None,
            max_time=None,
            patience=None,
            log_every=1,
            sample_every=0,
            **asdict(self.compute),
        )
        # held-out scoring would cost time and decides nothing here
        data = attrs.evolve(model.config.data, val_frac=0.0)
        config = attrs.evolve(model.config, train=settings, data=data)
        training = Training(config, text=self.text)
        if seed == self.config.base.train.seed:
            self._starts[model.name] = start_of(training.model, training.corpus.train_ids)
        losses: list[float] = []
        seconds = 0.0
        for event in training.events():
            if isinstance(event, Started):
                self._parameters[model.name] = event.parameters
            elif isinstance(event, Skipped):  # a comparison is of the settings as they are given
                raise BadGradientError(
                    f"step {event.step} failed, because {event.reason}; a smaller learning rate may help"
                )
            elif isinstance(event, Logged):
                losses.append(event.loss)
            elif isinstance(event, Stepped):
                yield RunStepped()
            elif isinstance(event, Finished):
                seconds = event.seconds
        sample = collect(training.model.stream(training.model.line_limit, seed=[seed, self.steps]))
        return SeedRun(seed, _smoothed(losses, self.window), seconds / self.steps, sample)


def where_the_slowest_ends(models: tuple[ModelResult, ...]) -> float:
    """Return the highest last loss of a model (the mean over seeds), to three digits."""
    return float(f"{max(model.last_loss.mean for model in models):.3g}")


def judge(models: tuple[ModelResult, ...], thresholds: Sequence[float]) -> Verdict:
    """Decide who was faster, at the lowest threshold that in every seed some model crossed.

    A threshold that a model is below at its first step is not crossed: nothing was learned yet.
    """
    seeds = len(models[0].runs)
    for threshold in sorted(thresholds):
        steps = {model.name: [*map(_or_never, model.steps_to(threshold))] for model in models}
        firsts = [min(found) for found in zip(*steps.values(), strict=True)]
        if all(1 < first < NEVER for first in firsts):
            break
    else:
        return Verdict(None, None, 0, seeds, {model.name: None for model in models}, None)
    leads = {
        name: [
            min(rivals) - own
            for own, *rivals in zip(found, *(steps[n] for n in steps if n != name), strict=True)
        ]
        for name, found in steps.items()
    }
    wins = {name: sum(lead > 0 for lead in found) for name, found in leads.items()}
    leader = max(wins, key=lambda name: wins[name])
    clear = 2 * wins[leader] > seeds
    return Verdict(
        threshold=threshold,
        faster=leader if clear else None,
        seeds_ahead=wins[leader],
        seeds=seeds,
        steps={model.name: model.median_steps_to(threshold) for model in models},
        steps_ahead=_finite(statistics.median(leads[leader])) if clear else None,
    )


NEVER = math.inf
"""The step at which a threshold is reached that is not."""


def _or_never(step: int | None) -> float:
    return NEVER if step is None else step


def _finite(steps: float) -> float | None:
    return steps if steps < NEVER else None


def _smoothed(losses: list[float], window: int) -> tuple[float, ...]:
    ends = range(1, len(losses) + 1)
    return tuple(statistics.fmean(losses[max(0, end - window) : end]) for end in ends)
