"""Ops that draw random numbers when they are evaluated, from the graph's stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from charlm.engine.arrays import Array, Shape
from charlm.engine.graph import Expression, Operand, apply
from charlm.engine.op import Context, Op, Sample


@dataclass(eq=False)
class Dropout(Op):
    """y = x m / (1 - p), m_i = 0 with probability p, else 1 (inverted dropout; Srivastava et al., 2014)."""

    p: float = 0.5

    def shape(self, x: Shape) -> Shape:
        """The argument's."""
        return x

    def forward(self, ctx: Context, x: Array) -> Array:
        """Draw the mask; p = 1 leaves nothing to scale up and gives NaN, as in DyNet."""
        scale = 1 / (1 - self.p) if self.p != 1 else float("inf")
        ctx.saved = ctx.stream.bernoulli(1 - self.p, scale, x.shape, x.dtype)
        return x * ctx.saved

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        """The same mask."""
        return [dy * ctx.saved]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """A vector and a batch of matrices."""
        yield Sample(cls(0.3), (((8,), 1),))
        yield Sample(cls(0.5), (((2, 3), 2),))


def dropout(x: Operand, p: float) -> Expression:
    """Return x with each number dropped with probability p and the others scaled by 1 / (1 - p)."""
    return apply(Dropout(float(p)), x)
