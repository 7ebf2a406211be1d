"""A ``state_dict`` of a character model in PyTorch as the weights of a charlm model.

The parts are found by their shapes: the recurrent layers by the names that nn.RNN, nn.LSTM and nn.GRU give; the
decoder, a matrix with a row for each symbol; and the embedding, if there is one. Without an embedding the symbols
are one-hot vectors, which is the same as an embedding that is the unit matrix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from charlm.config import ModelConfig
from charlm.engine.arrays import Array
from charlm.errors import ModelFileError

_NAME = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<role>(?:weight|bias)_[a-z]+)_l(?P<layer>\d{1,3})(?P<end>.*)"
)
_EMBEDDING = re.compile("emb|encoder|wte", re.IGNORECASE)
CELLS = {1: "rnn", 3: "gru_after", 4: "lstm"}
"""By the blocks of H rows in the recurrent matrix: nn.RNN, nn.GRU, nn.LSTM."""
ORDER = {"rnn": (0,), "gru_after": (0, 1, 2), "lstm": (0, 1, 3, 2)}
"""Where charlm's blocks are in PyTorch: its LSTM has i, f, g, o, and charlm i, f, o, g."""


class Layout:
    """The parts of a ``state_dict``.

    Args:
        tensors: float32, by their names.

    Attributes:
        config: of the model.
        symbols: their number.

    Raises:
        ModelFileError: a part is missing or does not fit, or there is one that no charlm model has.
    """

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._rest = dict(tensors)
        self._layers = self._taken_layers()
        hh = [layer["weight_hh"] for layer in self._layers]
        hidden = hh[0].shape[-1]
        blocks = len(hh[0]) // max(hidden, 1)
        if blocks not in CELLS:
            raise ModelFileError(
                f"weight_hh_l0 has shape {hh[0].shape}: expected (H, H) of nn.RNN, (3 H, H) of nn.GRU or (4 H, H) of "
                "nn.LSTM"
            )
        cell = CELLS[blocks]
        below = self._layers[0]["weight_ih"].shape[-1]
        for k, layer in enumerate(self._layers):
            _check(k, layer, blocks, hidden, hidden if k else below)
        self._decoder, self._bias = self._taken_decoder(hidden)
        self.symbols = len(self._decoder)
        self._embedding = self._taken_embedding(below)
        if self._rest:
            raise ModelFileError(f"no charlm model has a part like {_listed(self._rest)}")
        self.config = ModelConfig(
            cell=cell,
            layers=len(self._layers),
            embed_dim=below,
            hidden_dim=hidden,
            forget_bias=0.0 if cell == "lstm" else None,
        )

    def arrays(self) -> dict[str, Array]:
        """Return the weights as ``Model.load_arrays`` takes them."""
        embedding = self._embedding
        if embedding is None:
            embedding = np.eye(self.symbols, dtype=np.float32)
        arrays = {"embedding": embedding, "softmax.W": self._decoder, "softmax.b": self._bias}
        cell = self.config.cell
        for k, layer in enumerate(self._layers):
            ih, hh = layer["bias_ih"], layer["bias_hh"].copy()
            if cell == "gru_after":
                hidden = len(hh) // 3
                arrays[f"rnn.{k}.bn"] = hh[2 * hidden :].copy()
                hh[2 * hidden :] = 0
            parts = {"Wx": layer["weight_ih"], "Wh": layer["weight_hh"], "b": ih + hh}
            for role, part in parts.items():
                split = np.split(part, len(ORDER[cell]))
                arrays[f"rnn.{k}.{role}"] = np.concatenate([split[j] for j in ORDER[cell]])
        return arrays

    def _taken_layers(self) -> list[dict[str, Array]]:
        """Return the recurrent layers, from the lowest up, and take them out of the rest."""
        found = {name: match for name in self._rest if (match := _NAME.fullmatch(name))}
        if not found:
            raise ModelFileError(
                "there are no weights of an nn.RNN, nn.LSTM or nn.GRU (such as rnn.weight_ih_l0), only "
                f"{_listed(self._rest)}"
            )
        prefixes = sorted({match["prefix"] for match in found.values()})
        if len(prefixes) > 1:
            raise ModelFileError(
                f"there are several recurrent networks ({', '.join(prefixes)}), and charlm has one"
            )
        layers: dict[int, dict[str, Array]] = {}
        for name, match in found.items():
            if match["end"] or match["role"] == "weight_hr":
                what = "projects its output" if match["role"] == "weight_hr" else "is bidirectional"
                raise ModelFileError(f"{name}: the network {what}, which no charlm model does")
            layers.setdefault(int(match["layer"]), {})[match["role"]] = self._rest.pop(name)
        if sorted(layers) != list(range(len(layers))):
            raise ModelFileError(f"there are layers {sorted(layers)}, and others are missing")
        for k, layer in layers.items():
            if not {"weight_ih", "weight_hh"} <= layer.keys() or layer["weight_hh"].ndim != 2:
                raise ModelFileError(f"layer {k} has no matrices weight_ih_l{k} and weight_hh_l{k}")
            for role in ("bias_ih", "bias_hh"):  # missing with bias=False
                layer.setdefault(role, np.zeros(len(layer["weight_hh"]), np.float32))
        return [layers[k] for k in range(len(layers))]

    def _taken_decoder(self, hidden: int) -> tuple[Array, Array]:
        """Return the matrix and the bias of the layer that has a row for each symbol."""
        matrices = {n: t for n, t in self._rest.items() if n.endswith("weight") and t.ndim == 2}
        biased = [n for n in matrices if f"{n.removesuffix('weight')}bias" in self._rest]
        names = biased or [n for n, t in matrices.items() if t.shape[1] == hidden]
        if len(names) > 1:  # only the names tell the decoder from an embedding of the same shape
            names = [n for n in names if not _EMBEDDING.search(n)]
        if len(names) != 1 or matrices[names[0]].shape[1] != hidden:
            raise ModelFileError(
                f"expected one linear layer from {hidden} numbers to the symbols, such as decoder.weight and "
                f"decoder.bias, got {_listed(self._rest)}"
            )
        decoder = self._rest.pop(names[0])
        bias = self._rest.pop(f"{names[0].removesuffix('weight')}bias", None)
        bias = np.zeros(len(decoder), np.float32) if bias is None else bias
        if bias.shape != (len(decoder),):
            raise ModelFileError(f"{names[0]} has {len(decoder)} rows, and its bias {bias.shape}")
        return decoder, bias

    def _taken_embedding(self, size: int) -> Array | None:
        """Return the table with a row for each symbol; None if symbols are one-hot vectors."""
        fitting = [n for n, t in self._rest.items() if t.shape == (self.symbols, size)]
        if len(fitting) == 1:
            return self._rest.pop(fitting[0])
        if not self._rest and size == self.symbols:
            return None
        if not self._rest and self._decoder.shape[1] == size:
            return self._decoder  # saved once, because it is tied
        raise ModelFileError(
            f"expected an embedding of shape {(self.symbols, size)}, such as embedding.weight, got "
            f"{_listed(self._rest)}"
        )


def _check(k: int, layer: Mapping[str, Array], blocks: int, hidden: int, below: int) -> None:
    rows = blocks * hidden
    shapes = {
        "weight_ih": (rows, below),
        "weight_hh": (rows, hidden),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
    }
    for role, shape in shapes.items():
        if role not in layer or layer[role].shape != shape:
            raise ModelFileError(f"{role}_l{k} has shape {layer[role].shape}, expected {shape}")
    if others := sorted(layer.keys() - shapes.keys()):
        raise ModelFileError(f"layer {k} has {', '.join(others)}, which no charlm model has")


def _listed(tensors: Mapping[str, Any]) -> str:
    shown = [f"{name} {tuple(tensor.shape)}" for name, tensor in list(tensors.items())[:8]]
    return ", ".join(shown) + (", ..." if len(tensors) > 8 else "") or "no tensors"
