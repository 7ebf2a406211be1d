"""The scores of a text as a page: characters coloured by rank, and histograms of ranks, probabilities and entropies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from charlm.lm.evaluation import Floats
from charlm.lm.lines import Span
from charlm.lm.reader import Piece
from charlm.reporting.coloured import RANKS, Histogram, Mark, page, rank_levels
from charlm.text.vocab import Vocab
from charlm.wording import counted

SHOWN = 20_000
"""The most characters on a page, because browsers are slow with more. The histograms count all characters."""
ALTERNATIVES = 5
BINS = 10
_RANKS = np.array([1, 2, 3, 4, 11, 31, np.inf])


def marks_of(piece: Piece, vocab: Vocab) -> Iterator[Mark]:
    """Yield the symbols of a piece, coloured by rank."""
    ranks = piece.ranks.tolist()
    others, probabilities = (part.tolist() for part in piece.likeliest(ALTERNATIVES))
    bits, entropies = piece.bits, piece.entropies / np.log(2)
    for t, (symbol, level) in enumerate(zip(piece.ids_T, rank_levels(ranks), strict=True)):
        note = f"rank {ranks[t]}, surprisal {bits[t]:.2f} bits, entropy {entropies[t]:.2f} bits"
        likeliest = zip((vocab.symbols[i] for i in others[t]), probabilities[t], strict=True)
        yield Mark(vocab.symbols[symbol], level, note, tuple(likeliest))


class ScorePage:
    """A page about a text, which is added in parts. Only the characters on the page are in memory.

    Args:
        vocab: the symbols of the model.
    """

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab
        self._marks: list[Mark] = []
        self._symbols = 0
        self._nll = 0.0
        self._ranks = np.zeros(len(_RANKS) - 1, int)
        self._probabilities, self._entropies = np.zeros(BINS, int), np.zeros(BINS, int)

    def take(self, spans: Iterable[Span]) -> None:
        """Add scored parts of a text."""
        most = np.log(len(self._vocab))
        for span in spans:
            piece = span.piece
            room = SHOWN - len(self._marks)
            self._marks += marks_of(piece[:room], self._vocab) if room else ()
            self._symbols += len(piece.ids_T)
            self._nll += float(piece.nlls.sum())
            self._ranks += np.histogram(piece.ranks, _RANKS)[0]
            self._probabilities += np.histogram(np.exp(-piece.nlls), BINS, (0, 1))[0]
            self._entropies += np.histogram(np.clip(piece.entropies, 0, most), BINS, (0, most))[0]

    def html(self, run: str, texts: Sequence[str]) -> str:
        """Return the page about texts that the model of a run has scored."""
        symbol, bits = self._vocab.symbol, self._nll / max(1, self._symbols) / np.log(2)
        about = [
            f"{counted(self._symbols, symbol)}, {bits:.4f} bits/{self._vocab.unit}. The surprisal of a {symbol} is "
            "-log2 of its probability. The entropy is the surprisal that the model expects."
        ]
        if self._symbols > len(self._marks):
            about.append(
                f"The text below is the first {counted(len(self._marks), symbol)}; the histograms count all of them."
            )
        return page(
            f"{', '.join(texts)}, scored by {run}",
            about,
            RANKS,
            self._marks,
            [
                Histogram(
                    "Rank",
                    _labelled(["1", "2", "3", "4 to 10", "11 to 30", "over 30"], self._ranks),
                ),
                Histogram("Probability", _ranges(np.linspace(0, 1, BINS + 1), self._probabilities)),
                Histogram(
                    "Entropy in bits",
                    _ranges(np.linspace(0, np.log2(len(self._vocab)), BINS + 1), self._entropies),
                ),
            ],
        )


def _labelled(labels: Sequence[str], counts: Iterable[int]) -> list[tuple[str, int]]:
    return [(label, int(count)) for label, count in zip(labels, counts, strict=True)]


def _ranges(edges: Floats, counts: Iterable[int]) -> list[tuple[str, int]]:
    return _labelled([f"{a:.1f} to {b:.1f}" for a, b in pairwise(edges)], counts)
