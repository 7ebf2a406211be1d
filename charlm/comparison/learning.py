"""Which of several models learns fastest: their losses in training, and a verdict with its evidence.

For each seed: which model's loss falls below a threshold first? The loss is that of training (the sum over a line,
the mean nll of a stream's batch), at every step. If each step has a different text, the loss is noisy. Then
the mean of the last steps takes its place: see ``charlm.comparison.comparison.Comparison``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from charlm import display
from charlm.comparison.analysis import BigramReport, Start, bigrams_of, start_of
from charlm.comparison.plan import Member, Plan
from charlm.comparison.results import MemberResult, Results
from charlm.lm.sampling import SampledText
from charlm.text.preparing import text_of
from charlm.training.loop import Training
from charlm.wording import short


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
    losses: tuple[float, ...] = field(repr=False)
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

    def __repr__(self) -> str:
        models = ", ".join(model.name for model in self.models)
        return f"<ComparisonResult {self.name}: {models}; fastest: {self.verdict.faster or 'none'}>"

    def _repr_html_(self) -> str:
        steps_to = [f"steps to {threshold:g}" for threshold in self.thresholds]
        head = ["model", "parameters", f"last loss ({self.unit})", "+-", *steps_to]
        rows = [
            (
                model.name,
                f"{model.parameters:,}",
                short(model.last_loss.mean),
                short(model.last_loss.std, 2),
                *(_steps(model.median_steps_to(threshold)) for threshold in self.thresholds),
            )
            for model in self.models
        ]
        return display.table(rows, head, f"{self.name}: fastest: {self.verdict.faster or 'none'}")

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


def seed_run(member: MemberResult, window: int) -> SeedRun:
    """Return a member's losses in training, each the mean of the last ``window`` steps."""
    sample = SampledText(member.sample, member.sample_complete)
    losses = _smoothed(member.losses, window)
    return SeedRun(member.seed, losses, member.seconds / member.steps, sample)


def learning(results: Results, plan: Plan) -> ComparisonResult:
    """Return which model's loss in training falls fastest, with what explains it: the text, and the untrained models.

    Args:
        results: of a comparison; all models have the same seeds.
        plan: of that comparison.
    """
    models = tuple(
        ModelResult(
            name,
            results.of(name)[0].parameters,
            tuple(seed_run(member, plan.window) for member in results.of(name)),
            _start(next(member for member in plan.members if member.name == name)),
        )
        for name in results.models
    )
    thresholds = plan.thresholds or (final_loss_of_the_slowest(models),)
    return ComparisonResult(
        name=plan.name,
        models=models,
        thresholds=thresholds,
        verdict=judge(models, thresholds),
        bigrams=bigrams_of(text_of(plan.members[0].config.data), plan.lines),
        steps=len(models[0].runs[0].losses),
        lines=plan.lines,
        window=plan.window,
    )


def _start(member: Member) -> Start | None:
    training = Training(member.config)
    return start_of(training.model, training.corpus.train_ids)


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


def _steps(median: float | None) -> str:
    return "never" if median is None else f"{median:g}"


def _finite(steps: float) -> float | None:
    return steps if steps < NEVER else None


def _smoothed(losses: Sequence[float], window: int) -> tuple[float, ...]:
    ends = range(1, len(losses) + 1)
    return tuple(statistics.fmean(losses[max(0, end - window) : end]) for end in ends)
