"""A classifier of texts and of small pictures: windows over word vectors, the largest values, pictures convolved."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

WORDS, SIZE, FILTERS, LABELS = 12, 4, 5, 3


class Classifier:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.words = self.pc.add_lookup_parameters((WORDS, SIZE))
        self.windows = {n: self.pc.add_parameters((SIZE, n, FILTERS)) for n in (2, 3)}
        self.maps = self.pc.add_parameters((2, 2, 1, 3)), self.pc.add_parameters(3)
        self.W = self.pc.add_parameters((LABELS, SIZE * FILTERS + 2 * FILTERS + 12), init="he")

    def loss(self, words: list[int], picture: np.ndarray, label: int) -> Any:
        dy = self.dy
        text = dy.concatenate_cols([self.words[w] for w in words])
        parts = []
        for f in self.windows.values():
            found = dy.rectify(dy.filter1d_narrow(text, f))
            parts.append(dy.max_dim(found, 1))
        mean = dy.mean_dim(text, [1], False)
        parts.append(dy.reshape(mean * dy.ones((1, FILTERS)), (SIZE * FILTERS,)))
        filters, bias = self.maps
        seen = dy.conv2d_bias(dy.inputTensor(picture), filters, bias, [1, 1], is_valid=False)
        parts.append(dy.reshape(dy.maxpooling2d(dy.tanh(seen), [2, 2], [2, 2]), (12,)))
        return dy.hinge(self.W * dy.concatenate(parts), label, 2.0)


def losses(dy: Any, updates: int) -> list[float]:
    classifier = Classifier(dy)
    trainer = dy.CyclicalSGDTrainer(classifier.pc, 0.01, 0.05, step_size=5)
    rng, found = random.Random(9), []
    for _ in range(updates):
        dy.renew_cg()
        terms = []
        for _ in range(4):
            words = [rng.randrange(WORDS) for _ in range(rng.randint(4, 7))]
            picture = np.array([rng.random() for _ in range(16)]).reshape(4, 4, 1)
            terms.append(classifier.loss(words, picture, sum(words) % LABELS))
        loss = dy.average(terms)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
