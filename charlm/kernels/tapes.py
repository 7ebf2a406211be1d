"""How a tape is written for compiled code: a row of integers says what a kind of node is.

Places of numbers, in rows and on tapes, count float32s from ``ORIGIN``, so that one integer reaches a
workspace, a table or a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CODES = (
    "python",
    "lookup",
    "matmul",
    "affine",
    "add",
    "c_mult",
    "negate",
    "tanh",
    "logistic",
    "rectify",
    "log",
    "add_scalar",
    "scalar_minus",
    "scalar_multiply",
    "softmax",
    "log_softmax",
    "pick_neg_log_softmax",
    "pick",
    "part",
    "sum",
    "concatenate",
    "squared_distance",
    "dot_product",
    "rnn",
    "lstm",
    "gru",
)
"""What compiled code can compute; the first runs in Python."""

COLUMNS = (
    "code",
    "count",  # of arguments
    "extent",  # integers on the tape: the arguments, and perhaps an index
    "bound",  # of the index
    "size",  # numbers of the value
    "saved",  # numbers behind the value that are kept for the way back
    "work",  # numbers behind the gradient that the way back needs
    "products",  # gradients of matrices that are put off
    "trains",
    "datum",  # whether each node has a number
    "rule",  # how the arguments' sizes are checked
    "first",  # of the numbers that the code takes
    "second",
    "third",
)
MOST_ARGUMENTS = 12
"""So many arguments' sizes are written behind the columns."""

WIDTH = len(COLUMNS) + MOST_ARGUMENTS

EACH, ALL_LIKE_FIRST, TOTAL, UNCHECKED = range(4)
"""Sizes are those in the row; all are the first in the row; they add up to it; Python checks its own."""

ORIGIN = np.zeros(1, np.float32)


def place(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
    """Return where an array of float32 begins."""
    found: int = (array.__array_interface__["data"][0] - _ORIGIN) >> 2
    return found


_ORIGIN: int = ORIGIN.__array_interface__["data"][0]


@dataclass(frozen=True)
class Form:
    """What a kind of node is to compiled code.

    Attributes:
        code: one of ``CODES``.
        numbers: up to three that the code takes.
        saved, work, products, rule: see ``COLUMNS``.
    """

    code: str
    numbers: tuple[int | float, ...] = ()
    saved: int = 0
    work: int = 0
    products: int = 0
    rule: int = EACH
