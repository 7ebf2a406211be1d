"""DyNet's initialisers under DyNet's names and arguments; what they draw is the engine's."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from charlm.engine.initializers import (
    Constant,
    FromArray,
    FromFile,
    Glorot,
    Identity,
    Initializer,
    Normal,
    Saxe,
    Uniform,
)
from charlm.engine.ops.arguments import real, reals
from charlm.errors import MisuseError, ShapeError
from charlm.files import path_of

__all__ = [
    "ConstInitializer",
    "FromFileInitializer",
    "GlorotInitializer",
    "IdentityInitializer",
    "NormalInitializer",
    "NumpyInitializer",
    "PyInitializer",
    "SaxeInitializer",
    "UniformInitializer",
]


class PyInitializer:
    """What all initialisers are; ``draws`` is the engine's initialiser."""

    draws: Initializer

    def __init__(self) -> None:
        raise MisuseError("PyInitializer gives no numbers; use one of its subclasses")


class NormalInitializer(PyInitializer):
    """N(mean, var); the second number is a variance."""

    def __init__(self, mean: float = 0, var: float = 1) -> None:
        self.draws = Normal(real(mean, "NormalInitializer"), real(var, "NormalInitializer"))


class UniformInitializer(PyInitializer):
    """U(-scale, scale)."""

    def __init__(self, scale: float) -> None:
        self.draws = Uniform(real(scale, "UniformInitializer"))


class ConstInitializer(PyInitializer):
    """The same number everywhere."""

    def __init__(self, c: float) -> None:
        self.draws = Constant(real(c, "ConstInitializer"))


class IdentityInitializer(PyInitializer):
    """The identity matrix; the parameter must be square."""

    def __init__(self) -> None:
        self.draws = Identity()


class GlorotInitializer(PyInitializer):
    """Glorot's uniform bound; ``is_lookup`` leaves the number of rows out of it."""

    def __init__(self, is_lookup: bool = False, gain: float = 1.0) -> None:
        self.draws = Glorot(bool(is_lookup), real(gain, "GlorotInitializer"))


class SaxeInitializer(PyInitializer):
    """A random orthogonal matrix times ``scale``; the parameter must be square."""

    def __init__(self, scale: float = 1.0) -> None:
        self.draws = Saxe(real(scale, "SaxeInitializer"))


class NumpyInitializer(PyInitializer):
    """The numbers of an array."""

    def __init__(self, array: Any) -> None:
        self.draws = FromArray(reals(array, "NumpyInitializer"))


class FromFileInitializer(PyInitializer):
    """The numbers of a text file, column-major."""

    def __init__(self, fname: str | bytes) -> None:
        name = os.fsdecode(fname) if isinstance(fname, bytes) else fname
        self.draws = FromFile(path_of(name, "FromFileInitializer"))


def initializer(
    init: Any, dims: tuple[int, ...], scale: float, mean: float, std: float
) -> Initializer:
    """Return what DyNet takes as ``init=``: None, a number, a name, an array or a PyInitializer."""
    if init is None:
        return Glorot()
    if isinstance(init, (int, float)):
        return Constant(float(init))
    if isinstance(init, np.ndarray):
        return FromArray(reals(init, "init"))
    if isinstance(init, PyInitializer):
        return init.draws
    named: dict[Any, Initializer] = {
        "glorot": Glorot(),
        "identity": Identity(),
        "uniform": Uniform(real(scale, "scale")),
        "normal": Normal(real(mean, "mean"), real(std, "std") ** 2),
        "he": Normal(0.0, 1 / (2 * dims[-1])),
    }
    if isinstance(init, str) and init in named:
        return named[init]
    raise ShapeError(
        f"init={init!r} is no initialiser; give a number, an array, an initialiser object or one of "
        f"{', '.join(map(repr, named))}"
    )
