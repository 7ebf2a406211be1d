"""A graph-based parser: scores of all pairs of words, read one by one, and a margin for the right heads."""

from __future__ import annotations

import random
from typing import Any

WORDS = 14


class Parser:
    def __init__(self, dy: Any, scale: int) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        word, state, hidden = 8 * scale, 10 * scale, 9 * scale
        self.words = self.pc.add_lookup_parameters((WORDS + 1, word))  # the last is the root
        self.rnn = dy.BiRNNBuilder(2, word, state, self.pc, dy.LSTMBuilder)
        self.head, self.child = (self.pc.add_parameters((hidden, state)) for _ in range(2))
        self.bias, self.score = self.pc.add_parameters(hidden), self.pc.add_parameters((1, hidden))

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


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    parser = Parser(dy, scale)
    trainer = dy.MomentumSGDTrainer(parser.pc, 0.005)
    rng, found = random.Random(3), []
    for _ in range(updates):
        dy.renew_cg()
        words = [rng.randrange(WORDS) for _ in range(scale * rng.randint(4, 7))]
        loss, _ = parser.loss(words)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
