"""Time graphs of single operations, in charlm.dynet or DyNet: ``python -m benchmarks.graphs charlm|dynet TASK``.

It prints the seconds for each task.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

from benchmarks.tutorial import END, FOX, IDS, SYMBOLS

GRAPHS, WARM_UP, SIZE, LEAVES = 200, 20, 50, 60
DIFFERENT = 2000
WORDS = 100


def again(dy: Any) -> dict[str, float]:
    """Build the tutorial's graph for one sentence; return seconds per node."""
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
    """Build trees that all differ, evaluate them and compute gradients.

    The slowest is measured in processor time, because other programs also run.
    """
    random.seed(3)
    parameters = dy.ParameterCollection()
    table = parameters.add_lookup_parameters((WORDS, SIZE))
    w, b = parameters.add_parameters((SIZE, 2 * SIZE)), parameters.add_parameters(SIZE)
    v = parameters.add_parameters((1, SIZE))

    def tree(leaves: int) -> Any:
        if leaves == 1:
            return table[random.randrange(WORDS)]
        left = random.randrange(1, leaves)
        return dy.tanh(w * dy.concatenate([tree(left), tree(leaves - left)]) + b)

    built, done, busy = [], [], []
    for _ in range(DIFFERENT):
        dy.renew_cg()
        before, busy_before = time.perf_counter(), time.thread_time()
        loss = dy.logistic(v * tree(LEAVES))
        built.append(time.perf_counter() - before)
        loss.value()
        loss.backward()
        done.append(time.perf_counter() - before)
        busy.append(time.thread_time() - busy_before)
    return {
        "a tree, built": median(built[WARM_UP:]),
        "a tree, with backward": median(done[WARM_UP:]),
        "the median of 2,000 trees": median(busy[WARM_UP:]),
        "the slowest of 2,000 trees": max(busy[WARM_UP:]),
    }


def read(dy: Any) -> dict[str, float]:
    """Make 400 expressions, then read them one by one, as a tagger does in evaluation."""
    parameters = dy.ParameterCollection()
    table = parameters.add_lookup_parameters((WORDS, 20))
    w = parameters.add_parameters((20, 20))
    reading, both = [], []
    for _ in range(GRAPHS):
        dy.renew_cg()
        begin = time.perf_counter()
        made = [dy.softmax(w * table[k % WORDS]) for k in range(400)]
        before = time.perf_counter()
        for expression in made:
            expression.npvalue()
        end = time.perf_counter()
        reading.append(end - before)
        both.append(end - begin)
    return {
        "400 expressions, read": median(reading[WARM_UP:]),
        "400 expressions, made and read": median(both[WARM_UP:]),
    }


def large(dy: Any) -> dict[str, float]:
    """Ten updates on one graph of 5,500 nodes, the first included."""
    parameters = dy.ParameterCollection()
    table = parameters.add_lookup_parameters((WORDS, SIZE))
    w = parameters.add_parameters((SIZE, SIZE))
    trainer = dy.SimpleSGDTrainer(parameters)
    before = time.perf_counter()
    for _ in range(10):
        dy.renew_cg()
        x = table[0]
        for k in range(1375):
            x = dy.tanh(w * x + table[k % WORDS])
        loss = dy.sum_elems(x)
        loss.value()
        loss.backward()
        trainer.update()
    return {"5,500 nodes, ten updates": time.perf_counter() - before}


def sentences(dy: Any, size: int) -> dict[str, float]:
    """Updates on 32 sentences in one graph, an LSTM over each."""
    random.seed(1)
    parameters = dy.ParameterCollection()
    lstm = dy.LSTMBuilder(1, size, size, parameters)
    table = parameters.add_lookup_parameters((WORDS, size))
    w, b = parameters.add_parameters((WORDS, size)), parameters.add_parameters(WORDS)
    trainer = dy.SimpleSGDTrainer(parameters)
    seconds = []
    texts = [[random.randrange(WORDS) for _ in range(random.randint(12, 36))] for _ in range(32)]
    for _ in range(GRAPHS // 5):
        dy.renew_cg()
        before = time.perf_counter()
        losses = []
        for text in texts:
            state = lstm.initial_state()
            for word, after in pairwise(text):
                state = state.add_input(table[word])
                losses.append(dy.pickneglogsoftmax(w * state.output() + b, after))
        loss = dy.esum(losses)
        loss.value()
        loss.backward()
        trainer.update()
        seconds.append(time.perf_counter() - before)
    return {f"32 sentences, {size} units": median(seconds[WARM_UP // 4 :])}


def drawn(dy: Any, builder: str) -> dict[str, float]:
    """Draw texts of 100 characters as the tutorial does; return seconds per character."""
    random.seed(1)
    parameters = dy.ParameterCollection()
    rnn = getattr(dy, builder)(1, SIZE, SIZE, parameters)
    table = parameters.add_lookup_parameters((len(SYMBOLS), SIZE))
    w, b = parameters.add_parameters((len(SYMBOLS), SIZE)), parameters.add_parameters(len(SYMBOLS))
    seconds = []
    for _ in range(GRAPHS):
        dy.renew_cg()
        before = time.perf_counter()
        state, symbol = rnn.initial_state(), END
        for _ in range(100):
            state = state.add_input(table[symbol])
            probabilities = dy.softmax(w * state.output() + b).vec_value()
            (symbol,) = random.choices(range(len(SYMBOLS)), probabilities)
        seconds.append((time.perf_counter() - before) / 100)
    return {f"a sampled character, {builder}": median(seconds[WARM_UP:])}


TASKS: dict[str, Callable[[Any], dict[str, float]]] = {
    "again": again,
    "varied": varied,
    "read": read,
    "large": large,
    "sentences-50": lambda dy: sentences(dy, 50),
    "sentences-128": lambda dy: sentences(dy, 128),
    "drawn-rnn": lambda dy: drawn(dy, "SimpleRNNBuilder"),
    "drawn-lstm": lambda dy: drawn(dy, "LSTMBuilder"),
}


def main(system: str, task: str) -> None:
    """Measure, and print the medians."""
    if system == "dynet" and task.startswith("sentences"):
        import dynet_config

        dynet_config.set(autobatch=1, mem="2048")  # with batching, its memory cannot grow
    dy = importlib.import_module("dynet" if system == "dynet" else "charlm.dynet")
    print(json.dumps(TASKS[task](dy)))


if __name__ == "__main__":
    main(*sys.argv[1:])
