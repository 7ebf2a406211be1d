"""Training batches from a text, and its held-out and test parts.

There are three framings. ``LineCorpus``: each line is a sequence between two ``EOS``, one or more per step.
``StreamCorpus``: one continuous text, cut into parallel streams, with the recurrent state carried from batch to
batch. ``packing.DocumentCorpus``: documents, whose states are carried from piece to piece. A batch depends only on the
seed and the number of the step, so there is no position to save. Arrays of ids are time-major, (T, B).

``report`` describes the files of a corpus, if there are any; ``sha256`` is the digest of its texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from charlm.config.schema import DataConfig
from charlm.errors import TextError
from charlm.text.batch import Batch
from charlm.text.lines import Lines, Places, a_pass, mixed
from charlm.text.vocab import Ids, Vocab
from charlm.wording import counted

if TYPE_CHECKING:
    from charlm.text.report import TextReport

HELD_OUT_STREAMS = 8
"""Held-out text is scored in this many parallel rows, for speed; all but the first start with an empty state."""
HELD_OUT_LENGTH = 256


class LineCorpus:
    """Lines framed by ``EOS``, several in a batch.

    In the text's order, the last lines are held out, and a pass reads the lines one after the other. Shuffled, random
    lines are held out, each pass has an order of its own, and the lines of a batch have nearly the same length.

    Args:
        vocab: the symbols.
        train, held_out, test: the lines of the parts.
        data: the number of lines in a batch; there are fewer if the text has fewer.
        seed: of the orders of the passes; None keeps the order.
        places: where the lines of all parts are in the text, if they are not in its order.

    Example:
        >>> corpus = LineCorpus.from_text("ab;ba".replace(";", chr(10)))
        >>> inputs, targets, fresh, *_ = corpus.batch(0)
        >>> inputs.ravel().tolist(), targets.ravel().tolist(), fresh
        ([2, 0, 1], [0, 1, 2], True)
    """

    notices: tuple[str, ...] = ()
    report: TextReport | None = None
    sha256 = ""

    def __init__(
        self,
        vocab: Vocab,
        train: Lines,
        held_out: Lines,
        test: Lines,
        data: DataConfig,
        seed: int | None = None,
        places: Places | None = None,
    ) -> None:
        self.vocab = vocab
        self.train, self.held_out, self.test = train, held_out, test
        self.batch_size = min(data.batch_size, len(train))
        self.places = places
        self._seed = seed
        self._pass: tuple[int, list[Places]] = -1, []

    @classmethod
    def from_text(
        cls,
        text: str,
        alphabet: str | None = None,
        val_frac: float = 0.0,
        batch_size: int = 1,
        shuffle: bool = False,
    ) -> LineCorpus:
        """Frame the lines of a text, without empty ones, and hold out ``val_frac`` of them.

        Raises:
            TextError: there is no line, or a character is not in the alphabet.
        """
        vocab = _vocab(text, alphabet, eos=True)
        ids = vocab.encode(text, lines=True)
        data = DataConfig(val_frac=val_frac, batch_size=batch_size, shuffle=shuffle)
        return cls.from_ids(vocab, ids, data)

    @classmethod
    def from_ids(
        cls, vocab: Vocab, ids: Ids, data: DataConfig, held_out: Ids | None = None, seed: int = 0
    ) -> LineCorpus:
        """Find the lines of a text whose newlines are ``EOS``, and split them into parts.

        Args:
            vocab: the symbols.
            ids: the text.
            data: the sizes of the parts and of a batch, and whether the lines are shuffled.
            held_out: another text, to score instead of a part of this one.
            seed: of the orders of the passes. The parts are the same for all seeds.

        Raises:
            TextError: there is no line.
        """
        lines = Lines.of(vocab, ids)
        if not len(lines):
            raise TextError(
                f"the text has no {vocab.text} with a character in it: nothing to learn"
            )
        places = mixed(lines, vocab) if data.shuffle else None
        if places is not None:
            lines = lines[places]
        end, test = _split(len(lines), data)
        end = max(1, end)
        test = max(end, test)
        others = lines[end:test] if held_out is None else Lines.of(vocab, held_out)
        order = seed if data.shuffle else None
        return cls(vocab, lines[:end], others, lines[test:], data, order, places)

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0; a new pass follows the last line."""
        number, place = divmod(step, self.steps_per_pass)
        if self._seed is None:
            begin = place * self.batch_size
            return self.train[begin : begin + self.batch_size].batch()
        if self._pass[0] != number:
            self._pass = number, a_pass(self.train, self.batch_size, self._seed, number)
        return self.train[self._pass[1][place]].batch()

    def held_out_batches(self, most: int | None = None) -> Iterator[Batch]:
        """Yield all held-out lines, or lines at equal distances with about ``most`` characters in all."""
        apart = 1 if most is None else max(1, math.ceil(self.held_out.symbols / most))
        return self._scored(self.held_out[::apart])

    def test_batches(self) -> Iterator[Batch]:
        """Yield all lines of the test part."""
        return self._scored(self.test)

    def _scored(self, lines: Lines) -> Iterator[Batch]:
        """Yield lines in batches; if the order does not matter, with lines of like length together."""
        if self._seed is not None:
            lines = lines[np.argsort(lines.sizes, kind="stable")]
        for begin in range(0, len(lines), self.batch_size):
            yield lines[begin : begin + self.batch_size].batch()

    def factor(self, batch: Batch) -> float:
        """Return what the summed nll of a batch is multiplied by: its loss is the mean over its lines."""
        return 1.0 / len(batch.inputs_TB[0])

    def reported(self, loss: float, characters: float) -> float:
        """Return the loss of a batch as people see it: as it is."""
        return loss

    @property
    def by_line(self) -> bool:
        """Whether each step is one line, as in the tutorial."""
        return self.batch_size == 1

    @property
    def has_held_out(self) -> bool:
        """Whether there is anything to score."""
        return len(self.held_out) > 0

    @property
    def steps_per_pass(self) -> int:
        """The number of steps in a pass over the text."""
        return -(-len(self.train) // self.batch_size)

    @property
    def characters_per_step(self) -> float:
        """Symbols predicted per step, on average."""
        return self.train.symbols / self.steps_per_pass

    @property
    def longest_line(self) -> int:
        """Characters in the longest training line."""
        return int(self.train.sizes.max()) - 1

    @property
    def train_ids(self) -> Ids:
        """The symbols predicted in one pass over the training lines, one ``EOS`` for each line."""
        return self.train.predicted

    @property
    def held_out_ids(self) -> Ids:
        """The symbols that the held-out score averages over."""
        return self.held_out.predicted

    @property
    def test_ids(self) -> Ids:
        """The symbols that the test score averages over."""
        return self.test.predicted


class StreamCorpus:
    """One continuous text, in the parts training, held out and test.

    If the text is too short, ``batch_size`` and ``seq_length`` are smaller than asked for; ``notices`` then says so.

    Example:
        >>> corpus = StreamCorpus.from_text("abcdefghi", batch_size=2, seq_length=2)
        >>> inputs, targets, fresh, *_ = corpus.batch(1)
        >>> ["".join(corpus.vocab.decode(column)) for column in inputs.T]
        ['cd', 'gh']
    """

    report: TextReport | None = None
    sha256 = ""
    by_line = False
    places: Places | None = None

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
        cls, vocab: Vocab, ids: Ids, data: DataConfig, held_out: Ids | None = None, seed: int = 0
    ) -> StreamCorpus:
        """Split a text into parts, without copying them.

        Args:
            vocab: the symbols.
            ids: the text.
            data: the sizes of the parts and of a batch.
            held_out: another text, to score instead of a part of this one.
            seed: of no effect here.

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

    def factor(self, batch: Batch) -> float:
        """Return what the summed nll of a batch is multiplied by: its loss is the mean over its characters."""
        return 1.0 / batch.targets_TB.size

    def reported(self, loss: float, characters: float) -> float:
        """Return the loss of a batch as people see it: as it is."""
        return loss

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
        line = ids[streams * length - 1 :, np.newaxis]
        yield Batch(line[:-1], line[1:], fresh=True)
