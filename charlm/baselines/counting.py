"""The simplest baselines, and units of a loss."""

from __future__ import annotations

import math

import numpy as np

from charlm.text.encoding import counts_of
from charlm.text.vocab import Ids


def uniform_nll(vocab_size: int) -> float:
    """Return the nll, in nats per character, if every symbol is equally likely.

    Example:
        >>> round(uniform_nll(28), 4)
        3.3322
    """
    return math.log(vocab_size)


def unigram_nll(train: Ids, held_out: Ids, vocab_size: int) -> float:
    """Return the nll, in nats per character, of held-out text under the symbol frequencies of the training text.

    One is added to each count (Laplace), so that symbols that do not occur in training are possible.

    Example:
        >>> round(unigram_nll(np.array([0, 0, 1]), np.array([0, 1]), 2), 4)  # -ln(3/5 * 2/5) / 2
        0.7136
    """
    counts = counts_of(train, vocab_size) + 1.0
    seen = counts_of(held_out, vocab_size)
    return float(-(seen * np.log(counts / counts.sum())).sum() / seen.sum())


def nll_to_bpc(nll: float) -> float:
    """Return nats per character as bits per character."""
    return nll / math.log(2)


def nll_to_perplexity(nll: float) -> float:
    """Return exp(nll): the number of equally likely characters that would be as hard to guess.

    It is infinite above about 709.8 nats, where it is too large for a float.

    Example:
        >>> round(nll_to_perplexity(math.log(28)), 4), nll_to_perplexity(710.0)
        (28.0, inf)
    """
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf
