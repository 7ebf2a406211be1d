"""Documents in batches: each row of a batch reads one document after another, in pieces.

A document begins in a row when the one before it has ended, with an empty state of this row. Its pieces have
``seq_length`` characters, except the last. What is left of a row after the last piece does not count.

Documents of like length are read side by side. They are sorted, the longest first, and cut into groups of one document
for each row. Each pass has an order of the groups. Within a group, the longest document goes to the row with the
fewest pieces so far. So all rows end at nearly the same step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from charlm.config.schema import DataConfig
from charlm.errors import TextError
from charlm.text.batch import Batch
from charlm.text.corpus import HELD_OUT_LENGTH, LineCorpus
from charlm.text.documents import LOOKED_AT, one_document
from charlm.text.lines import Lines, Places, random_numbers, ranges, side_by_side
from charlm.text.vocab import Ids, Vocab


class Packing:
    """Which document each row of each batch reads; the number of batches is the same for all passes.

    Args:
        documents: those of a pass.
        rows: of a batch.
        seq_length: the length of a piece.
        in_order: read the documents from the first to the last, and not by their lengths.

    Attributes:
        steps: the number of batches in a pass.
    """

    def __init__(
        self, documents: Lines, rows: int, seq_length: int, *, in_order: bool = False
    ) -> None:
        self._documents, self._rows, self._seq_length = documents, rows, seq_length
        self._pieces = -(-documents.sizes // seq_length)
        self._in_order = in_order
        # longer documents with equally many pieces count as equal, so that each pass has other neighbours
        lengths = np.where(self._pieces > 1, seq_length + self._pieces, documents.sizes)
        self._sorted_by = np.arange(len(documents)) if in_order else -lengths
        by_length = np.argsort(self._sorted_by, kind="stable")
        self._row_of, self.steps = _dealt(self._pieces[by_length], rows)

    def a_pass(self, *seed: int) -> Pass:
        """Return the batches of a pass, whose order depends on the seed."""
        count, rows = len(self._documents), self._rows
        groups = -(-count // rows)
        if self._in_order:
            by_length, turns = np.arange(count), np.arange(groups)
        else:
            by_length = np.lexsort((random_numbers(count, *seed), self._sorted_by))
            turns = np.argsort(random_numbers(groups, *seed, 1), kind="stable")
        chosen = np.full((groups, rows), -1)
        chosen[np.arange(count) // rows, self._row_of] = by_length
        chosen = chosen[turns]
        there = chosen >= 0
        pieces = np.where(there, self._pieces[chosen], 0)
        first = np.cumsum(pieces, axis=0) - pieces
        row = np.broadcast_to(np.arange(rows), chosen.shape)
        documents, shape = self._documents[chosen[there]], (self.steps, rows)
        return Pass(documents, self._seq_length, first[there], row[there], shape)


def _dealt(pieces: Places, rows: int) -> tuple[Places, int]:
    """Return the row of each document, and the pieces in the fullest row. The documents are sorted."""
    row_of, loads = np.empty(len(pieces), np.int64), np.zeros(rows, np.int64)
    for begin in range(0, len(pieces), rows):
        group = pieces[begin : begin + rows]
        longest_first = np.argsort(-group, kind="stable")
        emptiest = np.argsort(loads, kind="stable")[: len(group)]
        row_of[begin + longest_first] = emptiest
        loads[emptiest] += group[longest_first]
    return row_of, int(loads.max())


class Pass:
    """The batches of a pass: one piece of a document in each row, or nothing.

    Args:
        documents: those of the pass.
        seq_length: the length of a piece.
        first: the batch that has the first piece of each document.
        row: the row that reads each document.
        shape: the number of batches, and that of rows.
    """

    def __init__(
        self, documents: Lines, seq_length: int, first: Places, row: Places, shape: tuple[int, int]
    ) -> None:
        self._ids = documents.ids
        self._begins, self._sizes = np.zeros(shape, np.int64), np.zeros(shape, np.int32)
        self._starts = np.ones(shape, bool)
        pieces = -(-documents.sizes // seq_length)
        number = ranges(np.zeros_like(pieces), pieces)
        where = np.repeat(first, pieces) + number, np.repeat(row, pieces)
        self._begins[where] = np.repeat(documents.begins, pieces) + number * seq_length
        left = np.repeat(documents.sizes, pieces) - number * seq_length
        self._sizes[where] = np.minimum(left, seq_length)
        self._starts[where] = number == 0

    def __len__(self) -> int:
        return len(self._begins)

    def batch(self, place: int) -> Batch:
        """Return a batch; in a row that has no document left, nothing counts."""
        starts_B = self._starts[place]
        inputs_TB, targets_TB, counted_TB = side_by_side(
            self._ids, self._begins[place], self._sizes[place]
        )
        fresh, some = bool(starts_B.all()), bool(starts_B.any())
        return Batch(
            inputs_TB, targets_TB, fresh, counted_TB, starts_B if some and not fresh else None
        )


class DocumentCorpus(LineCorpus):
    r"""Documents between two ``EOD``, split into parts as lines are, and packed into the rows of batches.

    Example:
        >>> from charlm.text.preparing import corpus_of
        >>> data = DataConfig(framing="documents", separator="--", alphabet=None, batch_size=2, seq_length=4)
        >>> corpus = corpus_of(data, "to\n--\nor not\n--\nbe\n")
        >>> batches = [corpus.batch(step) for step in range(corpus.steps_per_pass)]
        >>> [(batch.inputs_TB.shape, batch.characters) for batch in batches]
        [((4, 2), 7), ((3, 2), 6)]
    """

    by_line = False

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
        super().__init__(vocab, train, held_out, test, data, seed, places)
        self._packing = Packing(train, self.batch_size, data.seq_length, in_order=seed is None)
        self._read: tuple[int, Pass | None] = -1, None

    @classmethod
    def from_ids(
        cls, vocab: Vocab, ids: Ids, data: DataConfig, held_out: Ids | None = None, seed: int = 0
    ) -> LineCorpus:
        """Split a text, whose documents end with ``EOD``, into parts; see ``LineCorpus.from_ids``.

        Raises:
            TextError: there are not at least two documents.
        """
        if int((ids == vocab.eos).sum()) < 2:
            raise TextError(one_document(vocab.decode(ids[:-1][:LOOKED_AT]), data.separator))
        return super().from_ids(vocab, ids, data, held_out, seed)

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0; a new pass follows the last document."""
        number, place = divmod(step, self.steps_per_pass)
        if self._read[0] != number or self._read[1] is None:
            self._read = number, self._packing.a_pass(self._seed or 0, number)
        assert self._read[1] is not None
        return self._read[1].batch(place)

    def _scored(self, lines: Lines) -> Iterator[Batch]:
        if len(lines):
            read = Packing(lines, min(self.batch_size, len(lines)), HELD_OUT_LENGTH).a_pass(0)
            yield from map(read.batch, range(len(read)))

    def factor(self, batch: Batch) -> float:
        """Return the same for all batches, so that each character of a pass has the same weight."""
        return 1.0 / self.characters_per_step

    def reported(self, loss: float, characters: float) -> float:
        """Return the mean over the characters of a batch, which are more or fewer than on average."""
        return loss * self.characters_per_step / characters

    @property
    def steps_per_pass(self) -> int:
        """The number of steps in a pass over the text."""
        return self._packing.steps
