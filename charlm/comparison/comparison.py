"""Comparing models in this process: the same text, the same steps, several seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import attrs

from charlm import display
from charlm.comparison.budgets import EqualBudget
from charlm.comparison.learning import ComparisonResult, SeedRun, learning, seed_run
from charlm.comparison.planning import Options, plan_of
from charlm.comparison.pool import (
    MemberFailed,
    MemberFinished,
    MemberMoved,
    MemberStarted,
    run_members,
)
from charlm.comparison.results import MemberResult, Results
from charlm.config import KERNELS, ComparisonConfig
from charlm.config.rules import checked, one_of, or_nothing, whole
from charlm.errors import BadGradientError, EvaluationError, require
from charlm.wording import counted


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
    """Train the models of a comparison with several seeds, in this process, and keep no files.

    ``charlm.comparison.pool`` trains them in a folder, where they can be resumed, and in several processes.

    If text is held out, the models are compared by ``results()``, their scores of that text. Else they are
    compared by ``result()``, their losses in training.

    The loss of a text of one line is that of a step. For several lines it is the mean of the last steps: as
    many as there are lines, and at most 20. In a stream, it is the mean of the last 20 steps.

    Without thresholds in the config, the threshold is the final loss of the slowest model, the highest of all.

    Args:
        config: the models, and their common settings.
        seeds: the number of seeds, from the base's on; by default the config's.
        steps: the updates of each model; by default the config's.
        kernels: of all models; by default the base's. The threads are those of the process.

    Raises:
        TextError: the text cannot be read or used.
        InputError: the models cannot be compared.

    Example:
        >>> from charlm.config import load_comparison_config
        >>> comparison = Comparison(load_comparison_config("srnn-vs-lstm"), seeds=1, steps=30)
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
        wanted = "what charlm.load_comparison_config returns"
        require("Comparison: config", config, ComparisonConfig, wanted)
        for name, value in (("seeds", seeds), ("steps", steps)):
            checked(or_nothing(whole(1)), name, value)
        checked(or_nothing(one_of(*KERNELS)), "kernels", kernels)
        self.config = config
        self.seeds = config.seeds if seeds is None else seeds
        options = Options(seeds=self.seeds, budget=EqualBudget(steps=steps), kernels=kernels)
        self.plan = plan_of(
            config.name,
            config.models,
            options=options,
            thresholds=config.thresholds,
            base=config.base,
        )
        self.steps = self.plan.members[0].budget.steps
        self.window = self.plan.window
        self._done: list[MemberResult] = []

    def events(self) -> Iterator[ComparisonEvent]:
        """Train every model with every seed, and yield what happens.

        Raises:
            BadGradientError: a training fails.
        """
        self._done = []
        with TemporaryDirectory() as folder:
            for event in run_members(self.plan.members, Path(folder), lambda: False):
                match event:
                    case MemberStarted(member):
                        yield RunStarted(member.name, member.seed)
                    case MemberMoved():
                        yield RunStepped()
                    case MemberFailed(member, reason):
                        raise BadGradientError(f"{member.name}, seed {member.seed}: {reason}")
                    case MemberFinished(member, result):
                        self._done.append(result)
                        yield RunFinished(member.name, seed_run(result, self.window))

    def result(self) -> ComparisonResult:
        """Return the result, judged by the losses in training.

        Raises:
            EvaluationError: ``events`` has not been run to its end.
        """
        return learning(self.results(), attrs.evolve(self.plan, window=self.window))

    def results(self) -> Results:
        """Return the results of all members, with their scores of the held-out text if there is any.

        Raises:
            EvaluationError: ``events`` has not been run to its end.
        """
        if len(self._done) < len(self.plan.members):
            raise EvaluationError(
                "a comparison has a result only after its events() have run to the end"
            )
        return self.plan.results(self._done)

    def __repr__(self) -> str:
        models = ", ".join(self.plan.models)
        done = f"{len(self._done)} of {counted(len(self.plan.members), 'training')} done"
        return f"<Comparison {self.config.name}: {models}; {counted(self.seeds, 'seed')}; {done}>"

    def _repr_html_(self) -> str:
        if not self._done:
            return display.text(repr(self))
        return self.plan.results(self._done)._repr_html_()
