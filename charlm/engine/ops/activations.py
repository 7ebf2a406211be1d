"""Activation functions; tanh, logistic and rectify are in ``elementwise``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.expression import Expression, Operand, apply, of_one
from charlm.engine.op import Context, Sample
from charlm.engine.ops.arguments import real
from charlm.engine.ops.elementwise import Elementwise

__all__ = ["elu", "log_sigmoid", "selu", "silu", "softsign"]

# With these, normally distributed numbers keep mean 0 and variance 1 (Klambauer et al., 2017).
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


class LogSigmoid(Elementwise):
    """y = -ln(1 + exp(-x)); dy/dx = 1 - exp(y)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        """Take exp of negative numbers only: others could overflow."""
        return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))

    def slope(self, x: Array, y: Array) -> Array:
        """Exact also where y is near 0."""
        return -np.expm1(y)


class Softsign(Elementwise):
    """y = x / (1 + |x|); dy/dx = 1 / (1 + |x|)^2."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return x / (1 + np.abs(x))

    def slope(self, x: Array, y: Array) -> Array:
        return 1 / np.square(1 + np.abs(x))


@dataclass(eq=False)
class Elu(Elementwise):
    """y = scale x for x > 0, else scale alpha (exp(x) - 1); the slope at 0 is the one from below."""

    alpha: float = 1.0
    scale: float = 1.0

    def forward(self, ctx: Context, x: Array) -> Array:
        below = self.alpha * np.expm1(np.minimum(x, 0))
        return self.scale * np.where(x > 0, x, below)

    def slope(self, x: Array, y: Array) -> Array:
        """The scale; below 0 the distance of y from its limit."""
        return np.where(x > 0, x.dtype.type(self.scale), y + self.scale * self.alpha)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(0.7, 1.3), (((2, 3), 2),))


@dataclass(eq=False)
class Silu(Elementwise):
    """y = x s(beta x), s the logistic sigmoid; dy/dx = s (1 + beta x (1 - s))."""

    beta: float = 1.0

    def forward(self, ctx: Context, x: Array) -> Array:
        return x / (1 + np.exp(-self.beta * x))

    def slope(self, x: Array, y: Array) -> Array:
        gate = 1 / (1 + np.exp(-self.beta * x))
        return gate * (1 + self.beta * x * (1 - gate))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(2.5), (((2, 3), 2),))


log_sigmoid = of_one(LogSigmoid(), "log_sigmoid", "Return the logarithm of the logistic sigmoid.")
softsign = of_one(Softsign(), "softsign", "Return x / (1 + |x|).")


def elu(x: Operand, alpha: float = 1.0) -> Expression:
    """Return x where x > 0, else alpha (exp(x) - 1) (Clevert et al., 2016)."""
    return apply(Elu(real(alpha, "elu")), x)


def selu(x: Operand) -> Expression:
    """Return elu, scaled to keep the mean and variance of normally distributed numbers (Klambauer et al., 2017)."""
    return apply(Elu(SELU_ALPHA, SELU_SCALE), x)


def silu(x: Operand, beta: float = 1.0) -> Expression:
    """Return x times the logistic sigmoid of beta x."""
    return apply(Silu(real(beta, "silu")), x)
