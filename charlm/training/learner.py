"""A model in training: its updates, and the way into a checkpoint and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from charlm import __version__, progress
from charlm.config import RunConfig, to_dict
from charlm.engine.arrays import Array
from charlm.engine.trainers import TRAINERS
from charlm.errors import BadGradientError, CheckpointError
from charlm.lm.evaluation import evaluate
from charlm.lm.model import Model
from charlm.lm.sampling import State
from charlm.lm.saved import config_of, fitting, state_of, weight_shapes
from charlm.lm.step import Gradient, state_before
from charlm.runs.checkpoint import Checkpoint
from charlm.text.batch import Batch
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.training.averaging import TRAINED, Averaging
from charlm.training.guard import Guard
from charlm.training.schedule import PlateauState, Schedule
from charlm.training.state import Progress, TrainingState
from charlm.training.watch import Scored, Watch

CARRIED = "carried."
"""In a checkpoint, names of the recurrent state after the last batch begin with this."""


class Learner:
    """A model in training, with all that a checkpoint holds of it. The clock, the budget and the files are the loop's.

    Args:
        model: with its initial weights and its kernels.
        corpus: the text.
        config: of the run.

    Attributes:
        trainer: the update rule and its averages.
        schedule: of the learning rate.
        averaging: the average of the weights.
        guard: the bad steps.
        progress: how far the run is.
        watch: signs that the settings do not suit the run.
        carried: the recurrent state after the last batch; None starts from zeros.
        stopping: why the run is to end as soon as it can; None if it is not.
        rank_count: how many ranks share each gradient; see ``training/ranks.py``.
    """

    rank_count = 1

    def __init__(self, model: Model, corpus: LineCorpus | StreamCorpus, config: RunConfig) -> None:
        settings = config.train
        self.model, self.corpus, self.config = model, corpus, config
        rule: dict[str, Any] = {**settings.rule}
        if settings.trainer == "muon":
            rule["matrices"] = model.recurrent_matrices()
        self.trainer = TRAINERS[settings.trainer](
            model.collection, settings.learning_rate, kernels=model.kernels, **rule
        )
        self.trainer.clip_threshold = settings.clip_norm
        self.schedule = Schedule(settings, scored=corpus.has_held_out)
        self.averaging = Averaging(model, settings.average)
        self.guard = Guard()
        self.progress = Progress()
        self.watch = Watch()
        self.carried: State | None = None
        self.stopping: str | None = None
        self._gradient = Gradient(model)
        self._frozen = model.frozen()

    def learning_rate(self, used: float) -> float:
        """Return the learning rate of the next update, after a part ``used`` of the budget, from 0 to 1."""
        return self.schedule.rate(self.progress.step, used) * self.guard.factor

    def update(self, learning_rate: float) -> tuple[float, int]:
        """Make one update; return the loss before it and the number of characters that it learned from.

        Raises:
            BadGradientError: the loss or the gradient is not finite; only the place in the text has changed.
        """
        parts, trainer = self.config.train.accumulate, self.trainer
        first = self.progress.step * parts
        self.progress.step += 1
        trainer.learning_rate = learning_rate
        try:
            loss, characters = self._add_gradients(first, parts)
            for parameter in self._frozen:  # the norm by which the others are clipped is their own
                parameter.clear_gradient()
            # the trainer looks at the norm when it clips by it
            if not trainer.clip_threshold and not math.isfinite(trainer.gradient_norm()):
                raise BadGradientError("the gradient is not finite")
            trainer.update()
        except BadGradientError:
            self.carried = None
            self.model.collection.clear_gradients()
            raise
        self.averaging.update()
        return self.corpus.reported(loss, characters / parts), characters

    def signs_of_loss(self, loss: float, characters: int) -> Iterator[str]:
        """Yield what the loss of an update tells of the settings."""
        if self.config.data.framing == "lines":  # the sum over a line
            loss *= self.config.train.accumulate / characters
        yield from self.watch.learned(loss, math.log(len(self.model.vocab)), self.config)

    def signs_of_score(self) -> Iterator[str]:
        """Yield what the last held-out score tells of the settings."""
        done, uniform = self.progress, math.log(len(self.model.vocab))
        if done.last_nll is not None and done.best_nll is not None and done.best_step is not None:
            now, best = Scored(done.step, done.last_nll), Scored(done.best_step, done.best_nll)
            yield from self.watch.scored(now, best, uniform, self.config)

    def _add_gradients(self, first: int, parts: int) -> tuple[float, int]:
        """Add the gradients of an update's batches; return their loss and their characters."""
        loss, characters = 0.0, 0
        for index in range(first, first + parts):
            batch = self.corpus.batch(index)
            loss += self._learn(index, batch, self.corpus.factor(batch) / parts)
            characters += batch.characters
        return loss, characters

    def _learn(self, index: int, batch: Batch, factor: float) -> float:
        """Add ``factor`` times the gradient of batch number ``index``; return its part of the loss."""
        state = state_before(batch, self.carried)
        loss, self.carried = self._gradient(
            batch.inputs_TB, batch.targets_TB, state, factor, batch.counted_TB
        )
        return loss

    def is_sound(self) -> bool:
        """Tell whether training can continue from here: all numbers are finite, and so is the next loss."""
        collection = self.model.collection
        arrays = [collection.storage.values, *(table.value for table in collection.lookups)]
        arrays += self.trainer.state().values()
        following = self.corpus.batch(self.progress.step)
        with np.errstate(all="ignore"), progress.unheard():
            finite = all(np.isfinite(array).all() for array in arrays)
            return finite and math.isfinite(evaluate(self.model, [following]).nll)

    def drop_unfinished_update(self) -> None:
        """Forget the gradients of an update that was interrupted."""
        self.model.collection.clear_gradients()
        self._gradient = Gradient(self.model)  # its graphs may be half evaluated

    def weights(self) -> Checkpoint:
        """Return the weights alone. They sample and score, but training cannot resume from them."""
        return self._checkpoint(self.model.arrays(), nll=self.progress.last_nll)

    def snapshot(self, lines: Mapping[str, int], seconds: float) -> Checkpoint:
        """Return all that the run needs to resume; ``lines`` are those of the logs.

        The seconds are kept only if there is a time limit: equal runs have equal checkpoints.
        """
        tensors = self.averaging.tensors()
        moments = self.trainer.state()
        tensors.update({f"trainer.{name}": moment.copy() for name, moment in moments.items()})
        for i, layer in enumerate(self.all_carried() or ()):
            tensors.update({f"{CARRIED}{i}.{k}": part for k, part in enumerate(layer)})
        return self._checkpoint(
            tensors,
            updates=self.trainer.updates,
            progress=attrs.asdict(self.progress),
            guard=attrs.asdict(self.guard),
            watch=attrs.asdict(self.watch),
            schedule=attrs.asdict(self.schedule.plateau),
            averaged=self.averaging.updates,
            stream=self.model.collection.stream.state(),
            lines=dict(lines),
            seconds=seconds if self.config.train.max_time else None,
            ranks=self.rank_count,
        )

    def all_carried(self) -> State | None:
        """Return the carried state of all of a batch."""
        return self.carried

    def _checkpoint(self, tensors: Mapping[str, Array], **state: Any) -> Checkpoint:
        state["charlm"] = __version__
        state["line_limit"] = self.model.line_limit
        state["step"] = self.progress.step
        state["text_sha256"] = self.corpus.sha256
        return Checkpoint(tensors, to_dict(self.config), self.model.vocab.to_list(), state)

    def restore(self, checkpoint: Checkpoint) -> TrainingState:
        """Return to the state of a ``snapshot``, and return its lines of logs and its seconds.

        Raises:
            CheckpointError: it holds something that no ``snapshot`` of this run has.
        """
        state = state_of(TrainingState, checkpoint)
        for problem in self._contradictions(state):
            raise checkpoint.damaged(f"its state: {problem}")
        tensors = checkpoint.tensors
        try:
            carried = self._carried(tensors, state.step)
            moments = {
                name: fitting(tensors, f"trainer.{name}", moment.shape, moment.dtype)
                for name, moment in self.trainer.state().items()
            }
            self.averaging.restore(tensors, state.averaged)
            self._check_names(tensors)
        except CheckpointError as error:
            raise checkpoint.damaged(str(error)) from error
        same = config_of(checkpoint).train.schedule_start == self.schedule.start
        self.schedule.plateau = state.schedule if same else PlateauState()
        self.trainer.restore(moments, state.updates)
        self.model.collection.stream.restore(attrs.asdict(state.stream))
        self.progress, self.guard, self.watch = state.progress, state.guard, state.watch
        self.carried = carried
        return state

    def go_back(self, checkpoint: Checkpoint) -> TrainingState:
        """Return to an earlier state of this run, as ``restore`` does."""
        return self.restore(checkpoint)

    def _contradictions(self, state: TrainingState) -> Iterator[str]:
        """Yield what cannot be true in a state, or cannot be true of this run."""
        yield from state.contradictions()
        if state.averaged != (state.updates if self.averaging.decay else 0):
            yield f"averaged is {state.averaged}, and updates {state.updates}"
        if state.schedule.waited >= self.config.train.decay_after:
            yield f"schedule.waited is {state.schedule.waited}, and the rate should have fallen before"

    def _carried(self, tensors: Mapping[str, Array], step: int) -> State | None:
        """Return the carried state in a checkpoint; CheckpointError if it does not fit the model and its batches."""
        stored = [name for name in tensors if name.startswith(CARRIED)]
        if not stored:
            return None
        model = self.model
        last = max(0, step * self.config.train.accumulate - 1)
        texts = self.corpus.batch(last).inputs_TB.shape[1]
        carried: State = [
            tuple(
                fitting(tensors, f"{CARRIED}{i}.{k}", (texts, size), model.collection.dtype).copy()
                for k in range(model.rnn.cell.states)
            )
            for i, size in enumerate(model.config.hidden_dims)
        ]
        needed = sum(map(len, carried))
        if len(stored) != needed:
            problem = f"{len(stored)} tensors of a carried state, but this model needs {needed}"
            raise CheckpointError(problem)
        return carried

    def _check_names(self, tensors: Mapping[str, Array]) -> None:
        """Refuse a checkpoint with tensors that are not of this run."""
        weights = [name for name, _ in weight_shapes(self.model.config, len(self.model.vocab))]
        ours = {*weights, *(f"trainer.{name}" for name in self.trainer.state())}
        ours |= {TRAINED + name for name in weights if self.averaging.decay}
        others = [name for name in tensors if name not in ours and not name.startswith(CARRIED)]
        if others:
            raise CheckpointError(f"the tensor {others[0]} does not belong to this training")
