"""The number of bytes of a text, for scores per byte.

The text is counted as it is scored, in UTF-8: decoded, normalised, without a byte order mark, with one byte for each
line end, and without the empty lines that a model of lines never reads. If the symbols are bytes, these are counted.
A character that the model reads as ``<UNK>`` counts with its own size. The ids do not contain this size, so the text
is read once more if it has such characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from charlm.config import DataConfig
from charlm.errors import TextError
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.encoding import counts_of
from charlm.text.lines import ranges
from charlm.text.preparing import text_files
from charlm.text.reading import Facts
from charlm.text.vocab import Ids, Points, Vocab

Sizes: TypeAlias = npt.NDArray[np.uint8]
"""The bytes of each character in UTF-8, 1 to 4."""

NO_SIZES: Sizes = np.zeros(0, np.uint8)


def utf_8_sizes(points: Points) -> Sizes:
    """Return the bytes that each code point takes in UTF-8.

    Example:
        >>> utf_8_sizes(np.array([ord(c) for c in "aé€😀"]))
        array([1, 2, 3, 4], dtype=uint8)
    """
    return np.searchsorted([0x80, 0x800, 0x10000], points, side="right").astype(np.uint8) + 1


def utf_8_length(vocab: Vocab, ids: Ids, unknown: Sizes = NO_SIZES) -> int:
    """Return the bytes that a text takes in UTF-8.

    Args:
        vocab: the symbols.
        ids: the text; the end of a line or document is one byte.
        unknown: the sizes of its characters that are ``<UNK>``, in the text's order.

    Raises:
        TextError: ``unknown`` has another length than the number of ``<UNK>`` in the text.

    Example:
        >>> utf_8_length(Vocab.from_alphabet("aé€", eos=True), np.array([0, 1, 2, 3]))
        7
    """
    counts = counts_of(ids, len(vocab))
    if vocab.unknown is not None:
        if counts[vocab.unknown] != len(unknown):
            raise _changed()
        counts[vocab.unknown] = 0
    sizes = [int(utf_8_sizes(np.array(ord(s)))) if len(s) == 1 else 1 for s in vocab.symbols]
    return int(counts @ np.array(sizes)) + int(unknown.sum(dtype=np.int64))


def unknown_sizes(data: DataConfig, vocab: Vocab) -> Sizes:
    """Return the sizes of a text's characters that are ``<UNK>``, in the text's order.

    Args:
        data: the section that names the text.
        vocab: the symbols.

    Raises:
        TextError: it cannot be read.
    """
    if vocab.unknown is None:
        return NO_SIZES
    return np.concatenate([NO_SIZES, *_unknown(data, vocab)])


def unknown_sizes_in_order(corpus: LineCorpus | StreamCorpus, data: DataConfig) -> Sizes:
    """Return those of the text of a corpus, in the order of its training, held-out and test parts.

    Raises:
        TextError: it cannot be read again.
    """
    vocab, places = corpus.vocab, corpus.places
    sizes = unknown_sizes(data, vocab)
    if isinstance(corpus, StreamCorpus) or places is None or vocab.unknown is None:
        return sizes
    own = [] if data.val_file is not None else [corpus.held_out]
    parts = [part for part in (corpus.train, *own, corpus.test) if len(part)]
    counts = np.concatenate([part.counts(vocab.unknown) for part in parts])
    in_text = np.empty_like(counts)
    in_text[places] = counts
    if in_text.sum() != len(sizes):
        raise _changed()
    begins = np.cumsum(in_text) - in_text
    return sizes[ranges(begins[places], counts)]


def unknown_sizes_of_part(corpus: LineCorpus | StreamCorpus, data: DataConfig, split: str) -> Sizes:
    """Return those of the held-out part (``val``) or the ``test`` part of a corpus.

    Raises:
        TextError: it cannot be read again.
    """
    vocab = corpus.vocab
    part = corpus.held_out_ids if split == "val" else corpus.test_ids
    if vocab.unknown is None or not (part == vocab.unknown).any():
        return NO_SIZES
    if split == "val" and data.val_file is not None:
        return unknown_sizes(attrs.evolve(data, text=data.val_file), vocab)
    before = [corpus.train_ids]
    if split == "test" and data.val_file is None:
        before.append(corpus.held_out_ids)
    begin, count = (
        sum(int(counts_of(ids, len(vocab))[vocab.unknown]) for ids in parts)
        for parts in (before, [part])
    )
    return unknown_sizes_in_order(corpus, data)[begin : begin + count]


def _changed() -> TextError:
    return TextError("the text was changed while it was read; start again when it is complete")


def _unknown(data: DataConfig, vocab: Vocab) -> Iterator[Sizes]:
    lines = vocab.framing == "lines"
    for points in text_files(data).read(Facts()):
        yield utf_8_sizes(points[vocab.encode_points(points, lines=lines) == vocab.unknown])
