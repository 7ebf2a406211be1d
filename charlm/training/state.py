"""Where a training stands, as a checkpoint holds it, and how one goes on from there to the same bits."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from charlm import __version__
from charlm.config import RunConfig, TrainConfig, to_dict
from charlm.config.rules import line, number, one_of, or_nothing, real, shown, whole
from charlm.config.stored import stored
from charlm.engine.arrays import Array
from charlm.errors import CheckpointError, ConfigError, SettingError
from charlm.lm.sampling import State
from charlm.lm.saved import (
    ModelState,
    config_of,
    fitting,
    model_state,
    state_of,
    weight_shapes,
)
from charlm.runs.checkpoint import Checkpoint
from charlm.training.averaging import TRAINED
from charlm.training.budget import Budget
from charlm.training.guard import Guard
from charlm.training.schedule import Scores

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
"""Settings of the train section that may change when a run is resumed: none of them changes what a step is."""

PLACES = ("text", "val_file")
"""Settings of the data section that may change: where the texts are. Their content is compared by its digest."""


CARRIED = "carried."
"""How the names of the state begin that the text before leaves."""


@attrs.define
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

    step: int = stored(whole(0), 0)
    characters: int = stored(whole(0), 0)
    loss_sum: float = stored(number(), 0.0)
    loss_count: int = stored(whole(0), 0)
    last_loss: float | None = stored(or_nothing(number()), None)
    sampled: int = stored(whole(0), 0)
    evaluated: int = stored(whole(-1), -1)
    last_nll: float | None = stored(or_nothing(real), None)
    best_nll: float | None = stored(or_nothing(number()), None)
    best_step: int | None = stored(or_nothing(whole(0)), None)
    stale: int = stored(whole(0), 0)


@attrs.frozen
class Lines:
    """How many lines the logs of a run have."""

    metrics: int = stored(whole(0))
    samples: int = stored(whole(0))


def _odd(value: Any) -> int:
    found: int = whole(1, 2**128 - 1)(value)
    if not found % 2:
        raise SettingError(f"expected an odd number, got {shown(value)}")
    return found


@attrs.frozen
class Lcg:
    """The numbers inside PCG64."""

    state: int = stored(whole(0, 2**128 - 1))
    inc: int = stored(_odd)


@attrs.frozen(kw_only=True)
class Stream:
    """The state of a model's random numbers (``numpy.random.PCG64``)."""

    bit_generator: str = stored(one_of("PCG64"))
    state: Lcg
    has_uint32: int = stored(whole(0, 1))
    uinteger: int = stored(whole(0, 2**32 - 1))


@attrs.frozen(kw_only=True)
class TrainingState(ModelState):
    """What a run needs to go on, beside its tensors.

    Attributes:
        updates: those of the trainer.
        place: the counts.
        guard: the bad steps.
        schedule: what was made of the held-out scores.
        averaged: updates that the mean of the weights has taken in.
        stream: of the model's random numbers.
        lines: of the logs.
        seconds: that have gone by, where a budget needs them.
    """

    text_sha256: str = stored(line)
    updates: int = stored(whole(0))
    place: Place
    guard: Guard
    schedule: Scores
    averaged: int = stored(whole(0))
    stream: Stream
    lines: Lines
    seconds: float | None = stored(or_nothing(number(least=0)))


def snapshot(training: Training) -> Checkpoint:
    """Return everything that a run has learned, and where it stands.

    The time that has gone by is in it only where a budget needs it: equal runs have equal checkpoints.
    """
    tensors = training.averaging.tensors()
    moments = training.trainer.state()  # which go on changing
    tensors.update({f"trainer.{name}": moment.copy() for name, moment in moments.items()})
    for i, layer in enumerate(training.carried or ()):
        tensors.update({f"{CARRIED}{i}.{k}": part for k, part in enumerate(layer)})
    state = {
        **model_facts(training),
        "updates": training.trainer.updates,
        "place": attrs.asdict(training.place),
        "guard": attrs.asdict(training.guard),
        "schedule": attrs.asdict(training.schedule.scores),
        "averaged": training.averaging.updates,
        "stream": training.model.collection.stream.state(),
        "lines": dict(training.record.lines),
        "seconds": training.clock.seconds if training.config.train.max_time else None,
    }
    return Checkpoint(tensors, to_dict(training.config), training.corpus.vocab.to_list(), state)


def weights(training: Training) -> Checkpoint:
    """Return what a run has learned, as it was scored last; it draws and scores, but does not resume."""
    state = {**model_facts(training), "nll": training.place.last_nll}
    vocab = training.corpus.vocab.to_list()
    return Checkpoint(training.model.arrays(), to_dict(training.config), vocab, state)


def model_facts(training: Training) -> dict[str, Any]:
    """Return what a model needs to know beside its weights."""
    return {
        "charlm": __version__,
        "line_limit": training.model.line_limit,
        "step": training.step,
        "text_sha256": training.corpus.sha256,
    }


def restore(training: Training, checkpoint: Checkpoint) -> TrainingState:
    """Make a training what it was when its ``snapshot`` was taken, and return that; logs and clock are not touched.

    Raises:
        CheckpointError: it holds something that no ``snapshot`` of this training has.
    """
    state = state_of(TrainingState, checkpoint)
    problem = next(_contradictions(training, state), None)
    if problem is not None:
        raise checkpoint.damaged(f"its state: {problem}")
    tensors = dict(checkpoint.tensors)
    moments = training.trainer.state()
    try:
        carried = _carried(training, state, tensors)
        found = {
            name: fitting(tensors, f"trainer.{name}", moment.shape, moment.dtype)
            for name, moment in moments.items()
        }
        training.averaging.restore(tensors, state.averaged)
    except CheckpointError as error:
        raise checkpoint.damaged(str(error)) from error
    weights = [name for name, _ in weight_shapes(training.model.config, len(training.model.vocab))]
    ours = {*weights, *(f"trainer.{name}" for name in moments)}
    ours |= {TRAINED + name for name in weights if training.averaging.decay}
    others = [name for name in tensors if name not in ours and not name.startswith(CARRIED)]
    if others:
        raise checkpoint.damaged(f"the tensor {others[0]} does not belong to this training")
    training.schedule.scores = state.schedule
    training.trainer.restore(found, state.updates)
    training.model.collection.stream.restore(attrs.asdict(state.stream))
    training.place, training.guard, training.carried = state.place, state.guard, carried
    return state


def _contradictions(training: Training, state: TrainingState) -> Iterator[str]:
    """Yield what cannot be true at once."""
    place, guard = state.place, state.guard
    if state.step != place.step:
        yield f"step is {state.step}, and place.step {place.step}"
    for name in ("sampled", "evaluated", "best_step", "loss_count"):
        if (getattr(place, name) or 0) > place.step:
            yield f"place.{name} is {getattr(place, name)}, after place.step, {place.step}"
    if (place.best_nll is None) != (place.best_step is None):
        yield "one of place.best_nll and place.best_step is missing"
    if (place.last_nll is None) != (place.evaluated < 0):
        yield f"place.last_nll is {place.last_nll}, and place.evaluated {place.evaluated}"
    if state.updates > place.step:
        yield f"updates is {state.updates}, more than place.step, {place.step}"
    if state.averaged != (state.updates if training.averaging.decay else 0):
        yield f"averaged is {state.averaged}, and updates {state.updates}"
    if guard.tries > guard.rollbacks or guard.factor != 0.5**guard.rollbacks:
        yield f"guard has {guard.rollbacks} rollbacks, {guard.tries} tries and the factor {guard.factor:g}"
    if state.schedule.waited >= training.config.train.decay_after:
        yield f"schedule.waited is {state.schedule.waited}, and the rate should have fallen before"


def _carried(
    training: Training, state: TrainingState, tensors: Mapping[str, Array]
) -> State | None:
    """Return the state that the text before leaves; CheckpointError if it does not fit the model and its batches."""
    given = [name for name in tensors if name.startswith(CARRIED)]
    if not given:
        return None
    model = training.model
    texts = training.corpus.batch(max(0, state.step - 1))[0].shape[1]
    carried: State = [
        tuple(
            fitting(tensors, f"{CARRIED}{i}.{k}", (texts, size), model.collection.dtype).copy()
            for k in range(model.rnn.cell.states)
        )
        for i, size in enumerate(model.config.hidden_dims)
    ]
    needed = sum(map(len, carried))
    if len(given) != needed:
        raise CheckpointError(
            f"{len(given)} tensors of a carried state, but this model needs {needed}"
        )
    return carried


def check_resumable(training: Training, checkpoint: Checkpoint) -> None:
    """Refuse to resume a run from a checkpoint that does not fit it.

    Raises:
        CheckpointError: it has no state of a training, or the text has changed.
        ConfigError: a setting has changed that must not.
    """
    if "place" not in checkpoint.state:
        raise CheckpointError(
            "the checkpoint holds weights, but not the state of the training (it is the best one, or from an "
            "older charlm): give the run's folder, or start a new run from it with --init-from"
        )
    was = model_state(checkpoint).text_sha256 or "none"
    if was != training.corpus.sha256:
        texts = ", ".join(training.config.data.texts)
        raise CheckpointError(
            f"the text is not the one that the run was trained on: {texts} has the SHA-256 "
            f"{training.corpus.sha256[:12]}..., the run's had {was[:12]}...; "
            "restore the old text, or start a new run on this one with --init-from"
        )
    differing = list(differences(config_of(checkpoint), training.config))
    if differing:
        raise ConfigError(
            "\n".join(differing)
            + "\na run is resumed as it is; only its budget, what computes it and how "
            f"often it reports may change ({', '.join(RESUMABLE)}). For other settings start a new run from "
            "its weights with --init-from"
        )


def changes(training: Training, before: TrainConfig) -> Iterator[str]:
    """Say what a resumed run computes in another way than before, where it changes the numbers."""
    now = training.config.train
    if (before.kernels, before.threads) != (now.kernels, now.threads):
        yield (
            f"computed with kernels {now.kernels}, threads {now.threads} from here on (before: kernels "
            f"{before.kernels}, threads {before.threads}); the last digits may differ from those of a run that "
            "never changed"
        )
    budget = Budget.of(before, training.corpus.steps_per_pass)
    progress = budget.progress(training.step, training.clock.seconds)
    was = training.schedule.rate(training.step, progress) * training.guard.factor
    rate = training.learning_rate()
    if budget != training.budget and not math.isclose(rate, was):
        end = training.schedule.rate(sys.maxsize, 1.0) * training.guard.factor
        yield (
            f"the learning rate follows its schedule ({now.schedule}) over {training.budget}, not {budget} any more: "
            f"it goes from {was:.3g} to {rate:.3g} at once, and ends at {end:.3g}"
        )


def differences(before: RunConfig, now: RunConfig) -> list[str]:
    """Name the settings that have changed and must not when a run is resumed."""
    found = []
    for section in ("model", "data", "train"):
        old, new = getattr(before, section), getattr(now, section)
        for field in attrs.fields(type(old)):
            free = (section == "train" and field.name in RESUMABLE) or field.name in PLACES
            was, given = getattr(old, field.name), getattr(new, field.name)
            if not free and was != given:
                found.append(f"{section}.{field.name} was {was!r} in the run and is {given!r} now")
    return found
