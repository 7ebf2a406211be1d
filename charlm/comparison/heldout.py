"""Scoring the held-out text of a comparison: every member scores the same blocks of the original text."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import attrs
import numpy as np
import numpy.typing as npt

from charlm import progress
from charlm.comparison.plan import Span
from charlm.comparison.results import BlockScores
from charlm.config import DataConfig
from charlm.lm.evaluation import WARM_UP, Floats, read
from charlm.lm.model import Model
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.encoding import counts_of
from charlm.text.sizes import (
    NO_SIZES,
    Sizes,
    unknown_sizes,
    unknown_sizes_in_order,
    utf_8_length,
    utf_8_sizes,
)
from charlm.text.vocab import Ids, Vocab

BLOCK = 1000
"""The minimum characters of a block: the scores of neighbouring characters are not independent."""
MOST_BLOCKS = 1000


class HeldOutText:
    """The held-out part of a corpus, with the place of each of its symbols in the text.

    Attributes:
        span: the part.
        size: the bytes of the whole text in UTF-8, as the corpus reads it.
        unknown: the number of held-out symbols that are ``<UNK>``.
    """

    def __init__(self, corpus: LineCorpus | StreamCorpus, data: DataConfig) -> None:
        vocab, held_out = corpus.vocab, corpus.held_out_ids
        before, after = corpus.train_ids, corpus.test_ids
        sizes = partial(unknown_sizes_in_order, corpus, data)
        if data.val_file is not None:  # a text of its own
            before, after = before[:0], after[:0]
            sizes = partial(unknown_sizes, attrs.evolve(data, text=data.val_file), vocab)
        with progress.unheard():
            first, unknown, last = _unknown(vocab, (before, held_out, after), sizes)
        self._corpus = corpus
        self._sizes = _sizes(vocab, held_out, unknown)
        begin = utf_8_length(vocab, before, first)
        self.span = Span(begin=begin, end=begin + int(self._sizes.sum(dtype=np.int64)))
        self.size = self.span.end + utf_8_length(vocab, after, last)
        self.unknown = len(unknown)

    def score(self, model: Model, span: Span) -> BlockScores:
        """Score a part with a model, which reads the end of the training text first."""
        ids = self._corpus.held_out_ids
        before = self._corpus.train_ids[-WARM_UP - 1 :]
        with progress.task("scoring", len(ids)):
            nlls = read(model, np.append(before, ids), len(before))
        return self.blocks(nlls, span)

    def blocks(self, nlls: Floats, span: Span) -> BlockScores:
        """Add up the nlls of the held-out symbols, in blocks of a part."""
        sizes, first = self._sizes, self._begins_character()
        begins = self.span.begin + np.append(0, np.cumsum(sizes, dtype=np.int64)[:-1])
        wanted = (begins >= span.begin) & (begins < span.end)
        wanted &= np.cumsum(first & wanted) > 0  # not the rest of a character before the part
        nlls, sizes, first = nlls[wanted], sizes[wanted], first[wanted]
        characters = int(first.sum())
        length = max(BLOCK, math.ceil(characters / MOST_BLOCKS))
        count = max(1, characters // length)
        block = np.minimum((np.cumsum(first) - 1) // length, count - 1)  # the last takes the rest
        return BlockScores(
            nats=tuple(np.bincount(block, nlls, count).tolist()),
            characters=tuple(map(int, np.bincount(block, first, count))),
            bytes=tuple(map(int, np.bincount(block, sizes, count))),
            symbols=len(nlls),
        )

    def _begins_character(self) -> npt.NDArray[np.bool_]:
        """Return for each held-out symbol whether it is a character or the first byte of one in UTF-8."""
        ids = self._corpus.held_out_ids
        if not self._corpus.vocab.is_bytes:
            return np.ones(len(ids), bool)
        return np.asarray((ids & 0xC0) != 0x80)


def _unknown(vocab: Vocab, parts: tuple[Ids, ...], sizes: Callable[[], Sizes]) -> list[Sizes]:
    """Return the sizes of the ``<UNK>`` in each of the consecutive parts of a text; they are read if it has any."""
    if vocab.unknown is None:
        return [NO_SIZES] * len(parts)
    counts = [int(counts_of(ids, len(vocab))[vocab.unknown]) for ids in parts]
    return np.split(sizes(), np.cumsum(counts)[:-1]) if any(counts) else [NO_SIZES] * len(parts)


def _sizes(vocab: Vocab, ids: Ids, unknown: Sizes) -> Sizes:
    """Return the bytes in UTF-8 of each symbol of a text."""
    of_symbol = [int(utf_8_sizes(np.array(ord(s)))) if len(s) == 1 else 1 for s in vocab.symbols]
    sizes: Sizes = np.array(of_symbol, np.uint8)[ids]
    sizes[ids == vocab.unknown] = unknown
    return sizes
