"""A tagger: an LSTM from the left and one from the right, a small network on both, one tag for each word."""

from __future__ import annotations

import random
from typing import Any

WORDS, TAGS = 20, 4


def tagged(count: int, scale: int) -> list[list[tuple[int, int]]]:
    """Sentences of (word, tag); the tag depends on the words on both sides."""
    rng = random.Random(8)
    found = []
    for _ in range(count):
        words = [rng.randrange(scale * WORDS) for _ in range(scale * rng.randint(3, 7))]
        around = zip([0, *words], words, [*words[1:], 0], strict=False)
        found.append([(word, (before + word + after) % TAGS) for before, word, after in around])
    return found


class Tagger:
    def __init__(self, dy: Any, scale: int) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        word, state, hidden = 10 * scale, 12 * scale, 16 * scale
        self.embeddings = self.pc.add_lookup_parameters((scale * WORDS, word), name="words")
        self.forward = dy.LSTMBuilder(1, word, state, self.pc)
        self.backward = dy.LSTMBuilder(1, word, state, self.pc)
        self.hidden = self.pc.add_parameters((hidden, 2 * state), name="hidden")
        self.output = self.pc.add_parameters((TAGS, hidden), name="output")

    def scores(self, words: list[int]) -> list[Any]:
        dy = self.dy
        vectors = [dy.noise(self.embeddings[w], 0.1) for w in words]
        left = self.forward.initial_state().transduce(vectors)
        right = self.backward.initial_state().transduce(vectors[::-1])[::-1]
        both = [dy.concatenate([f, b]) for f, b in zip(left, right, strict=True)]
        return [self.output * dy.rectify(self.hidden * x) for x in both]

    def loss(self, sentence: list[tuple[int, int]]) -> Any:
        scores = self.scores([word for word, _ in sentence])
        tags = [tag for _, tag in sentence]
        return self.dy.esum(
            [self.dy.pickneglogsoftmax(s, t) for s, t in zip(scores, tags, strict=True)]
        )


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    tagger = Tagger(dy, scale)
    trainer = dy.MomentumSGDTrainer(tagger.pc, learning_rate=0.02)
    sentences = tagged(2 * updates, scale)
    found = []
    for i in range(updates):
        dy.renew_cg()
        loss = dy.esum([tagger.loss(s) for s in sentences[2 * i : 2 * i + 2]])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
