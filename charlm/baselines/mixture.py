"""Two predictions of one text as one."""

from __future__ import annotations

import numpy as np

from charlm.baselines.ngram import Floats

RATE = 0.005
"""How fast the weight follows: about 200 characters; at 0.002 and 0.02 scores differ by 0.0001 nats."""


def mixture(first: Floats, second: Floats) -> tuple[Floats, float]:
    """Return the probabilities of a linear mixture whose weight is learned while reading, and its mean.

    The weight of ``first`` begins as 1/2. After each character it moves a little towards the part that
    ``first`` had in the character's probability, one step of expectation maximisation. So the weight at a
    character depends on those before it and on nothing else, and the mixture is a
    probability, as either part is.

    Example:
        >>> mixed, weight = mixture(np.full(1000, 0.5), np.full(1000, 0.1))
        >>> mixed[[0, -1]].round(3).tolist(), round(weight, 2)
        ([0.3, 0.496], 0.87)
    """
    weight, weights = 0.5, []
    for p, q in zip(first.tolist(), second.tolist(), strict=True):
        weights.append(weight)
        part = weight * p
        weight += RATE * (part / (part + (1 - weight) * q) - weight)
    w = np.array(weights)
    return w * first + (1 - w) * second, float(w.mean())
