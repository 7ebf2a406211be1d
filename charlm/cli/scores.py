"""How scores and baselines are shown: tables for people, and plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from charlm.baselines.counting import nll_to_bpc, nll_to_perplexity
from charlm.baselines.measure import Baselines


def score_table(rows: list[tuple[str, float]]) -> str:
    """Return names and nlls, with bits and perplexities beside them.

    Example:
        >>> print(score_table([("uniform", 0.6931471805599453)]))
                        nats     bits  perplexity
          uniform     0.6931   1.0000       2.000
        >>> print(score_table([("this model", 75583.6898)]))
                           nats         bits  perplexity
          this model 75583.6898  109044.2144         inf
    """
    cells = [("", "nats", "bits", "perplexity")]
    for name, nll in rows:
        cells.append(
            (name, f"{nll:.4f}", f"{nll_to_bpc(nll):.4f}", f"{nll_to_perplexity(nll):.3f}")
        )
    least = (10, 7, 7, 10)
    name_width, *widths = (
        max(n, *map(len, column)) for n, column in zip(least, zip(*cells, strict=True), strict=True)
    )
    return "\n".join(
        f"  {name:<{name_width}} "
        + "  ".join(f"{n:>{w}}" for n, w in zip(numbers, widths, strict=True))
        for name, *numbers in cells
    )


def every_order(found: Baselines) -> list[tuple[str, float]]:
    """Return the rows of all baselines, with n-grams of every order."""
    orders = [(f"{order}-gram", nll) for order, nll in enumerate(found.ngram, start=1)]
    return [("uniform", found.uniform), ("unigram", found.unigram), *orders[1:], ("xz", found.xz)]


def baselines_data(found: Baselines) -> dict[str, Any]:
    """Return baselines as plain data, in nats per character."""
    return {**asdict(found), "best_order": found.best_order, "best": found.best}
