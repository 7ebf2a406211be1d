"""DyNet's initialisers, with DyNet's names and arguments."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlm.engine.arrays import Array, DType, Shape
from charlm.engine.initializers import (
    Constant,
    FromArray,
    Glorot,
    Identity,
    Initializer,
    Normal,
    Saxe,
    Uniform,
)
from charlm.engine.ops.arguments import real, reals
from charlm.engine.random import RandomStream
from charlm.errors import MisuseError, ShapeError
from charlm.files import path_of, read_whole

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


MOST = 1 << 40
"""The largest file of numbers, in bytes."""


class PyInitializer:
    """The base class of all initialisers; ``draws`` is the initialiser of the engine that does the work."""

    draws: Initializer

    def __init__(self) -> None:
        raise MisuseError("PyInitializer is a base class; use one of its subclasses")


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
    """Glorot's uniform bound; ``is_lookup`` leaves out the number of rows."""

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


@dataclass(frozen=True)
class FromFile:
    """Whitespace-separated numbers from a text file, first axis fastest."""

    path: Path

    def __call__(self, dims: Shape, stream: RandomStream, dtype: DType) -> Array:
        """Read the value; ShapeError if the number of elements differs from that of ``dims``."""
        try:
            numbers = np.array(read_whole(self.path, MOST).decode().split(), dtype=dtype)
        except (OSError, ValueError) as error:
            raise ShapeError(f"{self.path}: cannot read initial values: {error}") from None
        if numbers.size != math.prod(dims):
            raise ShapeError(
                f"{self.path}: has {numbers.size} numbers, a parameter of shape {dims} needs {math.prod(dims)}"
            )
        return numbers.reshape(dims[::-1])


class FromFileInitializer(PyInitializer):
    """The numbers of a text file, column-major."""

    def __init__(self, fname: str | bytes) -> None:
        name = os.fsdecode(fname) if isinstance(fname, bytes) else fname
        self.draws = FromFile(path_of(name, "FromFileInitializer"))


def initializer(
    init: Any, dims: tuple[int, ...], scale: float, mean: float, std: float
) -> Initializer:
    """Return the initialiser for DyNet's ``init=``: None, a number, a name, an array or a PyInitializer."""
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
        f"init={init!r} is not an initialiser; give a number, an array, an initialiser object or one of "
        f"{', '.join(map(repr, named))}"
    )
