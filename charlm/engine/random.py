"""Random streams: the source of random numbers is an argument.

Initialisers, dropout, noise and samplers take a ``RandomStream``. ``NumpyStream`` is numpy's own
generator, for charlm's language models; ``charlm.dynet`` has DyNet's. Shapes are array shapes;
elements are drawn in memory order, which is DyNet's column-major order (see ``engine/arrays.py``).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np

from charlm.engine.arrays import Array, DType, Shape


class RandomStream(Protocol):
    """A source of random arrays whose state can be saved and restored."""

    def uniform(self, low: float, high: float, shape: Shape, dtype: DType) -> Array:
        """Draw from U(low, high)."""
        ...

    def normal(self, mean: float, std: float, shape: Shape, dtype: DType) -> Array:
        """Draw from N(mean, std**2)."""
        ...

    def bernoulli(self, p: float, scale: float, shape: Shape, dtype: DType) -> Array:
        """Draw ``scale`` with probability ``p``, else 0."""
        ...

    def gumbel(self, shape: Shape, dtype: DType) -> Array:
        """Draw from Gumbel(0, 1)."""
        ...

    def state(self) -> Any:
        """Return the state as plain data (numbers, strings, lists, dicts)."""
        ...

    def restore(self, state: Any) -> None:
        """Continue from a state that ``state()`` returned."""
        ...


class NumpyStream:
    """numpy's PCG64 generator.

    Example:
        >>> a, b = NumpyStream(1), NumpyStream(1)
        >>> bool(np.all(a.uniform(0, 1, (3,), np.float32) == b.uniform(0, 1, (3,), np.float32)))
        True
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @cached_property
    def _generator(self) -> np.random.Generator:
        """It is made for the first number: every graph has a stream, and few graphs use it."""
        return np.random.Generator(np.random.PCG64(self._seed))

    def uniform(self, low: float, high: float, shape: Shape, dtype: DType) -> Array:
        """Draw from U(low, high)."""
        return (self._generator.random(shape) * (high - low) + low).astype(dtype)

    def normal(self, mean: float, std: float, shape: Shape, dtype: DType) -> Array:
        """Draw from N(mean, std**2)."""
        return (self._generator.standard_normal(shape) * std + mean).astype(dtype)

    def bernoulli(self, p: float, scale: float, shape: Shape, dtype: DType) -> Array:
        """Draw ``scale`` with probability ``p``, else 0."""
        kept = self._generator.random(shape, np.float32) < p
        return np.multiply(kept, scale, dtype=dtype)

    def gumbel(self, shape: Shape, dtype: DType) -> Array:
        """Draw from Gumbel(0, 1)."""
        return self._generator.gumbel(size=shape).astype(dtype)

    def skip(self, count: int) -> None:
        """Pass over as many numbers as ``bernoulli`` draws for an array of this size, without drawing them.

        Example:
            >>> drawn, skipped = NumpyStream(1), NumpyStream(1)
            >>> _ = drawn.bernoulli(0.5, 1.0, (999,), np.float32)
            >>> skipped.skip(999)
            >>> drawn.state() == skipped.state()
            True
        """
        generator = self._generator
        if count and generator.bit_generator.state["has_uint32"]:  # half of the last two numbers
            generator.random(dtype=np.float32)
            count -= 1
        if count:
            twos = (count - 1) // 2  # the generator makes two numbers at once
            generator.bit_generator.advance(twos)  # type: ignore[attr-defined]
            generator.random(count - 2 * twos, np.float32)

    def state(self) -> Any:
        """Return the generator's state as plain data."""
        return self._generator.bit_generator.state

    def restore(self, state: Any) -> None:
        """Continue from a state that ``state()`` returned."""
        self._generator.bit_generator.state = state
