"""An encoder and a decoder that is trained on the best of several sequences, which a search with checkpoints finds."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

SYMBOLS, END, SIZE, BEAM = 6, 5, 8, 3


class Translator:
    def __init__(self, dy: Any) -> None:
        self.dy = dy
        self.pc = dy.ParameterCollection()
        self.source = self.pc.add_lookup_parameters((SYMBOLS, 5))
        self.target = self.pc.add_lookup_parameters((SYMBOLS, 5))
        self.encoder = dy.CompactVanillaLSTMBuilder(1, 5, SIZE, self.pc)
        self.decoder = dy.LSTMBuilder(2, 5, SIZE, self.pc)
        self.W, self.b = self.pc.add_parameters((SYMBOLS, SIZE)), self.pc.add_parameters(SYMBOLS)

    def start(self, symbols: list[int]) -> Any:
        read = self.encoder.initial_state().add_inputs([self.source[s] for s in symbols])[-1]
        c, h = read.s()
        state = self.decoder.initial_state([c, c, h, h]).add_input(self.target[END])
        self.scores(state)  # its parameters' nodes are to be there when the search deletes its own
        return state

    def scores(self, state: Any) -> Any:
        return self.dy.log_softmax(self.dy.affine_transform([self.b, self.W, state.output()]))

    def search(self, state: Any, length: int) -> list[int]:
        """The best sequence of a beam; its nodes are deleted."""
        self.dy.cg_checkpoint()
        beam = [(0.0, [], state)]
        for _ in range(length):
            grown = []
            for total, symbols, at in beam:
                numbers = self.scores(at).npvalue()
                for symbol in np.argsort(-numbers, kind="stable")[:BEAM]:
                    grown.append((total + numbers[symbol], [*symbols, int(symbol)], at))
            best = sorted(grown, key=lambda g: -g[0])[:BEAM]
            beam = [(t, s, at.add_input(self.target[s[-1]])) for t, s, at in best]
        self.dy.cg_revert()
        return beam[0][1]

    def nll(self, state: Any, symbols: list[int]) -> Any:
        terms = []
        for symbol in symbols:
            terms.append(-self.dy.pick(self.scores(state), symbol))
            state = state.add_input(self.target[symbol])
        return self.dy.esum(terms)


def losses(dy: Any, updates: int) -> list[float]:
    translator = Translator(dy)
    trainer = dy.SimpleSGDTrainer(translator.pc, 0.2)
    rng, found = random.Random(15), []
    for _ in range(updates):
        dy.renew_cg()
        symbols = [rng.randrange(END) for _ in range(4)]
        state = translator.start(symbols)
        guess = translator.search(state, len(symbols))
        wrong = sum(a != b for a, b in zip(guess, symbols, strict=True))
        loss = translator.nll(state, symbols) + dy.rectify(
            translator.nll(state, symbols) - translator.nll(state, guess) + float(wrong)
        )
        found.append(loss.value())
        loss.backward()
        trainer.update()
    return found
