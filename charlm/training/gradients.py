"""The gradient of one batch."""

from __future__ import annotations

from charlm.lm.sampling import State
from charlm.lm.step import Gradient
from charlm.text.corpus import LineCorpus, StreamCorpus


def add_gradient(
    gradient: Gradient,
    corpus: LineCorpus | StreamCorpus,
    index: int,
    carried: State | None,
    parts: int,
) -> tuple[float, int, State]:
    """Add a batch's part of the gradient of an update that ``parts`` batches make together.

    Args:
        gradient: of the model whose parameters take it.
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
    # a line's loss is the sum over its characters, as in the tutorial; a stream's is the mean
    factor = (1.0 if isinstance(corpus, LineCorpus) else 1 / targets_TB.size) / parts
    value, after = gradient(inputs_TB, targets_TB, None if fresh else carried, factor)
    return value, int(targets_TB.size), after
