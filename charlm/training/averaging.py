"""The average of the weights over the last updates. It scores better than the weights after any one update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from charlm.engine.arrays import Array
from charlm.lm.model import Model

TRAINED = "trained."
"""In a checkpoint, names of the weights in training begin with this; the average has the plain names."""


class Averaging:
    """An exponential moving average of a model's weights (Polyak and Juditsky, 1992, with a decay).

    After update n: average = d average + (1 - d) weights, d = min(decay, (1 + n) / (10 + n)): the first weights,
    which are random, soon count little. Training continues with the weights themselves.

    Args:
        model: with its first weights.
        decay: the factor of the average at an update; 0 keeps no average.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._model = model
        self._kept = [values.copy() for values in self._live()]
        self._buffers = [np.empty_like(values) for values in self._kept]

    def update(self) -> None:
        """Include the weights after an update in the average."""
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
        """Give the model the averaged weights inside a ``with`` block."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def tensors(self) -> dict[str, Array]:
        """Return a checkpoint's weights: the average under the model's names, and the weights in training.

        So a model that is loaded from a checkpoint samples and scores with the average.
        """
        own = self._model.arrays()
        if not self.decay:
            return own
        with self.applied():
            return {**self._model.arrays(), **{TRAINED + name: own[name] for name in own}}

    def restore(self, tensors: Mapping[str, Array], updates: int) -> None:
        """Continue from what ``tensors()`` returned after this many updates."""
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
