"""DyNet's initialisers under DyNet's names."""

from __future__ import annotations

import os
from pathlib import Path
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
from charlm.errors import ShapeError


def NormalInitializer(mean: float = 0, var: float = 1) -> Initializer:
    """Return N(mean, var); the second number is a variance."""
    return Normal(mean, var)


def UniformInitializer(scale: float) -> Initializer:
    """Return U(-scale, scale)."""
    return Uniform(scale)


def ConstInitializer(c: float) -> Initializer:
    """Return the same number everywhere."""
    return Constant(c)


def IdentityInitializer() -> Initializer:
    """Return the identity matrix."""
    return Identity()


def GlorotInitializer(is_lookup: bool = False, gain: float = 1.0) -> Initializer:
    """Return Glorot's uniform bound; ``is_lookup`` does not count the number of rows."""
    return Glorot(is_lookup, gain)


def SaxeInitializer(scale: float = 1.0) -> Initializer:
    """Return a random orthogonal matrix times ``scale``."""
    return Saxe(scale)


def NumpyInitializer(array: Any) -> Initializer:
    """Return the numbers of an array."""
    return FromArray(array)


def FromFileInitializer(fname: str | bytes) -> Initializer:
    """Return the numbers of a text file, column-major."""
    return FromFile(Path(os.fsdecode(fname)))


def initializer(init: Any, dims: tuple[int, ...], scale: float, mean: float, std: float) -> Any:
    """Return the initialiser for what DyNet takes as ``init=``: None, a number, a name, an array, an initialiser."""
    named = {
        "glorot": Glorot(),
        "identity": Identity(),
        "uniform": Uniform(scale),
        "normal": Normal(mean, std * std),
        "he": Normal(0.0, 1 / (2 * dims[-1])),
    }
    if init is None:
        return Glorot()
    if isinstance(init, (int, float)):
        return Constant(float(init))
    if isinstance(init, str) and init in named:
        return named[init]
    if isinstance(init, np.ndarray):
        return FromArray(init)
    if callable(init):
        return init
    raise ShapeError(
        f"init={init!r} is no initialiser; give a number, an array, an initialiser object or one of "
        f"{', '.join(map(repr, named))}"
    )
