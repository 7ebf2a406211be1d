"""Inputs: leaves with the user's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, array_shape, from_user, show
from charlm.engine.expression import Expression, start
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Context, Op, Sample
from charlm.engine.ops import arguments
from charlm.engine.ops.arguments import laid_out, one_or_all, real, reals, sizes, unsigned
from charlm.engine.types import Type
from charlm.errors import ArgumentError, ShapeError
from charlm.kernels.tapes import Form


class InputExpression(Expression):
    """An input whose numbers can be replaced (DyNet's ``.set``)."""

    __slots__ = ()

    def set(self, numbers: Any) -> None:
        """Replace the numbers. Every value of the graph is computed again when it is needed.

        The numbers are a flat list in column-major order, or an array of the input's shape (batch last).
        """
        graph = self.home()
        graph.set_data(self.index, Input(laid_out(numbers, self.dim(), "set")))


@dataclass(eq=False)
class Input(Op):
    """y = the given numbers."""

    array: Array
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        return self.array.shape

    def dim(self, *dims: Dim) -> Dim:
        return self.array.shape[:0:-1], self.array.shape[0]

    def forward(self, ctx: Context) -> Array:
        return self.array.astype(ctx.dtype, copy=False)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(np.ones((1, 3))))
        yield Sample(cls(np.ones((2, 3, 4))))


def input_array(graph: ComputationGraph, array: Array) -> InputExpression:
    """Return an input node for an array in the engine's layout."""
    return start(graph, Input(array), InputExpression)


def input_vector(graph: ComputationGraph, numbers: Sequence[float]) -> InputExpression:
    """Return a column vector of these numbers."""
    array = reals(numbers, "input_vector")
    if array.ndim != 1:
        raise ArgumentError(f"input_vector: a list of numbers is needed, got {numbers!r}")
    return input_array(graph, array[np.newaxis])


def input_tensor(graph: ComputationGraph, data: Any, batched: bool = False) -> InputExpression:
    """Return a tensor of these numbers; the last axis is the batch if ``batched``.

    A list of arrays of one shape becomes a batch, as in DyNet.
    """
    if isinstance(data, list) and data and all(isinstance(item, np.ndarray) for item in data):
        shapes = {item.shape for item in data}
        if len(shapes) > 1:
            raise ShapeError(
                f"input_tensor: a batch needs arrays of one shape, got {sorted(shapes)}"
            )
        data, batched = np.stack(data, axis=-1), True
    if not isinstance(data, (list, np.ndarray)):
        kind = type(data).__name__
        raise ArgumentError(f"input_tensor: expected a list of numbers or an array, got {kind}")
    if isinstance(data, np.ndarray) and data.ndim == 0:
        raise ArgumentError("input_tensor: a 0-d array has no axis; use scalar_input")
    array = reals(data, "input_tensor", ShapeError)
    if array.ndim > 7:
        raise ShapeError(f"input_tensor: at most 7 axes, got {array.ndim}")
    return input_array(graph, from_user(array, np.float64, batched=batched))


def scalar_input(graph: ComputationGraph, number: float) -> InputExpression:
    """Return a scalar."""
    return input_vector(graph, [real(number, "scalar_input")])


def input_tensor_transposed(
    graph: ComputationGraph, numbers: Sequence[float], dim: Shape, batch_size: int = 1
) -> InputExpression:
    """Return a tensor of sizes ``dim`` from numbers in column-major order, one batch element after another."""
    where = "input_tensor_transposed"
    if not isinstance(dim, tuple):
        raise ArgumentError(f"{where}: dim is a tuple of sizes, got {dim!r}")
    flat = reals(numbers, where)
    if flat.ndim != 1:
        raise ArgumentError(f"{where}: a flat list of numbers is needed, got {flat.ndim} axes")
    shape = array_shape((sizes(dim, where), arguments.batch_size(batch_size, where)))
    if flat.size != math.prod(shape):
        raise ShapeError(
            f"{where}: {show((dim, batch_size))} holds {math.prod(shape)} numbers, got {flat.size}"
        )
    return input_array(graph, flat.reshape(shape))


def sparse_input_tensor(
    graph: ComputationGraph,
    idxs: Sequence[Sequence[int]],
    values: Sequence[float],
    shape: Shape,
    batched: bool = False,
    defval: float = 0.0,
) -> InputExpression:
    """Return a tensor with ``values`` at these places and ``defval`` elsewhere.

    ``idxs`` has a list of indices for each axis of ``shape``, whose last axis is the batch if
    ``batched``. If several values have the same place, the last one counts.
    """
    where = "sparse_input_tensor"
    if not isinstance(shape, tuple):
        raise ArgumentError(f"{where}: shape is a tuple of sizes, got {shape!r}")
    numbers = reals(values, where, ShapeError)
    if numbers.ndim != 1:
        raise ArgumentError(f"{where}: a flat list of values is needed, got {numbers.ndim} axes")
    array = np.full(sizes(shape, where), real(defval, where), np.float64)
    if len(idxs) != len(shape):
        raise ShapeError(
            f"{where}: a list of indices is needed for each of the {len(shape)} axes, got {len(idxs)}"
        )
    places = tuple(np.atleast_1d(np.asarray(indices)) for indices in idxs)
    for axis, (indices, size) in enumerate(zip(places, shape, strict=True)):
        if len(indices) != numbers.size:
            raise ShapeError(
                f"{where}: {len(indices)} indices on axis {axis} for {numbers.size} values"
            )
        if indices.dtype.kind not in "iu":  # DyNet does not take a float here
            raise ArgumentError(f"{where}: an index is a whole number, got {idxs[axis]!r}")
        if indices.min(initial=0) < 0 or indices.max(initial=0) >= size:
            raise ShapeError(
                f"{where}: an index is outside axis {axis} of size {size}: {idxs[axis]!r}"
            )
    array[places] = numbers
    return input_array(graph, from_user(array, np.float64, batched=batched))


def one_hot(graph: ComputationGraph, d: int, idx: int | Sequence[int]) -> InputExpression:
    """Return a vector of size ``d`` with 1 at an index and 0 elsewhere; several indices make a batch."""
    indices = one_or_all(idx, "one_hot")
    size = unsigned(d, "one_hot")
    if not indices or max(indices) >= size:
        raise ShapeError(f"one_hot: indices below {size} are needed, got {idx!r}")
    array = np.zeros((len(indices), size))
    array[range(len(indices)), indices] = 1
    return input_array(graph, array)


@dataclass(eq=False)
class Fill(Op):
    """y = the same number everywhere."""

    number: float
    size: Shape
    batch: int = 1

    def dim(self, *dims: Dim) -> Dim:
        return self.size, self.batch

    def compiled(self, y: Type) -> Form | None:  # type: ignore[override]
        return Form("fill", (float(self.number),))

    def forward(self, ctx: Context) -> Array:
        return np.full((self.batch, *self.size[::-1]), self.number, ctx.dtype)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1.0, (2, 3), 2))
        yield Sample(cls(-2.5, (3,), 1))


def fill(
    graph: ComputationGraph, size: int | Shape, number: float, batch_size: int = 1
) -> Expression:
    """Return a tensor of DyNet shape ``size`` filled with a number."""
    batch = arguments.batch_size(batch_size, "fill")
    return start(graph, Fill(real(number, "fill"), sizes(size, "fill"), batch))
