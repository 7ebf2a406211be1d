"""What every export contains: the weights, a description of the model and its symbols, and a program that reads it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from charlm.engine.arrays import Array
from charlm.lm.model import Model

NAME = "charlm"
"""The entry of a file that has the description."""


def description(model: Model) -> dict[str, Any]:
    """Return what a program needs beside the weights, as JSON data.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> about = description(Model(Vocab.from_alphabet("ab", eos=True), ModelConfig()))
        >>> about["symbols"], about["framing"], about["start"], about["eos"], about["unknown"]
        (['a', 'b', '<EOS>'], 'lines', 2, 2, None)
    """
    config, vocab = model.config, model.vocab
    return {
        "format_version": 1,
        "cell": config.cell,
        "embed_dim": config.embed_dim,
        "hidden_dims": list(config.hidden_dims),
        "layer_norm": config.layer_norm,
        "framing": vocab.framing,
        "bytes": vocab.is_bytes,
        "normalize": model.normalize,
        "symbols": vocab.to_list(),
        "start": vocab.start,
        "eos": vocab.eos,
        "unknown": vocab.unknown,
    }


def as_json(about: dict[str, Any]) -> str:
    """Return a description as one line of ASCII."""
    return json.dumps(about)


def weights(model: Model) -> dict[str, Array]:
    """Return all weights by the names that they have in a checkpoint; see ``Model.arrays``.

    The bias of the forget gate, which a checkpoint has beside the weights, is included in ``b``. ``softmax.W`` is
    there for tied weights too.
    """
    arrays = model.arrays()
    bias = getattr(model.rnn.cell, "forget_bias", 0.0)
    if bias:
        for k, size in enumerate(model.config.hidden_dims):
            arrays[f"rnn.{k}.b"][size : 2 * size] += bias
    W_VH, b_V = arrays.pop("softmax.W", arrays["embedding"]), arrays.pop("softmax.b")
    return {**arrays, "softmax.W": W_VH, "softmax.b": b_V}


def reader(name: str) -> bytes:
    """Return the program that reads a format, with the functions that all such programs have."""
    folder = files(__package__) / "readers"
    own, common = ((folder / f"{part}.py").read_text(encoding="utf-8") for part in (name, "common"))
    _, _, functions = common.partition('"""\n\n')
    return f"{own}\n\n{functions.strip()}\n".encode()
