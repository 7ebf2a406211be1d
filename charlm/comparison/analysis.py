"""How much context a text needs: the tutorial's explanation, checked on the text of the comparison.

The tutorial explains the quick success of the simple RNN: the sentence has each bigram only once, so a trigram
model can learn it by heart. Both parts are counted here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from charlm.text.vocab import EOS


@dataclass(frozen=True)
class BigramReport:
    """The counts of the bigrams of a text: pairs of neighbouring symbols.

    Attributes:
        bigrams: the number of pairs.
        distinct: the number of different pairs.
        repeated: those that occur more than once, with their counts, the most frequent first.
        determined: whether every pair has only one next symbol. Then a trigram model, which sees two symbols,
            can learn the text by heart.
    """

    bigrams: int
    distinct: int
    repeated: tuple[tuple[str, int], ...]
    determined: bool

    @property
    def unique(self) -> bool:
        """Whether each bigram occurs once."""
        return self.bigrams == self.distinct


def bigrams_of(text: str, lines: bool) -> BigramReport:
    r"""Count the bigrams of a text; with ``lines`` each line is framed by ``<EOS>``.

    Example:
        >>> report = bigrams_of("a quick brown fox jumped over the lazy dog\n", lines=True)
        >>> report.bigrams, report.unique, report.determined
        (43, True, True)
        >>> bigrams_of("banana", lines=False).repeated
        (('an', 2), ('na', 2))
    """
    sequences = [[EOS, *line, EOS] for line in text.split("\n") if line] if lines else [list(text)]
    pairs = Counter(p for s in sequences for p in pairwise(s))
    successors: dict[tuple[str, str], set[str]] = {}
    for s in sequences:
        for first, second, third in zip(s, s[1:], s[2:], strict=False):
            successors.setdefault((first, second), set()).add(third)
    repeated = tuple(("".join(p), n) for p, n in pairs.most_common() if n > 1)
    determined = all(len(following) == 1 for following in successors.values())
    return BigramReport(sum(pairs.values()), len(pairs), repeated, determined)
