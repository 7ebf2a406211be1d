"""DyNet's model file, for ``ParameterCollection.populate``. It has numbers only, so the description is beside it."""

from __future__ import annotations

import numpy as np

from charlm.dynet.records import Stored, record_text
from charlm.engine.arrays import Array
from charlm.engine.parameters import ParameterCollection
from charlm.errors import InputError
from charlm.exports.content import as_json, description, reader, weights
from charlm.exports.formats import Exported
from charlm.exports.layers import usual_layers
from charlm.lm.model import Model

BUILDERS = {
    "rnn": "SimpleRNNBuilder",
    "lstm": "VanillaLSTMBuilder",
    "norm_lstm": "VanillaLSTMBuilder",
    "coupled_lstm": "CoupledLSTMBuilder",
    "fast_lstm": "VanillaLSTMBuilder",  # the biases of FastLSTMBuilder have two axes in DyNet, and one in charlm
    "gru": "GRUBuilder",
}
DYNETS_FORGET_BIAS = 1.0
"""What VanillaLSTMBuilder adds to the forget gate when it runs."""


def export(model: Model) -> Exported:
    """Return a model as records in the order in which the program beside it adds the parameters.

    Raises:
        InputError: DyNet has no builder for the cell.
    """
    config = model.config
    if config.cell not in BUILDERS:
        raise InputError(
            f"DyNet has no builder for the cell {config.cell}; its cells are {', '.join(BUILDERS)}: use --to npz"
        )
    arrays = weights(model) if config.cell != "fast_lstm" else _with_usual_layers(model)
    if BUILDERS[config.cell] == "VanillaLSTMBuilder":
        for k, size in enumerate(config.hidden_dims):
            arrays[f"rnn.{k}.b"][size : 2 * size] -= DYNETS_FORGET_BIAS
    collection = ParameterCollection(np.float32)
    records: list[tuple[Stored, str]] = []
    for name, array in arrays.items():
        if name == "embedding":
            table = collection.add_lookup_parameters(len(array), array.shape[1:])
            table.write()[...] = array
            records.append((table, f"/{name}"))
        else:
            parameter = collection.add_parameters(array.shape)
            parameter.write()[...] = array.T
            records.append((parameter, f"/{name}"))
    about = {**description(model), "builder": BUILDERS[config.cell]}
    text = "".join(record_text(parameter, name) for parameter, name in records)
    beside = {".json": f"{as_json(about)}\n".encode(), "_dynet.py": reader("dynet")}
    return Exported(text.encode(), beside)


def _with_usual_layers(model: Model) -> dict[str, Array]:
    """Return the weights of a model whose layers are LSTMs in another form, with those of the usual form."""
    recurrent = {}
    for k, layer in enumerate(usual_layers(model, "DyNet")):
        Wx, Wh, b, _ = layer.stacked("ifog")
        recurrent.update({f"rnn.{k}.Wx": Wx, f"rnn.{k}.Wh": Wh, f"rnn.{k}.b": b})
    others = {name: w for name, w in weights(model).items() if not name.startswith("rnn.")}
    return {**recurrent, **others}
