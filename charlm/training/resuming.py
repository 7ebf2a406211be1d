"""Resuming a run: which settings may have changed since its checkpoint, and what that changes."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator

import attrs

from charlm.config import RunConfig, TrainConfig
from charlm.errors import CheckpointError, ConfigError
from charlm.lm.saved import config_of, model_state, state_of
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.training.budget import Budget
from charlm.training.learner import Learner
from charlm.training.schedule import PlateauState, Schedule
from charlm.training.state import TrainingState
from charlm.wording import counted, short

RESUMABLE = (
    "steps",
    "epochs",
    "max_time",
    "patience",
    "log_every",
    "sample_every",
    "eval_every",
    "checkpoint_every",
    "kernels",
    "threads",
    "schedule_from",
)
"""Settings of the train section that may change when a run is resumed: none of them changes what a step computes."""

PLACES = ("text", "val_file")
"""Settings of the data section that may change: the places of the texts. Digests compare their content."""


@attrs.frozen
class Before:
    """How a run trained so far.

    Attributes:
        settings: its settings.
        ranks: how many shared each gradient.
        plateau: what its schedule remembered.
        seconds: the time used, if there is a time limit.
    """

    settings: TrainConfig
    ranks: int
    plateau: PlateauState
    seconds: float = 0.0

    @classmethod
    def of(
        cls, learner: Learner, checkpoint: Checkpoint | None, state: TrainingState | None
    ) -> Before:
        """Return it for a run with a checkpoint, or for a new one."""
        if checkpoint is None or state is None:
            return cls(learner.config.train, learner.rank_count, learner.schedule.plateau)
        return cls(config_of(checkpoint).train, state.ranks, state.schedule, state.seconds or 0.0)


def placed(
    config: RunConfig, checkpoint: Checkpoint | None, directory: RunDirectory | None
) -> RunConfig:
    """Replace ``here`` in ``train.schedule_from`` by the place where a run begins or is resumed.

    Raises:
        ConfigError: the schedule would begin later than that.
    """
    settings = config.train
    if settings.schedule_from is None:
        return config
    state = None if checkpoint is None else state_of(TrainingState, checkpoint)
    step = 0 if state is None else state.step
    if settings.schedule_from == "here":
        place = None if state is None else (step, _seconds(settings, state, directory))
        return attrs.evolve(config, train=attrs.evolve(settings, schedule_from=place))
    if settings.schedule_start[0] > step:
        raise ConfigError(
            f"train.schedule_from: the schedule would begin at step {settings.schedule_start[0]:,}, after step "
            f"{step:,}, where the training begins; set it to null or here"
        )
    return config


def _seconds(settings: TrainConfig, state: TrainingState, directory: RunDirectory | None) -> float:
    """Return the time that a run has used; 0 without a time limit, because equal runs have equal configs."""
    if settings.max_time is None or directory is None:
        return 0.0
    rows, _ = directory.read_metrics()
    logged = [float(row["seconds"]) for row in rows if row["step"] <= state.step]
    return max(state.seconds or 0.0, *logged[-1:])


def check_resumable(config: RunConfig, text_sha256: str, checkpoint: Checkpoint) -> None:
    """Refuse to resume a run with this config and text from a checkpoint that does not fit them.

    Raises:
        CheckpointError: it holds only weights, or the text has changed.
        ConfigError: a setting has changed that must not.
    """
    if "progress" not in checkpoint.state:
        raise CheckpointError(
            "this checkpoint cannot be resumed: it holds only weights (it is the best one, or from an older charlm); "
            "give the run's folder, or start a new run from its weights with --init-from"
        )
    before = model_state(checkpoint).text_sha256 or "none"
    if before != text_sha256:
        raise CheckpointError(
            f"the text is not the one that the run was trained on: {', '.join(config.data.texts)} has the SHA-256 "
            f"{text_sha256[:12]}..., the run's had {before[:12]}...; "
            "restore the old text, or start a new run on this one with --init-from"
        )
    differing = _differences(config_of(checkpoint), config)
    if differing:
        raise ConfigError(
            "\n".join(differing)
            + f"\nonly these settings of a resumed run may change: {', '.join(RESUMABLE)}; "
            "for others, start a new run from its weights with --init-from"
        )


def _differences(before: RunConfig, now: RunConfig) -> list[str]:
    """Name the settings that have changed and must not when a run is resumed."""
    differing = []
    for section in ("model", "data", "train"):
        old, new = getattr(before, section), getattr(now, section)
        for field in attrs.fields(type(old)):
            free = (section == "train" and field.name in RESUMABLE) or field.name in PLACES
            was, value = getattr(old, field.name), getattr(new, field.name)
            if not free and was != value:
                then, today = (json.dumps(v, ensure_ascii=False) for v in (was, value))
                differing.append(f"{section}.{field.name} was {then} in the run and is {today} now")
    return differing


def changes(learner: Learner, before: Before, seconds: float) -> Iterator[str]:
    """Yield what a resumed run computes in another way than with other settings and ranks, if its numbers change."""
    now, then = learner.config.train, before.settings
    if before.ranks != learner.rank_count:
        yield (
            f"computed by {counted(learner.rank_count, 'rank')} from here on (before: "
            f"{counted(before.ranks, 'rank')}); the last digits may differ from those of a run that never changed"
        )
    if (then.kernels, then.threads) != (now.kernels, now.threads):
        yield (
            f"computed with kernels {now.kernels}, threads {now.threads} from here on (before: kernels "
            f"{then.kernels}, threads {then.threads}); the last digits may differ from those of a run that "
            "never changed"
        )
    yield from _changes_of_rate(learner, before, seconds)


def _changes_of_rate(learner: Learner, before: Before, seconds: float) -> Iterator[str]:
    """Yield how the learning rate changes, if another budget or a schedule that begins again changes it."""
    now, step, factor = learner.config.train, learner.progress.step, learner.guard.factor
    old, new = (Budget.of(s, learner.corpus.steps_per_pass) for s in (before.settings, now))
    schedule = Schedule(before.settings, learner.corpus.has_held_out)
    schedule.plateau = before.plateau
    was = factor * schedule.rate(step, old.progress(step, seconds, schedule.start))
    rate = learner.learning_rate(new.progress(step, seconds, learner.schedule.start))
    if math.isclose(rate, was):
        return
    end = short(learner.schedule.rate(sys.maxsize, 1.0) * factor, 3)
    again = now.schedule_from is not None and now.schedule_from != before.settings.schedule_from
    first = short(now.learning_rate * factor / max(1, now.warmup), 3)
    rise = f"rises to {short(now.learning_rate * factor, 3)} in {counted(now.warmup, 'step')}, "
    course = f"{rise if now.warmup else ''}and is {end} at the end"
    left = sys.maxsize if new.steps is None else new.steps - step
    if left < now.warmup:
        last = short(now.learning_rate * factor * left / now.warmup, 3)
        course = (
            f"and rises to {last} at the end, because the warm-up has {counted(now.warmup, 'step')}"
        )
    if again:
        yield (
            f"the schedule of the learning rate ({now.schedule}) starts again here: the rate goes from {short(was, 3)} "
            f"to {first} at once, {course}; the run ends after {new.length}"
        )
        return
    yield (
        f"the learning rate goes from {short(was, 3)} to {short(rate, 3)} at once, and is {end} at the end: its "
        f"schedule ({now.schedule}) is now over {new.length}, and was over {old.length}. With --schedule-from here it "
        f"starts again at this step: the rate goes to {first} at once, {course}"
    )
