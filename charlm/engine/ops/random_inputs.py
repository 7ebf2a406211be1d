"""Inputs of random numbers; the graph's stream draws them at the evaluation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Dim, Shape, array_shape
from charlm.engine.expression import Expression, start
from charlm.engine.graph import ComputationGraph
from charlm.engine.op import Context, Op, Sample
from charlm.engine.ops import arguments
from charlm.engine.ops.arguments import real, sizes
from charlm.errors import ShapeError


@dataclass(eq=False)
class RandomInput(Op, abstract=True):
    """y = numbers drawn from one distribution, in column-major order."""

    size: Shape = (2, 3)
    batch: int = 1

    def dim(self, *dims: Dim) -> Dim:
        return self.size, self.batch

    @abstractmethod
    def draw(self, ctx: Context, shape: Shape) -> Array:
        """Return an array of random numbers."""

    def forward(self, ctx: Context) -> Array:
        return self.draw(ctx, array_shape((self.size, self.batch)))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls())
        yield Sample(cls((3,), 2))


@dataclass(eq=False)
class RandomNormal(RandomInput):
    """y_i is drawn from N(mean, std^2)."""

    mean: float = 0.0
    std: float = 1.0

    def draw(self, ctx: Context, shape: Shape) -> Array:
        return ctx.stream.normal(self.mean, self.std, shape, ctx.dtype)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(mean=1.5, std=0.5))


@dataclass(eq=False)
class RandomBernoulli(RandomInput):
    """y_i = scale with probability p, else 0."""

    p: float = 0.5
    scale: float = 1.0

    def draw(self, ctx: Context, shape: Shape) -> Array:
        """The probability is rounded to float32, as DyNet does."""
        return ctx.stream.bernoulli(float(np.float32(self.p)), self.scale, shape, ctx.dtype)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(p=0.2, scale=-3.0))


@dataclass(eq=False)
class RandomUniform(RandomInput):
    """y_i is drawn from U(left, right)."""

    left: float = 0.0
    right: float = 1.0

    def draw(self, ctx: Context, shape: Shape) -> Array:
        return ctx.stream.uniform(self.left, self.right, shape, ctx.dtype)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(left=-2.0, right=3.0))


class RandomGumbel(RandomInput):
    """y_i = -ln(-ln u), u drawn from U(0, 1): the standard Gumbel distribution."""

    def draw(self, ctx: Context, shape: Shape) -> Array:
        return ctx.stream.gumbel(shape, ctx.dtype)


def random_normal(
    graph: ComputationGraph,
    dim: int | Shape,
    mean: float = 0.0,
    stddev: float = 1.0,
    batch_size: int = 1,
) -> Expression:
    """Return normally distributed numbers."""
    where = "random_normal"
    size, batch = _dim(dim, batch_size, where)
    return start(graph, RandomNormal(size, batch, real(mean, where), real(stddev, where)))


def random_bernoulli(
    graph: ComputationGraph, dim: int | Shape, p: float, scale: float = 1.0, batch_size: int = 1
) -> Expression:
    """Return numbers that are ``scale`` with probability p, else 0."""
    where = "random_bernoulli"
    size, batch = _dim(dim, batch_size, where)
    return start(graph, RandomBernoulli(size, batch, real(p, where), real(scale, where)))


def random_uniform(
    graph: ComputationGraph, dim: int | Shape, left: float, right: float, batch_size: int = 1
) -> Expression:
    """Return numbers uniformly distributed between ``left`` and ``right``."""
    where = "random_uniform"
    size, batch = _dim(dim, batch_size, where)
    return start(graph, RandomUniform(size, batch, real(left, where), real(right, where)))


def random_gumbel(
    graph: ComputationGraph,
    dim: int | Shape,
    mu: float = 0.0,
    beta: float = 1.0,
    batch_size: int = 1,
) -> Expression:
    """Return numbers from the standard Gumbel distribution; DyNet has no other ``mu`` and ``beta``."""
    if (mu, beta) != (0, 1):
        raise ShapeError(
            f"random_gumbel: only mu = 0 and beta = 1, got {mu} and {beta}; "
            "multiply by beta and add mu"
        )
    return start(graph, RandomGumbel(*_dim(dim, batch_size, "random_gumbel")))


def _dim(dim: int | Shape, batch_size: int, where: str) -> Dim:
    return sizes(dim, where), arguments.batch_size(batch_size, where)
