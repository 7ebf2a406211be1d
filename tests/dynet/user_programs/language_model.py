"""A word-level language model: sentences of equal length in minibatches, two LSTM layers, a softmax over words."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

WORDS = [
    "<s>",
    "the",
    "a",
    "dog",
    "cat",
    "bird",
    "sees",
    "hears",
    "chases",
    "small",
    "old",
    "today",
    "again",
]


def sentences(count: int) -> list[list[int]]:
    """Sentences of a tiny grammar, as ids."""
    rng = random.Random(5)

    def noun_phrase() -> list[str]:
        phrase = [rng.choice(["the", "a"]), rng.choice(["dog", "cat", "bird"])]
        return (
            phrase if rng.random() < 0.5 else [phrase[0], rng.choice(["small", "old"]), phrase[1]]
        )

    found = []
    for _ in range(count):
        words = [*noun_phrase(), rng.choice(["sees", "hears", "chases"]), *noun_phrase()]
        words += [rng.choice(["today", "again"])] if rng.random() < 0.5 else []
        found.append([WORDS.index(w) for w in ["<s>", *words, "<s>"]])
    return found


def minibatches(count: int, size: int) -> list[list[list[int]]]:
    """Sentences in groups of one length each."""
    ordered = sorted(sentences(count), key=len)
    groups = [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return [[s for s in group if len(s) == len(group[0])] for group in groups]


class LanguageModel:
    def __init__(self, dy: Any, embedding: int = 12, hidden: int = 16) -> None:
        self.dy = dy
        self.model = dy.ParameterCollection()
        self.embeddings = self.model.add_lookup_parameters((len(WORDS), embedding))
        self.rnn = dy.VanillaLSTMBuilder(2, embedding, hidden, self.model)
        self.W = self.model.add_parameters((len(WORDS), hidden), init="uniform", scale=0.2)
        self.b = self.model.add_parameters(len(WORDS), init=0)

    def loss(self, batch: list[list[int]]) -> Any:
        """The mean loss of a word."""
        dy = self.dy
        state = self.rnn.initial_state()
        terms = []
        for now, after in pairwise(zip(*batch, strict=True)):
            state = state.add_input(dy.lookup_batch(self.embeddings, list(now)))
            scores = dy.affine_transform([self.b, self.W, dy.dropout(state.output(), 0.1)])
            terms.append(dy.pickneglogsoftmax_batch(scores, list(after)))
        return dy.mean_batches(dy.esum(terms)) / len(terms)


def losses(dy: Any, updates: int) -> list[float]:
    lm = LanguageModel(dy)
    trainer = dy.AdamTrainer(lm.model, alpha=0.01)
    batches = minibatches(40, 6)
    found = []
    for i in range(updates):
        dy.renew_cg()
        loss = lm.loss(batches[i % len(batches)])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
