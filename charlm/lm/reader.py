"""Reads a text piece by piece with a model, and gives its prediction before each symbol and its states after it.

The text is read as ``charlm eval`` reads it: the state is carried from piece to piece; a model of lines has an empty
state at the start of each line. No more than a piece is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlm.engine.arrays import Array
from charlm.lm.evaluation import PIECE, Floats, lines, pieces
from charlm.lm.filters import normalised
from charlm.lm.model import Model
from charlm.lm.sampling import State
from charlm.text.vocab import Ids, Vocab


@dataclass(frozen=True)
class Piece:
    """Some symbols of a text, and what a model predicted before each of them.

    Attributes:
        read_T: the symbols that were read; each is the one before a symbol of ``ids_T``.
        ids_T: the symbols that were predicted.
        log_p_TV: the log-probabilities of all symbols at each place, in nats.
        states: for each layer the states after ``read_T``, (states, T, H); the last state is the output h.
    """

    read_T: Ids
    ids_T: Ids
    log_p_TV: Floats
    states: list[Array]

    def __getitem__(self, part: slice) -> Piece:
        """Return the part of the piece for some of its symbols."""
        states = [layer[:, part] for layer in self.states]
        return Piece(self.read_T[part], self.ids_T[part], self.log_p_TV[part], states)

    @property
    def nlls(self) -> Floats:
        """The negative log-probability of each symbol, in nats: its surprisal."""
        nlls_T: Floats = -self.log_p_TV[np.arange(len(self.ids_T)), self.ids_T]
        return nlls_T

    @property
    def bits(self) -> Floats:
        """The surprisal of each symbol, in bits."""
        return self.nlls / np.log(2)

    @property
    def ranks(self) -> npt.NDArray[np.int64]:
        """How likely each symbol was among all: 1 is the likeliest. Equally likely symbols share the best rank."""
        ranks_T: npt.NDArray[np.int64] = (self.log_p_TV > -self.nlls[:, np.newaxis]).sum(axis=1) + 1
        return ranks_T

    @property
    def entropies(self) -> Floats:
        """The entropy of each prediction, in nats."""
        entropies_T: Floats = -(np.exp(self.log_p_TV) * np.maximum(self.log_p_TV, -1e300)).sum(
            axis=1
        )
        return entropies_T

    def likeliest(self, count: int) -> tuple[Ids, Floats]:
        """Return the likeliest symbols at each place and their probabilities, both (T, count)."""
        order_TV = np.argsort(-self.log_p_TV, axis=1, kind="stable")[:, :count]
        return order_TV, np.exp(np.take_along_axis(self.log_p_TV, order_TV, axis=1))


class Reader:
    """Reads one text, part by part.

    Example:
        >>> from charlm.config import ModelConfig
        >>> from charlm.text.vocab import Vocab
        >>> model = Model(Vocab.from_alphabet("ab", eos=True), ModelConfig(hidden_dim=4, embed_dim=3))
        >>> [piece.ids_T.tolist() for piece in Reader(model).read(np.array([0, 1, 2, 1]))]
        [[0, 1, 2], [1]]
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.restart()

    @property
    def vocab(self) -> Vocab:
        """The symbols of the model."""
        return self._model.vocab

    def restart(self) -> None:
        """Begin a new text: with an empty state, after the start symbol."""
        self._state: State | None = None
        self._last = self._model.vocab.start

    def read(self, ids: Ids) -> Iterator[Piece]:
        """Read the next symbols of the text, and yield them in pieces of at most ``PIECE`` symbols."""
        eos = self._model.vocab.eos
        for start, stop in pieces(0, len(ids), PIECE):
            for i, j in lines(ids, start, stop, eos):
                yield self._read(ids[i:j])

    def _read(self, ids_T: Ids) -> Piece:
        model = self._model
        state = None if self._last == model.vocab.eos else self._state
        read_T = np.append(np.full(1, self._last, ids_T.dtype), ids_T[:-1])
        graph = model.graph()
        h, layers = model.hidden(graph, read_T[:, np.newaxis], state)
        w, b = model.output_layer(graph)
        h_TH = h.array().reshape(len(ids_T), -1)
        log_p_TV = normalised(h_TH @ w.array()[0] + b.array()[0])
        states = [layer.array()[:, :, 0].copy() for layer in layers]
        self._state, self._last = model.carried(layers), int(ids_T[-1])
        graph.release()
        return Piece(read_T, ids_T, log_p_TV, states)
