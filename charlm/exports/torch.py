"""PyTorch: a ``state_dict`` as a safetensors file, which holds no code and is written without PyTorch."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save

from charlm.errors import InputError
from charlm.exports.content import NAME, as_json, description, reader, weights
from charlm.exports.formats import Exported
from charlm.exports.layers import usual_layers
from charlm.lm.model import Model

ORDER = {"RNN": "h", "LSTM": "ifgo", "GRU": "rzn"}
"""The order of the gates in PyTorch."""


def export(model: Model) -> Exported:
    """Return a model as the weights of ``nn.Embedding``, of ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, and ``nn.Linear``.

    Raises:
        InputError: these modules cannot express the model.
    """
    _check(model)
    layers, w = usual_layers(model, "PyTorch"), weights(model)
    tensors = {
        "embedding.weight": w["embedding"],
        "decoder.weight": w["softmax.W"],
        "decoder.bias": w["softmax.b"],
    }
    for k, layer in enumerate(layers):
        Wx, Wh, bx, bh = layer.stacked(ORDER[layer.kind])
        tensors[f"rnn.weight_ih_l{k}"], tensors[f"rnn.weight_hh_l{k}"] = Wx, Wh
        tensors[f"rnn.bias_ih_l{k}"], tensors[f"rnn.bias_hh_l{k}"] = bx, bh
    owned = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    about = {**description(model), "module": layers[0].kind}
    return Exported(save(owned, {NAME: as_json(about)}), {"_torch.py": reader("torch")})


def _check(model: Model) -> None:
    config = model.config
    if config.cell == "gru":
        raise InputError(
            "torch.nn.GRU resets after the matrix, and the cell gru resets before it, so no weights of nn.GRU compute "
            "the same: use --to onnx or npz, or train with --cell gru_after, which is the GRU of PyTorch"
        )
    if config.layer_norm:
        raise InputError(
            "torch.nn.LSTM has no layer norm between its layers: use --to onnx or npz, or train without "
            "model.layer_norm"
        )
    if len(set(config.hidden_dims)) > 1:
        sizes = "/".join(map(str, config.hidden_dims))
        raise InputError(
            f"torch.nn.LSTM has one size for all its layers, and this model has {sizes}: use --to onnx or npz, or "
            "train with one model.hidden_dim"
        )
