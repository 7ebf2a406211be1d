"""A graph-based parser: scores of all pairs of words, read one by one, and a margin for the right heads."""

from __future__ import annotations

import random
from typing import Any

WORDS = 14


class Parser:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.words = self.pc.add_lookup_parameters((WORDS + 1, 8))  # the last is the root
        self.rnn = dy.BiRNNBuilder(2, 8, 10, self.pc, dy.LSTMBuilder)
        self.head, self.child = self.pc.add_parameters((9, 10)), self.pc.add_parameters((9, 10))
        self.bias, self.score = self.pc.add_parameters(9), self.pc.add_parameters((1, 9))

    def loss(self, words: list[int]) -> tuple[Any, int]:
        dy = self.dy
        outputs = self.rnn.transduce([self.words[w] for w in [WORDS, *words]])
        heads, children = [self.head * o for o in outputs], [self.child * o for o in outputs]
        scores = [[self.score * dy.tanh(h + c + self.bias) for h in heads] for c in children]
        terms, wrong = [], 0
        for i in range(1, len(outputs)):
            right = max(range(i), key=lambda j: ([-1, *words][j] + i) % 5)
            numbers = [score.value() + (j != right) for j, score in enumerate(scores[i])]
            best = max((j for j in range(len(outputs)) if j != i), key=numbers.__getitem__)
            if best != right:
                terms.append(scores[i][best] - scores[i][right] + 1.0)
                wrong += 1
        return dy.esum(terms) if terms else dy.zeros(1), wrong


def losses(dy: Any, updates: int) -> list[float]:
    parser = Parser(dy)
    trainer = dy.MomentumSGDTrainer(parser.pc, 0.005)
    rng, found = random.Random(3), []
    for _ in range(updates):
        dy.renew_cg()
        loss, _ = parser.loss([rng.randrange(WORDS) for _ in range(rng.randint(4, 7))])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
