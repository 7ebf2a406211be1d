"""ONNX, the format that many runtimes read. The operators are those of opset 17."""

from __future__ import annotations

from typing import Any

import numpy as np

import charlm
from charlm.engine.arrays import Array
from charlm.errors import import_extra
from charlm.exports.content import NAME, as_json, description, reader, weights
from charlm.exports.formats import Exported
from charlm.exports.layers import Layer, usual_layers
from charlm.lm.model import Model

OPSET, IR_VERSION = 17, 8
ORDER = {"RNN": "h", "LSTM": "iofg", "GRU": "zrn"}
"""The order of the gates in ONNX."""
EPSILON = 1e-16
"""Of layer norm: ONNX adds it to the variance, and charlm 1e-8 to the deviation."""


def export(model: Model) -> Exported:
    """Return a model as a graph from ids (time, batch) and states to log-probabilities and states.

    Raises:
        InputError: ONNX cannot express the cell.
        MissingExtraError: the package onnx is not installed.
    """
    onnx = import_extra("onnx", "the format onnx")
    layers = usual_layers(model, "ONNX")
    proto = _Graph(onnx).model(model, layers)
    onnx.checker.check_model(proto, full_check=True)
    return Exported(proto.SerializeToString(), {"_onnx.py": reader("onnx")})


class _Graph:
    """A graph that is being made."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.constants: list[Any] = []
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def model(self, model: Model, layers: list[Layer]) -> Any:
        """Return the whole model."""
        w, helper = weights(model), self.onnx.helper
        self.inputs.append(self._value("ids", ["time", "batch"], self.onnx.TensorProto.INT64))
        x = self._node("Gather", [self._constant("embedding", w["embedding"]), "ids"])
        self._constant("directions", np.array([1], np.int64))
        for k, layer in enumerate(layers):
            x = self._layer(k, layer, x, model.config.hidden_dims[k])
            if model.config.layer_norm:
                scale = [self._constant(name, w[name]) for name in (f"norm.{k}.g", f"norm.{k}.b")]
                x = self._node("LayerNormalization", [x, *scale], axis=-1, epsilon=EPSILON)
        matrix = self._constant("softmax.W", w["softmax.W"].T)
        product = self._node("MatMul", [x, matrix])
        scores = self._node("Add", [product, self._constant("softmax.b", w["softmax.b"])])
        self._node("LogSoftmax", [scores], ["log_p"], axis=-1)
        self.outputs.insert(0, self._value("log_p", ["time", "batch", len(model.vocab)]))
        graph = helper.make_graph(self.nodes, NAME, self.inputs, self.outputs, self.constants)
        proto = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name=NAME,
            producer_version=charlm.__version__,
        )
        helper.set_model_props(proto, {NAME: as_json(description(model))})
        return proto

    def _layer(self, k: int, layer: Layer, x: str, size: int) -> str:
        """Add a layer with its states, ``h0`` and ``h0_out`` for the lowest, and return its output."""
        Wx, Wh, bx, bh = layer.stacked(ORDER[layer.kind])
        arrays = {"W": Wx, "R": Wh, "B": np.concatenate([bx, bh])}
        constants = [
            self._constant(f"rnn.{k}.{name}", array[np.newaxis]) for name, array in arrays.items()
        ]
        states = [f"{letter}{k}" for letter in ("hc" if layer.kind == "LSTM" else "h")]
        after = [f"{state}_out" for state in states]
        shape = [1, "batch", size]
        self.inputs += [self._value(state, shape) for state in states]
        self.outputs += [self._value(state, shape) for state in after]
        options = {"linear_before_reset": int(layer.resets_after)} if layer.kind == "GRU" else {}
        inputs = [x, *constants, "", *states]
        y = self._node(layer.kind, inputs, [f"rnn.{k}.y", *after], hidden_size=size, **options)
        return self._node("Squeeze", [y, "directions"])

    def _node(
        self, op: str, inputs: list[str], outputs: list[str] | None = None, **options: Any
    ) -> str:
        """Add an operator, and return the name of its first output."""
        outputs = outputs or [f"{op}.{len(self.nodes)}"]
        self.nodes.append(self.onnx.helper.make_node(op, inputs, outputs, **options))
        return outputs[0]

    def _constant(self, name: str, array: Array) -> str:
        made = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.constants.append(made)
        return name

    def _value(self, name: str, shape: list[Any], kind: int | None = None) -> Any:
        kind = self.onnx.TensorProto.FLOAT if kind is None else kind
        return self.onnx.helper.make_tensor_value_info(name, kind, shape)
