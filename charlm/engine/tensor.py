"""A copy of a value outside the graph: DyNet's ``Tensor``, with its searches and its sampling."""

from __future__ import annotations

import numpy as np

from charlm.engine.arrays import Array, to_user
from charlm.engine.random import RandomStream
from charlm.errors import EvaluationError, NegativeIndexError, ShapeError


class Tensor:
    """Numbers, or indices, in the engine's layout.

    ``dim`` is an axis in DyNet's order, without the batch. Results keep it, with size ``num``. Equal
    numbers keep their order.

    Example:
        >>> from charlm.engine.graph import ComputationGraph
        >>> from charlm.engine.ops import input_tensor
        >>> tensor = input_tensor(ComputationGraph(), [[3, 1, 2], [4, 6, 5]]).tensor_value()
        >>> tensor.argmax(dim=1).as_numpy()
        array([[0],
               [1]])
        >>> values, indices = tensor.topk(dim=1, num=2)
        >>> values.as_numpy()
        array([[3., 2.],
               [6., 5.]])
    """

    def __init__(self, array: Array, stream: RandomStream) -> None:
        self._array = array
        self._stream = stream

    def __repr__(self) -> str:
        return f"<Dynet Tensor:{'int' if self._array.dtype.kind == 'i' else 'float'}>"

    def as_numpy(self) -> Array:
        """Return a copy as float64 or int64, batch axis last and only if the batch is larger than 1."""
        array = to_user(self._array)
        return array.astype(np.int64) if self._array.dtype.kind == "i" else array

    def argmax(self, dim: int = 0, num: int = 1) -> Tensor:
        """Return the indices of the ``num`` largest numbers along an axis."""
        return self.topk(dim, num)[1]

    def topk(self, dim: int = 0, num: int = 1) -> tuple[Tensor, Tensor]:
        """Return the ``num`` largest numbers along an axis, largest first, and their indices."""
        axis = self._axis(dim)
        size = self._array.shape[axis]
        if not 1 <= num <= size:
            raise ShapeError(f"topk: num must be 1 to {size}, the size of axis {dim}, got {num}")
        order = np.argsort(-self._array, axis=axis, kind="stable")
        indices = np.take(order, np.arange(num), axis=axis)
        values = np.take_along_axis(self._array, indices, axis=axis)
        return Tensor(values, self._stream), Tensor(indices, self._stream)

    def categorical_sample_log_prob(self, dim: int = 0, num: int = 1) -> Tensor:
        """Return an index drawn for each column along ``dim``, whose numbers are log-probabilities.

        The index of the largest sum of a log-probability and a number from Gumbel(0, 1) has this distribution
        (Gumbel, 1954). The graph's stream draws the numbers.

        Raises:
            EvaluationError: ``num`` is not 1 (as in DyNet).
        """
        if num != 1:
            raise EvaluationError(
                f"categorical_sample_log_prob draws one index at a time, num was {num}; call it again"
            )
        noise = self._stream.gumbel(self._array.shape, self._array.dtype)
        return Tensor(self._array + noise, self._stream).argmax(dim)

    def _axis(self, dim: int) -> int:
        rank = self._array.ndim - 1
        if dim < 0:
            raise NegativeIndexError(f"an axis is 0 or more, got {dim}")
        if dim >= rank:
            raise ShapeError(f"axis {dim} does not exist in a tensor of {rank} axes")
        return rank - dim
