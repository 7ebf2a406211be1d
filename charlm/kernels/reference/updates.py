"""The optimisers' updates of a flat array of parameters in plain numpy; the rules are told in the trainers.

Compiled code may update all of a collection in one call. What it is to do stands in an array of integers: ``UPDATE``
first, then the parts of the flat buffer (where each begins and ends), and ``TABLE`` for each lookup
table. Places count float32s from ``ORIGIN`` in ``tapes.py``.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import Array

RULES = ("sgd_update", "momentum_update", "adam_update")
"""What compiled code can do so: functions that are here too."""

UPDATE = (
    "origin",  # its address
    "values",  # the places of the flat values and gradients
    "gradients",
    "rule",  # which of ``RULES``
    "all_rows",  # whether rows of tables count that were not used
    "parts",  # how many parts of the flat buffer count in the norm; their integers begin behind these
    "updated_parts",  # how many are updated; theirs begin behind those
    "tables",  # how many there are
    "norm",  # float64s: the result,
    "scale",  # what gradients are multiplied by,
    "first",  # and the settings, in the order of the function's arguments
    "second",
    "third",
    "fourth",
    "first_moment",  # the places of the flat averages
    "second_moment",
)
TABLE = (
    "rows",
    "width",  # numbers of a row
    "value",  # places
    "gradient",
    "touched",  # the address of the marks
    "updated",
    "first_average",  # places
    "second_average",
)
MOMENTS = 2
"""So many averages at most."""


def sgd_update(values: Array, g: Array, rate: float) -> None:
    """Values -= rate g; ``g`` is overwritten."""
    g *= rate
    values -= g


def momentum_update(values: Array, g: Array, v: Array, rate: float, momentum: float) -> None:
    """V = momentum v - rate g, and values += v; ``g`` is overwritten."""
    v *= momentum
    g *= rate
    v -= g
    values += v


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
