"""How a tape is written for compiled code: a row of integers says what a kind of node is.

Places of numbers, in rows and on tapes, count float32s from ``ORIGIN``, so that one integer reaches a
workspace, a table or a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CODES = (
    "python",
    "nothing",
    "given",
    "fill",
    "lookup",
    "matmul",
    "affine",
    "add",
    "c_mult",
    "c_div",
    "max",
    "min",
    "pairwise_rank_loss",
    "negate",
    "tanh",
    "logistic",
    "rectify",
    "exp",
    "log",
    "square",
    "cube",
    "abs",
    "sqrt",
    "log_sigmoid",
    "softsign",
    "add_scalar",
    "scalar_minus",
    "scalar_multiply",
    "softmax",
    "log_softmax",
    "pick_neg_log_softmax",
    "hinge",
    "pick",
    "select",
    "part",
    "transpose",
    "sum",
    "log_sum_exp",
    "concatenate",
    "sum_over",
    "moment",
    "max_dim",
    "min_dim",
    "log_sum_exp_dim",
    "squared_norm",
    "l2_norm",
    "binary_log_loss",
    "l1_distance",
    "squared_distance",
    "dot_product",
    "rnn",
    "lstm",
    "gru",
)
"""What compiled code can compute; the first runs in Python, the second has no numbers, the third has them before the
tape runs."""

COLUMNS = (
    "code",
    "count",  # of arguments
    "extent",  # integers on the tape: the arguments, and others
    "bound",  # of those others; less than 0 if they are no indices
    "size",  # numbers of the value
    "saved",  # numbers behind the value that are kept for the way back
    "work",  # numbers behind the gradient that the way back needs
    "products",  # gradients of matrices that are put off
    "trains",
    "rule",  # how the arguments' sizes are checked
    "first",  # of the numbers that the code takes
    "second",
    "third",
    "fourth",
)
MOST_ARGUMENTS = 12
"""So many arguments' sizes are written behind the columns."""

WIDTH = len(COLUMNS) + MOST_ARGUMENTS

EACH, ALL_LIKE_FIRST, TOTAL, UNCHECKED = range(4)
"""Sizes are those in the row; all are the first in the row; they add up to it; Python checks its own."""

STATE = (
    "origin",  # its address
    "rows",  # the address of the table of rows, and how many there are
    "row_count",
    "numbers",  # addresses, with an integer for each node: the number of its row,
    "starts",  # where its integers are,
    "values",  # where its value is,
    "slopes",  # and where its gradient is, counted from the first
    "gradients",  # addresses as well: where a leaf adds its gradient,
    "heads",  # the first product that is put off for a node,
    "flags",  # and whether a gradient came to it, and whether it is wanted
    "integers",  # the address of the nodes' integers
    "links",  # that of products that are put off, five integers each
    "fresh_numbers",  # the addresses of what is new on the tape,
    "fresh_integers",
    "fresh_node",  # and which node that begins with
    "nodes",  # how many there are
    "integer_count",
    "taken",  # how many were checked and have places
    "used_integers",  # their integers,
    "size",  # numbers in their gradients,
    "products",  # and products
    "evaluated",  # how many have values
    "last",  # the node to evaluate up to, or to go back from
    "free",  # the first place in the workspace that is free
    "end",  # where it ends
    "needed",  # how many numbers are missing there
    "first_slope",  # where gradients begin
    "full",  # whether all gradients are wanted
    "node",  # the node at which the way back is, and how many products were put off
    "links_used",
)
"""What a tape is while it runs: an integer each."""

NODE_ARRAYS = ("numbers", "starts", "values", "slopes", "gradients", "heads", "flags")

DONE, PYTHON, MEMORY, ROW, DAMAGED = range(5)
"""Why compiled code returns: it is through; a node runs in Python; the workspace is full; a node's row is
missing; a node is not what its row says."""

NO_ROW = 1 << 62
"""The number of a row where there is none yet."""

REACHED, WANTED = 1, 2
"""Flags of a node."""

LINK = 5
"""Integers of a product that is put off: the places of x and dy, their sizes, and the next one."""

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
        numbers: up to four that the code takes.
        saved, work, products, rule: see ``COLUMNS``.
    """

    code: str
    numbers: tuple[int | float, ...] = ()
    saved: int = 0
    work: int = 0
    products: int = 0
    rule: int = EACH
