"""Ops with a chosen gradient instead of the derivative: rounding, argmax, and a factor for the gradient alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charlm.engine.arrays import Array, Shape
from charlm.engine.expression import Expression, Operand, apply
from charlm.engine.op import BadSample, Context, Gradients, Op, Sample
from charlm.engine.ops.arguments import real
from charlm.errors import ArgumentError, ShapeError

__all__ = ["argmax", "ceil", "flip_gradient", "floor", "nobackprop", "round", "scale_gradient"]

_STRAIGHT_THROUGH = {"zero_gradient": False, "straight_through_gradient": True}


@dataclass(eq=False)
class Step(Op, abstract=True):
    """A step function; the gradient is zero, or passes through unchanged."""

    straight_through: bool = True

    def shape(self, x: Shape) -> Shape:
        return x

    @abstractmethod
    def forward(self, ctx: Context, x: Array) -> Array:
        """The step function."""

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> Gradients:
        """Straight through or zero (Bengio et al., 2013)."""
        return [dy if self.straight_through else None]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(True), (((4,), 1),), -3, 3, differentiable=(False,))
        yield Sample(cls(False), (((3,), 2),), -3, 3, differentiable=(False,))


class Round(Step):
    """y = the whole number nearest to x; a half is rounded away from 0."""

    def forward(self, ctx: Context, x: Array) -> Array:
        """Not floor(x + 1/2): that would round the largest number below 1/2 up."""
        cut = np.trunc(x)
        return np.where(np.abs(x - cut) < 0.5, cut, cut + np.sign(x))


class Ceil(Step):
    """y = the smallest whole number of x or more."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.ceil(x)


class Floor(Step):
    """y = the largest whole number of x or less."""

    def forward(self, ctx: Context, x: Array) -> Array:
        return np.floor(x)


class Argmax(Step):
    """y = 1 at the first of the largest numbers of a vector, 0 elsewhere."""

    def shape(self, x: Shape) -> Shape:
        if len(x) != 1:
            raise self.error(f"a vector is needed, got shape {x}")
        return x

    def forward(self, ctx: Context, x: Array) -> Array:
        y = np.zeros_like(x)
        np.put_along_axis(y, x.argmax(axis=1, keepdims=True), 1, axis=1)
        return y

    @classmethod
    def bad_samples(cls) -> Iterable[BadSample]:
        yield BadSample(cls(), (((2, 3), 1),), r"a vector is needed, got shape \(2, 3\)")
        yield BadSample(cls(), (((3, 1), 1),), "a vector is needed")


@dataclass(eq=False)
class ScaleGradient(Op):
    """y = x; dx = factor dy."""

    factor: float = 1.0

    def shape(self, x: Shape) -> Shape:
        return x

    def forward(self, ctx: Context, x: Array) -> Array:
        return x

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> list[Array]:
        return [dy * self.factor]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        """Only the identity, with factor 1, has the gradient of its formula."""
        yield Sample(cls(), (((3,), 1),))
        yield Sample(cls(-2.5), (((2, 3), 2),), differentiable=(False,))


class NoBackprop(Op):
    """y = x; dx = 0, also where dy is not finite."""

    def shape(self, x: Shape) -> Shape:
        return x

    def forward(self, ctx: Context, x: Array) -> Array:
        return x

    def backward(self, ctx: Context, dy: Array, y: Array, x: Array) -> Gradients:
        return [None]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (((2, 3), 2),), differentiable=(False,))


def round(x: Operand, gradient_mode: str) -> Expression:
    """Return the nearest whole numbers, halves away from 0; ``gradient_mode`` as for ``argmax``."""
    return apply(Round(_straight_through(gradient_mode, "round")), x)


def ceil(x: Operand, gradient_mode: str) -> Expression:
    """Return the numbers rounded up; ``gradient_mode`` as for ``argmax``."""
    return apply(Ceil(_straight_through(gradient_mode, "ceil")), x)


def floor(x: Operand, gradient_mode: str) -> Expression:
    """Return the numbers rounded down; ``gradient_mode`` as for ``argmax``."""
    return apply(Floor(_straight_through(gradient_mode, "floor")), x)


def argmax(x: Operand, gradient_mode: str) -> Expression:
    """Return a vector with 1 at x's first largest number and 0 elsewhere.

    ``gradient_mode`` is ``"zero_gradient"``, or ``"straight_through_gradient"`` for the gradient of the
    identity.
    """
    return apply(Argmax(_straight_through(gradient_mode, "argmax")), x)


def nobackprop(x: Operand) -> Expression:
    """Return x; its gradient is zero."""
    return apply(NoBackprop(), x)


def flip_gradient(x: Operand) -> Expression:
    """Return x; the gradient changes its sign."""
    return apply(ScaleGradient(-1.0), x)


def scale_gradient(x: Operand, lambd: float = 1.0) -> Expression:
    """Return x; the gradient is multiplied by ``lambd``."""
    return apply(ScaleGradient(real(lambd, "scale_gradient")), x)


def _straight_through(gradient_mode: str, where: str) -> bool:
    if not isinstance(gradient_mode, str):
        raise ArgumentError(f"{where}: gradient_mode is a string, got {gradient_mode!r}")
    if gradient_mode not in _STRAIGHT_THROUGH:
        modes = " or ".join(map(repr, _STRAIGHT_THROUGH))
        raise ShapeError(f"{where}: gradient_mode is {modes}, got {gradient_mode!r}")
    return _STRAIGHT_THROUGH[gradient_mode]
