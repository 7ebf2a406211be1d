"""Dynamic evaluation: the model learns from the text that it is scored on, from each piece after its score.

This is the RMS form of Krause, Kahembwe, Murray and Renals, "Dynamic evaluation of neural sequence models" (2018):
a weight moves against its gradient, divided by the usual size of its gradients, and a little towards its
trained value. The model predicts each character before it learns from it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from charlm.engine.arrays import Array
from charlm.engine.trainers.base import Trainer
from charlm.lm.model import Model

PULL = 0.001
"""The fraction of the distance to its trained value that a weight moves back at every update."""


class DynamicTrainer(Trainer):
    """Updates for the text that is being read, around the trained weights.

    The usual size of gradients is measured on the training text: ``observe`` after each of some
    backward passes over it, then ``set_scale``.

    Args:
        model: with its trained weights, which will move.
        rate: about how far a weight with a gradient of usual size moves.
    """

    moments = ("trained", "scale")

    def __init__(self, model: Model, rate: float) -> None:
        super().__init__(model.collection, rate, kernels=model.kernels)
        self.sparse_updates = False  # all rows move towards their trained values
        self._observed = 0
        for trained, value, _ in self._parts("trained"):
            trained[...] = value

    def observe(self) -> None:
        """Include the accumulated gradients in the measurement, and clear them."""
        self._observed += 1
        for scale, _, gradient in self._parts("scale"):
            scale += gradient * gradient
            gradient[...] = 0
        for parameter in self.collection.parameters:
            parameter.has_gradient = False

    def set_scale(self) -> None:
        """From now on divide by the root mean squares of the observed gradients, plus the mean of all of them.

        The mean is for weights that rarely have a gradient: without it they would move too far when they get one.
        """
        total = 0.0
        for scale, _, _ in self._parts("scale"):
            scale[...] = np.sqrt(scale / self._observed)
            total += float(scale.sum(dtype=np.float64))
        mean = total / self.collection.parameter_count()
        for scale, _, _ in self._parts("scale"):
            scale += scale.dtype.type(mean or 1.0)

    def reset(self) -> None:
        """Give the model its trained weights back."""
        self.collection.storage.writable()
        for trained, value, _ in self._parts("trained"):
            value[...] = trained

    def apply(self, values: Array, g: Array, *moments: Array) -> None:
        """Move against the gradient, and a little towards the trained values."""
        trained, scale = moments
        g /= scale
        g *= -self.learning_rate
        values += g
        np.subtract(trained, values, out=g)
        g *= PULL
        values += g

    def _parts(self, moment: str) -> Iterator[tuple[Array, Array, Array]]:
        """Yield a moment of the flat parameters and of each table, beside their values and gradients."""
        moments, storage = self.state(), self.collection.storage
        yield moments[moment], storage.values, storage.gradients
        for table in self.collection.lookups:
            yield moments[f"{moment}{table.name}"], table.value, table.gradient
