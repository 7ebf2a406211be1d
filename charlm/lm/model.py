"""The network of a character language model: embedding, recurrent layers, softmax. It is an engine program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from charlm import display
from charlm.config import ModelConfig
from charlm.config.frozen import frozen_parts
from charlm.config.schema import CELLS as NAMES
from charlm.engine.arrays import Array
from charlm.engine.expression import Expression, leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant
from charlm.engine.ops import (
    dropout,
    dropout_dim,
    layer_norm,
    lookup_sequence,
    reshape,
    sequence_neg_log_softmax,
    transpose,
)
from charlm.engine.ops.inputs import input_array
from charlm.engine.ops.leaves import LookupLeaf, ParameterLeaf
from charlm.engine.parameters import LookupParameter, Parameter, ParameterCollection
from charlm.engine.random import NumpyStream, RandomStream
from charlm.engine.rnn import CELLS, Cell, RNNBuilder
from charlm.engine.rnn.lookup import Symbols
from charlm.errors import ConfigError, require
from charlm.kernels import NUMPY
from charlm.lm.compute import memory
from charlm.lm.sampling import STREAM_LENGTH, State
from charlm.lm.saved import (
    fitting,
    weight_shapes,
)
from charlm.text.reading import NONE, Form
from charlm.text.vocab import Vocab
from charlm.wording import counted

TIME = 2
"""The axis of a sequence's positions."""


class Model:
    """P(next symbol | symbols so far) = softmax(b + W h), h the top recurrent layer's output.

    Args:
        vocab: the symbols.
        config: cell and sizes.
        stream: random numbers for the initial weights, and then for the dropout masks of every training step.
        dtype: float32, or float64 for gradient checks.
        line_limit: for a model with ``<EOS>``, the length at which a sample is cut.
        normalize: how its training text is normalised; primes and stop texts are normalised in the same way.

    Attributes:
        kernels: the array functions that compute it, at first the plain ones.

    Example:
        >>> model = Model(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
        >>> model.parameter_count()
        56
    """

    def __init__(
        self,
        vocab: Vocab,
        config: ModelConfig,
        stream: RandomStream | None = None,
        dtype: Any = np.float32,
        line_limit: int = STREAM_LENGTH,
        normalize: Form = NONE,
    ) -> None:
        require("CharLM: vocab", vocab, Vocab, "a charlm.text.vocab.Vocab")
        require("CharLM: config", config, ModelConfig, "a charlm.config.ModelConfig")
        self.vocab = vocab
        self.normalize: Form = normalize
        self.config = config
        self.line_limit = line_limit
        self.kernels = NUMPY
        _check_memory(config, len(vocab), np.dtype(dtype).itemsize)
        self.collection = ParameterCollection(dtype, stream or NumpyStream(0))
        size, hidden = len(vocab), config.hidden_dims
        self.rnn = RNNBuilder(_cell(config), config.embed_dim, hidden, self.collection)
        self.embedding = self.collection.add_lookup_parameters(size, (config.embed_dim,))
        self.softmax_w = None if config.tied else self.collection.add_parameters((size, hidden[-1]))
        self.softmax_b = self.collection.add_parameters((size,))
        self.norms = [
            (
                self.collection.add_parameters((n,), Constant(1.0)),
                self.collection.add_parameters((n,), Constant(0.0)),
            )
            for n in (hidden if config.layer_norm else ())
        ]

    def __repr__(self) -> str:
        parameters = counted(self.parameter_count(), "parameter")
        symbols = counted(len(self.vocab), "symbol")
        return f"<{type(self).__name__}: {described(self.config)}; {symbols}; {parameters}>"

    def _repr_html_(self) -> str:
        row = (described(self.config), f"{len(self.vocab):,}", f"{self.parameter_count():,}")
        return display.table([row], ("model", "symbols", "parameters"))

    def parameter_count(self) -> int:
        """Return the number of trainable numbers."""
        return self.collection.parameter_count()

    def loss(
        self,
        graph: ComputationGraph,
        inputs_TB: Array,
        targets_TB: Array,
        state: State | None = None,
        *,
        counted_TB: Array | None = None,
        train: bool = False,
    ) -> tuple[Expression, list[Expression]]:
        """Return the summed nll of the targets, in nats, and the nodes of each layer's states.

        Args:
            graph: for the nodes.
            inputs_TB: ids of the symbols.
            targets_TB: ids of the symbols after them.
            state: carried from the sequence before; None starts from zeros.
            counted_TB: which targets count; None: all of them.
            train: whether there is dropout.
        """
        h, layers = self.hidden(graph, inputs_TB, state, train=train)
        w, b = self.output_layer(graph)
        return sequence_neg_log_softmax(h, w, b, targets_TB, counted_TB), layers

    def carried(self, layers: Sequence[Expression]) -> State:
        """Return a copy of the states after the last step, for the next sequence."""
        return [tuple(part[-1].copy() for part in layer.array()) for layer in layers]

    def graph(self) -> ComputationGraph:
        """Return a new graph for the model's number type, on its kernels."""
        return ComputationGraph(self.collection.dtype, self.collection.stream, self.kernels)

    def parameters(self) -> dict[str, Parameter | LookupParameter]:
        """Return every parameter under the name it has in a checkpoint."""
        named: dict[str, Parameter | LookupParameter] = {"embedding": self.embedding}
        for i, layer in enumerate(self.rnn.layers):
            for role, parameter in zip(self.rnn.cell.roles, layer, strict=True):
                named[f"rnn.{i}.{role}"] = parameter
        for i, (gain, offset) in enumerate(self.norms):
            named.update({f"norm.{i}.g": gain, f"norm.{i}.b": offset})
        if self.softmax_w is not None:
            named["softmax.W"] = self.softmax_w
        return {**named, "softmax.b": self.softmax_b}

    def recurrent_matrices(self) -> list[Parameter]:
        """Return the weight matrices of the recurrent layers."""
        return [p for layer in self.rnn.layers for p in layer if len(p.dims) == 2]

    def freeze(self, parts: Iterable[str]) -> None:
        """Let parts of the network (see ``train.freeze``) stay as they are in every update."""
        frozen = frozen_parts(self.config, parts)
        for name, parameter in self.parameters().items():
            kind, _, rest = name.partition(".")
            part = (
                kind if kind in ("embedding", "softmax") else f"layer{int(rest.split('.')[0]) + 1}"
            )
            parameter.updated = part not in frozen

    def frozen(self) -> list[Parameter | LookupParameter]:
        """Return the parameters that stay as they are."""
        return [parameter for parameter in self.parameters().values() if not parameter.updated]

    def arrays(self) -> dict[str, Array]:
        """Return copies of all weights; matrices are (rows, columns) as in the formulas, the embedding is (V, E)."""
        return {
            name: np.array(p.value if isinstance(p, LookupParameter) else p.value.T, order="C")
            for name, p in self.parameters().items()
        }

    def load_arrays(self, arrays: Mapping[str, Array]) -> None:
        """Set all weights to what ``arrays`` returned, of this model or another of the same shape.

        Raises:
            CheckpointError: a weight is missing, of another shape or type, or not finite; none was set.
        """
        require("load_arrays: arrays", arrays, Mapping, "arrays by their names")
        shapes = weight_shapes(self.config, len(self.vocab))
        dtype = self.collection.dtype
        fit = {name: fitting(arrays, name, shape, dtype) for name, shape in shapes}
        for name, parameter in self.parameters().items():
            if isinstance(parameter, LookupParameter):
                parameter.value[...] = fit[name]
            else:
                parameter.write()[...] = fit[name].T

    def hidden(
        self,
        graph: ComputationGraph,
        inputs_TB: Array,
        state: State | None,
        *,
        train: bool = False,
    ) -> tuple[Expression, list[Expression]]:
        """Return the input of the output layer, a sequence, and the nodes of each layer's states."""
        rate = self.config.dropout_rates[0] if train else 0.0
        x: Expression | Symbols
        if rate:  # each position has a mask of its own, so the rows of the table are not enough
            x = self._dropped(lookup_sequence(graph, self.embedding, inputs_TB), rate)
        else:
            x = self.rnn.read(graph, self.embedding, inputs_TB)
        return self.recur(graph, x, state, train=train)

    def recur(
        self,
        graph: ComputationGraph,
        x: Expression | Symbols,
        state: State | None,
        *,
        train: bool = False,
    ) -> tuple[Expression, list[Expression]]:
        """Return the same as ``hidden``, for vectors that were looked up already."""
        rates = self.config.dropout_rates if train else (0.0,) * (1 + self.config.layers)
        initial = None
        if state is not None:
            initial = [tuple(input_array(graph, part) for part in layer) for layer in state]

        def passed_on(k: int, h: Expression) -> Expression:
            return self._dropped(self._normalised(k, h), rates[k + 1])

        weight_rate = self.config.recurrent_dropout if train else 0.0
        return self.rnn.sequence(x, initial, passed_on, weight_rate)

    def masked(self, T: int, B: int) -> int:
        """Return how many random numbers the dropout of a training batch of this shape draws."""
        config, cell = self.config, self.rnn.cell
        sizes = config.embed_dim, *config.hidden_dims
        positions = B if config.variational else T * B
        count = sum(
            positions * n for n, rate in zip(sizes, config.dropout_rates, strict=True) if rate
        )
        if config.recurrent_dropout:
            shapes = (
                pair
                for below, n in pairwise(sizes)
                for pair in zip(cell.roles, cell.shapes(below, n), strict=True)
            )
            count += sum(prod(shape) for role, shape in shapes if role.startswith("Wh"))
        return count

    def output_layer(self, graph: ComputationGraph) -> tuple[Expression, Expression]:
        """Return the nodes of W and b; W is the embedding if they are tied (Press and Wolf, 2017)."""
        if self.softmax_w is None:
            w = transpose(leaf(graph, LookupLeaf(self.embedding), True))
        else:
            w = leaf(graph, ParameterLeaf(self.softmax_w), True)
        return w, leaf(graph, ParameterLeaf(self.softmax_b), True)

    def _normalised(self, k: int, h: Expression) -> Expression:
        """Return a layer's outputs after its layer norm, if it has one; each position has its own mean."""
        if not self.norms:
            return h
        graph = h.home()
        gain, offset = (leaf(graph, ParameterLeaf(p), True) for p in self.norms[k])
        (size, B, T), _ = h.dim()
        return reshape(layer_norm(reshape(h, (size,), T * B), gain, offset), (size, B, T))

    def _dropped(self, x: Expression, rate: float) -> Expression:
        if rate == 0:
            return x
        return dropout_dim(x, TIME, rate) if self.config.variational else dropout(x, rate)


def described(config: ModelConfig) -> str:
    """Return a model's cell, layers and sizes, for messages.

    Example:
        >>> described(ModelConfig(cell="gru", hidden_dim=(64, 32), layers=2))
        'gru, layers 2, embedding 50, hidden 64/32'
    """
    hidden = "/".join(map(str, config.hidden_dims))
    return f"{config.cell}, layers {config.layers}, embedding {config.embed_dim}, hidden {hidden}"


def _cell(config: ModelConfig) -> Cell:
    kind = CELLS[config.cell]
    if config.recurrent_dropout and not any(role.startswith("Wh") for role in kind.roles):
        raise ConfigError(
            f"model.recurrent_dropout: the cell {config.cell} has no recurrent weights to drop; set it to 0, or use "
            "dropout between the layers (model.dropout)"
        )
    if config.forget_bias is None:
        return kind()
    takers = [name for name in NAMES if hasattr(CELLS[name](), "forget_bias")]
    if config.cell not in takers:
        raise ConfigError(
            f"model.forget_bias: the cell {config.cell} has no such bias; leave it out (null), "
            f"or choose {' or '.join(takers)}"
        )
    return kind(forget_bias=config.forget_bias)  # type: ignore[call-arg]


def _check_memory(config: ModelConfig, symbols: int, itemsize: int) -> None:
    """Refuse a model that is too large for the machine's memory, before it is built."""
    count = sum(prod(shape) for _, shape in weight_shapes(config, symbols))
    needed, there = 2 * count * itemsize, memory()  # values and gradients
    if needed > there:
        raise ConfigError(
            f"model: {described(config)} and {symbols:,} symbols make {count:,} parameters, which take "
            f"{needed / 1e9:,.0f} GB to train, and this machine has {there / 1e9:,.0f} GB: make "
            "model.hidden_dim, model.embed_dim or model.layers smaller"
        )
