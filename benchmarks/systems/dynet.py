"""DyNet, with automatic batching and the builder of a cell that is its fastest."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dynet_config

dynet_config.set(autobatch=1, random_seed=1, mem="8192")  # with batching, its memory cannot grow

import dynet as dy  # noqa: E402 - reads its settings when it is imported
import numpy as np  # noqa: E402

BUILDERS = {
    "rnn": dy.SimpleRNNBuilder,
    "gru": dy.GRUBuilder,
    "lstm": dy.CompactVanillaLSTMBuilder,
}


def start(job: dict[str, Any]) -> None:
    """Nothing: DyNet computes on one core."""


def step(job: dict[str, Any]) -> Callable[[], object]:
    """A training step: forward, backward, clipping, Adam. The output layer takes all positions at once."""
    hidden, vocab = job["hidden"], job["vocab"]
    parameters = dy.ParameterCollection()
    builder = BUILDERS[job["cell"]](job["layers"], hidden, hidden, parameters)
    table = parameters.add_lookup_parameters((vocab, hidden))
    w, b = parameters.add_parameters((vocab, hidden)), parameters.add_parameters(vocab)
    adam = dy.AdamTrainer(parameters, 0.003)
    adam.set_clip_threshold(5.0)
    ids = np.random.default_rng(0).integers(vocab, size=(job["seq"] + 1, job["batch"]))
    steps = [(now.tolist(), after.tolist()) for now, after in pairwise(ids)]
    targets = [target for _, after in steps for target in after]

    def call() -> float:
        dy.renew_cg()
        xs = [dy.lookup_batch(table, now) for now, _ in steps]
        h = dy.concatenate_to_batch(builder.initial_state().transduce(xs))
        losses = dy.pickneglogsoftmax_batch(dy.affine_transform([b, w, h]), targets)
        loss = dy.sum_batches(losses) / len(targets)
        value: float = loss.value()
        loss.backward()
        adam.update()
        return value

    call.parameters = parameters  # type: ignore[attr-defined] # the trainer does not keep them alive
    return call
