"""A conditional random field on words made of letters: its partition function is made of expressions."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

LETTERS, TAGS = 8, 3


class Field:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.Model()
        self.letters = self.pc.add_lookup_parameters((LETTERS, 5))
        self.word = dy.GRUBuilder(1, 5, 6, self.pc)
        self.sentence = dy.CoupledLSTMBuilder(1, 6, 7, self.pc)
        self.W, self.b = self.pc.add_parameters((TAGS, 7)), self.pc.add_parameters(TAGS)
        self.steps = [self.pc.add_parameters(TAGS) for _ in range(TAGS)]  # into each tag

    def loss(self, words: list[str], tags: list[int]) -> Any:
        dy = self.dy
        vectors = [
            self.word.initial_state().transduce([self.letters[ord(c) - ord("a")] for c in word])[-1]
            for word in words
        ]
        scores = [self.W * h + self.b for h in self.sentence.initial_state().transduce(vectors)]
        forward = scores[0]
        for score in scores[1:]:
            sums = [dy.logsumexp_dim(forward + step, 0) for step in self.steps]
            forward = dy.concatenate(sums) + score
        right = [score[tag] for score, tag in zip(scores, tags, strict=True)]
        right += [self.steps[b][a] for a, b in pairwise(tags)]
        return dy.logsumexp([forward[i] for i in range(TAGS)]) - dy.esum(right)


def losses(dy: Any, updates: int) -> list[float]:
    field = Field(dy)
    trainer = dy.AmsgradTrainer(field.pc, 0.01)
    rng, found = random.Random(12), []
    for _ in range(updates):
        dy.renew_cg()
        words = [
            "".join(rng.choice("abcdefgh") for _ in range(rng.randint(1, 4))) for _ in range(4)
        ]
        loss = field.loss(words, [len(word) % TAGS for word in words])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
