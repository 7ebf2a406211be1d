"""Functions of one argument, applied to each number."""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import of_one
from charlm.engine.op import Context, Indexed, Op, Sample
from charlm.engine.types import Type
from charlm.kernels.reference.common import ONE
from charlm.kernels.tapes import CODES, Form

__all__ = ["abs", "cube", "exp", "log", "logistic", "rectify", "sqrt", "square", "tanh"]


class Elementwise(Op, abstract=True):
    """y_i = f(x_i)."""

    def shape(self, x: Shape) -> Shape:
        return x

    @abstractmethod
    def slope(self, x: Array, y: Array) -> Array | float:
        """Return dy/dx at each number."""

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy * self.slope(x, y)]

    def compiled(self, y: Type, x: Type) -> Form | None:  # type: ignore[override]
        """The compiled form has the op's name."""
        name = type(self).name()
        return Form(name) if name in CODES else None

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(), (((2, 3), 2),))


class Positive(Elementwise, abstract=True):
    """An element-wise function of positive numbers."""

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((3,), 1),), low=0.5, high=2.0)
        yield Sample(cls(), (((2, 3), 2),), low=0.5, high=2.0)


class Negate(Elementwise):
    """y = -x."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return -x

    def slope(self, x: Array, y: Array) -> float:
        return -1.0

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [-dy]


class Tanh(Elementwise):
    """y = tanh(x); dy/dx = 1 - y^2."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.tanh(x)

    def slope(self, x: Array, y: Array) -> Array:
        """Computed from y, which cannot overflow."""
        return ONE - y * y


class Logistic(Elementwise):
    """y = 1 / (1 + exp(-x)); dy/dx = y (1 - y)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return ctx.kernels.logistic(x)

    def slope(self, x: Array, y: Array) -> Array:
        return y * (ONE - y)


class Rectify(Elementwise):
    """y = max(0, x); the slope at 0 is 0."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.maximum(x, 0)

    def slope(self, x: Array, y: Array) -> Array:
        return (x > 0).astype(x.dtype)


class Exp(Elementwise):
    """y = exp(x)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.exp(x)

    def slope(self, x: Array, y: Array) -> Array:
        return y


class Log(Positive):
    """y = ln(x)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        """-inf at 0, NaN below."""
        return np.log(x)

    def slope(self, x: Array, y: Array) -> Array:
        return 1 / x

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy / x]


class Square(Elementwise):
    """y = x^2."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return x * x

    def slope(self, x: Array, y: Array) -> Array:
        return 2 * x


class Cube(Elementwise):
    """y = x^3."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return x * x * x

    def slope(self, x: Array, y: Array) -> Array:
        return 3 * x * x


class Abs(Elementwise):
    """y = |x|; the slope at 0 is 0."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.abs(x)

    def slope(self, x: Array, y: Array) -> Array:
        return np.sign(x)


class Sqrt(Positive):
    """y = sqrt(x)."""

    def forward(self, ctx: Context, x: Array) -> Array:
        """NaN below 0."""
        return np.sqrt(x)

    def slope(self, x: Array, y: Array) -> Array:
        """Infinite at 0."""
        return 0.5 / y


@dataclass(eq=False)
class WithNumber(Elementwise, abstract=True):
    """x and one number c."""

    c: float = 0.7
    has_data = True

    def identity(self) -> tuple[Any, ...]:
        """The number is data: it may differ in every graph."""
        return ()

    def integers(self) -> tuple[int, ...]:
        return (bits_of(self.c),)

    def index_limit(self, *xs: Type) -> int:
        return -1

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(-2.5), (((2, 3), 2),))


class AddScalar(WithNumber):
    """y = x + c."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return x + ctx.dtype.type(self.c)

    def slope(self, x: Array, y: Array) -> float:
        return 1.0


class ScalarMinus(WithNumber):
    """y = c - x."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return ctx.dtype.type(self.c) - x

    def slope(self, x: Array, y: Array) -> float:
        return -1.0


class ScalarMultiply(WithNumber):
    """y = c x."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return x * ctx.dtype.type(self.c)

    def slope(self, x: Array, y: Array) -> float:
        return self.c


_REAL, _BITS = struct.Struct("d"), struct.Struct("Q")


def bits_of(number: float) -> int:
    """Return the 64 bits of a number as an integer of 0 or more."""
    return _BITS.unpack(_REAL.pack(number))[0]


def number_of(bits: int) -> float:
    """Return the number of these bits."""
    return _REAL.unpack(_BITS.pack(bits))[0]


ADD_NUMBER = Indexed(lambda bits: AddScalar(number_of(bits)))
MINUS = Indexed(lambda bits: ScalarMinus(number_of(bits)))
TIMES = Indexed(lambda bits: ScalarMultiply(number_of(bits)))
CUBE = Cube()
EXP = Exp()
LOG = Log()
LOGISTIC = Logistic()
NEGATE = Negate()
RECTIFY = Rectify()
SQUARE = Square()
TANH = Tanh()


negate = of_one(NEGATE, "negate", "Return ``-x``.")
tanh = of_one(TANH, "tanh", "Return the hyperbolic tangent.")
logistic = of_one(LOGISTIC, "logistic", "Return 1 / (1 + exp(-x)).")
rectify = of_one(RECTIFY, "rectify", "Return max(0, x).")
exp = of_one(EXP, "exp", "Return the exponential.")
log = of_one(LOG, "log", "Return the natural logarithm.")
square = of_one(SQUARE, "square", "Return x squared.")
cube = of_one(CUBE, "cube", "Return x to the third power.")
abs = of_one(Abs(), "abs", "Return the absolute values.")
sqrt = of_one(Sqrt(), "sqrt", "Return the square root.")
