"""A stack of recurrent layers: its parameters, its dropout, and the operations of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from charlm.engine.arrays import Shape
from charlm.engine.expression import Expression, leaf
from charlm.engine.graph import ComputationGraph
from charlm.engine.initializers import Constant, Glorot
from charlm.engine.op import Signature
from charlm.engine.ops.arguments import real
from charlm.engine.ops.leaves import ParameterLeaf
from charlm.engine.ops.sequences import StatePart
from charlm.engine.parameters import Parameter, ParameterCollection
from charlm.engine.rnn.cell import Cell, Masked
from charlm.engine.rnn.recurrence import RecurrentStep
from charlm.engine.types import Type
from charlm.errors import ShapeError

Signatures: TypeAlias = tuple[Signature, list[Signature]]
"""Those of a layer's step, and of the operations that return its single states."""


class Carried:
    """The types of what layers carry from step to step; for all graphs.

    Attributes:
        types: those of each layer's states, None where there is no state.
        steps: by the type of the next input: what each layer's step appends to a tape, and what is carried after it.
            Empty while a ``Regularization`` draws anything.
    """

    __slots__ = ("steps", "types")

    def __init__(self, types: tuple[tuple[Type | None, ...], ...]) -> None:
        self.types = types
        self.steps: dict[Type, tuple[list[Signatures], Carried]] = {}


@dataclass(frozen=True)
class Regularization:
    """What is drawn at random when layers run.

    Attributes:
        mask_rates: the probabilities that masks, drawn once in a graph, drop a number of each layer's input and of
            its recurrent vectors.
        step_rate: the probability of ordinary dropout on each layer's input and on the output, drawn at every step.
        weight_noise: the standard deviation of the noise on the weights, drawn at every step.
    """

    mask_rates: tuple[float, float] = (0.0, 0.0)
    step_rate: float = 0.0
    weight_noise: float = 0.0

    @property
    def masked(self) -> Masked:
        """Whether masks are multiplied with each layer's input, and with its recurrent vectors."""
        x_rate, rate = self.mask_rates
        return x_rate > 0, rate > 0

    @property
    def changes_every_step(self) -> bool:
        """Whether something is drawn at every step, so that a sequence has to run step by step."""
        return self.step_rate > 0 or self.weight_noise > 0


UNREGULARIZED = Regularization()


class Stack:
    """Layers of one cell.

    Args:
        cell: the recurrence.
        input_dim: size of the input vectors.
        hidden_dims: size of each layer, the lowest first.
        collection: where the parameters are added.
    """

    def __init__(
        self,
        cell: Cell,
        input_dim: int,
        hidden_dims: Sequence[int],
        collection: ParameterCollection,
    ) -> None:
        self.cell = cell
        self.input_dim = input_dim
        self.hidden_dims = tuple(hidden_dims)
        self._regularization = UNREGULARIZED
        self.carried: dict[Any, Carried] = {}  # by the parameters' types and its own
        self._steps: dict[Any, tuple[RecurrentStep, list[StatePart]]] = {}
        self.layers = [
            self.add_layer(collection, below, size)
            for below, size in zip((input_dim, *hidden_dims), hidden_dims, strict=False)
        ]
        self._leaves = {p: ParameterLeaf(p) for layer in self.layers for p in layer}

    # ---- parameters

    def add_layer(
        self, collection: ParameterCollection, input_dim: int, hidden_dim: int
    ) -> list[Parameter]:
        shapes = self.cell.shapes(input_dim, hidden_dim)
        pairs = zip(self.cell.roles, shapes, strict=True)
        return [self.add_parameter(collection, role, shape) for role, shape in pairs]

    def add_parameter(self, collection: ParameterCollection, role: str, shape: Shape) -> Parameter:
        """Add one of the cell's parameters with its first value."""
        start = Constant(1.0) if role in self.cell.gains else Constant(0.0)
        return collection.add_parameters(shape, Glorot() if len(shape) > 1 else start)

    def nodes(
        self, graph: ComputationGraph, layer: list[Parameter], update: bool
    ) -> list[Expression]:
        """Return a layer's parameters as nodes; without ``update`` they get no gradient."""
        return [leaf(graph, self._leaves[p], update) for p in layer]

    def arguments(self, nodes: list[Expression]) -> list[Expression]:
        """Return those of a layer's nodes that the cell takes."""
        return nodes

    # ---- dropout

    @property
    def regularization(self) -> Regularization:
        """What is drawn at random when the layers run. It may change in the middle of a graph."""
        return self._regularization

    @regularization.setter
    def regularization(self, value: Regularization) -> None:
        self._regularization = value
        for carried in self.carried.values():
            carried.steps.clear()

    def set_rates(self, rate: float, recurrent_rate: float) -> None:
        """Drop numbers of each layer's input, and of what it carries, with these probabilities.

        ValueError for a probability that is not in [0, 1].
        """
        rates = real(rate, "set_dropout"), real(recurrent_rate, "set_dropout")
        if not all(0 <= r <= 1 for r in rates):
            raise ShapeError(f"set_dropout: a probability is from 0 to 1, got {rates}")
        masked = bool(self.cell.masks)
        self.regularization = replace(
            self.regularization,
            mask_rates=rates if masked else (0.0, 0.0),
            step_rate=0.0 if masked else rates[0],
        )

    def disable_dropout(self) -> None:
        """Drop nothing from here on."""
        self.set_rates(0.0, 0.0)

    # ---- steps

    def step(
        self, takes_ids: bool, masked: Masked, given: tuple[bool, ...]
    ) -> tuple[RecurrentStep, list[StatePart]]:
        """Return the operation of a step, and those that return its single states: the same objects for all graphs."""
        key = takes_ids, masked, given
        operations = self._steps.get(key)
        if operations is None:
            count, places = self.cell.node_ids(not any(given), masked)
            backs = [count - 1 - place for place in places]
            step = RecurrentStep(
                self.cell, given, any(masked), backs[-1], count if takes_ids else 0
            )
            parts = [StatePart(i, id_back=back) for i, back in enumerate(backs)]
            operations = self._steps[key] = step, [] if step.only_state else parts
        return operations
