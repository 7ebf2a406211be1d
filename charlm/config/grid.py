"""Grids: settings with several values each, and all their combinations."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from charlm.config.keys import key_meant, keys
from charlm.config.rules import suggestion
from charlm.errors import ConfigError

_COMMA = re.compile(r",(?![^\[]*\])")  # but not inside a list

_OTHERWISE = {
    "name": "the values name the models of a grid; leave it out",
    "train.seed": "each model is trained with several seeds; --seeds says how many",
}

Point: TypeAlias = tuple[tuple[str, str], ...]
"""A key and a value for each setting of a grid."""


def points_of(grid: Sequence[str]) -> list[Point]:
    """Return the combinations of a grid, given as ``KEY=VALUE,VALUE...`` for each of its settings.

    Raises:
        ConfigError: a key is unknown or given twice, or a setting has fewer than two values, or one twice.

    >>> points_of(["model.layers=1,2", "data.seq_length=7,8"])[1]
    (('model.layers', '1'), ('data.seq_length', '8'))
    >>> points_of(["model.hidden_dim=[64,32],[128,64]"])
    [(('model.hidden_dim', '[64,32]'),), (('model.hidden_dim', '[128,64]'),)]
    """
    axes = [_axis(option) for option in grid]
    for key, count in Counter(key for key, _ in axes).items():
        if count > 1:
            raise ConfigError(f"--grid {key}: given {count} times; give all its values at once")
    return list(itertools.product(*([(key, value) for value in values] for key, values in axes)))


def name_of_point(point: Point) -> str:
    """Return the name of a combination: its values, with the last part of their keys.

    >>> name_of_point((("model.hidden_dim", "64"), ("train.learning_rate", "1e-3")))
    'hidden_dim=64,learning_rate=1e-3'
    """
    return ",".join(f"{key.rpartition('.')[2]}={value.replace('/', '-')}" for key, value in point)


def _axis(option: str) -> tuple[str, list[str]]:
    key, _, listed = option.partition("=")
    key, values = key.strip(), [value.strip() for value in _COMMA.split(listed)]
    if key not in keys():
        meant = key_meant(key)
        hint = f"; did you mean {meant}?" if meant else suggestion(key, keys())
        raise ConfigError(f"--grid {option}: unknown key {key!r}{hint}")
    if key in _OTHERWISE:
        raise ConfigError(f"--grid {option}: {_OTHERWISE[key]}")
    if len(values) < 2 or not all(values) or len(set(values)) < len(values):
        raise ConfigError(
            f"--grid {option}: expected two different values or more, as in model.hidden_dim=64,128"
        )
    return key, values
