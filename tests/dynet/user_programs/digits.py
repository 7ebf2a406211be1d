"""A network with two hidden layers learns to tell noisy pictures apart, in minibatches, and is tested now and then."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

CLASSES, PIXELS = 10, 25


class Network:
    def __init__(self, dy: Any, scale: int) -> None:
        self.dy = dy
        self.model = dy.ParameterCollection()
        sizes = [scale * PIXELS, 16 * scale, 12 * scale, CLASSES]
        self.layers = [
            (self.model.add_parameters((n, m)), self.model.add_parameters(n, init=0.0))
            for m, n in pairwise(sizes)
        ]

    def scores(self, pictures: np.ndarray, rate: float) -> Any:
        dy = self.dy
        x = dy.inputTensor(pictures, batched=True)
        *hidden, (W, b) = self.layers
        for V, a in hidden:
            x = dy.rectify(dy.affine_transform([a, V, x]))
            x = dy.dropout(x, rate) if rate else x
        return W * x + b


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    network = Network(dy, scale)
    trainer = dy.MomentumSGDTrainer(network.model, 0.02, 0.9)
    rng = np.random.default_rng(2)
    patterns = rng.integers(2, size=(CLASSES, scale * PIXELS))
    found = []
    for i in range(updates):
        dy.renew_cg()
        labels = rng.integers(CLASSES, size=8 * scale)
        pictures = (patterns[labels] + rng.normal(0.0, 0.5, (8 * scale, scale * PIXELS))).T
        if i % 5 == 4:
            dy.softmax(network.scores(pictures, 0.0)).npvalue().argmax(axis=0)
            dy.renew_cg()
        losses_of_batch = dy.pickneglogsoftmax_batch(network.scores(pictures, 0.1), labels.tolist())
        loss = dy.mean_batches(losses_of_batch)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
