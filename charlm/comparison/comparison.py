"""Comparing models: the same text, the same steps, several seeds, and a verdict with its evidence.

For each seed: which model's loss falls below a threshold first? The loss is that of training (the sum over a line,
the mean nll of a stream's batch), at every step. If each step has a different text, the loss is noisy. Then
the mean of the last steps takes its place: see ``Comparison``.
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
"""A noisy loss is averaged over this many steps."""


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
    """One model trained with one seed; ``losses[k]`` is the (smoothed) loss at step k + 1."""

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
        """Return the first step below ``threshold`` for each seed, or None."""
        return [run.steps_to(threshold) for run in self.runs]

    def median_steps_to(self, threshold: float) -> float | None:
        """Return the median over seeds; None if half of them or more never reach it."""
        return _finite(statistics.median(map(_or_never, self.steps_to(threshold))))


@dataclass(frozen=True)
class Verdict:
    """Which model learned faster, decided at one threshold.

    Attributes:
        threshold: the lowest that some model crossed with every seed; None if there is none.
        faster: the model that crossed it first with more than half of the seeds, or None.
        seeds_ahead: the number of seeds with which it was first alone; without a faster one, the most of any model.
        seeds: the number of all seeds.
        steps: the median steps of each model to the threshold; None if half of the seeds or more never reach it.
        steps_ahead: the median over seeds of the faster model's lead over the next one; None if with half of
            them or more no other model reaches the threshold.
    """

    threshold: float | None
    faster: str | None
    seeds_ahead: int
    seeds: int
    steps: dict[str, float | None]
    steps_ahead: float | None


@dataclass(frozen=True)
class ComparisonResult:
    """All results; ``lines`` and ``window`` define the loss (see ``Comparison``)."""

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
        """The unit of a loss."""
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
    """The training of a model with a seed begins."""

    model: str
    seed: int


@dataclass(frozen=True)
class RunStepped:
    """It has made a step."""


@dataclass(frozen=True)
class RunFinished:
    """It has ended, with this result."""

    model: str
    run: SeedRun


ComparisonEvent: TypeAlias = RunStarted | RunStepped | RunFinished


class Comparison:
    """Train the models of a comparison with several seeds.

    The loss of a text of one line is that of a step. For several lines it is the mean of the last steps: as
    many as there are lines, and at most ``WINDOW``. In a stream, it is the mean of the last ``WINDOW`` steps.

    Without thresholds in the config, the threshold is the final loss of the slowest model, the highest of all.

    Args:
        config: the models, and their common settings.
        seeds: the number of seeds, from the base's on; by default the config's.
        steps: the updates of each model; by default the config's.
        kernels: of all models; by default the base's. The threads are those of the process.

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

    def events(self) -> Iterator[ComparisonEvent]:
        """Train every model with every seed, and yield what happens.

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
        """Return the result.

        Raises:
            EvaluationError: ``events`` has not been run to its end.
        """
        if not self._runs or any(len(runs) < self.seeds for runs in self._runs.values()):
            raise EvaluationError(
                "a comparison has a result only after its events() have run to the end"
            )
        models = tuple(
            ModelResult(name, self._parameters[name], tuple(runs), self._starts[name])
            for name, runs in self._runs.items()
        )
        lines = self.config.base.data.framing == "lines"
        thresholds = self.config.thresholds or (final_loss_of_the_slowest(models),)
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
        """Return the kernels and threads of all models: their times are compared too."""
        configs = [model.config for model in self.config.models]
        texts, size = corpus.batch_size, len(corpus.vocab)
        updates = 3 * self.seeds * self.steps * corpus.characters_per_step
        saved = sum(
            updates * config.train.accumulate * saved_by_reading(config.model, size, texts)
            for config in configs
        )
        at_once = texts * max(operations_per_character(config.model, size) for config in configs)
        return decide(kernels or self.config.base.train.kernels, None, saved, at_once)

    def _train(self, model: NamedModel, seed: int) -> Generator[ComparisonEvent, None, SeedRun]:
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
        # no held-out scores: they take time and decide nothing here
        data = attrs.evolve(model.config.data, val_frac=0.0)
        config = attrs.evolve(model.config, train=settings, data=data)
        training = Training(config, text=self.text)
        if seed == self.config.base.train.seed:
            self._starts[model.name] = start_of(training.model, training.corpus.train_ids)
        losses: list[float] = []
        seconds = 0.0
        for event in training.events():
            match event:
                case Started():
                    self._parameters[model.name] = event.parameters
                case Skipped():  # going on with a smaller rate would change the comparison
                    raise BadGradientError(
                        f"step {event.step} failed, because {event.reason}; a smaller learning rate may help"
                    )
                case Logged():
                    losses.append(event.loss)
                case Stepped():
                    yield RunStepped()
                case Finished():
                    seconds = event.seconds
        sample = collect(training.model.stream(training.model.line_limit, seed=[seed, self.steps]))
        return SeedRun(seed, _smoothed(losses, self.window), seconds / self.steps, sample)


def final_loss_of_the_slowest(models: tuple[ModelResult, ...]) -> float:
    """Return the highest final loss of a model (the mean over seeds), to three digits."""
    return float(f"{max(model.last_loss.mean for model in models):.3g}")


def judge(models: tuple[ModelResult, ...], thresholds: Sequence[float]) -> Verdict:
    """Decide which model was faster, at the lowest threshold that some model crossed with every seed.

    A model that is below a threshold at its first step has not crossed it: it has not learned yet.
    """
    seeds = len(models[0].runs)
    for threshold in sorted(thresholds):
        steps = {model.name: [*map(_or_never, model.steps_to(threshold))] for model in models}
        firsts = [min(of_seed) for of_seed in zip(*steps.values(), strict=True)]
        if all(1 < first < NEVER for first in firsts):
            break
    else:
        return Verdict(None, None, 0, seeds, {model.name: None for model in models}, None)
    leads = {
        name: [
            min(rivals) - own
            for own, *rivals in zip(own_steps, *(steps[n] for n in steps if n != name), strict=True)
        ]
        for name, own_steps in steps.items()
    }
    wins = {name: sum(lead > 0 for lead in ahead) for name, ahead in leads.items()}
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
"""The step of a threshold that is not reached."""


def _or_never(step: int | None) -> float:
    return NEVER if step is None else step


def _finite(steps: float) -> float | None:
    return steps if steps < NEVER else None


def _smoothed(losses: list[float], window: int) -> tuple[float, ...]:
    ends = range(1, len(losses) + 1)
    return tuple(statistics.fmean(losses[max(0, end - window) : end]) for end in ends)
