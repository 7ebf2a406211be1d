"""The kernels that matter for speed, compiled by numba. Names and arguments are those of the plain ones.

Results are the same from run to run for one number of threads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from charlm.kernels.compiled import sampling, whole_updates
from charlm.kernels.compiled.coupled_lstm import coupled_lstm_backward, coupled_lstm_forward
from charlm.kernels.compiled.gru import gru_backward, gru_forward
from charlm.kernels.compiled.gru_after import gru_after_backward, gru_after_forward
from charlm.kernels.compiled.learning import prepared_step, prepares_step
from charlm.kernels.compiled.lstm import lstm_backward, lstm_forward
from charlm.kernels.compiled.muon import muon_update
from charlm.kernels.compiled.norm_lstm import norm_lstm_backward, norm_lstm_forward
from charlm.kernels.compiled.output_layer import (
    affine_softmax_nll_backward,
    affine_softmax_nll_forward,
)
from charlm.kernels.compiled.sequence import HANDOVER, MEMORY, WORTH_SHARING
from charlm.kernels.compiled.simple import rnn_backward, rnn_forward
from charlm.kernels.compiled.tables import scatter_add
from charlm.kernels.compiled.updates import adam_update, sgd_update, squared_norm
from charlm.kernels.sampler import sampler
from charlm.kernels.team import Team

FUNCTIONS: tuple[Callable[..., Any], ...] = (
    adam_update,
    affine_softmax_nll_backward,
    affine_softmax_nll_forward,
    coupled_lstm_backward,
    coupled_lstm_forward,
    gru_after_backward,
    gru_after_forward,
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    muon_update,
    norm_lstm_backward,
    norm_lstm_forward,
    prepared_step,
    prepares_step,
    rnn_backward,
    rnn_forward,
    scatter_add,
    sgd_update,
    squared_norm,
)

MOST_ALONE = WORTH_SHARING * HANDOVER // MEMORY
"""The most numbers of a collection that one of several threads updates in one call."""


@cache
def functions_for(threads: int) -> dict[str, object]:
    """Return the compiled kernels by name; all of one number of threads share a team and its memory."""
    team = Team(threads, sampling.ENTRIES)
    kernels: dict[str, object] = {f.__name__: partial(f, team) for f in FUNCTIONS}
    return {
        **kernels,
        **whole_updates.ENTRIES,
        "sampler": partial(sampler, sampling.ENTRIES, team),
        "update_at_most": MOST_ALONE if threads > 1 else sys.maxsize,
    }
