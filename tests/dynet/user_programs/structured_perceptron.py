"""A tagger whose best sequence Viterbi's algorithm finds in numbers; the loss is how far it is above the right one."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np

WORDS, TAGS = 15, 3


def tagged(count: int) -> list[tuple[list[int], list[int]]]:
    """Sentences whose tags depend on the word and on the tag before."""
    rng = random.Random(4)
    found = []
    for _ in range(count):
        words = [rng.randrange(WORDS) for _ in range(rng.randint(3, 6))]
        tags, tag = [], 0
        for word in words:
            tag = (word + tag) % TAGS
            tags.append(tag)
        found.append((words, tags))
    return found


class Tagger:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.words = self.pc.add_lookup_parameters((WORDS, 6))
        self.steps = self.pc.add_lookup_parameters((TAGS, TAGS))  # from each tag to every other
        self.rnn = dy.BiRNNBuilder(1, 6, 8, self.pc, dy.GRUBuilder)
        self.W = self.pc.add_parameters((TAGS, 8))

    def best(self, scores: list[Any]) -> list[int]:
        """The tags of the best sum, every number read when it is needed."""
        steps = np.array([self.steps[t].npvalue() for t in range(TAGS)])
        total, back = scores[0].npvalue(), []
        for score in scores[1:]:
            sums = total[:, np.newaxis] + steps
            back.append(sums.argmax(axis=0))
            total = sums.max(axis=0) + score.npvalue()
        tags = [int(total.argmax())]
        for pointers in reversed(back):
            tags.append(int(pointers[tags[-1]]))
        return tags[::-1]

    def total(self, scores: list[Any], tags: list[int]) -> Any:
        dy = self.dy
        terms = [dy.pick(score, tag) for score, tag in zip(scores, tags, strict=True)]
        terms += [dy.pick(self.steps[a], b) for a, b in pairwise(tags)]
        return dy.esum(terms)

    def loss(self, words: list[int], tags: list[int]) -> Any:
        outputs = self.rnn.transduce([self.words[w] for w in words])
        scores = [self.W * output for output in outputs]
        return self.total(scores, self.best(scores)) - self.total(scores, tags)


def losses(dy: Any, updates: int) -> list[float]:
    tagger = Tagger(dy)
    trainer = dy.AdamTrainer(tagger.pc, 0.01)
    found, sentences = [], tagged(4 * updates)
    for i in range(updates):
        dy.renew_cg()
        loss = dy.esum([tagger.loss(*s) for s in sentences[4 * i : 4 * i + 4]])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
