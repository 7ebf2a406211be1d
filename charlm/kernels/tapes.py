"""The format of a tape for compiled code: a row of integers describes each kind of node.

Places of numbers, in rows and on tapes, count float32s from ``ORIGIN``, so that one integer can point into
a workspace, a table or a parameter.
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
"""What compiled code can compute. The first runs in Python, the second has no numbers, the third has its numbers
before the tape runs."""

COLUMNS = (
    "code",
    "count",  # of arguments
    "extent",  # integers on the tape: the arguments, and others
    "bound",  # of the others; below 0 if they are not indices
    "size",  # numbers of the value
    "saved",  # numbers after the value that are kept for backward
    "work",  # numbers after the gradient that backward needs
    "products",  # gradients of matrices that are delayed
    "trains",
    "rule",  # how the arguments' sizes are checked
    "first",  # of the numbers that the code takes
    "second",
    "third",
    "fourth",
)
MOST_ARGUMENTS = 12
"""The sizes of this many arguments follow the columns."""

WIDTH = len(COLUMNS) + MOST_ARGUMENTS

EACH, ALL_LIKE_FIRST, TOTAL, UNCHECKED = range(4)
"""The rules for the arguments' sizes: as in the row; all as the first in the row; their sum is the first; no check."""

STATE = (
    "origin",  # its address
    "rows",  # the address of the table of rows, and how many there are
    "row_count",
    "numbers",  # addresses, with an integer for each node: the number of its row,
    "starts",  # where its integers are,
    "values",  # where its value is,
    "slopes",  # and where its gradient is, counted from the first
    "gradients",  # addresses as well: where a leaf adds its gradient,
    "heads",  # the first product that is delayed for a node,
    "flags",  # and whether a gradient came to it, and whether it is wanted
    "integers",  # the address of the nodes' integers
    "links",  # that of products that are delayed, five integers each
    "fresh_numbers",  # the addresses of the tape's new part,
    "fresh_integers",
    "fresh_node",  # and its first node
    "nodes",  # the number of nodes
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
    "node",  # the current node of backward, and the number of products that are delayed
    "links_used",
)
"""The state of a running tape: an integer each."""

NODE_ARRAYS = ("numbers", "starts", "values", "slopes", "gradients", "heads", "flags")

DONE, PYTHON, MEMORY, ROW, DAMAGED = range(5)
"""Why compiled code returns: it is done; a node runs in Python; the workspace is full; a node's row is missing;
a node does not match its row."""

NO_ROW = 1 << 62
"""The number of a row that does not exist yet."""

REACHED, WANTED = 1, 2
"""Flags of a node."""

LINK = 5
"""Integers of a product that is delayed: the places of x and dy, their sizes, and the next product."""

ORIGIN = np.zeros(1, np.float32)


def place(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
    """Return the place where an array of float32 begins."""
    offset: int = (array.__array_interface__["data"][0] - _ORIGIN) >> 2
    return offset


_ORIGIN: int = ORIGIN.__array_interface__["data"][0]


@dataclass(frozen=True)
class Form:
    """A kind of node for compiled code.

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
