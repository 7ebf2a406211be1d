"""Word vectors with negative samples: a vector for each word, and another for its neighbours."""

from __future__ import annotations

import random
from typing import Any

NEGATIVE = 4


def losses(dy: Any, updates: int, scale: int = 1) -> list[float]:
    pc = dy.ParameterCollection()
    words, size = 20 * scale, 6 * scale
    vectors = pc.add_lookup_parameters((words, size), init=dy.UniformInitializer(0.5))
    around = pc.add_lookup_parameters((words, size), init=dy.NormalInitializer(0, 0.1))
    trainer = dy.AdamTrainer(pc, 0.02)
    rng, found = random.Random(1), []
    text = [0]
    for _ in range(9 * updates):
        text.append((text[-1] * 3 + rng.choice([1, 2])) % words)
    for i in range(updates):
        dy.renew_cg()
        around.set_updated(i % 4 != 3)
        terms = []
        for place in range(1 + 8 * i, 9 + 8 * i):
            word = vectors[text[place]]
            noise = [rng.randrange(words) for _ in range(NEGATIVE)]
            other = dy.lookup(around, text[place - 1], update=i % 3 != 1)
            terms.append(-dy.log_sigmoid(dy.dot_product(word, other)))
            products = dy.dot_product(word, around.batch(noise))
            terms.append(-dy.sum_batches(dy.log_sigmoid(-products)))
        loss = dy.average(terms)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
