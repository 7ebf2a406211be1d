"""How scores and baselines are shown: tables for people, and plain data."""

from __future__ import annotations

import math
from typing import Any

import attrs

from charlm.baselines.counting import nll_to_bpc
from charlm.baselines.measure import Baselines


def score_table(rows: list[tuple[str, float]]) -> str:
    """Return names and nlls, with bits and perplexities beside them.

    Example:
        >>> print(score_table([("uniform", 0.6931471805599453)]))
                        nats     bits  perplexity
          uniform     0.6931   1.0000       2.000
    """
    width = max(10, *(len(name) for name, _ in rows))
    lines = [f"  {'':<{width}} {'nats':>7}  {'bits':>7}  perplexity"]
    for name, nll in rows:
        lines.append(
            f"  {name:<{width}} {nll:>7.4f}  {nll_to_bpc(nll):>7.4f}  {math.exp(nll):>10.3f}"
        )
    return "\n".join(lines)


def every_order(found: Baselines) -> list[tuple[str, float]]:
    """Return the rows of all baselines, with n-grams of every order."""
    orders = [(f"{order}-gram", nll) for order, nll in enumerate(found.ngram, start=1)]
    return [("uniform", found.uniform), ("unigram", found.unigram), *orders[1:], ("xz", found.xz)]


def baselines_data(found: Baselines) -> dict[str, Any]:
    """Return baselines as plain data, in nats per character."""
    return {**attrs.asdict(found), "best_order": found.best_order, "best": found.best}
