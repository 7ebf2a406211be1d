"""What building graphs costs, for charlm.dynet or DyNet: ``python -m benchmarks.graphs charlm|dynet``.

Printed are the seconds that a node takes in a graph that is built again and again, those that a random
tree of 60 leaves takes to build, and with its evaluation and backward (no two trees are equal), those
of reading 400 expressions one after the other, and those of ten updates on a graph of 5,500 nodes.
"""

from __future__ import annotations

import json
import random
import sys
import time
from statistics import median
from typing import Any

from benchmarks.tutorial import END, FOX, IDS, SYMBOLS

GRAPHS, WARM_UP, SIZE, LEAVES = 200, 20, 50, 60


def again(dy: Any) -> dict[str, float]:
    """Build the tutorial's graph for one sentence."""
    parameters = dy.ParameterCollection()
    rnn = dy.SimpleRNNBuilder(1, SIZE, SIZE, parameters)
    table = parameters.add_lookup_parameters((len(SYMBOLS), SIZE))
    w, b = parameters.add_parameters((len(SYMBOLS), SIZE)), parameters.add_parameters(len(SYMBOLS))
    symbols = [END, *(IDS[c] for c in FOX)]
    seconds = []
    for _ in range(GRAPHS):
        dy.renew_cg()
        before = time.perf_counter()
        state, losses = rnn.initial_state(), []
        for symbol in symbols:
            state = state.add_input(table[symbol])
            losses.append(-dy.log(dy.pick(dy.softmax(w * state.output() + b), symbol)))
        loss = dy.esum(losses)
        seconds.append(time.perf_counter() - before)
        loss.value()
    return {"a node of a graph that comes again": median(seconds[WARM_UP:]) / (9 * len(symbols))}


def varied(dy: Any) -> dict[str, float]:
    """Build a tree that was never built before, evaluate it and go back."""
    random.seed(3)
    parameters = dy.ParameterCollection()
    table = parameters.add_lookup_parameters((100, SIZE))
    w, b = parameters.add_parameters((SIZE, 2 * SIZE)), parameters.add_parameters(SIZE)
    v = parameters.add_parameters((1, SIZE))

    def tree(leaves: int) -> Any:
        if leaves == 1:
            return table[random.randrange(100)]
        left = random.randrange(1, leaves)
        return dy.tanh(w * dy.concatenate([tree(left), tree(leaves - left)]) + b)

    built, done = [], []
    for _ in range(GRAPHS):
        dy.renew_cg()
        before = time.perf_counter()
        loss = dy.logistic(v * tree(LEAVES))
        built.append(time.perf_counter() - before)
        loss.value()
        loss.backward()
        done.append(time.perf_counter() - before)
    return {
        "a tree, built": median(built[WARM_UP:]),
        "a tree, with backward": median(done[WARM_UP:]),
    }


def read(dy: Any) -> dict[str, float]:
    """Make 400 expressions, then read one by one, as the evaluation of a tagger does."""
    parameters = dy.ParameterCollection()
    table = parameters.add_lookup_parameters((100, 20))
    w = parameters.add_parameters((20, 20))
    seconds = []
    for _ in range(GRAPHS // 10):
        dy.renew_cg()
        made = [dy.softmax(w * table[k % 100]) for k in range(400)]
        before = time.perf_counter()
        for expression in made:
            expression.npvalue()
        seconds.append(time.perf_counter() - before)
    return {"400 expressions, read": median(seconds)}


def large(dy: Any) -> dict[str, float]:
    """Ten updates on one graph of 5,500 nodes, the first included."""
    parameters = dy.ParameterCollection()
    table = parameters.add_lookup_parameters((100, SIZE))
    w = parameters.add_parameters((SIZE, SIZE))
    trainer = dy.SimpleSGDTrainer(parameters)
    before = time.perf_counter()
    for _ in range(10):
        dy.renew_cg()
        x = table[0]
        for k in range(1375):
            x = dy.tanh(w * x + table[k % 100])
        loss = dy.sum_elems(x)
        loss.value()
        loss.backward()
        trainer.update()
    return {"5,500 nodes, ten updates": time.perf_counter() - before}


def main(system: str) -> None:
    """Measure, and print the medians."""
    dy: Any
    if system == "charlm":
        import charlm.dynet as dy
    else:
        import dynet as dy
    print(json.dumps({**again(dy), **varied(dy), **read(dy), **large(dy)}))


if __name__ == "__main__":
    main(sys.argv[1])
