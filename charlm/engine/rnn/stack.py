"""A stack of recurrent layers: its parameters, and its dropout."""

from __future__ import annotations

from collections.abc import Sequence
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
"""Of a layer's step, and of what takes its states out."""


class Carried:
    """What layers carry, by its types; for all graphs.

    Attributes:
        types: those of each layer's states, None where there is no state.
        steps: what a next input appends for each layer, and what is carried then, by the input's type.
    """

    __slots__ = ("steps", "types")

    def __init__(self, types: tuple[tuple[Type | None, ...], ...]) -> None:
        self.types = types
        self.steps: dict[Type, tuple[list[Signatures], Carried]] = {}


NO_DROPOUT = (0.0, 0.0)
NOT_MASKED = (False, False)


class Stack:
    """Layers of one cell, and how operations of theirs are made.

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
        self.rates = NO_DROPOUT
        self.settle()
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
        """Add a layer's parameters."""
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
        """Return what the cell takes, of the nodes of a layer; asked for at every step."""
        return nodes

    # ---- dropout

    def set_rates(self, rate: float, recurrent_rate: float) -> None:
        """Drop numbers of each layer's input, and of what it carries, with these probabilities.

        ValueError for a probability that is not in [0, 1].
        """
        rates = real(rate, "set_dropout"), real(recurrent_rate, "set_dropout")
        if not all(0 <= r <= 1 for r in rates):
            raise ShapeError(f"set_dropout: a probability is from 0 to 1, got {rates}")
        self.rates = rates
        self.settle()

    def disable_dropout(self) -> None:
        """Drop nothing from here on."""
        self.rates = NO_DROPOUT
        self.settle()

    def settle(self) -> None:
        """Note whether steps take inputs and parameters as they are: to be called when that may have changed."""
        self.plain = not any(self.rates) and self.takes_all

    @property
    def takes_all(self) -> bool:
        """Whether ``arguments`` returns the nodes that it is given."""
        return True

    @property
    def masked(self) -> Masked:
        """Whether masks are multiplied with each layer's input, and with what it carries."""
        x_rate, rate = self.rates if self.cell.masks else (0.0, 0.0)
        return x_rate > 0, rate > 0

    @property
    def step_rate(self) -> float:
        """The rate of ordinary dropout, of cells that have no masks."""
        return 0.0 if self.cell.masks else self.rates[0]

    @property
    def stepwise(self) -> bool:
        """Whether something is drawn anew at every step, so that steps have to be taken one by one."""
        return self.step_rate > 0

    # ---- steps

    def step(
        self, takes_ids: bool, masked: Masked, given: tuple[bool, ...]
    ) -> tuple[RecurrentStep, list[StatePart]]:
        """Return the operation of a step, and those that take several states out of it: the same for all graphs."""
        found = self._steps.get((takes_ids, masked, given))
        if found is None:
            count, places = self.cell.node_ids(not any(given), masked)
            backs = [count - 1 - place for place in places]
            step = RecurrentStep(
                self.cell, given, any(masked), backs[-1], count if takes_ids else 0
            )
            parts = [StatePart(i, id_back=back) for i, back in enumerate(backs)]
            found = self._steps[takes_ids, masked, given] = step, [] if step.only_state else parts
        return found
