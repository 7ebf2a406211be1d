"""DyNet's bidirectional RNN: each layer has a forward and a backward builder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from charlm.dynet.builders.base import Builder
from charlm.dynet.parameters import ParameterCollection, collection_of
from charlm.engine.expression import Expression, Operand
from charlm.engine.ops import concatenate
from charlm.engine.ops.arguments import each, integer
from charlm.engine.rnn import RNNState
from charlm.errors import ArgumentError, MisuseError

Pair: TypeAlias = "tuple[Builder, Builder]"


class BiRNNBuilder:
    """Layers of two builders. Their concatenated outputs are the next layer's inputs.

    Args:
        num_layers: how many.
        input_dim: size of the inputs.
        hidden_dim: size of every layer's outputs; each builder has half of it.
        model: where the parameters are added, in a sub-collection of their own.
        rnn_builder_factory: makes each builder: a class such as LSTMBuilder.
        builder_layers: pairs of builders to use instead of new ones.

    Raises:
        MisuseError: an odd ``hidden_dim``, or no layers.

    Example:
        >>> import charlm.dynet as dy
        >>> builder = dy.BiRNNBuilder(1, 3, 8, dy.ParameterCollection(), dy.LSTMBuilder)
        >>> [e.dim() for e in builder.transduce([dy.vecInput(3), dy.vecInput(3)])]
        [((8,), 1), ((8,), 1)]
    """

    def __init__(
        self,
        num_layers: int,
        input_dim: int,
        hidden_dim: int,
        model: ParameterCollection,
        rnn_builder_factory: Callable[..., Any],
        builder_layers: Sequence[Pair] | None = None,
    ) -> None:
        where = self.whoami()
        layers, size = integer(num_layers, where), integer(hidden_dim, where)
        if layers <= 0:
            raise MisuseError(f"{where}: one layer or more is needed, got {num_layers}")
        if size % 2:
            raise MisuseError(
                f"{where}: hidden_dim is shared by two builders and must be even, got {hidden_dim}"
            )
        if not callable(rnn_builder_factory):
            raise ArgumentError(
                f"{where}: rnn_builder_factory is a class of builders such as LSTMBuilder, got {rnn_builder_factory!r}"
            )
        self.spec = (num_layers, input_dim, hidden_dim, rnn_builder_factory, builder_layers)
        self.model = ParameterCollection.of(collection_of(model, where).add_subcollection("birnn"))
        if builder_layers is None:
            builder_layers = [
                (
                    rnn_builder_factory(1, below, size // 2, self.model),
                    rnn_builder_factory(1, below, size // 2, self.model),
                )
                for below in (input_dim, *[size] * (layers - 1))
            ]
        self.builder_layers = [_pair(layer, where) for layer in builder_layers]
        if not self.builder_layers:
            raise MisuseError(f"{where}: builder_layers is empty; one pair or more is needed")

    @classmethod
    def from_spec(cls, spec: tuple[Any, ...], model: ParameterCollection) -> BiRNNBuilder:
        """Return a builder like the one with this ``spec``."""
        layers, input_dim, hidden_dim, factory, builder_layers = spec
        return cls(layers, input_dim, hidden_dim, model, factory, builder_layers)

    def transduce(self, es: Iterable[Operand]) -> list[Expression]:
        """Return an output for each input: the forward builder's, then the backward builder's.

        The forward builder has read from the start to this input, the backward builder from the end to it.
        """
        return self._through(self.builder_layers, es)

    def add_inputs(self, es: Iterable[Operand]) -> list[tuple[RNNState, RNNState]]:
        """Return for each input the top layer's states: the forward and the backward builder's."""
        *lower, (forwards, backwards) = self.builder_layers
        xs = self._through(lower, es)
        states = forwards.initial_state().add_inputs(xs)
        reverse = backwards.initial_state().add_inputs(xs[::-1])
        return list(zip(states, reverse[::-1], strict=True))

    def set_dropout(self, p: float) -> None:
        """Set every builder's dropout."""
        for builder in self._builders():
            builder.set_dropout(p)

    def disable_dropout(self) -> None:
        """Drop nothing in any builder."""
        for builder in self._builders():
            builder.disable_dropout()

    def param_collection(self) -> ParameterCollection:
        """Return the builder's own sub-collection."""
        return self.model

    def whoami(self) -> str:
        """Return the class's name."""
        return "BiRNNBuilder"

    def _builders(self) -> list[Builder]:
        return [builder for pair in self.builder_layers for builder in pair]

    def _through(self, layers: Iterable[Pair], es: Iterable[Operand]) -> list[Any]:
        xs: list[Any] = list(each(es, "BiRNNBuilder", "expressions"))
        for forwards, backwards in layers:
            outputs = forwards.initial_state().transduce(xs)
            reverse = backwards.initial_state().transduce(xs[::-1])
            xs = [concatenate(list(pair)) for pair in zip(outputs, reverse[::-1], strict=True)]
        return xs


def _pair(layer: Any, where: str) -> Pair:
    if (
        isinstance(layer, (tuple, list))
        and [hasattr(b, "initial_state") for b in layer] == [True] * 2
    ):
        forwards, backwards = layer
        return forwards, backwards
    raise ArgumentError(f"{where}: a layer is a forward and a backward builder, got {layer!r}")
