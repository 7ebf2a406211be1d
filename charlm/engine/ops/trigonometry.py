"""Circular and hyperbolic functions and their inverses; outside their domains they are NaN or infinite."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.expression import of_one
from charlm.engine.op import Context, Sample
from charlm.engine.ops.elementwise import Elementwise

__all__ = ["acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "sin", "sinh", "tan"]


class Sin(Elementwise):
    """y = sin(x)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.sin(x)

    def slope(self, x: Array, y: Array) -> Array:
        return np.cos(x)


class Cos(Elementwise):
    """y = cos(x)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.cos(x)

    def slope(self, x: Array, y: Array) -> Array:
        return -np.sin(x)


class Tan(Elementwise):
    """y = tan(x); dy/dx = 1 + y^2."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.tan(x)

    def slope(self, x: Array, y: Array) -> Array:
        return 1 + y * y


class Inside(Elementwise, abstract=True):
    """An element-wise function of numbers between -1 and 1."""

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Of both signs, away from 1."""
        yield Sample(cls(), (((3,), 1),), low=-0.8, high=0.8)
        yield Sample(cls(), (((2, 3), 2),), low=-0.8, high=0.8)


class Asin(Inside):
    """y = asin(x); dy/dx = 1 / sqrt(1 - x^2)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.arcsin(x)

    def slope(self, x: Array, y: Array) -> Array:
        """As factors: 1 - x^2 cancels near 1."""
        return 1 / np.sqrt((1 - x) * (1 + x))


class Acos(Inside):
    """y = acos(x); dy/dx = -1 / sqrt(1 - x^2)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.arccos(x)

    def slope(self, x: Array, y: Array) -> Array:
        return -1 / np.sqrt((1 - x) * (1 + x))


class Atan(Elementwise):
    """y = atan(x); dy/dx = 1 / (1 + x^2)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.arctan(x)

    def slope(self, x: Array, y: Array) -> Array:
        return 1 / (1 + x * x)


class Sinh(Elementwise):
    """y = sinh(x)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.sinh(x)

    def slope(self, x: Array, y: Array) -> Array:
        return np.cosh(x)


class Cosh(Elementwise):
    """y = cosh(x)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.cosh(x)

    def slope(self, x: Array, y: Array) -> Array:
        return np.sinh(x)


class Asinh(Elementwise):
    """y = asinh(x); dy/dx = 1 / sqrt(1 + x^2)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.arcsinh(x)

    def slope(self, x: Array, y: Array) -> Array:
        """Without squaring x, which would overflow."""
        return 1 / np.hypot(1, x)


class Acosh(Elementwise):
    """y = acosh(x), x >= 1; dy/dx = 1 / sqrt(x^2 - 1)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.arccosh(x)

    def slope(self, x: Array, y: Array) -> Array:
        """As factors: x^2 - 1 cancels near 1."""
        return 1 / (np.sqrt(x - 1) * np.sqrt(x + 1))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),), low=1.5, high=3.0)
        yield Sample(cls(), (((2, 3), 2),), low=1.5, high=3.0)


class Atanh(Inside):
    """y = atanh(x); dy/dx = 1 / (1 - x^2)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.arctanh(x)

    def slope(self, x: Array, y: Array) -> Array:
        return 1 / ((1 - x) * (1 + x))


sin = of_one(Sin(), "sin", "Return the sine.")
cos = of_one(Cos(), "cos", "Return the cosine.")
tan = of_one(Tan(), "tan", "Return the tangent.")
asin = of_one(Asin(), "asin", "Return the angle of this sine: NaN outside -1 to 1.")
acos = of_one(Acos(), "acos", "Return the angle of this cosine: NaN outside -1 to 1.")
atan = of_one(Atan(), "atan", "Return the angle of this tangent.")
sinh = of_one(Sinh(), "sinh", "Return the hyperbolic sine.")
cosh = of_one(Cosh(), "cosh", "Return the hyperbolic cosine.")
asinh = of_one(Asinh(), "asinh", "Return the inverse hyperbolic sine.")
acosh = of_one(Acosh(), "acosh", "Return the inverse hyperbolic cosine: NaN below 1.")
atanh = of_one(
    Atanh(), "atanh", "Return the inverse hyperbolic tangent: infinite at -1 and 1, NaN beyond."
)
