"""An encoder whose last state starts a decoder: it learns to write letters in order, and is then asked to write."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

LETTERS = 9
END, SYMBOLS, LAYERS = LETTERS, LETTERS + 1, 2


class Sorter:
    def __init__(self, dy: Any, scale: int) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        letter, state = 8 * scale, 11 * scale
        self.source = self.pc.add_lookup_parameters((SYMBOLS, letter))
        self.target = self.pc.add_lookup_parameters((SYMBOLS, letter))
        self.encoder = dy.LSTMBuilder(LAYERS, letter, state, self.pc)
        self.decoder = dy.LSTMBuilder(LAYERS, letter, state, self.pc)
        self.W, self.b = self.pc.add_parameters((SYMBOLS, state)), self.pc.add_parameters(SYMBOLS)

    def start(self, word: list[int]) -> Any:
        state = self.encoder.initial_state()
        for letter in [*reversed(word), END]:
            state = state.add_input(self.source[letter])
        return self.decoder.initial_state(state.s())

    def scores(self, state: Any) -> Any:
        return self.W * state.output() + self.b

    def loss(self, word: list[int]) -> Any:
        state, terms = self.start(word), []
        for now, after in pairwise([END, *sorted(word), END]):
            state = state.add_input(self.target[now])
            terms.append(self.dy.pickneglogsoftmax(self.scores(state), after))
        return self.dy.esum(terms)

    def write(self, word: list[int]) -> list[int]:
        """The likeliest letter at each step."""
        state, last, written = self.start(word), END, []
        while len(written) < len(word):
            state = state.add_input(self.target[last])
            last = int(self.dy.softmax(self.scores(state)).npvalue().argmax())
            if last == END:
                break
            written.append(last)
        return written


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    sorter = Sorter(dy, scale)
    trainer = dy.SimpleSGDTrainer(sorter.pc, 0.05)
    rng, found = random.Random(4), []
    for i in range(updates):
        dy.renew_cg()
        word = [rng.randrange(LETTERS) for _ in range(scale * rng.randint(3, 5))]
        loss = sorter.loss(word)
        found.append(loss.value())
        loss.backward()
        trainer.update()
        if i % 5 == 4:
            dy.renew_cg()
            sorter.write(word)
    return found
