"""Texts generated from the n-grams of a text, for comparison with those of a network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from charlm import progress
from charlm.baselines.ngram import NGram
from charlm.engine.arrays import Array
from charlm.kernels.reference.sampling import Draws, State
from charlm.lm.generator import Predicts, TextGenerator
from charlm.lm.sampling import STREAM_LENGTH, sample_stepwise
from charlm.text.reading import NONE, Form
from charlm.text.vocab import Ids, Vocab


class NGramGenerator(TextGenerator):
    """Generates texts from interpolated Kneser-Ney n-grams (``charlm.baselines.ngram``).

    Args:
        vocab: the symbols.
        ids: the text that is counted.
        order: the n of the n-grams: a character is predicted from the ``order - 1`` before it.
        line_limit: where a text of a model of lines is cut.
        normalize: how the text was normalised.

    Example:
        >>> text = "the cat sat on the mat. " * 20
        >>> vocab = Vocab.from_text(text, eos=False)
        >>> NGramGenerator(vocab, vocab.encode(text), order=6).sample(23, greedy=True, prime="the c")
        'at sat on the mat. the '
    """

    def __init__(
        self,
        vocab: Vocab,
        ids: Ids,
        order: int,
        line_limit: int = STREAM_LENGTH,
        normalize: Form = NONE,
    ) -> None:
        self.vocab = vocab
        self.line_limit = line_limit
        self.normalize = normalize
        with progress.task("counting", order):
            self.counts = NGram(ids, len(vocab), order)

    @contextlib.contextmanager
    def predictor(self) -> Iterator[Predicts]:
        """Return the probabilities of the n-grams."""
        yield _Counted(self.counts, self.vocab)


class _Counted:
    """The probabilities from counts. The state is the last symbols of each text, -1 before its beginning."""

    def __init__(self, counts: NGram, vocab: Vocab) -> None:
        self._counts = counts
        self._unknown = vocab.unknown

    def step(self, symbols_B: Ids, state: State | None, /) -> tuple[Array, State]:
        after = self._read(symbols_B[np.newaxis], state)
        with progress.unheard():
            log_p = np.log(self._counts.distributions(after[0][0])[-1])
        if self._unknown is not None:
            log_p[:, self._unknown] = -np.inf
        return log_p, after

    def sample(self, symbols_TB: Ids, state: State | None, draws: Draws) -> tuple[Ids, State]:
        return sample_stepwise(self._read, self.step, symbols_TB, state, draws)

    def _read(self, symbols_TB: Ids, state: State | None) -> State:
        size = self._counts.order - 1
        texts = symbols_TB.shape[1]
        before_BN = np.full((texts, size), -1) if state is None else state[0][0]
        joined = np.concatenate([before_BN, symbols_TB.T], axis=1)
        return [(joined[:, joined.shape[1] - size :],)]
