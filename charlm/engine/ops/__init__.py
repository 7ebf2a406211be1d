"""Every operation, and the functions that make expressions with them."""

from charlm.engine.ops.arithmetic import cdiv, cmult, esum, pow
from charlm.engine.ops.elementwise import exp, log, logistic, negate, rectify, sqrt, square, tanh
from charlm.engine.ops.inputs import (
    fill,
    input_tensor,
    input_vector,
    lookup,
    scalar_input,
)
from charlm.engine.ops.linear import affine_transform, dot_product, matmul
from charlm.engine.ops.losses import (
    log_softmax,
    pickneglogsoftmax,
    pickneglogsoftmax_batch,
    softmax,
    sum_batches,
    sum_elems,
)
from charlm.engine.ops.noise import dropout
from charlm.engine.ops.operators import add, sub
from charlm.engine.ops.sequences import lookup_sequence, sequence_neg_log_softmax
from charlm.engine.ops.shaping import (
    concatenate,
    concatenate_cols,
    concatenate_to_batch,
    pick,
    pick_batch,
    pick_batch_elem,
    pick_batch_elems,
    pick_range,
    reshape,
    transpose,
)

__all__ = [
    "add",
    "affine_transform",
    "cdiv",
    "cmult",
    "concatenate",
    "concatenate_cols",
    "concatenate_to_batch",
    "dot_product",
    "dropout",
    "esum",
    "exp",
    "fill",
    "input_tensor",
    "input_vector",
    "log",
    "log_softmax",
    "logistic",
    "lookup",
    "lookup_sequence",
    "matmul",
    "negate",
    "pick",
    "pick_batch",
    "pick_batch_elem",
    "pick_batch_elems",
    "pick_range",
    "pickneglogsoftmax",
    "pickneglogsoftmax_batch",
    "pow",
    "rectify",
    "reshape",
    "scalar_input",
    "sequence_neg_log_softmax",
    "softmax",
    "sqrt",
    "square",
    "sub",
    "sum_batches",
    "sum_elems",
    "tanh",
    "transpose",
]
