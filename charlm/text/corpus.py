"""Training batches from a text, and its held-out and test parts.

There are two framings. ``LineCorpus``: each line is a sequence between two ``EOS``, one per step, as in the
tutorial. ``StreamCorpus``: one continuous text, cut into parallel streams, with the recurrent state carried from
batch to batch. A batch depends only on the number of the step, so there is no position to save. Arrays of ids are
time-major, (T, B).

``report`` describes the files of a corpus, if there are any; ``sha256`` is the digest of its texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from charlm.config.schema import DataConfig
from charlm.errors import TextError
from charlm.text.vocab import Ids, Vocab
from charlm.wording import counted

if TYPE_CHECKING:
    from charlm.text.report import TextReport

HELD_OUT_STREAMS = 8
"""Held-out text is scored in this many parallel rows, for speed; all but the first start with an empty state."""
HELD_OUT_LENGTH = 256


class Batch(NamedTuple):
    """Parallel pieces of text; each column continues the same column of the batch before.

    Attributes:
        inputs_TB: the ids that are read.
        targets_TB: the ids that follow them.
        fresh: whether the state starts from zeros instead.
    """

    inputs_TB: Ids
    targets_TB: Ids
    fresh: bool


class LineCorpus:
    """Lines framed by ``EOS``, one per step, in the text's order.

    Class variables:
        batch_size: the number of lines in a batch.

    Example:
        >>> corpus = LineCorpus.from_text("ab;ba".replace(";", chr(10)))
        >>> inputs, targets, fresh = corpus.batch(0)
        >>> inputs.ravel().tolist(), targets.ravel().tolist(), fresh
        ([2, 0, 1], [0, 1, 2], True)
    """

    batch_size = 1
    notices: tuple[str, ...] = ()
    report: TextReport | None = None
    sha256 = ""

    def __init__(
        self, vocab: Vocab, train: list[Ids], held_out: list[Ids], test: list[Ids] | None = None
    ) -> None:
        self.vocab = vocab
        self.train = train
        self.held_out = held_out
        self.test = test or []

    @classmethod
    def from_text(cls, text: str, alphabet: str | None = None, val_frac: float = 0.0) -> LineCorpus:
        """Frame the lines of a text, without empty ones; the last ``val_frac`` of them are held out.

        Raises:
            TextError: there is no line, or a character is not in the alphabet.
        """
        vocab = _vocab(text, alphabet, eos=True)
        ids = vocab.encode(text, lines=True)
        return cls.from_ids(vocab, ids, DataConfig(val_frac=val_frac))

    @classmethod
    def from_ids(
        cls, vocab: Vocab, ids: Ids, data: DataConfig, held_out: Ids | None = None
    ) -> LineCorpus:
        """Frame the lines of a text whose newlines are ``EOS``, and split them into parts.

        Args:
            vocab: the symbols.
            ids: the text.
            data: the sizes of the parts; all but the first may be empty.
            held_out: another text, to score instead of a part of this one.

        Raises:
            TextError: there is no line.
        """
        lines = _lines(vocab, ids)
        if not lines:
            raise TextError("the text has no line with a character in it: nothing to learn")
        end, test = _split(len(lines), data)
        end = max(1, end)
        test = max(end, test)
        others = lines[end:test] if held_out is None else _lines(vocab, held_out)
        return cls(vocab, lines[:end], others, lines[test:])

    def batch(self, step: int) -> Batch:
        """Return the line of a step, counted from 0; the first line follows the last."""
        return _framed(self.train[step % len(self.train)])

    def held_out_batches(self, most: int | None = None) -> Iterator[Batch]:
        """Yield every held-out line, or lines at equal distances with about ``most`` characters in all."""
        size = sum(len(line) - 1 for line in self.held_out)
        apart = 1 if most is None else max(1, math.ceil(size / most))
        return map(_framed, self.held_out[::apart])

    def test_batches(self) -> Iterator[Batch]:
        """Yield every line of the test part."""
        return map(_framed, self.test)

    @property
    def has_held_out(self) -> bool:
        """Whether there is anything to score."""
        return bool(self.held_out)

    @property
    def steps_per_pass(self) -> int:
        """The number of steps in a pass over the text."""
        return len(self.train)

    @property
    def characters_per_step(self) -> float:
        """Symbols predicted per step, on average."""
        return sum(len(line) - 1 for line in self.train) / len(self.train)

    @property
    def longest_line(self) -> int:
        """Characters in the longest training line."""
        return max(map(len, self.train)) - 2

    @property
    def train_ids(self) -> Ids:
        """The symbols predicted in one pass over the training lines, one ``EOS`` for each line."""
        return _predicted(self.train)

    @property
    def held_out_ids(self) -> Ids:
        """The symbols that the held-out score averages over."""
        return _predicted(self.held_out) if self.held_out else self.train[0][:0]

    @property
    def test_ids(self) -> Ids:
        """The symbols that the test score averages over."""
        return _predicted(self.test) if self.test else self.train[0][:0]


class StreamCorpus:
    """One continuous text, in the parts training, held out and test.

    If the text is too short, ``batch_size`` and ``seq_length`` are smaller than asked for; ``notices`` then says so.

    Example:
        >>> corpus = StreamCorpus.from_text("abcdefghi", batch_size=2, seq_length=2)
        >>> inputs, targets, fresh = corpus.batch(1)
        >>> ["".join(corpus.vocab.decode(column)) for column in inputs.T]
        ['cd', 'gh']
    """

    report: TextReport | None = None
    sha256 = ""

    def __init__(
        self,
        vocab: Vocab,
        train: Ids,
        held_out: Ids,
        batch_size: int,
        seq_length: int,
        test: Ids | None = None,
    ) -> None:
        predictions = len(train) - 1
        if predictions < 1:
            raise TextError(
                f"the training part has {len(train)} character(s); at least 2 are needed, "
                "one to read and one to predict"
            )
        self.vocab = vocab
        self.train_ids = train
        self.held_out_ids = held_out
        self.test_ids = train[:0] if test is None else test
        # for a short text, first fewer streams, then shorter ones
        self.batch_size = max(1, min(batch_size, predictions // seq_length))
        self.seq_length = min(seq_length, predictions // self.batch_size)
        self.steps_per_pass = predictions // (self.batch_size * self.seq_length)
        self.notices = self._notices(batch_size, seq_length)
        length = self.steps_per_pass * self.seq_length
        starts = np.arange(self.batch_size) * length
        self._first = np.arange(self.seq_length)[:, np.newaxis] + starts  # of the first batch
        self._left_out = predictions - self.batch_size * length

    @classmethod
    def from_text(
        cls,
        text: str,
        alphabet: str | None = None,
        val_frac: float = 0.0,
        batch_size: int = 32,
        seq_length: int = 64,
    ) -> StreamCorpus:
        """Encode a text and hold out its last ``val_frac``.

        Raises:
            TextError: fewer than two characters to train on, or one is not in the alphabet.
        """
        vocab = _vocab(text, alphabet, eos=False)
        data = DataConfig(val_frac=val_frac, batch_size=batch_size, seq_length=seq_length)
        return cls.from_ids(vocab, vocab.encode(text), data)

    @classmethod
    def from_ids(
        cls, vocab: Vocab, ids: Ids, data: DataConfig, held_out: Ids | None = None
    ) -> StreamCorpus:
        """Split a text into parts, without copying them.

        Args:
            vocab: the symbols.
            ids: the text.
            data: the sizes of the parts and of a batch.
            held_out: another text, to score instead of a part of this one.

        Raises:
            TextError: fewer than two characters to train on.
        """
        end, test = _split(len(ids), data)
        others = ids[end:test] if held_out is None else held_out
        return cls(vocab, ids[:end], others, data.batch_size, data.seq_length, ids[test:])

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0; ``fresh`` at the start of each pass.

        A pass leaves out the characters that do not fill a batch: at the end of the text, or in every second
        pass at its beginning, so that all of the text is used.
        """
        passes, place = divmod(step, self.steps_per_pass)
        offset = self._left_out if passes % 2 else 0
        where = self._first + (place * self.seq_length + offset)
        return Batch(self.train_ids[where], self.train_ids[where + 1], place == 0)

    def held_out_batches(self, most: int | None = None) -> Iterator[Batch]:
        """Yield batches of the held-out text; each of its characters is predicted exactly once.

        The first is predicted from the last training character. The text is read in parallel streams, and all
        but the first start with an empty state. The characters after the last stream come in a batch at the end.

        Args:
            most: the maximum number of characters; in a longer text there are gaps between the rows.
        """
        return _scored(self.train_ids[-1], self.held_out_ids, most)

    def test_batches(self) -> Iterator[Batch]:
        """Yield the test part in the same way; its first character is predicted from the one before it."""
        before = self.held_out_ids if self.has_held_out else self.train_ids
        return _scored(before[-1], self.test_ids)

    @property
    def characters_per_step(self) -> float:
        """Characters predicted per step."""
        return self.batch_size * self.seq_length

    @property
    def has_held_out(self) -> bool:
        """Whether there is anything to score."""
        return len(self.held_out_ids) > 0

    def _notices(self, batch_size: int, seq_length: int) -> tuple[str, ...]:
        if (self.batch_size, self.seq_length) == (batch_size, seq_length):
            return ()
        return (
            f"{counted(len(self.train_ids), 'character')} are too few for {batch_size} rows of {seq_length}; "
            f"using {counted(self.batch_size, 'row')} of {self.seq_length}",
        )


def _vocab(text: str, alphabet: str | None, eos: bool) -> Vocab:
    if alphabet is None:
        return Vocab.from_text(text, eos)
    return Vocab.from_alphabet(alphabet, eos)


def _split(count: int, data: DataConfig) -> tuple[int, int]:
    """Return the end of the training part and the beginning of the test part."""
    test = count - math.floor(count * data.test_frac)
    if data.val_file is not None:
        return test, test
    return test - math.floor(count * data.val_frac), test


def _lines(vocab: Vocab, ids: Ids) -> list[Ids]:
    assert vocab.eos is not None
    framed = np.pad(ids, 1, constant_values=vocab.eos)
    ends = np.flatnonzero(framed == vocab.eos)
    return [framed[begin : end + 1] for begin, end in pairwise(ends) if end - begin > 1]


def _predicted(lines: list[Ids]) -> Ids:
    return np.concatenate([line[1:] for line in lines])


def _scored(before: int, ids: Ids, most: int | None = None) -> Iterator[Batch]:
    size = len(ids) if most is None else min(most, len(ids))
    streams = max(1, min(HELD_OUT_STREAMS, size // HELD_OUT_LENGTH))
    length = size // streams
    starts = np.arange(streams) * (len(ids) // streams)
    for begin in range(0, length, HELD_OUT_LENGTH):
        where = np.arange(begin, min(begin + HELD_OUT_LENGTH, length))[:, np.newaxis] + starts
        inputs_TB = ids[where - 1]
        if begin == 0:
            inputs_TB[0, 0] = before
        yield Batch(inputs_TB, ids[where], begin == 0)
    if size == len(ids) > streams * length:
        yield _framed(ids[streams * length - 1 :])


def _framed(line: Ids) -> Batch:
    return Batch(line[:-1, np.newaxis], line[1:, np.newaxis], fresh=True)
