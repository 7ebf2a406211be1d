"""The training loop, as a generator of events. It prints nothing; who runs it decides what to show.

for event in Training(config).events():
    match event:
        case Logged(): ...
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from charlm import __version__
from charlm.baselines.counting import unigram_nll
from charlm.config import DataConfig, RunConfig, resolve_text, to_dict, to_yaml
from charlm.engine.random import NumpyStream
from charlm.engine.trainers import TRAINERS
from charlm.errors import BadGradientError, CheckpointError
from charlm.lm.compute import decide, operations_per_character
from charlm.lm.evaluation import Score, evaluate
from charlm.lm.model import CharLM
from charlm.lm.sampling import SampledText, State, collect
from charlm.lm.step import Gradient
from charlm.runs.checkpoint import Checkpoint
from charlm.runs.directory import RunDirectory
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.reading import STDIN, read_texts

LINE_LIMIT_FACTOR = 10
"""A sample that never draws ``<EOS>`` is cut at this many times the longest training line."""
STREAM_SAMPLE = 200
"""Characters in a sample of a model trained on a stream."""


@dataclass(frozen=True)
class Started:
    """What will be trained on what, before the first step."""

    parameters: int
    vocab_size: int
    train_characters: int
    held_out_characters: int
    unigram_nll: float | None
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Stepped:
    """One update was made."""

    step: int
    characters: int


@dataclass(frozen=True)
class Logged:
    """The loss, every ``log_every`` steps: of the line just read (nats, summed) or the mean nll of a stream."""

    step: int
    loss: float


@dataclass(frozen=True)
class Sampled:
    """A text drawn every ``sample_every`` steps."""

    step: int
    sample: SampledText


@dataclass(frozen=True)
class Evaluated:
    """The held-out score, every ``eval_every`` steps and at the end."""

    step: int
    score: Score


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Finished:
    """The end, reached or asked for."""

    step: int
    seconds: float
    stopped: bool


Event: TypeAlias = Started | Stepped | Logged | Sampled | Evaluated | Saved | Finished


class Training:
    """One run: text, model and trainer of a config.

    Args:
        config: everything that decides the result. Where it leaves kernels and threads open, they are
            decided here; ``self.config`` then names them.
        directory: where metrics, samples and checkpoints are written; None keeps the run in memory.
        init_from: a checkpoint whose weights are the first ones.
        text: the text itself, for a caller that has it already; by default it is read as the config says.

    Raises:
        TextError: the text cannot be read or used.
        CheckpointError: ``init_from`` has another alphabet or other sizes.
    """

    def __init__(
        self,
        config: RunConfig,
        directory: RunDirectory | None = None,
        init_from: Checkpoint | None = None,
        text: str | None = None,
    ) -> None:
        self.directory = directory
        corpus = corpus_of(config.data, text_of(config.data) if text is None else text)
        self.corpus = corpus
        limit = (
            LINE_LIMIT_FACTOR * corpus.longest_line
            if isinstance(corpus, LineCorpus)
            else STREAM_SAMPLE
        )
        settings = config.train
        self.model = CharLM(
            corpus.vocab, config.model, NumpyStream(settings.seed), line_limit=limit
        )
        if init_from is not None:
            _start_from(self.model, init_from)
        self.compute = decide(settings.kernels, settings.threads, operations(config, corpus))
        self.config = attrs.evolve(config, train=attrs.evolve(settings, **asdict(self.compute)))
        self.model.kernels = self.compute.functions()
        self.trainer = TRAINERS[settings.trainer](
            self.model.collection, settings.learning_rate, kernels=self.model.kernels
        )
        self.gradient = Gradient(self.model)
        self.trainer.clip_threshold = settings.clip_norm
        self.step = 0
        self.stopping = False
        self._carried: State | None = None

    def stop(self) -> None:
        """Ask the loop to end after the current step, with the checkpoint saved."""
        self.stopping = True

    def events(self) -> Iterator[Event]:
        """Train and yield what happens."""
        settings, corpus = self.config.train, self.corpus
        began = time.perf_counter()
        if self.directory is not None:
            self.directory.write_config(to_yaml(self.config))
        yield self._started()
        losses: list[float] = []
        saved = evaluated = None
        while self.step < settings.steps and not self.stopping:
            try:
                loss, characters = self.update()
            except BadGradientError:
                if self.directory is not None:
                    self._save()  # the weights are those before the bad step: nothing is lost
                raise
            yield Stepped(self.step, characters)
            # the tutorial reports steps 1, 6, 11, ...: the first at once
            due = self.step - 1
            losses.append(loss)
            if due % settings.log_every == 0:
                value = loss if isinstance(corpus, LineCorpus) else sum(losses) / len(losses)
                losses.clear()
                yield self._log(Logged(self.step, value), began, {"loss": value})
            if settings.sample_every and due % settings.sample_every == 0:
                yield self._sample()
            if corpus.has_held_out and self.step % settings.eval_every == 0:
                evaluated = self.step
                yield self._evaluate(began)
            if self.directory is not None and self.step % settings.checkpoint_every == 0:
                saved = self.step
                yield self._save()
        if corpus.has_held_out and evaluated != self.step and not self.stopping:
            yield self._evaluate(began)
        if self.directory is not None and saved != self.step:
            yield self._save()
        stopped = self.step < settings.steps
        yield Finished(self.step, time.perf_counter() - began, stopped)

    def checkpoint(self) -> Checkpoint:
        """Return everything that this run has learned, and where it stands."""
        tensors = self.model.arrays()
        tensors.update({f"trainer.{name}": m for name, m in self.trainer.state().items()})
        state = {
            "charlm": __version__,
            "line_limit": self.model.line_limit,
            "step": self.step,
            "updates": self.trainer.updates,
        }
        return Checkpoint(
            tensors=tensors,
            config=to_dict(self.config),
            vocab=self.corpus.vocab.to_list(),
            state=state,
        )

    def _started(self) -> Started:
        corpus = self.corpus
        unigram = None
        if corpus.has_held_out:
            unigram = unigram_nll(corpus.train_ids, corpus.held_out_ids, len(corpus.vocab))
        return Started(
            self.model.parameter_count(),
            len(corpus.vocab),
            len(corpus.train_ids),
            len(corpus.held_out_ids),
            unigram,
            tuple(corpus.notices),
        )

    def update(self) -> tuple[float, int]:
        """Make one training step; return the loss before it and the number of characters it was taken over."""
        inputs_TB, targets_TB, fresh = self.corpus.batch(self.step)
        # a line's loss is the sum over its characters, as in the tutorial; a stream's is the mean
        factor = 1.0 if isinstance(self.corpus, LineCorpus) else 1 / targets_TB.size
        value, self._carried = self.gradient(
            inputs_TB, targets_TB, None if fresh else self._carried, factor
        )
        self.trainer.update()
        self.step += 1
        return value, int(targets_TB.size)

    def _sample(self) -> Sampled:
        seed = [
            self.config.train.seed,
            self.step,
        ]  # not the initialiser's stream: sampling disturbs nothing
        limit = self.model.line_limit
        event = Sampled(self.step, collect(self.model.stream(limit, seed=seed)))
        if self.directory is not None:
            self.directory.log_sample(event.step, event.sample.text)
        return event

    def _evaluate(self, began: float) -> Evaluated:
        event = Evaluated(self.step, evaluate(self.model, self.corpus.held_out_batches()))
        row = {"held_out_nll": event.score.nll, "held_out_bpc": event.score.bpc}
        self._log(event, began, row)
        return event

    def _log(self, event: Any, began: float, row: dict[str, float]) -> Any:
        if self.directory is not None:
            seconds = round(time.perf_counter() - began, 3)
            self.directory.log_metrics({"step": self.step, **row, "seconds": seconds})
        return event

    def _save(self) -> Saved:
        assert self.directory is not None
        self.directory.save(self.checkpoint())
        return Saved(self.step, self.directory.checkpoint)


def text_of(data: DataConfig) -> str:
    """Read the text that a config names."""
    return read_texts([name if name == STDIN else resolve_text(name) for name in data.texts])


def corpus_of(data: DataConfig, text: str) -> LineCorpus | StreamCorpus:
    """Frame a text as a config says."""
    if data.framing == "lines":
        return LineCorpus.from_text(text, alphabet=data.alphabet, val_frac=data.val_frac)
    return StreamCorpus.from_text(
        text,
        alphabet=data.alphabet,
        val_frac=data.val_frac,
        batch_size=data.batch_size,
        seq_length=data.seq_length,
    )


def operations(config: RunConfig, corpus: LineCorpus | StreamCorpus) -> float:
    """Return the additions and multiplications of a whole run: its updates, held-out scores and samples.

    A sample is counted as ``STREAM_SAMPLE`` characters: how long a line will be is not known before.
    """
    settings = config.train
    forward = operations_per_character(config.model, len(corpus.vocab))
    characters = 3.0 * settings.steps * corpus.characters_per_step
    characters += settings.steps // settings.eval_every * len(corpus.held_out_ids)
    if settings.sample_every:
        characters += settings.steps // settings.sample_every * STREAM_SAMPLE
    return forward * characters


def _start_from(model: CharLM, checkpoint: Checkpoint) -> None:
    ours, theirs = model.vocab.to_list(), checkpoint.vocab
    if ours != theirs:
        missing = "".join(s for s in ours if s not in theirs and len(s) == 1)
        extra = "".join(s for s in theirs if s not in ours and len(s) == 1)
        raise CheckpointError(
            "the run to start from has another alphabet: "
            f"it lacks {missing!r} and has {extra!r} besides; give both the same data.alphabet and framing"
        )
    model.load_arrays(checkpoint.tensors)
