"""DyNet's random numbers: the same numbers for the same seed."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, DType, Shape
from charlm.engine.random import RandomStream

BLOCK = 1 << 14
"""How many words a ``DynetStream`` takes from its generator at once."""
_BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))
_TINY = 1e-20  # DyNet's smallest argument of the two logarithms of a Gumbel draw


class DynetStream:
    """DyNet's stream: a 32-bit Mersenne Twister, whose words are used as in libstdc++.

    Uniform and Bernoulli numbers are equal to DyNet's; normal and Gumbel numbers differ by the rounding of a
    logarithm. Seed 0 takes a seed from the operating system, as in DyNet.

    Example:
        >>> DynetStream(42).uniform(-1, 1, (2,), np.float32)
        array([-0.25091976,  0.593086  ], dtype=float32)
    """

    def __init__(self, seed: int = 0) -> None:
        self._twister = np.random.RandomState(seed or None)
        # words are drawn in blocks, which is faster
        self._before: Any = None  # the twister's state before the present block
        self._block: Array = np.zeros(0, "<u4")
        self._units: Array = np.zeros(0, np.float32)  # the block as numbers from 0 to 1
        self._used = 0  # how many words of the block were used

    def _take(self, count: int) -> slice:
        """Return the place of the next words in the block; ``count`` is at most ``BLOCK``."""
        start = self._used
        if start + count > len(self._block):
            self._discard()
            self._before = self._twister.get_state(legacy=False)
            self._block = self._fresh(BLOCK)
            self._units = _unit(self._block)
            start = 0
        self._used = start + count
        return slice(start, start + count)

    def _discard(self) -> None:
        """Set the twister to its state after the used words, and forget the rest of the block."""
        if self._used < len(self._block):
            self._twister.set_state(self._before)
            self._fresh(self._used)
        self._block, self._used = self._block[:0], 0

    def _fresh(self, count: int) -> Array:
        # for no bytes numpy would draw a word
        return np.frombuffer(self._twister.bytes(4 * count) if count else b"", dtype="<u4")

    def _words(self, count: int) -> Array:
        left = len(self._block) - self._used
        if count <= left or (not left and count <= BLOCK):
            here = self._take(count)
            return self._block[here]
        rest, self._used = self._block[self._used :], len(self._block)
        return np.concatenate([rest, self._fresh(count - left)])

    def _unit(self, count: int) -> Array:
        if count <= BLOCK:
            here = self._take(count)
            return self._units[here]
        return _unit(self._words(count))

    def uniform(self, low: float, high: float, shape: Shape, dtype: DType) -> Array:
        """Draw from U(low, high): a word for each number, rounded once."""
        width = float(np.float32(high) - np.float32(low))
        # float64 holds the product of two float32 exactly, so this rounds once, like a fused
        # multiply-add
        drawn = np.multiply(self._unit(prod(shape)), width, dtype=np.float64)
        drawn += float(np.float32(low))
        return _as(drawn.astype(np.float32), shape, dtype)

    def normal(self, mean: float, std: float, shape: Shape, dtype: DType) -> Array:
        """Draw from N(mean, std**2) by the polar method: two words a trial, two numbers a success."""
        missing = (prod(shape) + 1) // 2
        accepted: list[Array] = []
        while missing:
            tries = min(2 * missing + 8, BLOCK // 2)
            xy = 2 * self._unit(2 * tries).reshape(-1, 2) - 1
            x, y = xy[:, 0], xy[:, 1]
            r2 = x * x + y * y
            good = ((r2 <= 1) & (r2 > 0)).nonzero()[0][:missing]
            missing -= len(good)
            if not missing:
                self._used -= 2 * (tries - 1 - int(good[-1]))  # the words after the last success
            r2 = r2[good]
            factor = np.sqrt(-2 * np.log(r2) / r2)
            accepted.append(xy[good, ::-1] * factor[:, None])  # DyNet returns y's number first
        pairs = np.concatenate(accepted) if accepted else np.empty((0, 2), np.float32)
        drawn = pairs.reshape(-1)[: prod(shape)] * np.float32(std) + np.float32(mean)
        return _as(drawn, shape, dtype)

    def bernoulli(self, p: float, scale: float, shape: Shape, dtype: DType) -> Array:
        """Draw ``scale`` with probability ``p``, else 0: two words for each number."""
        words = self._words(2 * prod(shape)).astype(np.float64)
        kept = words[::2] + words[1::2] * 2.0**32 < p * 2.0**64
        return _as(np.where(kept, np.float32(scale), np.float32(0)), shape, dtype)

    def gumbel(self, shape: Shape, dtype: DType) -> Array:
        """Draw from Gumbel(0, 1)."""
        inner = -np.log(np.maximum(self._unit(prod(shape)), np.float32(_TINY)))
        return _as(-np.log(np.maximum(inner, np.float32(_TINY))), shape, dtype)

    def state(self) -> Any:
        """Return the twister's state as plain data."""
        self._discard()
        state = dict(self._twister.get_state(legacy=False))
        inner = dict(state["state"])
        inner["key"] = [int(word) for word in inner["key"]]
        return {**state, "state": inner}

    def restore(self, state: Any) -> None:
        """Continue from a state that ``state()`` returned."""
        inner = {**state["state"], "key": np.asarray(state["state"]["key"], dtype=np.uint32)}
        self._twister.set_state({**state, "state": inner})
        self._block, self._used = self._block[:0], 0


def draw_index(stream: RandomStream, probabilities: Array) -> int:
    """Draw an index: the place of a number from U(0, 1) among the cumulative probabilities.

    Example:
        >>> draw_index(DynetStream(1), np.array([0.2, 0.7, 0.1]))  # the number is 0.417
        1
    """
    cumulative = np.cumsum(probabilities)
    number = stream.uniform(0, 1, (1,), np.float32)[0]
    place = np.searchsorted(cumulative, number, side="right")
    return int(min(place, cumulative.size - 1))  # by rounding the sum may be below 1


def _unit(words: Array) -> Array:
    """Return words as numbers from 0 to just below 1."""
    unit: Array = words.astype(np.float32) / np.float32(2**32)
    return np.minimum(unit, _BELOW_ONE)


def _as(drawn: Array, shape: Shape, dtype: DType) -> Array:
    return drawn.astype(dtype, copy=False).reshape(shape)
