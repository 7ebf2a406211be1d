"""What happens in a training, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from charlm.lm.evaluation import Score
from charlm.lm.sampling import SampledText


@dataclass(frozen=True)
class Started:
    """What will be trained on what, before the first step; ``step`` is where a resumed run goes on."""

    step: int
    parameters: int
    vocab_size: int
    train_characters: int
    held_out_characters: int
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Stepped:
    """A step was made; ``progress`` is the part of the budget used up, from 0 to 1."""

    step: int
    characters: int
    progress: float


@dataclass(frozen=True)
class Skipped:
    """A step changed nothing, because its loss or gradient was not finite."""

    step: int
    reason: str


@dataclass(frozen=True)
class RolledBack:
    """Too many steps were skipped: the run goes on from a checkpoint, with a smaller learning rate."""

    from_step: int
    step: int
    learning_rate: float


@dataclass(frozen=True)
class Logged:
    """The loss, every ``log_every`` steps: of the line just read (nats, summed) or the mean nll of a stream."""

    step: int
    loss: float


@dataclass(frozen=True)
class Sampled:
    """A text drawn every ``sample_every`` steps, with each held-out score, and at the end of a stream."""

    step: int
    sample: SampledText


@dataclass(frozen=True)
class Evaluated:
    """The held-out score, every ``eval_every`` steps and at the end; ``best`` where none before was better."""

    step: int
    score: Score
    best: bool


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Finished:
    """The end: ``stopped`` if it was asked for, else a budget is used up."""

    step: int
    seconds: float
    stopped: bool
    reason: str


Event: TypeAlias = (
    Started | Stepped | Skipped | RolledBack | Logged | Sampled | Evaluated | Saved | Finished
)
