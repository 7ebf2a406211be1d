"""DyNet's LSTMs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from charlm.dynet.builders.base import Builder, MaskedBuilder
from charlm.dynet.parameters import ParameterCollection, Parameters, collection_of
from charlm.engine import parameters as engine
from charlm.engine.arrays import Shape
from charlm.engine.expression import Expression
from charlm.engine.ops.arguments import real
from charlm.engine.rnn.cells.coupled_lstm import CoupledLSTMCell
from charlm.engine.rnn.cells.fast_lstm import FastLSTMCell
from charlm.engine.rnn.cells.lstm import CompactLSTMCell, LSTMCell
from charlm.engine.rnn.cells.norm_lstm import NormLSTMCell
from charlm.errors import ArgumentError, ShapeError


class VanillaLSTMBuilder(MaskedBuilder):
    """The LSTM with a forget gate and no peepholes, any number of layers.

    Args:
        ln_lstm: normalise Wx x, Wh h and the memory for the output (layer normalisation). The gains and offsets are
            added to ``model`` itself, as in DyNet. ``dy.save`` of the builder leaves them out, so save the model.
        forget_bias: a number that each step adds to the forget gate; the stored bias starts at 0.
    """

    collection_name = "vanilla-lstm-builder"
    own = 3  # parameters of a layer in the builder's sub-collection

    def __init__(
        self,
        layers: int,
        input_dim: int,
        hidden_dim: int,
        model: ParameterCollection,
        ln_lstm: bool = False,
        forget_bias: float = 1.0,
    ) -> None:
        self._parent = collection_of(model, self.whoami())
        bias = real(forget_bias, self.whoami())
        cell = NormLSTMCell(bias) if ln_lstm else LSTMCell(bias)
        super().__init__(cell, layers, input_dim, hidden_dim, model)
        self.spec = (*self.spec, bool(ln_lstm), bias)

    @classmethod
    def from_spec(cls, spec: tuple[Any, ...], model: ParameterCollection) -> Builder:
        """Return a builder like the one with this ``spec``; TypeError if its ``ln_lstm`` is not a bool."""
        if len(spec) > 3 and not (isinstance(spec[3], int) and spec[3] in (0, 1)):
            raise ArgumentError(f"{cls.__name__}: ln_lstm is True or False, got {spec[3]!r}")
        return super().from_spec(spec, model)

    def add_layer(
        self, collection: engine.ParameterCollection, input_dim: int, hidden_dim: int
    ) -> list[engine.Parameter]:
        """Add the weights to the builder's sub-collection, and gains and offsets to the model."""
        shapes = self.cell.shapes(input_dim, hidden_dim)
        pairs = zip(self.cell.roles[:3], shapes, strict=False)
        weights = [self.add_parameter(collection, role, shape) for role, shape in pairs]
        return [*weights, *self.add_norms(shapes)]

    def add_norms(self, shapes: list[Shape]) -> list[engine.Parameter]:
        """Add the gains and offsets of layer normalisation, if the cell has them."""
        pairs = list(zip(self.cell.roles, shapes, strict=True))[3:]
        return [self.add_parameter(self._parent, role, shape) for role, shape in pairs]

    def get_parameters(self) -> list[list[Parameters]]:
        """Return each layer's parameters, without those of layer normalisation."""
        return [layer[: self.own] for layer in super().get_parameters()]

    def get_parameter_expressions(self) -> list[list[Expression]]:
        """Return each layer's Wx, Wh and b as nodes of the current graph; ValueError before ``initial_state``."""
        return [layer[:3] for layer in super().get_parameter_expressions()]


class CompactVanillaLSTMBuilder(MaskedBuilder):
    """The LSTM with a forget bias of 1, in fewer nodes."""

    collection_name = "compact-vanilla-lstm-builder"

    def __init__(
        self, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        super().__init__(CompactLSTMCell(), layers, input_dim, hidden_dim, model)

    def set_weightnoise(self, std: float) -> None:
        """Add numbers from N(0, std^2) to Wx, Wh and b, drawn in this order at every step.

        ValueError for a negative deviation.
        """
        deviation = real(std, "set_weightnoise")
        if not deviation >= 0:
            raise ShapeError(f"set_weightnoise: a standard deviation is 0 or more, got {std}")
        self.regularization = replace(self.regularization, weight_noise=deviation)


class CoupledLSTMBuilder(Builder):
    """The LSTM with coupled gates and full peephole matrices, any number of layers.

    Dropout has a third mask a layer, on the memory that the gates see.
    """

    collection_name = "lstm-builder"

    def __init__(
        self, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        super().__init__(CoupledLSTMCell(), layers, input_dim, hidden_dim, model)


class FastLSTMBuilder(Builder):
    """The LSTM with coupled gates and no peepholes, any number of layers.

    As in DyNet it has peephole parameters (hidden_dim, 1), the third and the seventh of a layer, but no equation
    uses them. It has no dropout.
    """

    collection_name = "fast-lstm-builder"

    def __init__(
        self, layers: int, input_dim: int, hidden_dim: int, model: ParameterCollection
    ) -> None:
        super().__init__(FastLSTMCell(), layers, input_dim, hidden_dim, model)

    def set_dropout(self, f: float) -> None:
        """Check the rate, and drop nothing, as DyNet's builder does."""
        super().set_dropout(f)
        self.disable_dropout()

    def add_layer(
        self, collection: engine.ParameterCollection, input_dim: int, hidden_dim: int
    ) -> list[engine.Parameter]:
        """Add the cell's parameters, and the peepholes where DyNet has them."""
        roles, shapes = [*self.cell.roles], self.cell.shapes(input_dim, hidden_dim)
        for place, role in ((2, "Wci"), (6, "Wco")):
            roles.insert(place, role)
            shapes.insert(place, (hidden_dim, 1))
        pairs = zip(roles, shapes, strict=True)
        return [self.add_parameter(collection, role, shape) for role, shape in pairs]

    def arguments(self, nodes: list[Expression]) -> list[Expression]:
        """Leave out the peepholes."""
        return [*nodes[:2], *nodes[3:6], *nodes[7:]]


LSTMBuilder = VanillaLSTMBuilder
