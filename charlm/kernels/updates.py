"""The optimisers' updates of a flat array of parameters in plain numpy; the rules are told in the trainers."""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import Array


def sgd_update(values: Array, g: Array, rate: float) -> None:
    """Values -= rate g; ``g`` is overwritten."""
    g *= rate
    values -= g


def adam_update(
    values: Array,
    g: Array,
    m: Array,
    v: Array,
    beta_1: float,
    beta_2: float,
    rate: float,
    eps: float,
) -> None:
    """Take ``g``, which is overwritten, into the averages m and v; values -= rate m / (sqrt v + eps)."""
    m *= beta_1
    m += (1 - beta_1) * g
    v *= beta_2
    g *= g
    g *= 1 - beta_2
    v += g
    np.sqrt(v, out=g)
    g += eps
    values -= rate * m / g
