"""Scoring text: the held-out part while a model is trained, and any text character by character."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlm import progress
from charlm.baselines.counting import nll_to_bpc, nll_to_perplexity
from charlm.engine.arrays import Array
from charlm.engine.ops import sequence_neg_log_softmax
from charlm.lm.dynamic import DynamicTrainer
from charlm.lm.model import Model
from charlm.lm.sampling import State
from charlm.text.vocab import Ids

WARM_UP = 1000
"""Characters read before the first that is scored, where the state is carried."""
PIECE = 500
"""Characters read at once."""
DYNAMIC_PIECE = 20
"""Characters between two updates of a dynamic evaluation."""
RATES = (0.0001, 0.0002, 0.0005, 0.001)
"""What the rate of a dynamic evaluation is chosen from, rising."""
OBSERVED, TRIED = 10_000, 5_000
"""Characters of the training text to measure gradients on, and at its end to choose the rate on."""
BLOCKS = 30
"""Parts of a text whose scores' spread tells the error of their mean."""

Floats = npt.NDArray[np.float64]


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
        """exp(nll), see ``nll_to_perplexity``."""
        return nll_to_perplexity(self.nll)


def evaluate(model: Model, pieces: Iterable[tuple[Array, Array, bool]]) -> Score:
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
        progress.advance(targets_TB.size)
        state = model.carried(layers)
        graph.release()
    return Score(total / characters, characters)


def read(
    model: Model,
    ids: Ids,
    begin: int,
    end: int | None = None,
    *,
    warm_up: int = WARM_UP,
    size: int = PIECE,
    learn: Callable[[], object] | None = None,
) -> Floats:
    """Return the nll of each symbol from ``begin`` to ``end``, read as one stream.

    A model of lines has an empty state at the start of each line, as it was trained.

    Args:
        model: what predicts.
        ids: a text; the first symbol can only be read.
        begin: the first place that is scored, 1 or more.
        end: the place after the last; None is the text's end.
        warm_up: symbols read before ``begin`` for the state; with 0 it is empty, and only one symbol is read.
        size: symbols read at once.
        learn: called after each scored piece, when the gradient of its mean nll was accumulated.
    """
    end = len(ids) if end is None else end
    found = [np.zeros(0)]
    state: State | None = None
    first = max(1, begin - warm_up)
    for start, stop in (*pieces(first, begin, size), *pieces(begin, end, size)):
        for i, j in lines(ids, start, stop, model.vocab.eos):
            fresh = state is None or ids[i - 1] == model.vocab.eos
            targets_TB = ids[i:j, np.newaxis]
            graph = model.graph()
            h, layers = model.hidden(
                graph, ids[i - 1 : j - 1, np.newaxis], None if fresh else state
            )
            w, b = model.output_layer(graph)
            losses, _ = model.kernels.affine_softmax_nll_forward(
                h.array().reshape(j - i, -1), w.array()[0], b.array()[0], targets_TB.ravel()
            )
            state = model.carried(layers)
            if i >= begin:
                progress.advance(j - i)
                found.append(losses.astype(np.float64))
                if learn is not None:
                    loss = sequence_neg_log_softmax(h, w, b, targets_TB) * (1 / (j - i))
                    loss.scalar_value()
                    graph.backward(loss.index, keep=False)
            graph.release()
            if i >= begin and learn is not None:
                learn()
    return np.concatenate(found)


def learner(model: Model, train: Ids, rate: float | None = None) -> DynamicTrainer:
    """Return the trainer of a dynamic evaluation, fitted to a model's training text.

    Args:
        model: the trained model; its weights are the same afterwards.
        train: the training text. Gradients are measured near its end.
        rate: its step size; None takes the one of ``RATES`` that is best on the text's end.
    """
    tried = min(TRIED, len(train) // 4)
    begin = max(1, len(train) - tried)
    trainer = DynamicTrainer(model, rate or 0.0)
    start = max(1, begin - OBSERVED)
    with progress.task("measuring gradients", begin - start):
        read(model, train, start, begin, size=DYNAMIC_PIECE, learn=trainer.observe)
    trainer.set_scale()
    if rate is None:
        with progress.task("choosing the rate", len(RATES) * (len(train) - begin)):
            trainer.learning_rate = _best_rate(model, train, begin, trainer)
    return trainer


def _best_rate(model: Model, train: Ids, begin: int, trainer: DynamicTrainer) -> float:
    scores: list[float] = []
    for trainer.learning_rate in RATES:
        nlls = read(model, train, begin, size=DYNAMIC_PIECE, learn=trainer.update)
        scores.append(float(nlls.mean()))
        trainer.reset()
        if scores[-1] > min(scores):
            break  # larger ones are worse still
    return RATES[int(np.argmin(scores))]


def standard_error(nlls: Floats) -> float:
    """Return the standard error of the mean of a text's nlls.

    Neighbours are alike (a hard word is hard in several places), so it is taken from the means of ``BLOCKS``
    stretches of equal length, which are nearly independent; from the characters themselves where there are few.

    Example:
        >>> standard_error(np.array([1.0, 3.0] * 200)) < 0.1
        True
    """
    blocks = BLOCKS if len(nlls) >= 10 * BLOCKS else len(nlls)
    means = nlls[: len(nlls) // blocks * blocks].reshape(blocks, -1).mean(axis=1)
    return float(means.std(ddof=1) / math.sqrt(blocks)) if blocks > 1 else math.nan


def pieces(begin: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where pieces of ``size`` symbols begin and end."""
    for start in range(begin, end, size):
        yield start, min(start + size, end)


def lines(ids: Ids, start: int, stop: int, eos: int | None) -> Iterator[tuple[int, int]]:
    """Yield where the lines of a piece begin and end: it is cut after each ``eos``."""
    ends = [] if eos is None else (start + 1 + np.flatnonzero(ids[start:stop] == eos)).tolist()
    for end in (*ends, stop):
        if start < end:
            yield start, end
        start = end
