"""REINFORCE: a recurrent policy learns to repeat what it saw two steps before; actions are drawn from its numbers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

SYMBOLS, STEPS = 3, 6


class Policy:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.symbols = self.pc.add_lookup_parameters((SYMBOLS, 5))
        self.rnn = dy.SimpleRNNBuilder(1, 5, 9, self.pc)
        self.W, self.b = self.pc.add_parameters((SYMBOLS, 9)), self.pc.add_parameters(SYMBOLS)
        self.value = self.pc.add_parameters((1, 9))

    def episode(self, rng: random.Random) -> tuple[Any, float]:
        """The loss of one episode, and what was earned in it."""
        dy = self.dy
        state, terms, earned = self.rnn.initial_state(), [], 0.0
        seen = [rng.randrange(SYMBOLS) for _ in range(STEPS)]
        for t, symbol in enumerate(seen):
            state = state.add_input(self.symbols[symbol])
            p = dy.softmax(self.W * state.output() + self.b)
            numbers = np.cumsum(p.npvalue())
            action = int(np.searchsorted(numbers, rng.random() * numbers[-1]))
            reward = float(t >= 2 and action == seen[t - 2])
            value = self.value * dy.nobackprop(state.output())
            terms.append(-dy.log(dy.pick(p, action)) * (reward - value.value()))
            terms.append(dy.squared_distance(value, dy.scalarInput(reward)))
            earned += reward
        return dy.esum(terms), earned


def losses(dy: Any, updates: int) -> list[float]:
    policy = Policy(dy)
    trainer = dy.RMSPropTrainer(policy.pc, 0.002)
    rng, found = random.Random(6), []
    for _ in range(updates):
        dy.renew_cg()
        loss, _ = policy.episode(rng)
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
