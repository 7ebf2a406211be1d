"""A transition parser with a stack LSTM: the next action is the best of scores that are read at every step.

It has the sizes of 0 of a program whose tags and outer vectors are switched off.
"""

from __future__ import annotations

import random
from typing import Any

WORDS, ACTIONS = 12, 3  # shift, attach to the left, attach to the right
SHIFT, LEFT, RIGHT = range(ACTIONS)


class Parser:
    def __init__(self, dy: Any, scale: int, tags: int = 0, outer: int = 0) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        word, state, hidden = 7 * scale, 8 * scale, 9 * scale
        self.words = self.pc.add_lookup_parameters((scale * WORDS, word))
        self.outer = self.pc.add_lookup_parameters((outer, 30))
        self.tagged = self.pc.add_parameters((tags, 20))
        self.stack = dy.LSTMBuilder(1, word, state, self.pc)
        self.buffer = dy.LSTMBuilder(1, word, state, self.pc)
        self.empty = self.pc.add_parameters(state)
        self.join = self.pc.add_parameters((word, 2 * word))
        self.hidden = self.pc.add_parameters((hidden, 2 * state))
        self.W, self.b = self.pc.add_parameters((ACTIONS, hidden)), self.pc.add_parameters(ACTIONS)

    def loss(self, words: list[int], rng: random.Random) -> Any:
        """The loss against the larger word as head; what it does follows its own scores half the time."""
        dy = self.dy
        buffer = []
        state = self.buffer.initial_state()
        for word in reversed(words):
            state = state.add_input(self.words[word])
            buffer.append((state, word))
        stack: list[Any] = [(self.stack.initial_state(), -1, None)]
        terms = []
        while buffer or len(stack) > 2:
            allowed = [SHIFT] * bool(buffer) + [LEFT, RIGHT] * (len(stack) > 2)
            top = stack[-1][0].output()
            rest = buffer[-1][0].output() if buffer else self.empty
            features = dy.concatenate([self.empty if top is None else top, rest])
            scores = self.W * dy.tanh(self.hidden * features) + self.b
            right = SHIFT
            if len(stack) > 2:
                right = LEFT if stack[-1][1] > stack[-2][1] else RIGHT
            numbers = scores.npvalue()
            best = max(allowed, key=lambda action: numbers[action])
            if len(allowed) > 1:
                terms.append(dy.pickneglogsoftmax(scores, right))
            action = best if rng.random() < 0.5 else right
            if action == SHIFT:
                _, word = buffer.pop()
                vector = self.words[word]
            else:
                (_, a, x), (_, b, y) = stack.pop(), stack.pop()
                word = max(a, b) if action == LEFT else b
                vector = dy.rectify(self.join * dy.concatenate([x, y]))
            stack.append((stack[-1][0].add_input(vector), word, vector))
        return dy.esum(terms)


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    parser = Parser(dy, scale)
    trainer = dy.AdagradTrainer(parser.pc, 0.05)
    rng, found = random.Random(10), []
    for _ in range(updates):
        dy.renew_cg()
        words = [rng.randrange(scale * WORDS) for _ in range(scale * rng.randint(3, 7))]
        loss = parser.loss(words, rng)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
