"""How much a run will compute, counted before it begins."""

from __future__ import annotations

import math

from charlm.config import RunConfig
from charlm.lm.compute import operations_per_character
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.training.budget import Budget

STREAM_SAMPLE = 200
"""Characters in a sample of a model trained on a stream."""
OPERATIONS_PER_SECOND = 2e10
"""About what numpy does on one core: how much a run that is limited by time alone will compute."""


def operations(config: RunConfig, corpus: LineCorpus | StreamCorpus) -> float:
    """Return the additions and multiplications of a whole run: its updates, held-out scores and samples.

    A sample is counted as ``STREAM_SAMPLE`` characters: how long a line will be is not known before.
    """
    settings = config.train
    budget = Budget.of(settings, corpus.steps_per_pass)
    most = math.inf if budget.seconds is None else OPERATIONS_PER_SECOND * budget.seconds
    if budget.steps is None:
        return most
    forward = operations_per_character(config.model, len(corpus.vocab))
    characters = 3.0 * budget.steps * settings.accumulate * corpus.characters_per_step
    scored = min(len(corpus.held_out_ids), settings.eval_characters or math.inf)
    scores = budget.steps // settings.eval_every if scored else 0
    characters += scores * scored
    if settings.sample_every:
        samples = budget.steps // settings.sample_every + scores + 1
        characters += samples * STREAM_SAMPLE
    return min(most, forward * characters)
