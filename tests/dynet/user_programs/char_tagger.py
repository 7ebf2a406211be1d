"""A tagger that spells rare words: an LSTM over letters from both sides, inside an LSTM over words from both sides."""

from __future__ import annotations

import random
from typing import Any

LETTERS, TAGS = 10, 5
Word = tuple[int, ...]


def vocabulary(rng: random.Random, count: int) -> list[Word]:
    return [tuple(rng.randrange(LETTERS) for _ in range(rng.randint(2, 7))) for _ in range(count)]


class Tagger:
    def __init__(self, dy: Any, known: list[Word], scale: int) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.rows = {word: row for row, word in enumerate(known)}
        letter, word, state = 4 * scale, 10 * scale, 8 * scale
        self.words = self.pc.add_lookup_parameters((len(known), word))
        self.letters = self.pc.add_lookup_parameters((LETTERS + 1, letter))
        self.spell = [dy.VanillaLSTMBuilder(1, letter, word // 2, self.pc) for _ in range(2)]
        self.read = [dy.VanillaLSTMBuilder(1, word, state, self.pc) for _ in range(2)]
        self.W = self.pc.add_parameters((TAGS, 2 * state))
        self.b = self.pc.add_parameters(TAGS)

    def vector(self, word: Word) -> Any:
        """The row of a known word, or what its letters say."""
        if word in self.rows:
            return self.words[self.rows[word]]
        letters = [self.letters[c] for c in (LETTERS, *word, LETTERS)]
        left, right = (rnn.initial_state() for rnn in self.spell)
        for a, b in zip(letters, reversed(letters), strict=True):
            left, right = left.add_input(a), right.add_input(b)
        return self.dy.concatenate([left.output(), right.output()])

    def loss(self, words: list[Word], tags: list[int]) -> Any:
        dy = self.dy
        vectors = [self.vector(w) for w in words]
        left, right = (rnn.initial_state() for rnn in self.read)
        forward = [s.output() for s in left.add_inputs(vectors)]
        backward = [s.output() for s in right.add_inputs(vectors[::-1])][::-1]
        terms = []
        for f, b, tag in zip(forward, backward, tags, strict=True):
            scores = self.W * dy.concatenate([f, b]) + self.b
            terms.append(dy.pickneglogsoftmax(scores, tag))
        return dy.esum(terms)


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    rng = random.Random(17)
    words = vocabulary(rng, 30 * scale)
    tagger = Tagger(dy, words[::2], scale)
    trainer = dy.AdamTrainer(tagger.pc, 0.005)
    found = []
    for _ in range(updates):
        dy.renew_cg()
        sentence = [rng.choice(words) for _ in range(scale * rng.randint(3, 6))]
        loss = tagger.loss(sentence, [sum(word) % TAGS for word in sentence])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
