"""Trained models of every kind, and what they say about a text: exports and imports are compared with it."""

from __future__ import annotations

from functools import cache

import numpy as np

from charlm.config import load_config
from charlm.training.loop import Training

TEXT = (
    "The fox sat by the river.\nWhere was the old house? It was late,\nand 12 quiet cats slept.\n"
    * 20
)
SAMPLE = "Where was the old house? It was late,"
SMALL = (
    "train.steps=100 train.trainer=adam train.learning_rate=0.03 train.sample_every=0 "
    "model.embed_dim=6 model.hidden_dim=10"
)
STREAM = "data.framing=stream data.batch_size=4 data.seq_length=20"
MODELS = {
    "rnn": "model.cell=rnn",
    "rnn, stream, 3 layers": f"model.cell=rnn {STREAM} model.layers=3",
    "lstm, bytes": "model.cell=lstm data.encoding=bytes",
    "lstm, bytes, stream, 2 layers": f"model.cell=lstm {STREAM} data.encoding=bytes model.layers=2",
    "lstm, forget bias": "model.cell=lstm model.forget_bias=2.5",
    "lstm, tied": "model.cell=lstm model.tied=true model.embed_dim=10",
    "lstm, layer norm": "model.cell=lstm model.layer_norm=true model.layers=2",
    "lstm, two sizes": "model.cell=lstm model.layers=2 model.hidden_dim=[9,7]",
    "gru, 2 layers": f"model.cell=gru {STREAM} model.layers=2",
    "gru_after, 2 layers": f"model.cell=gru_after {STREAM} model.layers=2",
    "gru_after, <UNK>": "model.cell=gru_after data.min_count=30",
    "fast_lstm": "model.cell=fast_lstm",
    "coupled_lstm": "model.cell=coupled_lstm",
    "norm_lstm": "model.cell=norm_lstm",
    "min_gru": "model.cell=min_gru",
    "min_lstm, 2 layers": f"model.cell=min_lstm {STREAM} model.layers=2",
}
REFUSED = {
    ("onnx", "coupled_lstm"): "reads its memory in the gates",
    ("onnx", "norm_lstm"): "normalises inside the recurrence",
    ("onnx", "min_gru"): "no cell like min_gru, which has no matrix for its state",
    ("onnx", "min_lstm, 2 layers"): "has no matrix for its state",
    ("torch", "coupled_lstm"): "reads its memory in the gates",
    ("torch", "norm_lstm"): "normalises inside the recurrence",
    ("torch", "min_gru"): "has no matrix for its state",
    ("torch", "min_lstm, 2 layers"): "has no matrix for its state",
    ("torch", "gru, 2 layers"): "--cell gru_after, which is the GRU of PyTorch",
    ("torch", "lstm, layer norm"): "no layer norm between its layers",
    ("torch", "lstm, two sizes"): "one size for all its layers, and this model has 9/7",
    ("dynet", "gru_after, 2 layers"): "no builder for the cell gru_after",
    ("dynet", "gru_after, <UNK>"): "no builder for the cell gru_after",
    ("dynet", "min_gru"): "no builder for the cell min_gru; .*: use --to npz",
    ("dynet", "min_lstm, 2 layers"): "no builder for the cell min_lstm",
}


def trained(name):
    return trained_with(MODELS[name])


@cache
def trained_with(settings, text=TEXT):
    overrides = [*SMALL.split(), "train.kernels=numpy", "data.alphabet=null", *settings.split()]
    training = Training(load_config("srnn", overrides=overrides), text=text)
    for _ in training.events():
        pass
    return training.model


def expected(model, ids):
    """The log-probabilities of what follows each symbol, from the model's graph."""
    graph = model.graph()
    h, _ = model.hidden(graph, np.array(ids)[:, np.newaxis], None)
    W, b = model.output_layer(graph)
    scores = (h.array().reshape(len(ids), -1) @ W.array()[0] + b.array()[0]).astype(np.float64)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def assert_close(found, wanted):
    """Compare log-probabilities, to 1e-5; those far below 0 to as many digits as float32 has."""
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
