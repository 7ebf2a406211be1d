"""Where a training stands, as a checkpoint holds it, and how one goes on from there to the same bits."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import attrs

from charlm import __version__
from charlm.config import RunConfig, from_dict, to_dict
from charlm.errors import CheckpointError, ConfigError
from charlm.lm.sampling import State
from charlm.runs.checkpoint import Checkpoint
from charlm.training.budget import Budget
from charlm.training.guard import Guard

if TYPE_CHECKING:
    from charlm.training.loop import Training

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
"""What of the train section may be another when a run is resumed: none of it changes what a step is."""

PLACES = ("text", "val_file")
"""What of the data section may be another: where the texts lie. What is in them is compared by its digest."""


@dataclass
class Place:
    """The counts of a run.

    Attributes:
        step: updates so far, those that were skipped included: the place in the text.
        characters: learned from so far.
        loss_sum: of the steps since the last log.
        loss_count: how many these are.
        last_loss: the last that was logged.
        sampled: the step of the last sample.
        evaluated: the step of the last held-out score; -1 before the first.
        last_nll: that score.
        best_nll: the best.
        best_step: its step.
        stale: scores since the best.
    """

    step: int = 0
    characters: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    last_loss: float | None = None
    sampled: int = 0
    evaluated: int = -1
    last_nll: float | None = None
    best_nll: float | None = None
    best_step: int | None = None
    stale: int = 0


def snapshot(training: Training) -> Checkpoint:
    """Return everything that a run has learned, and where it stands.

    The time that has gone by is in it only where a budget needs it: equal runs have equal checkpoints.
    """
    tensors = training.averaging.tensors()
    moments = training.trainer.state()  # which go on changing
    tensors.update({f"trainer.{name}": moment.copy() for name, moment in moments.items()})
    for i, layer in enumerate(training.carried or ()):
        tensors.update({f"carried.{i}.{k}": part for k, part in enumerate(layer)})
    state = {
        **model_state(training),
        "updates": training.trainer.updates,
        "place": asdict(training.place),
        "guard": training.guard.state(),
        "schedule": training.schedule.state(),
        "averaged": training.averaging.updates,
        "stream": training.model.collection.stream.state(),
        "lines": dict(training.record.lines),
        "seconds": training.clock.seconds if training.config.train.max_time else None,
    }
    return Checkpoint(tensors, to_dict(training.config), training.corpus.vocab.to_list(), state)


def weights(training: Training) -> Checkpoint:
    """Return what a run has learned, as it was scored last; it draws and scores, but does not resume."""
    state = {**model_state(training), "nll": training.place.last_nll}
    vocab = training.corpus.vocab.to_list()
    return Checkpoint(training.model.arrays(), to_dict(training.config), vocab, state)


def model_state(training: Training) -> dict[str, Any]:
    """Return what a model needs to know beside its weights."""
    return {
        "charlm": __version__,
        "line_limit": training.model.line_limit,
        "step": training.step,
        "text_sha256": training.corpus.sha256,
    }


def restore(training: Training, checkpoint: Checkpoint) -> None:
    """Make a training what it was when its ``snapshot`` was taken; the logs and the clock are not touched."""
    tensors, state = checkpoint.tensors, checkpoint.state
    training.averaging.restore(tensors, state["averaged"])
    training.schedule.restore(state["schedule"])
    names = training.trainer.state()
    moments = {name: tensors[f"trainer.{name}"] for name in names}
    training.trainer.restore(moments, state["updates"])
    training.model.collection.stream.restore(state["stream"])
    training.place = Place(**state["place"])
    training.guard = Guard(**state["guard"])
    carried: State = []
    while f"carried.{len(carried)}.0" in tensors:
        prefix = f"carried.{len(carried)}."
        parts = sum(name.startswith(prefix) for name in tensors)
        carried.append(tuple(tensors[f"{prefix}{k}"].copy() for k in range(parts)))
    training.carried = carried or None


def check_resumable(training: Training, checkpoint: Checkpoint) -> None:
    """Raise what keeps a run from going on from a checkpoint.

    Raises:
        CheckpointError: it holds no place, or the text is another.
        ConfigError: a setting is another that may not be.
    """
    state = checkpoint.state
    if "place" not in state:
        raise CheckpointError(
            "the checkpoint holds weights and no place to go on from (it is the best one, or of an "
            "older charlm): give the run's folder, or start a new run from it with --init-from"
        )
    if state["text_sha256"] != training.corpus.sha256:
        texts = ", ".join(training.config.data.texts)
        raise CheckpointError(
            f"the text is not the one that the run was trained on: {texts} has the SHA-256 "
            f"{training.corpus.sha256[:12]}..., the run's had {state['text_sha256'][:12]}...; "
            "bring the old text back, or start a new run on this one with --init-from"
        )
    differing = list(differences(from_dict(checkpoint.config, "checkpoint"), training.config))
    if differing:
        raise ConfigError(
            "\n".join(differing)
            + "\na run is resumed as it is; only its budget, what computes it and how "
            f"often it reports may change ({', '.join(RESUMABLE)}). For other settings start a new run from "
            "its weights with --init-from"
        )


def changes(training: Training, checkpoint: Checkpoint) -> Iterator[str]:
    """Say what is another from here on than it was in a run that is resumed, where it changes the numbers."""
    before, now = from_dict(checkpoint.config, "checkpoint").train, training.config.train
    if (before.kernels, before.threads) != (now.kernels, now.threads):
        yield (
            f"computed with kernels {now.kernels}, threads {now.threads} from here on (before: kernels "
            f"{before.kernels}, threads {before.threads}); the last digits may differ from those of a run that "
            "never changed"
        )
    budget = Budget.of(before, training.corpus.steps_per_pass)
    progress = budget.progress(training.step, checkpoint.state["seconds"] or 0.0)
    was = training.schedule.rate(training.step, progress) * training.guard.factor
    rate = training.learning_rate()
    if budget != training.budget and not math.isclose(rate, was):
        end = training.schedule.rate(sys.maxsize, 1.0) * training.guard.factor
        yield (
            f"the learning rate follows its schedule ({now.schedule}) over {training.budget}, not {budget} any more: "
            f"it goes from {was:.3g} to {rate:.3g} at once, and ends at {end:.3g}"
        )


def differences(before: RunConfig, now: RunConfig) -> list[str]:
    """Name the settings that keep a run from being resumed; where its text lies is none of them."""
    found = []
    for section in ("model", "data", "train"):
        old, new = getattr(before, section), getattr(now, section)
        for field in attrs.fields(type(old)):
            free = (section == "train" and field.name in RESUMABLE) or field.name in PLACES
            was, given = getattr(old, field.name), getattr(new, field.name)
            if not free and was != given:
                found.append(f"{section}.{field.name} was {was!r} in the run and is {given!r} now")
    return found
