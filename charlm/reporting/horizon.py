"""How far back a model looks, in words, as a picture, and as the colours of one prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charlm.lm.evaluation import Floats
from charlm.lm.horizon import Horizon
from charlm.reporting.coloured import Mark, Scale
from charlm.reporting.pictures import new_figure, write_picture
from charlm.wording import counted, fixed

NEAR = 0.01
"""Scores that differ by at most this many bits are called equal."""

SHARES = Scale(
    "size of the gradient, as a share of the largest",
    {0: "under 1/16", 1: "1/16 or more", 2: "1/8 or more", 3: "1/4 or more", 4: "1/2 or more"},
)
_SHARE_ENDS = np.array([1 / 16, 1 / 8, 1 / 4, 1 / 2])


def in_words(report: Horizon, ngrams: dict[int, float], unit: str, symbol: str) -> list[str]:
    """Return sentences about how far back a model looks.

    Args:
        report: the horizon of the model.
        ngrams: the mean surprisal in bits of n-grams at the same places, by the number of characters that they see.
        unit: char or byte, as in bits/char.
        symbol: character or byte.
    """
    said = [
        f"Half of the gradient falls on the last {counted(report.lag_of(0.5), symbol)}, 90% on the last "
        f"{report.lag_of(0.9)}."
    ]
    enough = report.enough(NEAR)
    best = f"{fixed(report.whole)} bits/{unit}"
    if enough is None or enough == max(report.context):
        said.append(f"The model reaches {best}, and gains from all of its context.")
    else:
        said.append(
            f"The model reaches {best}. With only the last {counted(enough, symbol)} it is within {NEAR} bits of "
            "its best score."
        )
    seen, bits = min(ngrams.items(), key=lambda item: item[1])
    gap = bits - report.whole
    counting = f"The best n-gram sees {counted(seen, symbol)} and reaches {fixed(bits)}"
    if gap > NEAR:
        said.append(
            f"{counting}: the model is {fixed(gap)} better. It has learned more than counts can show."
        )
    elif gap < -NEAR:
        said.append(
            f"{counting}: the model is {fixed(-gap)} worse. It has not learned all that counts show."
        )
    else:
        said.append(
            f"{counting}: the model is as good. It may have learned no more than counts show."
        )
    return said


def horizon_picture(path: Path, report: Horizon, ngrams: dict[int, float], unit: str) -> None:
    """Write a PNG file with two charts: the gradient by lag, and the score by context.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    figure = new_figure(size=(10, 4.5))
    left, right = figure.subplots(1, 2)
    left.plot(range(1, 1 + len(report.gradients)), report.gradients, marker=".")
    left.set(xlabel=f"lag ({unit}s back)", ylabel="gradient norm", yscale="log", xscale="log")
    right.plot([*report.context], [*report.context.values()], marker=".", label="this model")
    right.plot([*ngrams], [*ngrams.values()], marker=".", label="n-gram")
    right.axhline(report.whole, color="grey", linestyle=":", label="this model, all context")
    right.set(xlabel=f"context kept ({unit}s)", ylabel=f"bits/{unit}", xscale="log")
    right.legend()
    write_picture(path, figure)


def explained_marks(symbols: Sequence[str], norms: Floats) -> list[Mark]:
    """Return symbols, coloured by the size of the gradient of a prediction with respect to each of them."""
    largest = float(norms.max(initial=0)) or 1.0
    levels = np.searchsorted(_SHARE_ENDS, norms / largest, side="right")
    return [
        Mark(symbol, int(level), f"gradient {norm:.3g}, {norm / largest:.0%} of the largest")
        for symbol, level, norm in zip(symbols, levels, norms.tolist(), strict=True)
    ]
