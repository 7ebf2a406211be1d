"""The events of a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from charlm.lm.evaluation import Score
from charlm.lm.sampling import SampledText


@dataclass(frozen=True)
class Started:
    """Training begins, at ``step``: 0, or where a resumed run continues."""

    step: int
    parameters: int
    vocab_size: int
    train_characters: int
    held_out_characters: int
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Stepped:
    """A step is done; ``progress`` is the part of the budget that is used up, from 0 to 1."""

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
    """After too many skipped steps the run goes back to its last checkpoint and halves the learning rate."""

    from_step: int
    step: int
    learning_rate: float


@dataclass(frozen=True)
class Logged:
    """The loss in nats, every ``log_every`` steps: of the last line, or (framing stream) the mean of the last steps."""

    step: int
    loss: float


@dataclass(frozen=True)
class Sampled:
    """A sample, every ``sample_every`` steps, with each held-out score, and at the end with framing stream."""

    step: int
    sample: SampledText


@dataclass(frozen=True)
class Evaluated:
    """A held-out score, every ``eval_every`` steps and at the end; ``best`` if it is the best so far."""

    step: int
    score: Score
    best: bool


@dataclass(frozen=True)
class Noticed:
    """A sign that the settings do not suit the run, with what to do; each is said once."""

    step: int
    text: str


@dataclass(frozen=True)
class Saved:
    """A checkpoint is written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Finished:
    """Training ends: ``stopped`` by a request, or because the budget is used up."""

    step: int
    seconds: float
    stopped: bool
    reason: str


Event: TypeAlias = (
    Started
    | Stepped
    | Skipped
    | RolledBack
    | Logged
    | Sampled
    | Evaluated
    | Noticed
    | Saved
    | Finished
)
