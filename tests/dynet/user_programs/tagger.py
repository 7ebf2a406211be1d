"""A tagger: an LSTM from the left and one from the right, a small network on both, one tag for each word."""

from __future__ import annotations

import random
from typing import Any

WORDS, TAGS = 20, 4


def tagged(count: int) -> list[list[tuple[int, int]]]:
    """Sentences of (word, tag); the tag depends on the words on both sides."""
    rng = random.Random(8)
    found = []
    for _ in range(count):
        words = [rng.randrange(WORDS) for _ in range(rng.randint(3, 7))]
        around = zip([0, *words], words, [*words[1:], 0], strict=False)
        found.append([(word, (before + word + after) % TAGS) for before, word, after in around])
    return found


class Tagger:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.embeddings = self.pc.add_lookup_parameters((WORDS, 10), name="words")
        self.forward = dy.LSTMBuilder(1, 10, 12, self.pc)
        self.backward = dy.LSTMBuilder(1, 10, 12, self.pc)
        self.hidden = self.pc.add_parameters((16, 24), name="hidden")
        self.output = self.pc.add_parameters((TAGS, 16), name="output")

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


def losses(dy: Any, updates: int) -> list[float]:
    tagger = Tagger(dy)
    trainer = dy.MomentumSGDTrainer(tagger.pc, learning_rate=0.02)
    sentences = tagged(2 * updates)
    found = []
    for i in range(updates):
        dy.renew_cg()
        loss = dy.esum([tagger.loss(s) for s in sentences[2 * i : 2 * i + 2]])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
