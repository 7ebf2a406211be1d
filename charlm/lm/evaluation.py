"""Scoring text: the held-out part during training, and any text character by character."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlm import display, progress
from charlm.baselines.counting import nll_to_bpc, nll_to_perplexity
from charlm.engine.ops import sequence_neg_log_softmax
from charlm.lm.dynamic import DynamicTrainer
from charlm.lm.model import Model
from charlm.lm.sampling import State
from charlm.lm.step import state_before
from charlm.text.batch import Batch
from charlm.text.vocab import Ids
from charlm.wording import fixed, short

WARM_UP = 1000
"""Characters read before the first scored one, for the state."""
PIECE = 500
"""Characters read at once."""
DYNAMIC_PIECE = 20
"""Characters between two updates of a dynamic evaluation."""
RATES = (0.0001, 0.0002, 0.0005, 0.001)
"""The choices for the rate of a dynamic evaluation, rising."""
OBSERVED, TRIED = 10_000, 5_000
"""Characters of the training text for measuring gradients, and for choosing the learning rate at its end."""
BLOCKS = 30
"""The spread of the scores of this many parts of a text gives the error of their mean."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """The score of a text: nll in nats per character."""

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

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("nats per character", fixed(self.nll)),
            ("bits per character", fixed(self.bpc)),
            ("perplexity", short(self.perplexity)),
            ("characters", f"{self.characters:,}"),
        ]

    def _repr_html_(self) -> str:
        return display.table(self._rows())


def evaluate(model: Model, pieces: Iterable[Batch]) -> Score:
    """Score pieces of a text. The state is carried from piece to piece, except where a text begins."""
    total, characters = 0.0, 0
    state: State | None = None
    for piece in pieces:
        graph = model.graph()
        before = state_before(piece, state)
        loss, layers = model.loss(
            graph, piece.inputs_TB, piece.targets_TB, before, counted_TB=piece.counted_TB
        )
        total += loss.scalar_value()
        characters += piece.characters
        progress.advance(piece.characters)
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
        model: predicts.
        ids: a text; its first symbol has no score.
        begin: the first position with a score, 1 or more.
        end: the position after the last; None is the text's end.
        warm_up: symbols read before ``begin`` for the state; with 0 it is empty, and only one symbol is read.
        size: symbols read at once.
        learn: called after each scored piece, once the gradient of its mean nll is accumulated.
    """
    end = len(ids) if end is None else end
    nlls = [np.zeros(0)]
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
                nlls.append(losses.astype(np.float64))
                if learn is not None:
                    loss = sequence_neg_log_softmax(h, w, b, targets_TB) * (1 / (j - i))
                    loss.scalar_value()
                    graph.backward(loss.index, keep=False)
            graph.release()
            if i >= begin and learn is not None:
                learn()
    return np.concatenate(nlls)


def dynamic_trainer(model: Model, train: Ids, rate: float | None = None) -> DynamicTrainer:
    """Return the trainer of a dynamic evaluation, fitted to a model's training text.

    Args:
        model: the trained model; its weights are unchanged at the end.
        train: the training text. Gradients are measured near its end.
        rate: the step size; None chooses the best of ``RATES`` on the end of the text.
    """
    tried = min(TRIED, len(train) // 4)
    begin = max(1, len(train) - tried)
    trainer = DynamicTrainer(model, rate or 0.0)
    start = max(1, begin - OBSERVED)
    with progress.task("measuring gradients", begin - start):
        read(model, train, start, begin, size=DYNAMIC_PIECE, learn=trainer.observe)
    trainer.set_scale()
    if rate is None:
        with progress.task("choosing the learning rate", len(RATES) * (len(train) - begin)):
            trainer.learning_rate = _best_rate(model, train, begin, trainer)
    return trainer


def _best_rate(model: Model, train: Ids, begin: int, trainer: DynamicTrainer) -> float:
    scores: list[float] = []
    for trainer.learning_rate in RATES:
        nlls = read(model, train, begin, size=DYNAMIC_PIECE, learn=trainer.update)
        scores.append(float(nlls.mean()))
        trainer.reset()
        if scores[-1] > min(scores):
            break  # larger rates are even worse
    return RATES[int(np.argmin(scores))]


def standard_error(nlls: Floats) -> float:
    """Return the standard error of the mean of a text's nlls.

    Neighbouring characters are not independent (a hard word has several hard ones). So it is computed from the
    means of ``BLOCKS`` parts of equal length, which nearly are; of a short text, from the characters themselves.

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
