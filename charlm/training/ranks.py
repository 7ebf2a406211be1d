"""One model trained by several ranks: each computes the gradient of a part of every batch, and all add them up.

Every rank has all of the model, the text and the trainer, and makes the same updates. What a rank computes alone is
the gradient of its streams of each batch, or of its lines of each update.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from charlm.config import RunConfig
from charlm.engine.arrays import Array, DType, Shape
from charlm.engine.random import NumpyStream
from charlm.errors import BadGradientError, ConfigError
from charlm.lm.model import Model
from charlm.lm.sampling import State
from charlm.ranks import Ranks
from charlm.runs.checkpoint import Checkpoint
from charlm.text.batch import Batch
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.training.learner import Learner
from charlm.training.state import TrainingState
from charlm.wording import counted

SEQUENCE_AXES = 4
"""Those of a sequence in the engine: (1, T, B, size)."""


class Sum:
    """Sums arrays over the ranks, in the order of the ranks: equal numbers have equal sums, whatever the network does.

    Each rank sums one part of all numbers and sends the sums to the others. So a rank sends less than twice the
    numbers that it has, however many ranks there are.

    Args:
        ranks: all of them.
        arrays: of one rank, to be replaced by the sums. A bool becomes whether any rank has True.
    """

    def __init__(self, ranks: Ranks, arrays: Sequence[Array]) -> None:
        self._ranks, self._arrays = ranks, arrays
        size = sum(array.size for array in arrays)
        part = -(-(size + 3 * ranks.size) // ranks.size)
        self._all = np.zeros(ranks.size * part, arrays[0].dtype)
        self._own = np.empty((ranks.size, part), arrays[0].dtype)  # of this part, from each rank
        self._facts = self._all[size : size + 3 * ranks.size].reshape(ranks.size, 3)

    def __call__(self, loss: float, news: bool) -> tuple[float, bool]:
        """Replace the arrays by their sums; return the sum of the losses, and whether any rank has news."""
        at = 0
        for array in self._arrays:
            self._all[at : at + array.size] = array.ravel()
            at += array.size
        self._facts[...] = 0
        upper = self._all.dtype.type(loss)
        lower = loss - float(upper) if math.isfinite(upper) else 0.0  # what float32 rounds away
        self._facts[self._ranks.rank] = upper, lower, news
        self._ranks.comm.Alltoall(self._all, self._own)
        total = self._own[0]
        for more in self._own[1:]:
            total += more
        self._ranks.comm.Allgather(total, self._all)
        at = 0
        for array in self._arrays:
            array[...] = self._all[at : at + array.size].reshape(array.shape)
            at += array.size
        return float(self._facts[:, :2].sum(dtype=np.float64)), bool(self._facts[:, 2].any())


class Columns:
    """The random numbers of a whole batch, cut to a rank's columns: its dropout is that of the whole batch.

    Args:
        stream: the source.
    """

    def __init__(self, stream: NumpyStream) -> None:
        self._stream = stream
        self._begin = self._end = self._width = 0

    def cut(self, columns: slice, width: int) -> None:
        """Cut the next batch to some of its columns; ``width`` is the number of all of them."""
        self._begin, self._end, self._width = columns.start, columns.stop, width

    def bernoulli(self, p: float, scale: float, shape: Shape, dtype: DType) -> Array:
        """Draw ``scale`` with probability ``p``, else 0."""
        if len(shape) != SEQUENCE_AXES:  # weights, which all columns share
            return self._stream.bernoulli(p, scale, shape, dtype)
        numbers = np.empty(shape, dtype)
        _, _, columns, size = shape
        ahead = self._begin * size
        for at_once in numbers[0]:
            self._stream.skip(ahead)
            at_once[...] = self._stream.bernoulli(p, scale, at_once.shape, dtype)
            ahead = (self._width - columns) * size
        self._stream.skip((self._width - self._end) * size)
        return numbers

    def uniform(self, low: float, high: float, shape: Shape, dtype: DType) -> Array:
        """Draw from U(low, high); not for a batch."""
        return self._stream.uniform(low, high, shape, dtype)

    def normal(self, mean: float, std: float, shape: Shape, dtype: DType) -> Array:
        """Draw from N(mean, std**2); not for a batch."""
        return self._stream.normal(mean, std, shape, dtype)

    def gumbel(self, shape: Shape, dtype: DType) -> Array:
        """Draw from Gumbel(0, 1); not for a batch."""
        return self._stream.gumbel(shape, dtype)

    def state(self) -> Any:
        """Return the state as plain data."""
        return self._stream.state()

    def restore(self, state: Any) -> None:
        """Continue from a state that ``state()`` returned."""
        self._stream.restore(state)


def columns_of(rank: int, ranks: int, width: int) -> slice:
    """Return a rank's columns of a batch; the first ranks have one more if they cannot all have as many.

    >>> [columns_of(rank, 3, 8) for rank in range(3)]
    [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None)]
    """
    size, more = divmod(width, ranks)
    begin = rank * size + min(rank, more)
    return slice(begin, begin + size + (rank < more))


class SharedLearner(Learner):
    """A learner that computes a rank's part of each gradient. A call on rank 0 has the others make it too.

    Raises:
        ConfigError: there is not enough in an update for every rank.
    """

    def __init__(
        self, model: Model, corpus: LineCorpus | StreamCorpus, config: RunConfig, ranks: Ranks
    ) -> None:
        super().__init__(model, corpus, config)
        self.ranks = ranks
        self.rank_count = ranks.size
        self._lines = corpus.vocab.framing == "lines"
        parts = (config.train.accumulate if self._lines else 1) * corpus.batch_size
        if parts < ranks.size:
            raise _too_many(ranks.size, parts, self._lines)
        self._columns = columns_of(ranks.rank, ranks.size, corpus.batch_size)
        collection = model.collection
        assert isinstance(collection.stream, NumpyStream)
        self._stream = collection.stream
        self._cut = collection.stream = Columns(self._stream)
        tables = [
            array for table in collection.lookups for array in (table.gradient, table.touched)
        ]
        self._sum = Sum(ranks, [collection.storage.gradients, *tables])

    @property
    def shares(self) -> str:
        """What each rank computes, in words."""
        size = self.ranks.size
        if self._lines:
            lines = self.config.train.accumulate * self.corpus.batch_size
            return f"{size} ranks share the {lines} lines of every update"
        widths = {self.corpus.batch_size // size, -(-self.corpus.batch_size // size)}
        each = " or ".join(map(str, sorted(widths)))
        return (
            f"{size} ranks share every batch: each has {each} of its {self.corpus.batch_size} rows"
        )

    def update(self, learning_rate: float) -> tuple[float, int]:
        """Make one update on every rank; return the loss before it and the number of characters of all ranks."""
        self.ranks.order("update", learning_rate)
        try:
            return super().update(learning_rate)
        except BadGradientError:
            # a rank whose loss is not finite has drawn fewer numbers
            self._stream.restore(self.ranks.from_first(self._stream.state()))
            raise

    def _add_gradients(self, first: int, parts: int) -> tuple[float, int]:
        """Add the gradients of all ranks; what went wrong on one is known to all."""
        loss, characters, error = math.nan, 0, None
        try:
            loss, characters = super()._add_gradients(first, parts)
        except BadGradientError:
            pass
        except Exception as caught:  # the others wait for this rank
            error = caught
        asked = self.stopping
        loss, news = self._sum(loss, error is not None or asked is not None)
        if news:
            self.ranks.check(error)
            whys = filter(None, self.ranks.comm.allgather(asked))
            self.stopping = self.stopping or next(whys, None)
        if not math.isfinite(loss):
            raise BadGradientError(f"the loss is {loss}")
        return loss, characters

    def _learn(self, index: int, batch: Batch, factor: float) -> float:
        """Add the gradient of this rank's part of a batch."""
        T, B = batch.inputs_TB.shape
        size = self.ranks.size
        # streams stay on their ranks; of few lines, other ranks have some each time
        turn = index if self._lines and self.corpus.batch_size < size else 0
        columns = columns_of((self.ranks.rank - turn) % size, size, B)
        if columns.start == columns.stop:
            # the dropout of the next batch begins after that of this one
            self._stream.skip(self.model.masked(T, B))
            return 0.0
        self._cut.cut(columns, B)
        return super()._learn(index, batch.columns(columns), factor)

    def exchange(self) -> None:
        """Sum the gradients of all ranks as an update does, to measure it; after an update they are zero."""
        self.ranks.order("exchange")
        self._sum(0.0, False)

    def go_back(self, checkpoint: Checkpoint) -> TrainingState:
        """Return every rank to a checkpoint of this run."""
        self.ranks.order("go_back", checkpoint)
        return super().go_back(checkpoint)

    def restore(self, checkpoint: Checkpoint) -> TrainingState:
        """Continue from a checkpoint, of any number of ranks; all ranks make this call."""
        state = super().restore(checkpoint)
        if self.carried is not None and not self._lines:
            self.carried = [tuple(part[self._columns] for part in layer) for layer in self.carried]
        return state

    def all_carried(self) -> State | None:
        """Return the carried state of the whole batch; lines carry none."""
        self.ranks.order("all_carried")
        if self._lines or self.carried is None:
            return None
        gathered: list[State] | None = self.ranks.comm.gather(self.carried)
        if gathered is None:
            return None
        layers = zip(*gathered, strict=True)
        return [tuple(map(np.concatenate, zip(*parts, strict=True))) for parts in layers]


def learner_of(
    model: Model, corpus: LineCorpus | StreamCorpus, config: RunConfig, ranks: Ranks | None
) -> Learner:
    """Return a learner of this process, or the part of one that is a rank's."""
    if ranks is None:
        return Learner(model, corpus, config)
    return SharedLearner(model, corpus, config, ranks)


def _too_many(ranks: int, parts: int, lines: bool) -> ConfigError:
    if lines:
        return ConfigError(
            f"{ranks} ranks share the lines of an update, and it has {parts}: every rank needs one; "
            f"set data.batch_size to {ranks} or more, or train with data.framing stream"
        )
    return ConfigError(
        f"{ranks} ranks share the rows of a batch, and it has {parts}: every rank needs one; start at most "
        f"{counted(parts, 'rank')}, or set data.batch_size to {ranks} or more, for a text that is long enough"
    )
