"""A training in this process, and what came out of it."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from charlm import Training
from charlm.config import RunConfig
from charlm.training.events import Evaluated, Finished, Logged, Started


@dataclass(frozen=True)
class Learned:
    """What a training came to.

    Attributes:
        held_out: the best held-out score, in nats per character; NaN if nothing is held out.
        loss: the last reported loss in training, the mean of the last ``log_every`` steps.
        parameters: of the model.
        seconds: of the training.
    """

    held_out: float
    loss: float
    parameters: int
    seconds: float


def learned(config: RunConfig, text: str) -> Learned:
    """Train a config on a text."""
    best, loss, parameters, seconds = math.nan, math.nan, 0, 0.0
    for event in Training(config, text=text).events():
        if isinstance(event, Started):
            parameters = event.parameters
        elif isinstance(event, Logged):
            loss = event.loss
        elif isinstance(event, Evaluated):
            best = event.score.nll if math.isnan(best) else min(best, event.score.nll)
        elif isinstance(event, Finished):
            seconds = event.seconds
    return Learned(best, loss, parameters, seconds)


FALLS_FROM = 0.7
"""The part of the steps that ``falling`` leaves at the full rate."""


def falling(rate: float, step: int, steps: int) -> float:
    """Return the learning rate of a step: it falls to a tenth in a straight line at the end.

    Example:
        >>> [round(falling(1.0, step, 100), 2) for step in (0, 70, 85, 100)]
        [1.0, 1.0, 0.55, 0.1]
    """
    left = (1 - step / steps) / (1 - FALLS_FROM)
    return rate * min(1.0, 0.1 + 0.9 * left)


def say(words: str) -> None:
    """Tell on stderr what is measured now."""
    print(words, file=sys.stderr, flush=True)
