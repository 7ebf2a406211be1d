"""The character language model: embedding, recurrent layers, softmax. An engine program like any other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from math import prod
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from charlm.config import ModelConfig
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
from charlm.errors import ConfigError, InputError, require
from charlm.kernels import NUMPY
from charlm.lm import sampling
from charlm.lm.compute import memory
from charlm.lm.predictor import Predictor
from charlm.lm.sampling import Drawn, Seed, State
from charlm.lm.saved import (
    check_weights,
    config_of,
    fitting,
    model_state,
    vocab_of,
    weight_shapes,
)
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.text.prompt import Prompt, prompt_of
from charlm.text.reading import NONE, Form
from charlm.text.vocab import Vocab
from charlm.threads import thread_count, use_threads

TIME = 2
"""The axis of a sequence's positions."""
STREAM_LENGTH = 500
"""Characters in a sample of a model that has no ``<EOS>`` to end it."""


class CharLM:
    """P(next symbol | symbols so far) = softmax(b + W h), h the top recurrent layer's output.

    Args:
        vocab: the symbols.
        config: cell and sizes.
        stream: draws the initial weights, and then the dropout masks of every training step.
        dtype: float32, or float64 for gradient checks.
        line_limit: for a model with ``<EOS>``, the length at which a sample that never ends is cut.
        normalize: how its text was normalised: a prime and a stop text are too.

    Attributes:
        kernels: the array functions that it is computed with, at first the plain ones.

    Example:
        >>> model = CharLM(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
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
        train: bool = False,
    ) -> tuple[Expression, list[Expression]]:
        """Return the summed nll of the targets, in nats, and the nodes of each layer's states.

        Args:
            graph: where the nodes are made.
            inputs_TB: ids of the symbols read.
            targets_TB: ids of the symbols that follow them.
            state: carried from the sequence before; None starts from zeros.
            train: whether there is dropout.
        """
        h, layers = self.hidden(graph, inputs_TB, state, train=train)
        w, b = self.output_layer(graph)
        return sequence_neg_log_softmax(h, w, b, targets_TB), layers

    def carried(self, layers: Sequence[Expression]) -> State:
        """Return a copy of the states after the last step, to be given to the next sequence."""
        return [tuple(part[-1].copy() for part in layer.array()) for layer in layers]

    def graph(self) -> ComputationGraph:
        """Return a new graph for the model's number type, on its kernels."""
        return ComputationGraph(self.collection.dtype, self.collection.stream, self.kernels)

    def streams(
        self,
        seeds: Sequence[Seed],
        length: int | None = None,
        *,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
    ) -> Iterator[Drawn]:
        """Draw a text for each seed, side by side, and yield what is drawn (see ``charlm.lm.sampling``).

        Args:
            seeds: the same seed gives the same text, whatever its neighbours, unless rounding decides a
                draw; None draws one.
            length: at most this many characters each; by default until ``<EOS>``, or 500 without one.
            temperature: below 1 plays safe, 0 is the likeliest character each time.
            prime: the text to go on from.
            stop: end before this string. Both are prepared as the model's text was (``charlm.text.prompt``).

        Raises:
            ArgumentError: something is of a wrong type.
            InputError: a seed or the length is negative, or the temperature is.
            TextError: the model cannot read the prime, or never draws the stop string.
        """
        require("seeds", seeds, Sequence, "a list of seeds")
        require("length", length, (Integral, NoneType), "a whole number or None")
        require("temperature", temperature, Real, "a number")
        require("prime", prime, str, "text")
        require("stop", stop, str, "text")
        rngs = [sampling.generator(seed) for seed in seeds]
        limit = self.default_length() if length is None else length
        if limit < 0:
            raise InputError(f"length: expected 0 or more characters, got {length}")
        prompt = self.prompt(prime, stop)

        def drawn() -> Iterator[Drawn]:
            with Predictor(self) as predict:
                yield from sampling.streams(
                    predict.draw,
                    self.vocab,
                    rngs,
                    limit=limit,
                    temperature=temperature,
                    prime=prompt.prime,
                    stop=prompt.stop,
                )

        return drawn()

    def prompt(self, prime: str = "", stop: str = "") -> Prompt:
        """Return a prime and a stop text, prepared as the model's text was.

        Raises:
            TextError: the model cannot read the prime, or never draws the stop text.
        """
        return prompt_of(prime, stop, self.vocab, self.normalize)

    def stream(
        self,
        length: int | None = None,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
    ) -> Generator[str, None, bool]:
        """Yield the characters of one text as they are drawn, and return whether it is complete; see ``streams``."""
        return sampling.characters(
            self.streams([seed], length, temperature=temperature, prime=prime, stop=stop)
        )

    def sample(
        self,
        length: int | None = None,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        prime: str = "",
        stop: str = "",
    ) -> str:
        """Return one text drawn from the model, the prime not included; see ``streams``.

        Example:
            >>> model = CharLM(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
            >>> model.sample(5, seed=1, temperature=0.5) == model.sample(5, seed=1, temperature=0.5)
            True
        """
        return sampling.collect(
            self.stream(length, seed=seed, temperature=temperature, prime=prime, stop=stop)
        ).text

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

    def arrays(self) -> dict[str, Array]:
        """Return copies of all weights; matrices are (rows, columns) as in the formulas, the table (V, E)."""
        return {
            name: np.array(p.value if isinstance(p, LookupParameter) else p.value.T, order="C")
            for name, p in self.parameters().items()
        }

    def load_arrays(self, arrays: Mapping[str, Array]) -> None:
        """Set all weights from what ``arrays`` returned, perhaps of another model of the same shape.

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
        """Return what the output layer reads, a sequence, and the nodes of each layer's states."""
        rates = self.config.dropout_rates if train else (0.0,) * (1 + self.config.layers)
        x: Expression | Symbols
        if rates[0]:  # a position loses numbers of its own, so that the table's rows do not do
            x = self._dropped(lookup_sequence(graph, self.embedding, inputs_TB), rates[0])
        else:
            x = self.rnn.read(graph, self.embedding, inputs_TB)
        given = None
        if state is not None:
            given = [tuple(input_array(graph, part) for part in layer) for layer in state]

        def passed_on(k: int, h: Expression) -> Expression:
            return self._dropped(self._normalised(k, h), rates[k + 1])

        weight_rate = self.config.recurrent_dropout if train else 0.0
        return self.rnn.sequence(x, given, passed_on, weight_rate)

    def output_layer(self, graph: ComputationGraph) -> tuple[Expression, Expression]:
        """Return the nodes of W and b; W is the table of vectors where they are tied (Press and Wolf, 2017)."""
        if self.softmax_w is None:
            w = transpose(leaf(graph, LookupLeaf(self.embedding), True))
        else:
            w = leaf(graph, ParameterLeaf(self.softmax_w), True)
        return w, leaf(graph, ParameterLeaf(self.softmax_b), True)

    def _normalised(self, k: int, h: Expression) -> Expression:
        """Return a layer's outputs after its layer norm, if there is one, which is of each position."""
        if not self.norms:
            return h
        graph = h.home()
        gain, offset = (leaf(graph, ParameterLeaf(p), True) for p in self.norms[k])
        (size, B, T), _ = h.dim()
        return reshape(layer_norm(reshape(h, (size,), T * B), gain, offset), (size, B, T))

    def _dropped(self, x: Expression, rate: float) -> Expression:
        """Return a sequence after dropout."""
        if rate == 0:
            return x
        return dropout_dim(x, TIME, rate) if self.config.variational else dropout(x, rate)

    def default_length(self) -> int:
        """Return the number of characters at which a text is cut unless another is asked for."""
        return self.line_limit if self.vocab.eos is not None else STREAM_LENGTH


def described(config: ModelConfig) -> str:
    """Return a model's cell, layers and sizes, as messages call them.

    Example:
        >>> described(ModelConfig(cell="gru", hidden_dim=(64, 32), layers=2))
        'gru, layers 2, dims 50/64/32'
    """
    sizes = "/".join(str(n) for n in (config.embed_dim, *config.hidden_dims))
    return f"{config.cell}, layers {config.layers}, dims {sizes}"


def _cell(config: ModelConfig) -> Cell:
    kind = CELLS[config.cell]
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
    """Refuse a model that the machine cannot hold, before any of it is made."""
    count = sum(prod(shape) for _, shape in weight_shapes(config, symbols))
    needed, there = 2 * count * itemsize, memory()  # values and gradients
    if needed > there:
        raise ConfigError(
            f"model: {described(config)} and {symbols:,} symbols make {count:,} parameters, which take "
            f"{needed / 1e9:,.0f} GB to train, and this machine has {there / 1e9:,.0f} GB: make "
            "model.hidden_dim, model.embed_dim or model.layers smaller"
        )


def load(run: str | Path, checkpoint: str | None = None) -> CharLM:
    """Load the model of a run directory or checkpoint file.

    ``checkpoint`` is which of a run's: ``last``, ``best`` (by the held-out score), or by default the best
    where there is one.

    Raises:
        CheckpointError: there is none, or it is damaged.
        ArgumentError: ``run`` is not a path.
    """
    found = load_checkpoint(run, checkpoint)
    use_threads(thread_count(default=1))  # drawing and scoring are many small products
    return model_of(found)


def model_of(checkpoint: Checkpoint) -> CharLM:
    """Build the model that a checkpoint holds.

    Raises:
        CheckpointError: it does not hold a model.
    """
    state, config = model_state(checkpoint), config_of(checkpoint)
    check_weights(checkpoint)
    model = CharLM(
        vocab_of(checkpoint),
        config.model,
        line_limit=state.line_limit,
        normalize=config.data.normalize,
    )
    model.load_arrays(checkpoint.tensors)
    return model
