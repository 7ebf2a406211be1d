"""The work of a run, counted before it begins: what compiled kernels save in it decides which kernels it uses."""

from __future__ import annotations

import math

from charlm.config import RunConfig
from charlm.lm.compute import (
    Compute,
    decide,
    operations_per_character,
    saved_by_reading,
    saved_by_sampling,
)
from charlm.lm.model import Model
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.training.budget import Budget

LINE_LIMIT_FACTOR = 10
"""A sample that never draws ``<EOS>`` is cut at this many times the longest training line."""
DOCUMENT_LIMIT_FACTOR = 2
"""A document that never ends is cut at this many times the longest training document."""
STREAM_SAMPLE = 200
"""Characters in a sample of a model with framing stream."""
DOCUMENT_SAMPLE = 1000
"""A document that is sampled during training is cut at this many characters."""
SAVED_PART = 0.5
"""The part of numpy's time that compiled kernels save, roughly: used where only time limits a run."""


def sample_limit(corpus: LineCorpus | StreamCorpus) -> int:
    """Return the number of characters at which a sample is cut."""
    if isinstance(corpus, LineCorpus):
        longest = corpus.longest_line
        documents = corpus.vocab.framing == "documents"
        return longest * (DOCUMENT_LIMIT_FACTOR if documents else LINE_LIMIT_FACTOR)
    return STREAM_SAMPLE


def shown_limit(model: Model) -> int:
    """Return the number of characters at which a sample during training is cut."""
    most = DOCUMENT_SAMPLE if model.vocab.framing == "documents" else model.line_limit
    return min(most, model.line_limit)


def seconds_saved(config: RunConfig, corpus: LineCorpus | StreamCorpus) -> float:
    """Return the seconds that compiled kernels save in a whole run: in updates, held-out scores and samples.

    A sample counts as ``STREAM_SAMPLE`` characters: how long a line will be is not known before.
    """
    settings = config.train
    budget = Budget.of(settings, corpus.steps_per_pass)
    most = math.inf if budget.seconds is None else SAVED_PART * budget.seconds
    if budget.steps is None:
        return most
    model, size = config.model, len(corpus.vocab)
    characters = 3.0 * budget.steps * settings.accumulate * corpus.characters_per_step
    scored = min(len(corpus.held_out_ids), settings.eval_characters or math.inf)
    scores = budget.steps // settings.eval_every if scored else 0
    characters += scores * scored
    saved = characters * saved_by_reading(model, size, corpus.batch_size)
    if settings.sample_every:
        samples = budget.steps // settings.sample_every + scores + 1
        saved += samples * STREAM_SAMPLE * saved_by_sampling(model, size)
    return min(most, saved)


def compute_of(config: RunConfig, corpus: LineCorpus | StreamCorpus) -> Compute:
    """Return the kernels and the threads of a run."""
    at_once = corpus.batch_size * operations_per_character(config.model, len(corpus.vocab))
    settings = config.train
    return decide(settings.kernels, settings.threads, seconds_saved(config, corpus), at_once)
