"""A classifier of sentences in minibatches: the sum of their words' scores, and the largest answers of a network that
sees three words at a time.
"""

from __future__ import annotations

import random
from typing import Any

LABELS, WINDOW, MOST = 5, 3, 9


class Classifier:
    def __init__(self, dy: Any, words: int, scale: int) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        word, filters = 8 * scale, 10 * scale
        self.bag = self.pc.add_lookup_parameters((words, LABELS))
        self.words = self.pc.add_lookup_parameters((words, word))
        self.filters = self.pc.add_parameters((filters, WINDOW * word))
        self.offsets = self.pc.add_parameters(filters)
        self.W, self.b = self.pc.add_parameters((LABELS, filters)), self.pc.add_parameters(LABELS)

    def scores(self, sentence: list[int]) -> Any:
        dy = self.dy
        vectors = [self.words[w] for w in sentence]
        windows = zip(vectors, vectors[1:], vectors[2:], strict=False)
        seen = [self.filters * dy.concatenate(list(window)) + self.offsets for window in windows]
        largest = dy.emax([dy.rectify(x) for x in seen])
        return self.W * largest + self.b + dy.esum([self.bag[w] for w in sentence])

    def loss(self, sentences: list[list[int]], labels: list[int]) -> Any:
        dy = self.dy
        scores = dy.concatenate_to_batch([self.scores(s) for s in sentences])
        probabilities = dy.pick_batch(dy.log_softmax(scores), labels)
        return -dy.sum_batches(probabilities) / len(labels)


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    words = 25 * scale
    classifier = Classifier(dy, words, scale)
    trainer = dy.AdamTrainer(classifier.pc, 0.002)
    rng, found = random.Random(6), []
    for _ in range(updates):
        dy.renew_cg()
        lengths = [scale * rng.randint(WINDOW, MOST) for _ in range(4)]
        sentences = [[rng.randrange(words) for _ in range(length)] for length in lengths]
        loss = classifier.loss(sentences, [max(s) % LABELS for s in sentences])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
