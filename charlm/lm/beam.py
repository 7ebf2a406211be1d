"""Beam search: an approximate search for the likeliest text, which keeps the likeliest beginnings at each step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from charlm.engine.arrays import Array
from charlm.errors import EvaluationError
from charlm.kernels.reference.sampling import ScoreStep
from charlm.lm.filters import normalised
from charlm.lm.sampling import NOT_NUMBERS, SampleFunction, TextPart, after_prime, chosen_rows
from charlm.text.vocab import Ids, Vocab


def beam_search(
    sample: SampleFunction,
    step: ScoreStep,
    vocab: Vocab,
    width: int,
    *,
    limit: int,
    prime: str = "",
    stop: str = "",
) -> Iterator[TextPart]:
    """Search for the likeliest text, and yield what all texts that are kept have in common, as soon as they do.

    The log-probability of a text is the sum over its symbols; longer texts get no bonus. A text ends with ``<EOS>``
    or before ``stop``. A text only becomes less likely as it grows, so the search ends when the likeliest text has
    ended. Of texts with equal probability, the first in alphabetical order is kept.

    Args:
        sample: the model's sampling function, which reads the prime.
        step: the model's function from symbols to scores.
        vocab: its symbols.
        width: how many texts are kept.
        limit: characters at most.
        prime: the text to continue.
        stop: the string to end before.
    """
    symbols_B, state = after_prime(sample, vocab, prime)
    beams = _Beams(vocab, vocab.encode(stop).astype(int))
    spell = vocab.speller()
    for _ in range(limit):
        scores_BV, state = step(symbols_B, state)
        parents_B, symbols_B = beams.grow(normalised(scores_BV), width)
        if beams.is_over():
            break
        state = chosen_rows(state, parents_B.tolist())
        shown = "".join(map(spell, beams.agreed()))
        yield TextPart(0, shown, None)
    text = "".join(map(spell, beams.rest())) + spell.end()
    yield TextPart(0, text, beams.is_over() or vocab.eos is None)


class _Beams:
    """The texts that are kept, the likeliest first, and the likeliest one that has ended."""

    def __init__(self, vocab: Vocab, stop: Ids) -> None:
        self._end = vocab.eos
        self._stop = stop
        self._texts_BN = np.empty((1, 0), int)  # what was not shown yet
        self._log_p_B = np.zeros(1)
        self._ended: Ids | None = None
        self._ended_log_p = -np.inf

    def grow(self, log_p_BV: Array, width: int) -> tuple[Ids, Ids]:
        """Add a symbol to each text; return the indices of the texts that are kept, and their new symbols."""
        total_BV = self._log_p_B[:, np.newaxis] + log_p_BV
        if np.isnan(total_BV).any():
            raise EvaluationError(NOT_NUMBERS)
        going: list[tuple[int, int]] = []
        # at most two symbols end a text: <EOS>, and the last symbol of the stop text
        for place in np.argsort(-total_BV, axis=None, kind="stable")[: 3 * width].tolist():
            parent, symbol = divmod(place, log_p_BV.shape[1])
            if len(going) == width or np.isneginf(total_BV[parent, symbol]):
                break
            text = np.append(self._texts_BN[parent], symbol)
            cut = self._cut(text)
            if cut is None:
                going.append((parent, symbol))
            elif total_BV[parent, symbol] > self._ended_log_p:
                self._ended, self._ended_log_p = text[:cut], total_BV[parent, symbol]
        parents_B, symbols_B = np.array(going, int).reshape(-1, 2).T
        self._texts_BN = np.column_stack([self._texts_BN[parents_B], symbols_B])
        self._log_p_B = total_BV[parents_B, symbols_B]
        return parents_B, symbols_B

    def is_over(self) -> bool:
        """Whether no unfinished text can become likelier than the one that has ended."""
        return not len(self._log_p_B) or self._ended_log_p >= self._log_p_B[0]

    def agreed(self) -> list[int]:
        """Remove and return the symbols that all texts begin with, except those that may belong to the stop text."""
        texts = [*self._texts_BN, *([] if self._ended is None else [self._ended])]
        most = min(self._texts_BN.shape[1] - max(0, len(self._stop) - 1), *map(len, texts))
        same = [all(text[n] == texts[0][n] for text in texts) for n in range(max(0, most))]
        count = (*same, False).index(False)
        symbols: list[int] = texts[0][:count].tolist()
        self._texts_BN = self._texts_BN[:, count:]
        if self._ended is not None:
            self._ended = self._ended[count:]
        return symbols

    def rest(self) -> list[int]:
        """Return the remaining symbols of the likeliest text."""
        text = self._ended if self._ended is not None and self.is_over() else self._texts_BN[0]
        symbols: list[int] = text.tolist()
        return symbols

    def _cut(self, text: Ids) -> int | None:
        """Return the length of a text without its end; None if its last symbol does not end it."""
        if text[-1] == self._end:
            return len(text) - 1
        size = len(self._stop)
        return len(text) - size if size and np.array_equal(text[-size:], self._stop) else None
