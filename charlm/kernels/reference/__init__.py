"""The kernels in plain numpy: slow, obvious, and the definition of what is right.

Arrays are named by their axes: T time, B batch, I input, H hidden, G gates (4H), S states of a
cell, V vocabulary, N = T*B positions. A weight that DyNet stores as (rows, columns) arrives with
its axes reversed, ``W_IH``, so that ``x_BI @ W_IH`` is the product. Sequence kernels return
``y_STBH``: every state of the cell at every step, the output ``h`` last. A ``None`` state means
that the sequence starts from zeros. Kernels of a single step take parameters with a batch axis of
1, as graphs have them, and return ``y_SBH``, or ``y_BH`` of a cell with one state.

Instead of ``x_TBI`` there may be an ``EmbeddedInput``: a table, and the row at each position.

A recurrent vector is multiplied with its mask where it enters the gates. The mask is the same at every step, and
the carried state is not masked. A backward kernel writes to ``state_gradient_STBH``, if that is given, the
gradient of every state, with the gradient through later steps included.
"""

from charlm.kernels.reference.common import (
    EmbeddedInput,
    Gradients,
    Input,
    Product,
    logistic,
    scatter_add,
)
from charlm.kernels.reference.coupled_lstm import coupled_lstm_backward, coupled_lstm_forward
from charlm.kernels.reference.gru import gru_backward, gru_forward, gru_step, gru_step_backward
from charlm.kernels.reference.gru_after import gru_after_backward, gru_after_forward
from charlm.kernels.reference.learning import prepared_step, prepares_step
from charlm.kernels.reference.lstm import lstm_backward, lstm_forward, lstm_step, lstm_step_backward
from charlm.kernels.reference.muon import muon_update
from charlm.kernels.reference.norm_lstm import norm_lstm_backward, norm_lstm_forward
from charlm.kernels.reference.output import (
    affine_softmax_nll_backward,
    affine_softmax_nll_forward,
    squared_norm,
)
from charlm.kernels.reference.sampling import Sampler, sampler
from charlm.kernels.reference.simple import rnn_backward, rnn_forward, rnn_step, rnn_step_backward
from charlm.kernels.reference.updates import adam_update, momentum_update, sgd_update

__all__ = [
    "EmbeddedInput",
    "Gradients",
    "Input",
    "Product",
    "Sampler",
    "adam_update",
    "affine_softmax_nll_backward",
    "affine_softmax_nll_forward",
    "coupled_lstm_backward",
    "coupled_lstm_forward",
    "gru_after_backward",
    "gru_after_forward",
    "gru_backward",
    "gru_forward",
    "gru_step",
    "gru_step_backward",
    "logistic",
    "lstm_backward",
    "lstm_forward",
    "lstm_step",
    "lstm_step_backward",
    "momentum_update",
    "muon_update",
    "norm_lstm_backward",
    "norm_lstm_forward",
    "prepared_step",
    "prepares_step",
    "rnn_backward",
    "rnn_forward",
    "rnn_step",
    "rnn_step_backward",
    "sampler",
    "scatter_add",
    "sgd_update",
    "squared_norm",
]
