"""Scoring held-out text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from charlm.baselines.counting import nll_to_bpc
from charlm.engine.arrays import Array
from charlm.lm.model import CharLM
from charlm.lm.sampling import State


@dataclass(frozen=True)
class Score:
    """How well a text was predicted: nll in nats per character."""

    nll: float
    characters: int

    @property
    def bpc(self) -> float:
        """Bits per character."""
        return nll_to_bpc(self.nll)

    @property
    def perplexity(self) -> float:
        """exp(nll): the number of equally likely characters that would be as hard to guess."""
        return math.exp(self.nll)


def evaluate(model: CharLM, pieces: Iterable[tuple[Array, Array, bool]]) -> Score:
    """Score pieces (inputs, targets, fresh); the state is carried from piece to piece unless ``fresh``.

    The state is the evaluation's own: training is not disturbed.
    """
    total, characters = 0.0, 0
    state: State | None = None
    for inputs_TB, targets_TB, fresh in pieces:
        graph = model.graph()
        loss, layers = model.loss(graph, inputs_TB, targets_TB, None if fresh else state)
        total += loss.scalar_value()
        characters += targets_TB.size
        state = model.carried(layers)
        graph.release()
    return Score(total / characters, characters)
