"""Every operation, and the functions that make expressions with them."""

from charlm.engine.ops.arithmetic import cdiv, cmult, esum, pow
from charlm.engine.ops.contractions import (
    circ_conv,
    circ_corr,
    contract3d_1d,
    contract3d_1d_1d,
    contract3d_1d_1d_bias,
    contract3d_1d_bias,
)
from charlm.engine.ops.convolution import conv2d, conv2d_bias, maxpooling2d
from charlm.engine.ops.elementwise import exp, log, logistic, negate, rectify, sqrt, square, tanh
from charlm.engine.ops.inputs import (
    fill,
    input_tensor,
    input_vector,
    lookup,
    scalar_input,
)
from charlm.engine.ops.joining import concatenate, concatenate_cols, concatenate_to_batch
from charlm.engine.ops.linear import affine_transform, dot_product, matmul
from charlm.engine.ops.log_losses import binary_log_loss, poisson_loss
from charlm.engine.ops.losses import (
    log_softmax,
    pickneglogsoftmax,
    pickneglogsoftmax_batch,
    softmax,
    sum_batches,
    sum_elems,
)
from charlm.engine.ops.lstm_gates import (
    vanilla_lstm_c,
    vanilla_lstm_gates,
    vanilla_lstm_gates_concat,
    vanilla_lstm_gates_dropout,
    vanilla_lstm_gates_dropout_concat,
    vanilla_lstm_h,
)
from charlm.engine.ops.margin_losses import hinge, hinge_batch, hinge_dim, pairwise_rank_loss
from charlm.engine.ops.matrices import colwise_add, inverse, logdet, trace_of_product
from charlm.engine.ops.noise import dropout
from charlm.engine.ops.normalising import layer_norm, weight_norm
from charlm.engine.ops.operators import add, sub
from charlm.engine.ops.sequences import lookup_sequence, sequence_neg_log_softmax
from charlm.engine.ops.shaping import (
    pick,
    pick_batch,
    pick_batch_elem,
    pick_batch_elems,
    pick_range,
    pickrange,
    reshape,
    transpose,
)
from charlm.engine.ops.simplex import constrained_softmax, sparsemax
from charlm.engine.ops.slicing import select_cols, select_rows, strided_select
from charlm.engine.ops.windows import filter1d_narrow, fold_rows, kmh_ngram

__all__ = [
    "add",
    "affine_transform",
    "binary_log_loss",
    "cdiv",
    "circ_conv",
    "circ_corr",
    "cmult",
    "colwise_add",
    "concatenate",
    "concatenate_cols",
    "concatenate_to_batch",
    "constrained_softmax",
    "contract3d_1d",
    "contract3d_1d_1d",
    "contract3d_1d_1d_bias",
    "contract3d_1d_bias",
    "conv2d",
    "conv2d_bias",
    "dot_product",
    "dropout",
    "esum",
    "exp",
    "fill",
    "filter1d_narrow",
    "fold_rows",
    "hinge",
    "hinge_batch",
    "hinge_dim",
    "input_tensor",
    "input_vector",
    "inverse",
    "kmh_ngram",
    "layer_norm",
    "log",
    "log_softmax",
    "logdet",
    "logistic",
    "lookup",
    "lookup_sequence",
    "matmul",
    "maxpooling2d",
    "negate",
    "pairwise_rank_loss",
    "pick",
    "pick_batch",
    "pick_batch_elem",
    "pick_batch_elems",
    "pick_range",
    "pickneglogsoftmax",
    "pickneglogsoftmax_batch",
    "pickrange",
    "poisson_loss",
    "pow",
    "rectify",
    "reshape",
    "scalar_input",
    "select_cols",
    "select_rows",
    "sequence_neg_log_softmax",
    "softmax",
    "sparsemax",
    "sqrt",
    "square",
    "strided_select",
    "sub",
    "sum_batches",
    "sum_elems",
    "tanh",
    "trace_of_product",
    "transpose",
    "vanilla_lstm_c",
    "vanilla_lstm_gates",
    "vanilla_lstm_gates_concat",
    "vanilla_lstm_gates_dropout",
    "vanilla_lstm_gates_dropout_concat",
    "vanilla_lstm_h",
    "weight_norm",
]
