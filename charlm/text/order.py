"""Whether the lines of a text are sorted: read one after the other, they teach a model the end of the list only."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from charlm.text.vocab import Ids, Vocab

LOOKED_AT = 1000
"""Lines, evenly placed in the text; those of a sorted text are sorted too."""
BEGINNING = 80
"""Symbols of a line that tell its place."""
FEWEST = 8
"""Different lines; fewer may be in order by chance."""
IN_ORDER = 0.9
"""Share of neighbours; whatever sorted the lines may have had other rules than ours for a few."""


def lines_of(ids: Ids, vocab: Vocab) -> list[str]:
    """Return the beginnings of the lines that are looked at; empty lines do not count.

    Args:
        ids: a text whose newlines are ``EOS``.
        vocab: the symbols.
    """
    assert vocab.eos is not None
    ends = np.append(np.flatnonzero(ids == vocab.eos), len(ids))
    begins = np.append(0, ends[:-1] + 1)
    (full,) = np.nonzero(ends > begins)
    chosen = full[np.unique(np.linspace(0, len(full) - 1, min(LOOKED_AT, len(full))).astype(int))]
    return [
        vocab.decode(ids[begin : min(end, begin + BEGINNING)])
        for begin, end in zip(begins[chosen].tolist(), ends[chosen].tolist(), strict=True)
    ]


def order_of(lines: Sequence[str]) -> str:
    """Return how lines are sorted, as words for a sentence; nothing if they are not.

    They are compared by code points, without case, and as in a dictionary: without accents, spaces and punctuation
    too.

    Example:
        >>> order_of(["Ann", "bea", "Cora", "dan", "Eve", "fay", "Gil", "hugo", "Ivy"])
        'sorted'
        >>> order_of("the cat sat on the mat and saw a rat".split())
        ''
    """
    for key in (str, str.casefold, _letters):
        share, count = _rising(lines, key)
        if count >= FEWEST - 1 and share >= IN_ORDER:
            return "sorted"
        if count >= FEWEST - 1 and share <= 1 - IN_ORDER:
            return "sorted from the last to the first"
    return ""


def _rising(lines: Sequence[str], key: Callable[[str], str]) -> tuple[float, int]:
    """Return the share of neighbours that rise among those that differ, and the number of these."""
    rises = [first < second for first, second in pairwise(map(key, lines)) if first != second]
    return sum(rises) / max(1, len(rises)), len(rises)


def _letters(line: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", line.casefold())))
