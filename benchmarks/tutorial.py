"""The tutorial's three loops, for charlm.dynet or DyNet: ``python -m benchmarks.tutorial charlm|dynet``.

A simple RNN and an LSTM learn one sentence, and the simple RNN then another. Each loop has 200 updates and
generates a text after every fifth. It prints the seconds of each loop, without imports.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

FOX = "a quick brown fox jumped over the lazy dog"
PRETZELS = "these pretzels are making me thirsty"
SIZE, UPDATES, EVERY, LONGEST = 50, 200, 5, 400
SYMBOLS = [*"abcdefghijklmnopqrstuvwxyz ", "<EOS>"]
IDS = {symbol: i for i, symbol in enumerate(SYMBOLS)}
END = IDS["<EOS>"]


def loops(dy: Any) -> list[Callable[[], None]]:
    """Return the three loops; a program's whole interface to DyNet is ``dy``."""
    random.seed(1)
    parameters = dy.ParameterCollection()
    rnn = dy.SimpleRNNBuilder(1, SIZE, SIZE, parameters)
    lstm = dy.LSTMBuilder(1, SIZE, SIZE, parameters)
    table = parameters.add_lookup_parameters((len(SYMBOLS), SIZE))
    w = parameters.add_parameters((len(SYMBOLS), SIZE))
    b = parameters.add_parameters(len(SYMBOLS))

    def next_symbol(state: Any) -> Any:
        return dy.softmax(w * state.output() + b)

    def loss_of(builder: Any, sentence: str) -> Any:
        dy.renew_cg()
        symbols = [END, *(IDS[c] for c in sentence), END]
        state, losses = builder.initial_state(), []
        for now, after in pairwise(symbols):
            state = state.add_input(table[now])
            losses.append(-dy.log(dy.pick(next_symbol(state), after)))
        return dy.esum(losses)

    def draw(builder: Any) -> str:
        dy.renew_cg()
        state, text, symbol = builder.initial_state(), "", END
        while len(text) < LONGEST:
            state = state.add_input(table[symbol])
            (symbol,) = random.choices(range(len(SYMBOLS)), next_symbol(state).vec_value())
            if symbol == END:
                break
            text += SYMBOLS[symbol]
        return text

    def learn(builder: Any, sentence: str) -> None:
        trainer = dy.SimpleSGDTrainer(parameters)
        for i in range(UPDATES):
            loss = loss_of(builder, sentence)
            loss.value()
            loss.backward()
            trainer.update()
            if i % EVERY == 0:
                draw(builder)

    return [lambda: learn(rnn, FOX), lambda: learn(lstm, FOX), lambda: learn(rnn, PRETZELS)]


def main(system: str) -> None:
    """Run the loops once and print how long each took."""
    dy: Any
    if system == "charlm":
        import charlm.dynet as dy
    else:
        import dynet as dy
    dy.reset_random_seed(1)
    seconds = []
    for loop in loops(dy):
        before = time.perf_counter()
        loop()
        seconds.append(time.perf_counter() - before)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1])
