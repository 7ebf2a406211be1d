"""The average of the weights over the last updates, which scores better than the weights of any one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from charlm.engine.arrays import Array
from charlm.lm.model import Model

TRAINED = "trained."
"""How the names of the weights that are trained on begin in a checkpoint, beside those of the average."""


class Averaging:
    """An exponential moving average of a model's weights (Polyak and Juditsky, 1992, with a decay).

    After update n: average = d average + (1 - d) weights, d = min(decay, (1 + n) / (10 + n)), so that the first
    weights, which are random, are soon forgotten. Training goes on from the weights themselves.

    Args:
        model: with its first weights.
        decay: how much of the average stays at an update; 0 keeps no average, and nothing here does anything.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._model = model
        self._kept = [values.copy() for values in self._live()]
        self._buffers = [np.empty_like(values) for values in self._kept]

    def update(self) -> None:
        """Take the weights after an update into the average."""
        if not self.decay:
            return
        self.updates += 1
        rest = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for kept, live, buffer in zip(self._kept, self._live(), self._buffers, strict=True):
            np.subtract(live, kept, out=buffer)
            buffer *= rest
            kept += buffer

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the averaged weights inside a ``with`` block, and its own weights back after it."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def tensors(self) -> dict[str, Array]:
        """Return what a checkpoint holds: the averaged weights under the model's names, and those trained on.

        So whoever reads a checkpoint draws and scores with the average.
        """
        own = self._model.arrays()
        if not self.decay:
            return own
        with self.applied():
            return {**self._model.arrays(), **{TRAINED + name: own[name] for name in own}}

    def restore(self, tensors: Mapping[str, Array], updates: int) -> None:
        """Continue from what ``tensors()`` returned after as many updates."""
        self._model.load_arrays(tensors)
        self.updates = updates
        if self.decay:
            self._kept = [values.copy() for values in self._live()]
            start = len(TRAINED)
            trained = {name[start:]: a for name, a in tensors.items() if name.startswith(TRAINED)}
            self._model.load_arrays(trained)

    def _live(self) -> list[Array]:
        """Return the arrays of the weights themselves."""
        if not self.decay:
            return []
        collection = self._model.collection
        return [collection.storage.writable(), *[table.value for table in collection.lookups]]

    def _exchange(self) -> None:
        for kept, live in zip(self._kept, self._live(), strict=True):
            own = live.copy()
            live[...] = kept
            kept[...] = own
