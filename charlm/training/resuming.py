"""Resuming a run: which settings may have changed since its checkpoint, and what that changes."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import attrs

from charlm.config import RunConfig, TrainConfig
from charlm.errors import CheckpointError, ConfigError
from charlm.lm.saved import config_of, model_state
from charlm.runs.checkpoint import Checkpoint
from charlm.training.budget import Budget
from charlm.training.learner import Learner
from charlm.wording import counted

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
)
"""Settings of the train section that may change when a run is resumed: none of them changes a step."""

PLACES = ("text", "val_file")
"""Settings of the data section that may change: the places of the texts. Digests compare their content."""


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
                differing.append(
                    f"{section}.{field.name} was {was!r} in the run and is {value!r} now"
                )
    return differing


def changes(learner: Learner, before: TrainConfig, ranks: int, seconds: float) -> Iterator[str]:
    """Yield what a resumed run computes in another way than with other settings and ranks, if its numbers change."""
    now, step = learner.config.train, learner.progress.step
    if ranks != learner.rank_count:
        yield (
            f"computed by {counted(learner.rank_count, 'rank')} from here on (before: {counted(ranks, 'rank')}); "
            "the last digits may differ from those of a run that never changed"
        )
    if (before.kernels, before.threads) != (now.kernels, now.threads):
        yield (
            f"computed with kernels {now.kernels}, threads {now.threads} from here on (before: kernels "
            f"{before.kernels}, threads {before.threads}); the last digits may differ from those of a run that "
            "never changed"
        )
    budgets = [Budget.of(s, learner.corpus.steps_per_pass) for s in (before, now)]
    was, rate = (learner.learning_rate(budget.progress(step, seconds)) for budget in budgets)
    if budgets[0] != budgets[1] and not math.isclose(rate, was):
        end = learner.schedule.rate(sys.maxsize, 1.0) * learner.guard.factor
        yield (
            f"the learning rate now follows its schedule ({now.schedule}) over {budgets[1].length}, not over "
            f"{budgets[0].length}: it changes from {was:.3g} to {rate:.3g} at once, and ends at {end:.3g}"
        )
