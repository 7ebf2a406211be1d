"""All baselines of one text: what each reaches on its held-out part."""

from __future__ import annotations

import json
import lzma
import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from charlm import progress
from charlm.baselines.counting import uniform_nll, unigram_nll
from charlm.baselines.ngram import MAX_ORDER, NGram
from charlm.config.rules import SettingError, all_of, flag, number, whole
from charlm.config.stored import read_json, stored
from charlm.errors import StoredError, TextError
from charlm.files import write_atomically
from charlm.text.vocab import Ids, Vocab

LARGE = 20_000_000
"""Of a text with more characters only ``SAMPLE`` are looked at."""
SAMPLE = 5_000_000
"""Those around the split, a tenth of them held out: some 25 seconds and 350 MB, whatever the text's size."""
FILE_NAME = "baselines.json"
"""The file of a run that keeps its text's baselines."""
MOST = 1 << 16
"""Bytes that are read of it."""
MOST_NATS = 700.0
"""A score of a character: the perplexity of more is beyond floats."""


def _scores(value: Any) -> tuple[float, ...]:
    found: list[float] = all_of(number(least=0, most=MOST_NATS))(value)
    if not found:
        raise SettingError("expected a number, got an empty list")
    return tuple(found)


@attrs.frozen
class Baselines:
    """What is reached on a held-out text without a network, in nats per character.

    Attributes:
        train_characters: how many were learned from.
        held_out_characters: how many were scored.
        sampled: these are the ones around the split, because there are more than ``LARGE``.
        uniform: all symbols equally likely.
        unigram: the training text's symbol frequencies.
        ngram: modified Kneser-Ney models of order 1, 2, ...
        xz: a general compressor: how much larger the compressed training text becomes with the held-out text after it.

    Example:
        >>> text = "the cat sat on the mat. " * 20
        >>> vocab = Vocab.from_text(text, eos=False)
        >>> found = measure(vocab, vocab.encode(text), vocab.encode("the cat sat on the mat. "))
        >>> found.best_order, round(found.best, 3), round(found.unigram, 3)
        (8, 0.003, 2.142)
    """

    train_characters: int = stored(whole(1))
    held_out_characters: int = stored(whole(1))
    sampled: bool = stored(flag)
    uniform: float = stored(number(least=0, most=MOST_NATS))
    unigram: float = stored(number(least=0, most=MOST_NATS))
    ngram: tuple[float, ...] = stored(_scores)
    xz: float = stored(number(most=MOST_NATS))

    @property
    def best_order(self) -> int:
        """The order of the n-gram model that is best on the held-out text."""
        return 1 + self.ngram.index(self.best)

    @property
    def best(self) -> float:
        """What that one reaches: the score that counting sets."""
        return min(self.ngram)

    @property
    def sample_note(self) -> str:
        """What to say about the sample; nothing if all of the text was used."""
        if not self.sampled:
            return ""
        return (
            f"on a sample: the {self.train_characters:,} characters before the split and the "
            f"{self.held_out_characters:,} after it"
        )

    def is_of(self, train: int, held_out: int) -> bool:
        """Tell whether these are of a text with parts of these sizes."""
        return (self.train_characters, self.held_out_characters) == _sizes(train, held_out)

    def rows(self) -> list[tuple[str, float]]:
        """Return names and scores, from the simplest baseline to the best order of n-grams."""
        plain = [("uniform", self.uniform), ("unigram", self.unigram), ("xz", self.xz)]
        return plain + [(f"{self.best_order}-gram", self.best)] * (self.best_order > 1)

    def save(self, folder: Path) -> None:
        """Write them into a run's folder."""
        write_atomically(folder / FILE_NAME, f"{json.dumps(attrs.asdict(self))}\n".encode())

    @classmethod
    def load(cls, folder: Path) -> Baselines | None:
        """Return what ``save`` wrote there; None if there is nothing, or something else."""
        try:
            return read_json(cls, folder / FILE_NAME, MOST)
        except StoredError:
            return None


def measure(vocab: Vocab, train: Ids, held_out: Ids, order: int = MAX_ORDER) -> Baselines:
    """Return what the baselines reach on a held-out text; about three seconds for a megabyte.

    The n-gram models go on from the training text: they see its last characters before the first that they
    predict.

    Args:
        vocab: the symbols.
        train: the ids to learn from.
        held_out: the ids that follow them.
        order: the highest order of n-grams.

    Raises:
        TextError: one of the two parts is empty.
    """
    if not len(train) or not len(held_out):
        raise TextError(
            f"baselines need characters to count and others to score; there are {len(train):,} and "
            f"{len(held_out):,}: give a longer text, or hold out another part of it"
        )
    train_size, held_out_size = _sizes(len(train), len(held_out))
    sampled = (train_size, held_out_size) != (len(train), len(held_out))
    train, held_out = train[len(train) - train_size :], held_out[:held_out_size]
    text = np.append(train, held_out)
    with progress.task("counting", 2 * order + 2):
        scores = NGram(train, len(vocab), order).probabilities(text, len(train))
        compressed = xz_nll(train, held_out)
    return Baselines(
        len(train),
        len(held_out),
        sampled,
        uniform_nll(len(vocab)),
        unigram_nll(train, held_out, len(vocab)),
        tuple((-np.log(scores).mean(axis=1)).tolist()),
        compressed,
    )


def _sizes(train: int, held_out: int) -> tuple[int, int]:
    """Return how many characters of two parts are looked at."""
    if train + held_out <= LARGE:
        return train, held_out
    held_out = min(held_out, max(SAMPLE // 10, SAMPLE - train))
    return min(train, SAMPLE - held_out), held_out


def xz_nll(train: Ids, held_out: Ids) -> float:
    """Return the nats per character by which xz needs more for both texts than for the first alone.

    Symbols are written as their numbers, in one byte each where there are at most 256 of them.
    """
    alone, both = map(_xz_length, (train, np.append(train, held_out)))
    return 8 * math.log(2) * (both - alone) / len(held_out)


def _xz_length(ids: Ids) -> int:
    length = len(lzma.compress(ids.tobytes(), preset=9 | lzma.PRESET_EXTREME))
    progress.advance(1)
    return length
