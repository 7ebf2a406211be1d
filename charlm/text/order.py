"""Whether the lines of a text are sorted: a model that reads them in order learns only the end of the list."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from charlm.text.vocab import Ids, Vocab

LOOKED_AT = 1000
"""How many lines, at equal distances, are compared; those of a sorted text are sorted too."""
BEGINNING = 80
"""How many symbols at the beginning of a line are compared."""
FEWEST = 8
"""The minimum number of different lines; fewer may be in order by chance."""
IN_ORDER = 0.9
"""The minimum share of neighbours in order; the lines may have been sorted by slightly other rules."""


def lines_of(ids: Ids, vocab: Vocab) -> list[str]:
    """Return the beginnings of the lines to compare, without empty lines.

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
    """Return how lines are sorted, in words; an empty text if they are not.

    They are compared in three ways: by code points, without case, and also without accents, spaces and punctuation.

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
    """Return the share of rising pairs among neighbours that differ, and the number of such neighbours."""
    rises = [first < second for first, second in pairwise(map(key, lines)) if first != second]
    return sum(rises) / max(1, len(rises)), len(rises)


def _letters(line: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", line.casefold())))
