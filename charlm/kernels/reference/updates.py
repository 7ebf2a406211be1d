"""The optimisers' updates of a flat array of parameters in plain numpy; the trainers document the rules.

Compiled code may update a whole collection in one call. It reads an array of integers: ``UPDATE`` first, then the
parts of the flat buffer (where each begins and ends), and ``TABLE`` for each lookup table. Places count float32s
from ``ORIGIN`` in ``tapes.py``.
"""

from __future__ import annotations

import numpy as np

from charlm.kernels.reference.common import Array

RULES = ("sgd_update", "momentum_update", "adam_update")
"""The rules that compiled code has, too."""

UPDATE = (
    "origin",  # its address
    "values",  # the places of the flat values and gradients
    "gradients",
    "rule",  # which of ``RULES``
    "all_rows",  # whether unused rows of tables count, too
    "parts",  # the number of parts that count in the norm; their integers follow this list
    "updated_parts",  # the number of parts that are updated; their integers follow those
    "tables",  # the number of tables
    "norm",  # float64s: the result,
    "scale",  # the factor of the gradients,
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
"""The most averages that a rule has."""


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
    """Update the averages m and v with ``g``, which is overwritten; values -= rate m / (sqrt v + eps)."""
    m *= beta_1
    m += (1 - beta_1) * g
    v *= beta_2
    g *= g
    g *= 1 - beta_2
    v += g
    np.sqrt(v, out=g)
    g += eps
    values -= rate * m / g
