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
END = WORDS.index("<s>")


def sentences(count: int, clauses: int) -> list[list[int]]:
    """Sentences of a tiny grammar, as ids; each clause has words of its own."""
    rng = random.Random(5)

    def noun_phrase() -> list[str]:
        phrase = [rng.choice(["the", "a"]), rng.choice(["dog", "cat", "bird"])]
        return (
            phrase if rng.random() < 0.5 else [phrase[0], rng.choice(["small", "old"]), phrase[1]]
        )

    found = []
    for _ in range(count):
        ids = []
        for k in range(clauses):
            words = [*noun_phrase(), rng.choice(["sees", "hears", "chases"]), *noun_phrase()]
            words += [rng.choice(["today", "again"])] if rng.random() < 0.5 else []
            ids += [WORDS.index(w) + k * len(WORDS) for w in words]
        found.append([END, *ids, END])
    return found


def minibatches(scale: int) -> list[list[list[int]]]:
    """Sentences in groups of one length each."""
    size = 6 * scale
    ordered = sorted(sentences(40 * scale, scale), key=len)
    groups = [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return [[s for s in group if len(s) == len(group[0])] for group in groups]


class LanguageModel:
    def __init__(self, dy: Any, scale: int) -> None:
        self.dy = dy
        words, embedding, hidden = scale * len(WORDS), 12 * scale, 16 * scale
        self.model = dy.ParameterCollection()
        self.embeddings = self.model.add_lookup_parameters((words, embedding))
        self.rnn = dy.VanillaLSTMBuilder(2, embedding, hidden, self.model)
        self.W = self.model.add_parameters((words, hidden), init="uniform", scale=0.2)
        self.b = self.model.add_parameters(words, init=0)

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


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    lm = LanguageModel(dy, scale)
    trainer = dy.AdamTrainer(lm.model, alpha=0.01)
    batches = minibatches(scale)
    found = []
    for i in range(updates):
        dy.renew_cg()
        loss = lm.loss(batches[i % len(batches)])
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
