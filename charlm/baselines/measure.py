"""The scores of all baselines on the held-out part of a text."""

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
from charlm.config.rules import all_of, flag, number, whole
from charlm.config.stored import read_json, stored
from charlm.errors import SettingError, StoredError, TextError
from charlm.files import write_atomically
from charlm.text.vocab import Ids, Vocab

LARGE = 20_000_000
"""For a text with more characters, the baselines use only ``SAMPLE`` of them."""
SAMPLE = 5_000_000
"""Those around the split, a tenth of them held out: about 25 seconds and 350 MB for any larger text."""
FILE_NAME = "baselines.json"
"""The file in a run's folder with the baselines of its text."""
MOST = 1 << 16
"""The maximum size of this file, in bytes."""
MOST_NATS = 700.0
"""The maximum nll of a character: the perplexity of a larger one does not fit a float."""


def _scores(value: Any) -> tuple[float, ...]:
    scores: list[float] = all_of(number(least=0, most=MOST_NATS))(value)
    if not scores:
        raise SettingError("expected a number, got an empty list")
    return tuple(scores)


@attrs.frozen
class Baselines:
    """Scores of models without a network on a held-out text, in nats per character.

    Attributes:
        train_characters: the number of characters in the training part.
        held_out_characters: the number of characters that were scored.
        sampled: whether the parts are a sample around the split, because the text has more than ``LARGE``.
        uniform: all symbols equally likely.
        unigram: the symbol frequencies of the training text.
        ngram: modified Kneser-Ney models of order 1, 2, ...
        xz: the growth of the compressed training text when the held-out text is appended.

    Example:
        >>> text = "the cat sat on the mat. " * 20
        >>> vocab = Vocab.from_text(text, eos=False)
        >>> baselines = measure(vocab, vocab.encode(text), vocab.encode("the cat sat on the mat. "))
        >>> baselines.best_order, round(baselines.best, 3), round(baselines.unigram, 3)
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
        """The nll of the best n-gram model."""
        return min(self.ngram)

    @property
    def sample_note(self) -> str:
        """A note about the sample; empty if the whole text was used."""
        if not self.sampled:
            return ""
        return (
            f"on a sample: the {self.train_characters:,} characters before the split and the "
            f"{self.held_out_characters:,} after it"
        )

    def is_of(self, train: int, held_out: int) -> bool:
        """Tell whether these are the baselines of a text with parts of these sizes."""
        return (self.train_characters, self.held_out_characters) == _sizes(train, held_out)

    def rows(self) -> list[tuple[str, float]]:
        """Return names and scores, from the simplest baseline to the best order of n-grams."""
        plain = [("uniform", self.uniform), ("unigram", self.unigram), ("xz", self.xz)]
        return plain + [(f"{self.best_order}-gram", self.best)] * (self.best_order > 1)

    def save(self, folder: Path) -> None:
        """Write the baselines into a run's folder."""
        write_atomically(folder / FILE_NAME, f"{json.dumps(attrs.asdict(self))}\n".encode())

    @classmethod
    def load(cls, folder: Path) -> Baselines | None:
        """Return what ``save`` wrote; None if the file is missing or damaged."""
        try:
            return read_json(cls, folder / FILE_NAME, MOST)
        except StoredError:
            return None


def measure(vocab: Vocab, train: Ids, held_out: Ids, order: int = MAX_ORDER) -> Baselines:
    """Return the scores of the baselines on a held-out text; about three seconds for a megabyte.

    The contexts of the first held-out characters are the last characters of the training text.

    Args:
        vocab: the symbols.
        train: the ids of the training part.
        held_out: the ids that follow it.
        order: the highest order of n-grams.

    Raises:
        TextError: one of the two parts is empty.
    """
    if not len(train) or not len(held_out):
        raise TextError(
            f"baselines need characters to train on and others to score; there are {len(train):,} and "
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
    """Return how many characters of the two parts are used."""
    if train + held_out <= LARGE:
        return train, held_out
    held_out = min(held_out, max(SAMPLE // 10, SAMPLE - train))
    return min(train, SAMPLE - held_out), held_out


def xz_nll(train: Ids, held_out: Ids) -> float:
    """Return how many nats per held-out character xz needs more for both texts than for the first alone.

    Symbols are written as their numbers, in one byte each if there are at most 256 symbols.
    """
    alone, both = map(_xz_length, (train, np.append(train, held_out)))
    return 8 * math.log(2) * (both - alone) / len(held_out)


def _xz_length(ids: Ids) -> int:
    length = len(lzma.compress(ids.tobytes(), preset=9 | lzma.PRESET_EXTREME))
    progress.advance(1)
    return length
