"""Scores and baselines, as tables for people and as plain data."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import attrs

from charlm.baselines.counting import nll_to_bpc, nll_to_perplexity
from charlm.baselines.measure import Baselines
from charlm.baselines.verdict import against_baselines
from charlm.cli.terminal.layout import filled, listed, table
from charlm.lm.scoring import MIX_ORDER, Evaluation
from charlm.wording import counted, fixed

_ADAPTIVE = " (these n-grams do not adapt; --mix ngram shows one that adapts like the model)"


def shown_perplexity(perplexity: float) -> str:
    """Return a perplexity, or its error, for reading.

    Example:
        >>> shown_perplexity(4.5562), shown_perplexity(8.1e226), shown_perplexity(math.inf)
        ('4.556', '8.1e+226', 'inf')
    """
    return f"{perplexity:.3f}" if perplexity < 1e6 else f"{perplexity:.3g}"


def score_table(rows: list[tuple[str, float]]) -> str:
    """Return a table of names and nlls, with bits and perplexities.

    Example:
        >>> print(score_table([("uniform", 0.6931471805599453)]))
                        nats     bits  perplexity
          uniform     0.6931   1.0000       2.000
        >>> print(score_table([("this model", 75583.6898)]))
                            nats         bits  perplexity
          this model  75583.6898  109044.2144         inf
    """
    cells = [(" " * 10, "nats", "   bits", "perplexity")]
    for name, nll in rows:
        perplexity = shown_perplexity(nll_to_perplexity(nll))
        cells.append((name, fixed(nll), fixed(nll_to_bpc(nll)), perplexity))
    return table(cells, "<>>>", "  ")


def how_scored(score: Evaluation) -> str:
    """Return the options of a scoring, as the end of a message."""
    words = ""
    if score.rate is not None:
        words = f", learns from the text it scores (--dynamic), learning rate {score.rate:g}"
    if score.mix is not None:
        counts = "of the training text" if score.rate is None else "that also learn from this text"
        words += (
            f", mixed with {MIX_ORDER}-grams {counts}; the mixture learns the model's weight, which is "
            f"{score.mix.weight:.2f} on average"
        )
    return words


def evaluation_lines(score: Evaluation, baselines: Baselines | None, unit: str) -> list[str]:
    """Return a text's score, compared with the baselines if there are any."""
    symbol = "byte" if unit == "byte" else "character"
    perplexity = shown_perplexity(score.perplexity)
    if math.isfinite(score.perplexity):
        perplexity += f" +- {shown_perplexity(score.perplexity_error)}"
    parts = [
        f"{fixed(score.nll)} +- {score.standard_error:.4f} nats/{unit}",
        f"{fixed(score.bpc)} bits/{unit}",
        *([] if unit == "byte" else [f"{fixed(score.bits_per_byte)} bits/byte"]),
        f"perplexity {perplexity}",
    ]
    of_what = "" if score.mix is None else ", the mixture"
    lines = [listed(counted(score.characters, symbol) + of_what, parts)]
    if baselines is None:
        return lines
    frozen = score.rate is None
    model = "this model" if frozen else "this model, dynamic"
    mix = score.mix
    if mix is None:
        return [
            *lines,
            score_table([*baselines.rows(), (model, score.nll)]),
            filled(
                against_baselines(score.nll, baselines) + ("" if frozen else _ADAPTIVE), then="  "
            ),
        ]
    ngram = f"{'frozen' if frozen else 'adaptive'} {MIX_ORDER}-gram"
    mixture = f"mixture: {mix.weight:.2f} model, {1 - mix.weight:.2f} {MIX_ORDER}-gram"
    rows = [(model, mix.model_nll), (ngram, mix.ngram_nll), (mixture, score.nll)]
    gain = mix.ngram_nll - score.nll
    return [
        *lines,
        score_table([*baselines.rows(), *rows]),
        f"the model alone: {against_baselines(mix.model_nll, baselines)}",
        f"the mixture: {abs(gain):.4f} nats {'better' if gain > 0 else 'worse'} than the {ngram} alone",
    ]


def evaluation_data(score: Evaluation, baselines: Baselines | None) -> dict[str, Any]:
    """Return the score of a text as plain data; a number that is not finite is None."""
    numbers = {
        "nll": score.nll,
        "bpc": score.bpc,
        "perplexity": score.perplexity,
        "standard_error": score.standard_error,
        "perplexity_error": score.perplexity_error,
        "bits_per_byte": score.bits_per_byte,
    }
    mixed: dict[str, Any] | None = None
    if score.mix is not None:
        mixed = {"order": MIX_ORDER, "adaptive": score.rate is not None}
        mixed |= _finite(dataclasses.asdict(score.mix))
    return {
        **_finite(numbers),
        "characters": score.characters,
        "bytes": score.bytes,
        "dynamic": None if score.rate is None else {"rate": score.rate},
        "mix": mixed,
        "baselines": None if baselines is None else dict(baselines.rows()),
    }


def _finite(numbers: dict[str, float]) -> dict[str, float | None]:
    return {name: n if math.isfinite(n) else None for name, n in numbers.items()}


def every_order(baselines: Baselines) -> list[tuple[str, float]]:
    """Return the rows of all baselines, with n-grams of every order."""
    orders = [(f"{order}-gram", nll) for order, nll in enumerate(baselines.ngram, start=1)]
    first = [("uniform", baselines.uniform), ("unigram", baselines.unigram)]
    return [*first, *orders[1:], ("xz", baselines.xz)]


def baselines_data(baselines: Baselines) -> dict[str, Any]:
    """Return baselines as plain data, in nats per character."""
    return {**attrs.asdict(baselines), "best_order": baselines.best_order, "best": baselines.best}
