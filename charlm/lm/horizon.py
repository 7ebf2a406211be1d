"""How far back a model looks: gradients by lag, and scores with less context.

A lag of 1 is the character before the predicted one. The gradient at a lag is that of the surprisal with respect to the
vector of the character there. It shows how much a small change of that vector would matter. A score with k characters
of context starts from an empty state k characters before. It shows how much the model uses what is farther back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlm import progress
from charlm.baselines.ngram import MAX_ORDER, NGram
from charlm.engine.arrays import Array
from charlm.engine.ops import lookup_sequence, sequence_neg_log_softmax
from charlm.engine.ops.picking import pick_range
from charlm.lm.evaluation import Floats
from charlm.lm.model import TIME, Model
from charlm.text.vocab import Ids

KEPT = (1, 2, 3, 4, 5, 6, 7, 10, 15, 20, 30, 50, 100)
"""The lengths of context that are tried."""
REACH = 2 * KEPT[-1]
"""The length of the contexts for gradients; their first half takes the state away from the empty one."""
STEPS = sum(KEPT) + 3 * REACH
"""Characters that are read for each place; the backward pass counts as two."""
SIDE_BY_SIDE = 64
"""Contexts that are read at once."""

BEFORE = 1_000
"""The number of characters before the held-out part that belong to the context of its first ones."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Horizon:
    """How far back a model looks at some places of a text.

    Attributes:
        places: how many characters were predicted.
        gradients: the norm of the gradient at lags 1, 2, ...: the mean over the places that have this many characters
            before them.
        context: for each length of context the mean surprisal in bits, from short to long.
        whole: the mean surprisal with all of the context that was read, at most ``REACH`` characters.
    """

    places: int
    gradients: Floats
    context: dict[int, float]
    whole: float

    def lag_of(self, share: float) -> int:
        """Return the smallest lag within which this share of the gradient lies."""
        total = np.cumsum(self.gradients)
        return int(np.searchsorted(total, share * total[-1])) + 1

    def enough(self, bits: float = 0.01) -> int | None:
        """Return the shortest context whose score is at most ``bits`` above the best; None if there is none."""
        best = min(self.whole, *self.context.values())
        return next((k for k, mean_bits in self.context.items() if mean_bits <= best + bits), None)


@dataclass(frozen=True)
class Prediction:
    """One prediction, and its gradient with respect to what the model read.

    Attributes:
        read: the symbols before it, in a model of lines those of its line.
        target: the symbol that was predicted.
        bits: its surprisal.
        norms: the norm of the gradient with respect to each of ``read``.
    """

    read: Ids
    target: int
    bits: float
    norms: Floats


def prediction(model: Model, ids: Ids, at: int) -> Prediction:
    """Return the prediction of symbol ``at`` of a text, counted from 0, and its gradients.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> model = Model(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
        >>> prediction(model, np.array([0, 1, 0]), 2).norms.shape
        (2,)
    """
    start, eos = 0, model.vocab.eos
    if eos is not None:
        start = int(np.flatnonzero(np.append(eos, ids[:at]) == eos)[-1])
    read = ids[start:at]
    context = np.append(np.full(1, model.vocab.start, ids.dtype), read)
    nll_B, norms_LB = gradients(model, context[:, np.newaxis], ids[at : at + 1])
    return Prediction(read, int(ids[at]), float(nll_B[0] / np.log(2)), norms_LB[::-1, 0][1:])


def text_to_read(train: Ids, held_out: Ids, start: int) -> tuple[Ids, int]:
    """Return the text that a model is explained with, and where its part to predict begins.

    It is the held-out part after some context. If nothing is held out, it is the training text after ``start``.

    Example:
        >>> text_to_read(np.array([0, 1]), np.array([1, 1]), 2)
        (array([0, 1, 1, 1]), 2)
        >>> text_to_read(np.array([0, 1]), np.array([], int), 2)
        (array([2, 0, 1]), 1)
    """
    if not len(held_out):
        return np.append(np.array([start], train.dtype), train), 1
    before = train[-BEFORE:]
    return np.append(before, held_out), len(before)


def ngram_bits(train: Ids, ids: Ids, places: Places, symbols: int) -> dict[int, float]:
    """Return the mean surprisal in bits of n-grams at some places, by the characters of context that they see."""
    with progress.task("n-grams", 2 * MAX_ORDER):
        first = int(places[0])
        probabilities = NGram(train, symbols).probabilities(ids, first)
    bits = -np.log2(probabilities[:, places - first]).mean(axis=1)
    return {seen: float(value) for seen, value in enumerate(bits) if seen}


def places_of(begin: int, end: int, most: int) -> Places:
    """Return at most ``most`` places, spread evenly from ``begin`` to before ``end``.

    Example:
        >>> places_of(1, 8, 4).tolist()
        [1, 3, 5, 7]
    """
    places: Places = np.unique(np.linspace(begin, end - 1, min(most, end - begin)).astype(np.int64))
    return places


def horizon(model: Model, ids: Ids, places: Places) -> Horizon:
    """Return how far back a model looks at some places of a text.

    Args:
        model: the model.
        ids: the text.
        places: the indices of the symbols that are predicted, from 1 on.
    """
    with progress.task("looking back", STEPS * len(places)):
        sums, counts = np.zeros(REACH), np.zeros(REACH)
        nlls = []
        for contexts_TB, targets_B in _contexts(model, ids, places, REACH):
            nll_B, norms_LB = gradients(model, contexts_TB, targets_B)
            sums[: len(norms_LB)] += norms_LB.sum(axis=1)
            counts[: len(norms_LB)] += norms_LB.shape[1]
            nlls.append(nll_B)
            progress.advance(3 * contexts_TB.size)
        reached = counts > 0
        context = {kept: _mean_bits(model, ids, places, kept) for kept in KEPT}
    return Horizon(
        len(places),
        (sums[reached] / counts[reached])[: KEPT[-1]],
        context,
        float(np.concatenate(nlls).mean() / np.log(2)),
    )


def gradients(model: Model, contexts_TB: Ids, targets_B: Ids) -> tuple[Floats, Floats]:
    """Return the nll of symbols after their contexts, and the norms of its gradient at lags 1, 2, ...: (lags, B)."""
    graph = model.graph()
    x = lookup_sequence(graph, model.embedding, contexts_TB)
    h, _ = model.recur(graph, x, None)
    count = len(contexts_TB)
    last = pick_range(h, count - 1, count, TIME)
    w, b = model.output_layer(graph)
    loss = sequence_neg_log_softmax(last, w, b, targets_B[np.newaxis])
    graph.backward(loss.index, full=True)
    dx_1TBE = graph.gradient(x.index)
    assert dx_1TBE is not None
    norms_TB = np.sqrt(np.square(dx_1TBE[0].astype(np.float64)).sum(axis=2))
    nll_B = _nlls(model, last.array()[0, 0], w.array()[0], b.array()[0], targets_B)
    graph.release()
    return nll_B, norms_TB[::-1]


def _mean_bits(model: Model, ids: Ids, places: Places, kept: int) -> float:
    """Return the mean surprisal in bits of symbols, each after a context of at most ``kept`` symbols."""
    nlls = []
    for contexts_TB, targets_B in _contexts(model, ids, places, kept):
        graph = model.graph()
        h, _ = model.hidden(graph, contexts_TB, None)
        w, b = model.output_layer(graph)
        nlls.append(_nlls(model, h.array()[0, -1], w.array()[0], b.array()[0], targets_B))
        graph.release()
        progress.advance(contexts_TB.size)
    return float(np.concatenate(nlls).mean() / np.log(2))


def _nlls(model: Model, h_BH: Array, w: Array, b: Array, targets_B: Ids) -> Floats:
    nlls, _ = model.kernels.affine_softmax_nll_forward(h_BH, w, b, targets_B)
    return nlls.astype(np.float64)


def _contexts(model: Model, ids: Ids, places: Places, most: int) -> Iterator[tuple[Ids, Ids]]:
    """Yield contexts (T, B) of equal length, and the symbols (B,) that follow them.

    In a model of lines, a context begins at the ``<EOS>`` before its line or later.
    """
    begins = np.maximum(places - most, 0)
    eos = model.vocab.eos
    if eos is not None:
        ends = np.flatnonzero(ids == eos)
        before = np.searchsorted(ends, places) - 1  # the last end before the place
        begins = np.maximum(begins, np.where(before >= 0, ends[np.maximum(before, 0)], 0))
    lengths = places - begins
    for length in np.unique(lengths):
        chosen = places[lengths == length]
        for begin in range(0, len(chosen), SIDE_BY_SIDE):
            some = chosen[begin : begin + SIDE_BY_SIDE]
            yield ids[some - length + np.arange(length)[:, np.newaxis]], ids[some]
