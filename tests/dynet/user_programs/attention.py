"""An encoder and a decoder with attention learn to write a word backwards."""

from __future__ import annotations

import random
from typing import Any

LETTERS = "abcdefgh"
END = len(LETTERS)
SYMBOLS = len(LETTERS) + 1


def words(count: int, scale: int) -> list[list[int]]:
    rng = random.Random(13)
    return [
        [rng.randrange(len(LETTERS)) for _ in range(scale * rng.randint(2, 5))]
        for _ in range(count)
    ]


class Translator:
    def __init__(self, dy: Any, scale: int) -> None:
        self.dy = dy
        letter, size, key = 8 * scale, 14 * scale, 10 * scale
        self.size = size
        self.model = dy.Model()
        self.letters = self.model.add_lookup_parameters((SYMBOLS, letter))
        self.forward = dy.GRUBuilder(1, letter, size, self.model)
        self.backward = dy.GRUBuilder(1, letter, size, self.model)
        self.decoder = dy.LSTMBuilder(1, letter + 2 * size, size, self.model)
        self.keys = self.model.add_parameters((key, 2 * size))
        self.query = self.model.add_parameters((key, 2 * size))
        self.weigh = self.model.add_parameters((1, key))
        self.W = self.model.add_parameters((SYMBOLS, size))
        self.b = self.model.add_parameters(SYMBOLS)

    def encode(self, word: list[int]) -> Any:
        """The word as a matrix, a column for each letter."""
        dy = self.dy
        vectors = [self.letters[c] for c in [*word, END]]
        left = [s.output() for s in self.forward.initial_state().add_inputs(vectors)]
        right = [s.output() for s in self.backward.initial_state().add_inputs(reversed(vectors))]
        return dy.concatenate_cols(
            [dy.concatenate([f, b]) for f, b in zip(left, reversed(right), strict=True)]
        )

    def attend(self, encoded: Any, keys: Any, state: Any) -> Any:
        dy = self.dy
        query = self.query * dy.concatenate(list(state.s()))
        weights = dy.softmax(dy.transpose(self.weigh * dy.tanh(dy.colwise_add(keys, query))))
        return encoded * weights

    def loss(self, word: list[int]) -> Any:
        dy = self.dy
        encoded = self.encode(word)
        keys = self.keys * encoded
        start = dy.concatenate([dy.vecInput(2 * self.size), self.letters[END]])
        state = self.decoder.initial_state().add_input(start)
        last, terms = END, []
        for letter in [*reversed(word), END]:
            context = self.attend(encoded, keys, state)
            state = state.add_input(dy.concatenate([context, self.letters[last]]))
            probabilities = dy.softmax(self.W * state.output() + self.b)
            terms.append(-dy.log(dy.pick(probabilities, letter)))
            last = letter
        return dy.esum(terms)


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    translator = Translator(dy, scale)
    trainer = dy.SimpleSGDTrainer(translator.model)
    found = []
    for word in words(updates, scale):
        dy.renew_cg()
        loss = translator.loss(word)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
