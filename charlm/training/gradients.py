"""The gradient of one batch."""

from __future__ import annotations

import math

from charlm.errors import BadGradientError
from charlm.lm.model import CharLM
from charlm.lm.sampling import State
from charlm.text.corpus import LineCorpus, StreamCorpus


def add_gradient(
    model: CharLM, corpus: LineCorpus | StreamCorpus, index: int, carried: State | None, parts: int
) -> tuple[float, int, State]:
    """Add a batch's part of the gradient of an update that ``parts`` batches make together.

    Args:
        model: its parameters take the gradient.
        corpus: the text.
        index: the number of the batch.
        carried: the state after the batch before.
        parts: the update's loss is the mean of so many batches' losses.

    Returns:
        The batch's part of the loss, the number of its characters, and the state after it.

    Raises:
        BadGradientError: the loss is not finite, so that nothing was added.
    """
    inputs_TB, targets_TB, fresh = corpus.batch(index)
    graph = model.graph()
    total, layers = model.loss(graph, inputs_TB, targets_TB, None if fresh else carried, train=True)
    # a line's loss is the sum over its characters, as in the tutorial; a stream's is the mean
    scale = (1 if isinstance(corpus, LineCorpus) else 1 / targets_TB.size) / parts
    loss = total if scale == 1 else total * scale
    value = loss.scalar_value()
    if not math.isfinite(value):
        graph.release()
        raise BadGradientError(f"the loss is {value}")
    graph.backward(loss.index, keep=False)
    after = model.carried(layers)
    graph.release()
    return value, int(targets_TB.size), after
