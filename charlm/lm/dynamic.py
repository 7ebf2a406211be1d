"""Dynamic evaluation: a model that learns from the text it is scored on, each piece after it was scored.

This is the RMS form of Krause, Kahembwe, Murray and Renals, "Dynamic evaluation of neural sequence models" (2018):
a weight moves against its gradient, divided by how large gradients usually are there, and is drawn back to what
training made of it. No character is learned from before it was predicted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.trainers.base import Trainer
from charlm.lm.model import Model

PULL = 0.001
"""The part of the way back to its trained value that a weight goes at every update."""


class DynamicTrainer(Trainer):
    """Updates for the text that is being read, around the trained weights.

    How large gradients usually are is measured on the training text: ``observe`` after each of some
    backward passes over it, then ``set_scale``.

    Args:
        model: the model whose weights move; they are the trained ones now.
        rate: how far a weight moves, about, whose gradient is a usual one.
    """

    moments = ("trained", "scale")

    def __init__(self, model: Model, rate: float) -> None:
        super().__init__(model.collection, rate, kernels=model.kernels)
        self.sparse_updates = False  # the pull is on all rows
        self._observed = 0
        for trained, value, _ in self._parts("trained"):
            trained[...] = value

    def observe(self) -> None:
        """Take the accumulated gradients into account, and clear them."""
        self._observed += 1
        for scale, _, gradient in self._parts("scale"):
            scale += gradient * gradient
            gradient[...] = 0
        for parameter in self.collection.parameters:
            parameter.has_gradient = False

    def set_scale(self) -> None:
        """Divide from now on by the root mean squares of what was observed, each with the mean of all added.

        The mean is for weights that hardly ever have a gradient: they would leap when they get one.
        """
        total = 0.0
        for scale, _, _ in self._parts("scale"):
            scale[...] = np.sqrt(scale / self._observed)
            total += float(scale.sum(dtype=np.float64))
        mean = total / self.collection.parameter_count()
        for scale, _, _ in self._parts("scale"):
            scale += scale.dtype.type(mean or 1.0)

    def reset(self) -> None:
        """Give the model its trained weights again."""
        self.collection.storage.writable()
        for trained, value, _ in self._parts("trained"):
            value[...] = trained

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        """Move against the gradient, and a part of the way back."""
        trained, scale = moments
        g /= scale
        g *= -self.learning_rate
        values += g
        np.subtract(trained, values, out=g)
        g *= PULL
        values += g

    def _parts(self, moment: str) -> Iterator[tuple[Array, Array, Array]]:
        """Yield a moment of the flat parameters and of each table, beside their values and gradients."""
        found, storage = self.state(), self.collection.storage
        yield found[moment], storage.values, storage.gradients
        for table in self.collection.lookups:
            yield found[f"{moment}{table.name}"], table.value, table.gradient
