"""The settings for a training time, a text and a machine: those of the presets, and values between them.

The presets were chosen on one machine, for a text of about a megabyte. What a training can use is work: additions and
multiplications. A slower machine does less in the same time, so it gets the settings of a shorter time. How often a
training reads its text decides how much dropout it needs.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Any

import attrs

from charlm.config.bundled import config_path
from charlm.config.presets import TIMED
from charlm.config.reading import read_file
from charlm.config.rules import seconds_of

SHORTEST, LONGEST = 30.0, 10_800.0
"""Seconds; a shorter or longer time gets the settings of these."""
CHARACTERS = 40_000 * 384**2
"""On the machine of the presets, characters per second times the square of the number of units."""
TEXT = 1_000_000
"""Characters of the text for which the presets were chosen, without the held-out part."""
STEP = 32
"""Units are a multiple of this: compiled code works on whole vectors."""
DROPOUT_STEP = 0.05
SIZE_POWER = 1 / 3
"""A text that is eight times shorter needs the dropout of twice as many passes: docs/recipes.md has the runs."""


@attrs.frozen
class Point:
    """A preset, as far as it depends on the time and the text."""

    name: str
    seconds: float
    units: int
    rate: float
    dropout: float
    input_dropout: float

    @property
    def passes(self) -> float:
        """How often its training reads the text."""
        return _passes(self.seconds, self.units, TEXT)


@cache
def points() -> tuple[Point, ...]:
    """Return the presets with a time, the shortest time first.

    >>> [point.name for point in points()]
    ['small', 'medium', 'large']
    """
    read = []
    for name in TIMED:
        config = read_file(config_path(name))[0].plain()
        model, train = config["model"], config["train"]
        read.append(
            Point(
                name,
                seconds_of(train["max_time"]),
                model["hidden_dim"],
                train["learning_rate"],
                model["dropout"],
                model.get("input_dropout", 0.0),
            )
        )
    return tuple(read)


@attrs.frozen
class Recipe:
    """The settings that depend on the time, the text and the machine; ``preset`` has the others."""

    preset: str
    units: int
    rate: float
    dropout: float
    input_dropout: float

    def settings(self) -> dict[str, Any]:
        """Return them as a part of a config."""
        model = {
            "hidden_dim": self.units,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
        }
        return {"model": model, "train": {"learning_rate": self.rate}}


def recipe(seconds: float, characters: int, speed: float = 1.0) -> Recipe:
    """Return the settings for a training.

    Args:
        seconds: its time.
        characters: of the text that it reads; its bytes are close enough.
        speed: of this machine, compared with that of the presets.

    >>> recipe(180, 1_000_000).preset
    'small'
    >>> recipe(600, 1_000_000).units < recipe(1200, 1_000_000).units
    True
    """
    work = min(LONGEST, max(SHORTEST, seconds * speed))
    known = points()
    times = [math.log(point.seconds) for point in known]
    at = math.log(work)
    units = math.exp(_line(at, times, [math.log(point.units) for point in known]))
    units = STEP * round(units / STEP)
    rates = [math.log(point.rate) for point in known]
    rate = math.exp(_line(min(max(at, times[0]), times[-1]), times, rates))
    return Recipe(
        max(
            (point for point in known if point.seconds <= work),
            key=lambda p: p.seconds,
            default=known[0],
        ).name,
        units,
        float(f"{rate:.3g}"),
        *_dropouts(_passes(work, units, characters), characters),
    )


def recipe_of(preset: str, characters: int, passes: float | None = None) -> Recipe:
    """Return the settings of a preset, with dropout for a text and a number of passes over it.

    Args:
        preset: its name.
        characters: of the text.
        passes: how often a training with a number of updates or epochs reads the text; None means as often as it is
            read in the time of the preset.

    >>> recipe_of("small", 100_000).dropout > recipe_of("small", 1_000_000).dropout
    True
    >>> recipe_of("small", 1_000_000, passes=1).dropout
    0.0
    """
    (point,) = (point for point in points() if point.name == preset)
    if passes is None:
        passes = _passes(point.seconds, point.units, characters)
    return Recipe(preset, point.units, point.rate, *_dropouts(passes, characters))


def _dropouts(passes: float, characters: int) -> tuple[float, float]:
    """Return dropout, and that of the embeddings, for a text that is read so often."""
    known = points()
    read = [0.0, *(math.log(point.passes) for point in known)]
    need = passes * (TEXT / max(1, characters)) ** SIZE_POWER
    at = min(math.log(max(1.0, need)), read[-1])
    return (
        _rounded(_line(at, read, [0.0, *(point.dropout for point in known)])),
        _rounded(_line(at, read, [0.0, *(point.input_dropout for point in known)])),
    )


def _passes(seconds: float, units: int, characters: int) -> float:
    return seconds * CHARACTERS / units**2 / max(1, characters)


def _line(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return the value at x of the line through two neighbours, or through the first or last two beyond the ends."""
    after = min(max(1, bisect_left(xs, x)), len(xs) - 1)
    part = (x - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] + part * (ys[after] - ys[after - 1])


def _rounded(dropout: float) -> float:
    return round(round(max(0.0, dropout) / DROPOUT_STEP) * DROPOUT_STEP, 2)
